/* Do two models compute the same? The proof that goes with every run. */
#ifndef OA_CHECK_VERIFY_H
#define OA_CHECK_VERIFY_H

#include "core/check/branches.h"
#include "core/check/random_input.h"

#include <stdint.h>

typedef struct oa_verify_settings {
    uint64_t seed;          /* of the random inputs */
    size_t runs;            /* inputs drawn */
    double tolerance;       /* on max_rel_diff; < 0: by the models' precision (oa_tolerance_of) */
    oa_sizes sizes;         /* of random inputs */
    const oa_array *inputs; /* [input_count] given inputs instead of random ones, or NULL */
} oa_verify_settings;

typedef struct oa_verify_info {
    double max_abs_diff; /* over all elements of all float outputs */
    double max_rel_diff; /* the largest difference in an output divided by the largest magnitude in it */
    double tolerance;
    size_t runs;
    bool is_same;
    const char *engine;     /* name of the one that ran the other model */
    oa_unentered unentered; /* constants that the other model has in place of the reference's, or all when they are not
                               one graph, which the runs did not reach; of the reference, borrowed */
} oa_verify_info;

oa_verify_settings oa_verify_settings_default(void);

/* The relative tolerance for a model: the order of floating-point sums changes when units are reordered, and each of
 * some dozens of layers adds rounding of its type: 1e-4 for float32 and float64 data (float32 unit roundoff is 6e-8),
 * 2e-2 for float16 (5e-4), 1e-1 for bfloat16 (4e-3), by the least precise float constant that is used. */
double oa_tolerance_of(const oa_graph *graph);

/* Runs both models on the same inputs of the reference's declared shapes, drawn by oa_random_input, and compares all
 * outputs: floats within the tolerance (NaN and infinities must be at the same places), everything else exactly.
 * info->is_same tells the result; a difference is no error. Errors: OA_ERROR_UNSUPPORTED when the engine cannot run a
 * model, OA_ERROR_INPUT, OA_ERROR_MEMORY. */
oa_status oa_verify(oa_verify_info *info, const oa_runnable *reference, const oa_runnable *other,
                    const oa_verify_settings *settings, oa_error *error);

#endif
