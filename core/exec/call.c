#include "core/exec/call.h"

#include <string.h>

const oa_array *oa_call_input(const oa_call *call, size_t slot)
{
    return slot < call->input_count ? call->inputs[slot] : NULL;
}

bool oa_call_wants(const oa_call *call, size_t index)
{
    return index < call->output_count && call->is_wanted[index];
}

const oa_attribute *oa_call_attribute(oa_call *call, const char *name)
{
    const oa_attribute *attribute = oa_node_attribute(call->node, name);
    if (attribute) {
        call->attributes_read |= UINT64_C(1) << (attribute - call->node->attributes);
    }
    return attribute;
}

/* The attribute when it is of this kind; another kind is remembered. */
static const oa_attribute *attribute_of_kind(oa_call *call, const char *name, oa_attribute_kind kind)
{
    const oa_attribute *attribute = oa_call_attribute(call, name);
    if (attribute && attribute->kind != kind) {
        call->bad_attribute = attribute->name;
        return NULL;
    }
    return attribute;
}

int64_t oa_call_int(oa_call *call, const char *name, int64_t fallback)
{
    const oa_attribute *attribute = attribute_of_kind(call, name, OA_ATTRIBUTE_INT);
    return attribute ? attribute->i : fallback;
}

float oa_call_float(oa_call *call, const char *name, float fallback)
{
    const oa_attribute *attribute = attribute_of_kind(call, name, OA_ATTRIBUTE_FLOAT);
    return attribute ? attribute->f : fallback;
}

void oa_call_ints(const int64_t **ints, size_t *count, oa_call *call, const char *name)
{
    const oa_attribute *attribute = attribute_of_kind(call, name, OA_ATTRIBUTE_INTS);
    *ints = attribute ? attribute->ints : NULL;
    *count = attribute ? attribute->count : 0;
}

const oa_string_view *oa_call_string(oa_call *call, const char *name)
{
    const oa_attribute *attribute = attribute_of_kind(call, name, OA_ATTRIBUTE_STRING);
    return attribute ? &attribute->s : NULL;
}

void oa_call_ignore(oa_call *call, const char *name)
{
    (void)oa_call_attribute(call, name);
}

bool oa_string_is(const oa_string_view *string, const char *text)
{
    size_t length = strlen(text);
    return string->size == length && (length == 0 || memcmp(string->data, text, length) == 0);
}

oa_status oa_call_output(oa_array **output, oa_call *call, size_t index, oa_dtype dtype, const size_t *dims,
                         size_t rank, oa_error *error)
{
    oa_status status = oa_array_from_blocks(&call->outputs[index], call->blocks, dtype, dims, rank, error);
    if (status == OA_OK) {
        *output = &call->outputs[index];
    }
    return status;
}

oa_status oa_call_output_like(oa_array **output, oa_call *call, size_t index, size_t slot, oa_error *error)
{
    const oa_array *input = call->inputs[slot];
    if (!call->is_takeable[slot] || call->is_taken[slot]) {
        return oa_call_output(output, call, index, input->dtype, input->dims, input->rank, error);
    }
    call->outputs[index] = *input;
    call->outputs[index].is_view = false;
    call->is_taken[slot] = true;
    *output = &call->outputs[index];
    return OA_OK;
}

oa_status oa_call_pass(oa_call *call, size_t index, size_t slot, const size_t *dims, size_t rank, oa_error *error)
{
    const oa_array *input = call->inputs[slot];
    oa_array view;
    oa_status status = oa_array_view(&view, input->data, input->dtype, dims, rank, error);
    if (status != OA_OK) {
        return status;
    }
    if (view.count != input->count) {
        char from[OA_SHAPE_TEXT_SIZE], to[OA_SHAPE_TEXT_SIZE];
        return oa_fail(error, OA_ERROR_INPUT, "shape %s cannot become %s",
                       oa_shape_text(from, input->dims, input->rank), oa_shape_text(to, dims, rank));
    }
    call->outputs[index] = view;
    call->passed[index] = slot;
    return OA_OK;
}

oa_status oa_call_borrow(oa_call *call, size_t index, const oa_tensor *tensor, oa_error *error)
{
    /* The executor writes to buffers that it owns only; this one stays a view. */
    void *data;
    memcpy(&data, &tensor->data, sizeof data);
    if (!data && tensor->count) {
        return oa_fail(error, OA_ERROR_UNSUPPORTED, "a constant of element type %d", (int)tensor->dtype);
    }
    return oa_array_view(&call->outputs[index], data, tensor->dtype, tensor->dims, tensor->rank, error);
}

void *oa_call_scratch(oa_call *call, size_t count, size_t size)
{
    size_t bytes;
    if (oa_mul_overflows(&bytes, count, size)) {
        return NULL;
    }
    oa_scratch *scratch = call->scratch;
    if (bytes > scratch->size || !scratch->data) {
        oa_free(scratch->data);
        scratch->data = oa_malloc(bytes, 1);
        scratch->size = scratch->data ? bytes : 0;
    }
    return scratch->data;
}

oa_status oa_call_axis(size_t *axis, int64_t given, size_t rank, oa_error *error)
{
    if (!oa_axis_normalise(axis, given, rank)) {
        return oa_fail(error, OA_ERROR_INPUT, "axis %lld is out of range for rank %zu", (long long)given, rank);
    }
    return OA_OK;
}

oa_status oa_check_indices(const oa_array *array, const char *what, oa_error *error)
{
    if (array->dtype != OA_DTYPE_INT64 && array->dtype != OA_DTYPE_INT32) {
        return oa_fail(error, OA_ERROR_INPUT, "%s must be int64 or int32, not %s", what, oa_dtype_name(array->dtype));
    }
    return OA_OK;
}

oa_status oa_read_ints(int64_t *values, size_t *count, size_t limit, const oa_array *array, const char *what,
                       oa_error *error)
{
    oa_status status = oa_check_indices(array, what, error);
    if (status != OA_OK) {
        return status;
    }
    if (array->rank > 1 || array->count > limit) {
        char text[OA_SHAPE_TEXT_SIZE];
        return oa_fail(error, OA_ERROR_INPUT, "%s of shape %s, where a list of at most %zu is expected", what,
                       oa_shape_text(text, array->dims, array->rank), limit);
    }
    for (size_t i = 0; i < array->count; i++) {
        values[i] = oa_index_at(array, i);
    }
    *count = array->count;
    return OA_OK;
}

oa_status oa_call_axes(bool *mask, bool *is_given, oa_call *call, size_t slot, int64_t since, size_t rank,
                       oa_error *error)
{
    int64_t axes[2 * OA_MAX_RANK];
    size_t count = 0;
    const oa_array *input = oa_call_input(call, slot);
    bool is_found = false;
    if (call->node->version >= since) {
        if (input) {
            oa_status status = oa_read_ints(axes, &count, OA_MAX_RANK, input, "axes", error);
            if (status != OA_OK) {
                return status;
            }
            is_found = true;
        }
    } else {
        const int64_t *ints;
        is_found = oa_node_attribute(call->node, "axes") != NULL;
        oa_call_ints(&ints, &count, call, "axes");
        if (input || count > OA_MAX_RANK) {
            return oa_fail(error, OA_ERROR_INPUT, "operator set %lld gives axes as an attribute of at most %d",
                           (long long)call->node->version, OA_MAX_RANK);
        }
        for (size_t i = 0; i < count; i++) {
            axes[i] = ints[i];
        }
    }
    for (size_t i = 0; i < rank; i++) {
        mask[i] = false;
    }
    for (size_t i = 0; i < count; i++) {
        size_t axis;
        oa_status status = oa_call_axis(&axis, axes[i], rank, error);
        if (status != OA_OK) {
            return status;
        }
        if (mask[axis]) {
            return oa_fail(error, OA_ERROR_INPUT, "axis %zu is named twice", axis);
        }
        mask[axis] = true;
    }
    *is_given = is_found;
    return OA_OK;
}

oa_status oa_call_same_dtype(const oa_call *call, size_t slot, size_t other, oa_error *error)
{
    if (call->dtypes[slot] != call->dtypes[other]) {
        return oa_fail(error, OA_ERROR_INPUT, "inputs %zu and %zu are %s and %s, and must be of one type", slot, other,
                       oa_dtype_name(call->dtypes[slot]), oa_dtype_name(call->dtypes[other]));
    }
    return OA_OK;
}

oa_status oa_fail_dtype(const oa_array *array, oa_error *error)
{
    return oa_fail(error, OA_ERROR_UNSUPPORTED, "no kernel for elements of type %s", oa_dtype_name(array->dtype));
}
