/* Cast and CastLike. */
#include "core/exec/convert.h"
#include "core/exec/kernels.h"
#include "core/exec/text.h"

#include <string.h>

/* Numbers to text. The characters lie in the scratch; whoever takes the output packs them behind its elements. */
static oa_status to_strings(oa_array *y, const oa_array *x, oa_call *call, oa_error *error)
{
    oa_string_view *strings = y->data;
    oa_text_locale locale;
    char *text = oa_call_scratch(call, x->count, OA_TEXT_SIZE);
    if (!text || !oa_text_enter(&locale)) {
        return oa_fail(error, OA_ERROR_MEMORY, "out of memory for the text of %zu numbers", x->count);
    }
    for (size_t i = 0; i < x->count; i++, text += OA_TEXT_SIZE) {
        strings[i] = (oa_string_view){.data = text, .size = oa_text_format(text, x->data, x->dtype, i)};
    }
    oa_text_leave(&locale);
    return OA_OK;
}

static oa_status from_strings(oa_array *y, const oa_array *x, oa_error *error)
{
    const oa_string_view *strings = x->data;
    oa_text_locale locale;
    oa_status status = OA_OK;
    if (!oa_text_enter(&locale)) {
        return oa_fail(error, OA_ERROR_MEMORY, "out of memory for a locale");
    }
    for (size_t i = 0; i < x->count && status == OA_OK; i++) {
        if (!oa_text_parse(y->data, y->dtype, i, strings[i])) {
            size_t shown = strings[i].size < 40 ? strings[i].size : 40;
            status = oa_fail(error, OA_ERROR_INPUT, "'%.*s' is not a number of type %s", (int)shown,
                             shown ? strings[i].data : "", oa_dtype_name(y->dtype));
        }
    }
    oa_text_leave(&locale);
    return status;
}

/* Output 0 = input 0 as elements of `dtype`. */
static oa_status cast(oa_call *call, oa_dtype dtype, oa_error *error)
{
    const oa_array *x = call->inputs[0];
    oa_array *y;
    if (x->dtype == dtype) {
        return oa_call_pass(call, 0, 0, x->dims, x->rank, error);
    }
    bool is_text = x->dtype == OA_DTYPE_STRING || dtype == OA_DTYPE_STRING;
    oa_dtype number = dtype == OA_DTYPE_STRING ? x->dtype : dtype;
    if (!oa_is_number(number) || (!is_text && !oa_is_number(x->dtype)) ||
        (x->dtype == OA_DTYPE_STRING && dtype == OA_DTYPE_BOOL)) {
        return oa_fail(error, OA_ERROR_UNSUPPORTED, "a conversion from %s to %s (type %d)", oa_dtype_name(x->dtype),
                       oa_dtype_name(dtype), (int)dtype);
    }
    oa_status status = oa_call_output(&y, call, 0, dtype, x->dims, x->rank, error);
    if (status != OA_OK) {
        return status;
    }
    if (dtype == OA_DTYPE_STRING) {
        return to_strings(y, x, call, error);
    }
    if (x->dtype == OA_DTYPE_STRING) {
        return from_strings(y, x, error);
    }
    (void)oa_convert(y->data, dtype, x->data, x->dtype, x->count);
    return OA_OK;
}

/* Before operator set 6, the type was named in text. */
static oa_dtype named_type(const oa_string_view *name)
{
    static const struct {
        const char *name;
        oa_dtype dtype;
    } types[] = {
        {"FLOAT", OA_DTYPE_FLOAT},   {"UINT8", OA_DTYPE_UINT8},   {"INT8", OA_DTYPE_INT8},
        {"UINT16", OA_DTYPE_UINT16}, {"INT16", OA_DTYPE_INT16},   {"INT32", OA_DTYPE_INT32},
        {"INT64", OA_DTYPE_INT64},   {"BOOL", OA_DTYPE_BOOL},     {"FLOAT16", OA_DTYPE_FLOAT16},
        {"DOUBLE", OA_DTYPE_DOUBLE}, {"UINT32", OA_DTYPE_UINT32}, {"UINT64", OA_DTYPE_UINT64},
    };
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        if (oa_string_is(name, types[i].name)) {
            return types[i].dtype;
        }
    }
    return OA_DTYPE_UNDEFINED;
}

oa_status oa_kernel_cast(oa_call *call, oa_error *error)
{
    if (call->node->version >= 19) {
        oa_call_ignore(call, "saturate"); /* of 8-bit floats, which are not converted to here */
    }
    if (call->node->version < 6) {
        const oa_string_view *name = oa_call_string(call, "to");
        return cast(call, name ? named_type(name) : OA_DTYPE_UNDEFINED, error);
    }
    int64_t to = oa_call_int(call, "to", OA_DTYPE_UNDEFINED);
    return cast(call, to > 0 && to <= OA_DTYPE_BFLOAT16 ? (oa_dtype)to : OA_DTYPE_UNDEFINED, error);
}

oa_status oa_kernel_cast_like(oa_call *call, oa_error *error)
{
    if (call->node->version >= 19) {
        oa_call_ignore(call, "saturate");
    }
    return cast(call, call->dtypes[1], error);
}
