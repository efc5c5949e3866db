/* The activations of recurrent cells: for float32 those that run on vectors. */
#ifndef OA_EXEC_RECURRENT_CELLS_H
#define OA_EXEC_RECURRENT_CELLS_H

#include "core/linalg/vector_math.h"

#include <math.h>

static inline float oa_cell_sigmoid_f32(float x)
{
    return 1.0f / (1.0f + oa_exp_fast(-x));
}

static inline float oa_cell_tanh_f32(float x)
{
    return oa_tanh_fast(x);
}

static inline double oa_cell_sigmoid_f64(double x)
{
    return 1.0 / (1.0 + exp(-x));
}

static inline double oa_cell_tanh_f64(double x)
{
    return tanh(x);
}

#endif
