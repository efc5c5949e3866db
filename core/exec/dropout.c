/* Dropout. For inference it is the identity; in training mode, elements are zeroed at random and the others scaled up.
 */
#include "core/exec/convert.h"
#include "core/exec/kernels.h"
#include "core/exec/mersenne.h"
#include "core/exec/types.h"

#include <string.h>

/* Output 1 when it is wanted: all true. Up to operator set 9 it had no defined contents for inference. */
static oa_status full_mask(oa_call *call, oa_error *error)
{
    const oa_array *x = call->inputs[0];
    oa_array *mask;
    if (!oa_call_wants(call, 1)) {
        return OA_OK;
    }
    if (call->node->version < 10) {
        return oa_fail(error, OA_ERROR_UNSUPPORTED, "the mask of an operator set below 10, which is not defined");
    }
    oa_status status = oa_call_output(&mask, call, 1, OA_DTYPE_BOOL, x->dims, x->rank, error);
    if (status == OA_OK) {
        memset(mask->data, 1, mask->count);
    }
    return status;
}

static oa_status pass_on(oa_call *call, oa_error *error)
{
    oa_status status = full_mask(call, error);
    return status == OA_OK ? oa_call_pass(call, 0, 0, call->inputs[0]->dims, call->inputs[0]->rank, error) : status;
}

/* y = x / (1 - ratio) where a uniform number is at least `ratio`, else 0; the mask says which. Both may be NULL. */
static void drop(oa_array *y, uint8_t *mask, const oa_array *x, double ratio, uint32_t seed)
{
    oa_mersenne generator;
    double scale = 1.0 / (1.0 - ratio);
    oa_mersenne_init(&generator, seed);
    for (size_t i = 0; i < x->count; i++) {
        bool is_kept = oa_mersenne_uniform(&generator) >= ratio;
        if (mask) {
            mask[i] = is_kept;
        }
        if (y && y->dtype == OA_DTYPE_FLOAT) {
            ((float *)y->data)[i] = is_kept ? (float)((double)((const float *)x->data)[i] * scale) : 0.0f;
        } else if (y) {
            ((double *)y->data)[i] = is_kept ? ((const double *)x->data)[i] * scale : 0.0;
        }
    }
}

/* One number from an optional input. */
static oa_status read_number(double *number, const oa_array *array, oa_error *error)
{
    if (array && (array->count != 1 || !oa_convert(number, OA_DTYPE_DOUBLE, array->data, array->dtype, 1))) {
        return oa_fail(error, OA_ERROR_INPUT, "ratio and training_mode must be single numbers");
    }
    return OA_OK;
}

oa_status oa_kernel_dropout(oa_call *call, oa_error *error)
{
    const oa_array *x = call->inputs[0];
    int64_t version = call->node->version, seed = 0;
    double ratio = 0.5, training = 0.0;
    if (version < 12) {
        ratio = (double)oa_call_float(call, "ratio", 0.5f);
        if (version < 7 && oa_call_int(call, "is_test", 0) == 0 && ratio != 0.0) {
            return oa_fail(error, OA_ERROR_UNSUPPORTED, "random dropout without a seed: is_test is 0");
        }
        return pass_on(call, error);
    }
    /* Without a seed ONNX lets the runtime choose one; here it is 0, so that runs can be repeated. */
    seed = oa_call_int(call, "seed", 0);
    oa_status status = read_number(&ratio, oa_call_input(call, 1), error);
    if (status == OA_OK) {
        status = read_number(&training, oa_call_input(call, 2), error);
    }
    if (status != OA_OK || training == 0.0 || ratio == 0.0) {
        return status == OA_OK ? pass_on(call, error) : status;
    }
    if (!(ratio > 0.0 && ratio < 1.0) || seed < 0 || seed > UINT32_MAX) {
        return oa_fail(error, OA_ERROR_INPUT, "a ratio of %g or a seed of %lld is out of range", ratio,
                       (long long)seed);
    }
    if (!oa_is_real(x->dtype)) {
        return oa_fail_dtype(x, error);
    }
    oa_array *y = NULL, *mask = NULL;
    if (oa_call_wants(call, 0)) {
        status = oa_call_output(&y, call, 0, x->dtype, x->dims, x->rank, error);
    }
    if (status == OA_OK && oa_call_wants(call, 1)) {
        status = oa_call_output(&mask, call, 1, OA_DTYPE_BOOL, x->dims, x->rank, error);
    }
    if (status == OA_OK) {
        drop(y, mask ? mask->data : NULL, x, ratio, (uint32_t)seed);
    }
    return status;
}
