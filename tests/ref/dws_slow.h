/* The DWS encoder of core/learn/dws.h for dense layers, from its formulas: one number at a time, in double precision.
 */
#ifndef OA_TESTS_REF_DWS_SLOW_H
#define OA_TESTS_REF_DWS_SLOW_H

#include "core/learn/aligner.h"

enum { DWS_SLOW_LAYERS_MAX = 6 };

/* Weight l is [sizes[l + 1], sizes[l]]; sizes[0] inputs, sizes[layer_count] outputs; the others are hidden. */
typedef struct dws_slow_model {
    size_t layer_count; /* of weights: hidden ones + 1 */
    size_t sizes[DWS_SLOW_LAYERS_MAX + 1];
    const float *weights[DWS_SLOW_LAYERS_MAX];
    const float *biases[DWS_SLOW_LAYERS_MAX]; /* NULL: none */
} dws_slow_model;

/* features[l] [sizes[l + 1], config.features] of hidden layer l. `values` are the aligner's parameters in double. */
void dws_slow_encode(double *const *features, const dws_slow_model *model, const oa_aligner *aligner,
                     const double *values);

#endif
