/* Reading LSTM, GRU and RNN nodes. Nothing about the shapes is taken on trust. */
#include "core/exec/recurrent.h"
#include "core/exec/types.h"

#include <string.h>

static oa_status check(const oa_array *array, const char *what, const size_t *dims, size_t rank, oa_dtype dtype,
                       oa_error *error)
{
    char text[2][OA_SHAPE_TEXT_SIZE];
    if (!array) {
        return OA_OK;
    }
    if (array->dtype != dtype) {
        return oa_fail(error, OA_ERROR_INPUT, "%s is %s and should be %s", what, oa_dtype_name(array->dtype),
                       oa_dtype_name(dtype));
    }
    bool fits = array->rank == rank;
    for (size_t d = 0; d < rank && fits; d++) {
        fits = array->dims[d] == dims[d];
    }
    return fits ? OA_OK
                : oa_fail(error, OA_ERROR_INPUT, "%s has shape %s and should have %s", what,
                          oa_shape_text(text[0], array->dims, array->rank), oa_shape_text(text[1], dims, rank));
}

static oa_status read_direction(oa_recurrent *layer, oa_call *call, oa_error *error)
{
    const oa_string_view *direction = oa_call_string(call, "direction");
    layer->directions = 1;
    if (direction && oa_string_is(direction, "bidirectional")) {
        layer->directions = 2;
    } else if (direction && oa_string_is(direction, "reverse")) {
        layer->is_first_reversed = true;
    } else if (direction && !oa_string_is(direction, "forward")) {
        return oa_fail(error, OA_ERROR_INPUT, "direction is '%.*s'; forward, reverse and bidirectional are known",
                       (int)direction->size, direction->data);
    }
    return OA_OK;
}

/* The functions' own settings, which the default functions do not have, are passed over. */
static oa_status read_activations(oa_recurrent *layer, oa_call *call, oa_error *error)
{
    const oa_attribute *given = oa_call_attribute(call, "activations");
    oa_call_ignore(call, "activation_alpha");
    oa_call_ignore(call, "activation_beta");
    if (!given) {
        return OA_OK;
    }
    size_t count = 0;
    while (count < OA_RECURRENT_ACTIVATIONS && layer->kind->activations[count]) {
        count++;
    }
    if (given->kind != OA_ATTRIBUTE_STRINGS || given->count != count * layer->directions) {
        return oa_fail(error, OA_ERROR_INPUT, "activations must be %zu names for %zu directions",
                       count * layer->directions, layer->directions);
    }
    for (size_t i = 0; i < given->count; i++) {
        const oa_string_view *name = &given->strings[i];
        const char *usual = layer->kind->activations[i % count];
        bool is_relu = layer->kind->allows_relu && oa_string_is(name, "Relu");
        if (!is_relu && !oa_string_is(name, usual)) {
            return oa_fail(error, OA_ERROR_UNSUPPORTED, "activation '%.*s' in place of %s", (int)name->size, name->data,
                           usual);
        }
        layer->is_relu[i / count] = is_relu;
    }
    return OA_OK;
}

static oa_status read_attributes(oa_recurrent *layer, oa_call *call, oa_error *error)
{
    oa_status status = read_direction(layer, call, error);
    if (status == OA_OK) {
        status = read_activations(layer, call, error);
    }
    layer->is_batch_first = oa_call_int(call, "layout", 0) != 0;
    layer->is_side_linear = layer->kind->has_side && oa_call_int(call, "linear_before_reset", 0) != 0;
    if (call->node->version < 7) {
        oa_call_ignore(call, "output_sequence"); /* whether output 0 is wanted */
    }
    if (status == OA_OK && oa_call_attribute(call, "clip")) {
        status = oa_fail(error, OA_ERROR_UNSUPPORTED, "attribute 'clip'");
    }
    if (status == OA_OK && layer->kind->has_cell && oa_call_int(call, "input_forget", 0) != 0) {
        status = oa_fail(error, OA_ERROR_UNSUPPORTED, "attribute 'input_forget'");
    }
    return status;
}

/* The sizes, from x and r. */
static oa_status read_sizes(oa_recurrent *layer, oa_call *call, oa_error *error)
{
    const oa_array *x = layer->x, *r = layer->r;
    if (x->rank != 3 || r->rank != 3 || r->dims[2] == 0) {
        char text[2][OA_SHAPE_TEXT_SIZE];
        return oa_fail(error, OA_ERROR_INPUT, "X of shape %s and R of shape %s; both must have three axes and R units",
                       oa_shape_text(text[0], x->dims, x->rank), oa_shape_text(text[1], r->dims, r->rank));
    }
    layer->steps = x->dims[layer->is_batch_first ? 1 : 0];
    layer->batch = x->dims[layer->is_batch_first ? 0 : 1];
    layer->inputs = x->dims[2];
    layer->units = r->dims[2];
    int64_t said = oa_call_int(call, "hidden_size", (int64_t)layer->units);
    if (said != (int64_t)layer->units) {
        return oa_fail(error, OA_ERROR_INPUT, "hidden_size is %lld, but R has %zu units", (long long)said,
                       layer->units);
    }
    return OA_OK;
}

static oa_status check_inputs(const oa_recurrent *layer, oa_error *error)
{
    size_t directions = layer->directions, units = layer->units, all;
    const size_t states[2][3] = {{directions, layer->batch, units}, {layer->batch, directions, units}};
    const size_t *state = states[layer->is_batch_first];
    if (oa_mul_overflows(&all, layer->kind->gates * 2, units)) {
        return oa_fail(error, OA_ERROR_INPUT, "%zu units are too many", units);
    }
    all /= 2;
    oa_dtype dtype = layer->dtype;
    oa_status status = check(layer->w, "W", (const size_t[]){directions, all, layer->inputs}, 3, dtype, error);
    if (status == OA_OK) {
        status = check(layer->r, "R", (const size_t[]){directions, all, units}, 3, dtype, error);
    }
    if (status == OA_OK) {
        status = check(layer->b, "B", (const size_t[]){directions, 2 * all}, 2, dtype, error);
    }
    if (status == OA_OK) {
        status = check(layer->lengths, "sequence_lens", &layer->batch, 1, OA_DTYPE_INT32, error);
    }
    if (status == OA_OK) {
        status = check(layer->initial_h, "initial_h", state, 3, dtype, error);
    }
    if (status == OA_OK) {
        status = check(layer->initial_c, "initial_c", state, 3, dtype, error);
    }
    if (status == OA_OK) {
        status = check(layer->peepholes, "P", (const size_t[]){directions, 3 * units}, 2, dtype, error);
    }
    return status;
}

oa_status oa_recurrent_read(oa_recurrent *layer, oa_call *call, const oa_recurrent_kind *kind, oa_error *error)
{
    bool has_cell = kind->has_cell;
    *layer = (oa_recurrent){.kind = kind,
                            .dtype = call->inputs[0]->dtype,
                            .x = call->inputs[0],
                            .w = call->inputs[1],
                            .r = call->inputs[2],
                            .b = oa_call_input(call, 3),
                            .lengths = oa_call_input(call, 4),
                            .initial_h = oa_call_input(call, 5),
                            .initial_c = has_cell ? oa_call_input(call, 6) : NULL,
                            .peepholes = has_cell ? oa_call_input(call, 7) : NULL};
    if (!oa_is_real(layer->dtype)) {
        return oa_fail_dtype(layer->x, error);
    }
    oa_status status = read_attributes(layer, call, error);
    if (status == OA_OK) {
        status = read_sizes(layer, call, error);
    }
    return status == OA_OK ? check_inputs(layer, error) : status;
}
