#include "onnx_io/tensor_read.h"

#include "onnx_io/advice.h"
#include "onnx_io/narrow.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "ONNX stores elements in little-endian order, and this reader uses them in place"
#endif

/* A payload field of TensorProto that is in use. */
typedef struct payload_field {
    const char *name;
    oa_payload_form form;
    size_t count; /* bytes of raw_data, items of the others */
    const void *items;
} payload_field;

static const max_align_t NO_ELEMENTS;

const void *oa_no_elements(void)
{
    return &NO_ELEMENTS;
}

oa_string_view oa_string_view_of(ProtobufCBinaryData bytes)
{
    return (oa_string_view){.data = bytes.len ? (const char *)bytes.data : "", .size = bytes.len};
}

/* The form that a type's elements take outside raw_data (OA_FORM_NONE: none is known), and the items per element. */
static oa_payload_form typed_form(size_t *items, oa_dtype dtype)
{
    *items = dtype == OA_DTYPE_COMPLEX64 || dtype == OA_DTYPE_COMPLEX128 ? 2 : 1;
    switch (dtype) {
    case OA_DTYPE_FLOAT:
    case OA_DTYPE_COMPLEX64:
        return OA_FORM_FLOAT_DATA;
    case OA_DTYPE_DOUBLE:
    case OA_DTYPE_COMPLEX128:
        return OA_FORM_DOUBLE_DATA;
    case OA_DTYPE_INT32:
        return OA_FORM_INT32_DATA;
    case OA_DTYPE_INT64:
        return OA_FORM_INT64_DATA;
    case OA_DTYPE_UINT64:
        return OA_FORM_UINT64_DATA;
    case OA_DTYPE_STRING:
        return OA_FORM_STRING_DATA;
    case OA_DTYPE_UINT32:
        return OA_FORM_NARROW_UINT64;
    case OA_DTYPE_UINT8:
    case OA_DTYPE_INT8:
    case OA_DTYPE_UINT16:
    case OA_DTYPE_INT16:
    case OA_DTYPE_BOOL:
    case OA_DTYPE_FLOAT16:
    case OA_DTYPE_BFLOAT16:
        return OA_FORM_NARROW_INT32;
    case OA_DTYPE_UNDEFINED:
        break;
    }
    return OA_FORM_NONE;
}

/* Reads shape and type, whatever the payload. */
static oa_status read_shape(oa_tensor *tensor, const Onnx__TensorProto *message, oa_error *error)
{
    tensor->dtype = (oa_dtype)message->data_type;
    if (!message->has_data_type || message->data_type <= 0) {
        return oa_fail(error, OA_ERROR_INPUT, "has no element type" OA_ADVICE_EXPORT);
    }
    if (message->n_dims > OA_MAX_RANK) {
        return oa_fail(error, OA_ERROR_INPUT, "has %zu dimensions, and %d are the most that are supported",
                       message->n_dims, OA_MAX_RANK);
    }
    tensor->rank = message->n_dims;
    for (size_t i = 0; i < tensor->rank; i++) {
        if (message->dims[i] < 0 || (uint64_t)message->dims[i] > SIZE_MAX) {
            return oa_fail(error, OA_ERROR_INPUT, "has dimension %lld of size %lld" OA_ADVICE_EXPORT, (long long)i,
                           (long long)message->dims[i]);
        }
        tensor->dims[i] = (size_t)message->dims[i];
    }
    size_t bytes;
    if (oa_dims_count(&tensor->count, tensor->dims, tensor->rank, NULL) != OA_OK ||
        oa_mul_overflows(&bytes, tensor->count, oa_dtype_size(tensor->dtype))) {
        return oa_fail(error, OA_ERROR_INPUT, "has more elements than any memory" OA_ADVICE_EXPORT);
    }
    return OA_OK;
}

size_t oa_tensor_message_size(const Onnx__TensorProto *message)
{
    oa_tensor shape = {0};
    if (read_shape(&shape, message, NULL) != OA_OK || shape.dtype == OA_DTYPE_STRING ||
        oa_dtype_size(shape.dtype) == 0) {
        return OA_NONE;
    }
    return shape.count * oa_dtype_size(shape.dtype); /* read_shape has checked the product */
}

/* Finds the one payload field in use; form OA_FORM_NONE when there is none. */
static oa_status find_payload(payload_field *found, const Onnx__TensorProto *message, oa_error *error)
{
    const payload_field fields[] = {
        {"raw_data", OA_FORM_RAW, message->raw_data.len, message->raw_data.data},
        {"float_data", OA_FORM_FLOAT_DATA, message->n_float_data, message->float_data},
        {"int32_data", OA_FORM_INT32_DATA, message->n_int32_data, message->int32_data},
        {"string_data", OA_FORM_STRING_DATA, message->n_string_data, message->string_data},
        {"int64_data", OA_FORM_INT64_DATA, message->n_int64_data, message->int64_data},
        {"double_data", OA_FORM_DOUBLE_DATA, message->n_double_data, message->double_data},
        {"uint64_data", OA_FORM_UINT64_DATA, message->n_uint64_data, message->uint64_data},
    };
    *found = (payload_field){0};
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        if (!(fields[i].form == OA_FORM_RAW ? message->has_raw_data : fields[i].count > 0)) {
            continue;
        }
        if (found->form != OA_FORM_NONE) {
            return oa_fail(error, OA_ERROR_INPUT, "has elements in both %s and %s" OA_ADVICE_EXPORT, found->name,
                           fields[i].name);
        }
        *found = fields[i];
    }
    return OA_OK;
}

static oa_status wrong_length(const oa_tensor *tensor, const payload_field *field, size_t expected, oa_error *error)
{
    char shape[OA_MAX_RANK * 22 + 3] = "[";
    size_t used = 1;
    for (size_t i = 0; i < tensor->rank; i++) {
        used += (size_t)snprintf(shape + used, sizeof shape - used, i ? ", %zu" : "%zu", tensor->dims[i]);
    }
    snprintf(shape + used, sizeof shape - used, "]");
    if (field->form == OA_FORM_NONE) {
        return oa_fail(error, OA_ERROR_INPUT, "has shape %s but no elements" OA_ADVICE_EXPORT, shape);
    }
    return oa_fail(error, OA_ERROR_INPUT, "has %zu %s of %s in %s, but shape %s needs %zu" OA_ADVICE_EXPORT,
                   field->count, field->form == OA_FORM_RAW ? "bytes" : "items", oa_dtype_name(tensor->dtype),
                   field->name, shape, expected);
}

/* Strings: a list of views of the message's own. */
static oa_status read_strings(const void **data, const oa_tensor_reader *reader, const payload_field *field,
                              oa_error *error)
{
    const ProtobufCBinaryData *strings = field->items;
    oa_string_view *views = oa_arena_alloc(reader->arena, field->count, sizeof *views);
    if (!views) {
        return oa_fail(error, OA_ERROR_MEMORY, "out of memory for %zu strings", field->count);
    }
    for (size_t i = 0; i < field->count; i++) {
        views[i] = oa_string_view_of(strings[i]);
    }
    *data = views;
    return OA_OK;
}

static oa_status read_narrow(const void **data, const oa_tensor_reader *reader, oa_dtype dtype,
                             const payload_field *field, oa_error *error)
{
    void *narrow = oa_arena_alloc(reader->arena, field->count, oa_dtype_size(dtype));
    if (!narrow) {
        return oa_fail(error, OA_ERROR_MEMORY, "out of memory for %zu elements", field->count);
    }
    size_t bad = field->form == OA_FORM_UINT64_DATA ? oa_narrow_uint64(narrow, field->items, field->count)
                                                    : oa_narrow_int32(narrow, dtype, field->items, field->count);
    if (bad != OA_NONE) {
        return oa_fail(error, OA_ERROR_INPUT, "element %zu in %s is outside the range of %s" OA_ADVICE_EXPORT, bad,
                       field->name, oa_dtype_name(dtype));
    }
    *data = narrow;
    return OA_OK;
}

static oa_status read_external(oa_tensor *tensor, const oa_tensor_reader *reader, const Onnx__TensorProto *message,
                               oa_error *error)
{
    oa_external_region region;
    oa_status status = oa_external_files_find(&region, reader->files, message, oa_tensor_message_size(message), error);
    if (status != OA_OK || oa_dtype_size(tensor->dtype) == 0 || tensor->count == 0) {
        return status;
    }
    const unsigned char *data = oa_external_files_data(reader->files, &region);
    /* Element sizes are powers of two, the complex ones' included; no type needs more alignment than 8. */
    size_t alignment = oa_dtype_size(tensor->dtype) < 8 ? oa_dtype_size(tensor->dtype) : 8;
    if ((uintptr_t)data % alignment == 0) {
        tensor->data = data;
        return OA_OK;
    }
    void *copy = oa_arena_alloc(reader->arena, region.size, 1);
    if (!copy) {
        return oa_fail(error, OA_ERROR_MEMORY, "out of memory for %zu bytes of external data", region.size);
    }
    memcpy(copy, data, region.size);
    tensor->data = copy;
    return OA_OK;
}

/* The elements in the message itself. */
static oa_status read_inline(oa_tensor *tensor, oa_payload_form *form, const oa_tensor_reader *reader,
                             const payload_field *field, oa_error *error)
{
    size_t size = oa_dtype_size(tensor->dtype);
    size_t items;
    oa_payload_form typed = typed_form(&items, tensor->dtype);
    if (typed == OA_FORM_NONE) {
        return OA_OK; /* a newer type: carried as it is */
    }
    bool is_raw = field->form == OA_FORM_RAW;
    if (is_raw && tensor->dtype == OA_DTYPE_STRING) {
        return oa_fail(error, OA_ERROR_INPUT, "has strings in raw_data, where none can be" OA_ADVICE_EXPORT);
    }
    oa_payload_form field_typed = typed == OA_FORM_NARROW_INT32    ? OA_FORM_INT32_DATA
                                  : typed == OA_FORM_NARROW_UINT64 ? OA_FORM_UINT64_DATA
                                                                   : typed;
    if (field->form != OA_FORM_NONE && !is_raw && field->form != field_typed) {
        return oa_fail(error, OA_ERROR_INPUT, "has elements in %s, where no %s can be" OA_ADVICE_EXPORT, field->name,
                       oa_dtype_name(tensor->dtype));
    }
    size_t expected = SIZE_MAX;
    if (oa_mul_overflows(&expected, tensor->count, is_raw ? size : items) || expected != field->count) {
        return wrong_length(tensor, field, expected, error);
    }
    if (tensor->count == 0) {
        return OA_OK;
    }
    *form = is_raw ? OA_FORM_RAW : typed;
    tensor->data = field->items;
    switch (*form) {
    case OA_FORM_STRING_DATA:
        return read_strings(&tensor->data, reader, field, error);
    case OA_FORM_NARROW_INT32:
    case OA_FORM_NARROW_UINT64:
        return read_narrow(&tensor->data, reader, tensor->dtype, field, error);
    default:
        return OA_OK;
    }
}

oa_status oa_tensor_read(oa_tensor *tensor, oa_payload_form *form, const oa_tensor_reader *reader,
                         const Onnx__TensorProto *message, oa_error *error)
{
    oa_tensor result = {0};
    oa_payload_form result_form = OA_FORM_NONE;
    payload_field field;
    oa_status status = read_shape(&result, message, error);
    if (status == OA_OK && message->segment) {
        status =
            oa_fail(error, OA_ERROR_INPUT, "is split into segments, which is not supported; store it in one piece");
    }
    if (status == OA_OK) {
        status = find_payload(&field, message, error);
    }
    if (status != OA_OK) {
        return status;
    }
    if (oa_dtype_size(result.dtype) && result.count == 0) {
        result.data = oa_no_elements();
    }
    if (!oa_is_external(message)) {
        status = read_inline(&result, &result_form, reader, &field, error);
    } else if (field.form != OA_FORM_NONE) {
        status =
            oa_fail(error, OA_ERROR_INPUT, "has elements in both %s and external data" OA_ADVICE_EXPORT, field.name);
    } else if (result.dtype == OA_DTYPE_STRING) {
        status = oa_fail(error, OA_ERROR_INPUT, "has strings in external data, where none can be" OA_ADVICE_EXPORT);
    } else {
        status = read_external(&result, reader, message, error);
        result_form = result.data && result.count ? OA_FORM_EXTERNAL : OA_FORM_NONE;
    }
    if (status == OA_OK) {
        *tensor = result;
        if (form) {
            *form = result_form;
        }
    }
    return status;
}
