#include "core/exec/table.h"

#include "core/exec/kernels.h"

#include <string.h>

/* Domain, operator, kernel, fewest and most inputs, whether 16-bit floats are widened. */
static const oa_operator table[] = {
    {"", "Abs", oa_kernel_abs, 1, 1, true},
    {"", "Acos", oa_kernel_acos, 1, 1, true},
    {"", "Acosh", oa_kernel_acosh, 1, 1, true},
    {"", "Add", oa_kernel_add, 2, 2, true},
    {"", "And", oa_kernel_and, 2, 2, false},
    {"", "ArgMax", oa_kernel_arg_max, 1, 1, true},
    {"", "ArgMin", oa_kernel_arg_min, 1, 1, true},
    {"", "Asin", oa_kernel_asin, 1, 1, true},
    {"", "Asinh", oa_kernel_asinh, 1, 1, true},
    {"", "Atan", oa_kernel_atan, 1, 1, true},
    {"", "Atanh", oa_kernel_atanh, 1, 1, true},
    {"", "AveragePool", oa_kernel_average_pool, 1, 1, true},
    {"", "BatchNormalization", oa_kernel_batch_normalization, 5, 5, true},
    {"", "BitShift", oa_kernel_bit_shift, 2, 2, false},
    {"", "Cast", oa_kernel_cast, 1, 1, false},
    {"", "CastLike", oa_kernel_cast_like, 2, 2, false},
    {"", "Ceil", oa_kernel_ceil, 1, 1, true},
    {"", "Celu", oa_kernel_celu, 1, 1, true},
    {"", "Clip", oa_kernel_clip, 1, 3, true},
    {"", "Concat", oa_kernel_concat, 1, OA_NONE, false},
    {"", "Constant", oa_kernel_constant, 0, 0, false},
    {"", "ConstantOfShape", oa_kernel_constant_of_shape, 1, 1, false},
    {"", "Conv", oa_kernel_conv, 2, 3, true},
    {"", "Cos", oa_kernel_cos, 1, 1, true},
    {"", "Cosh", oa_kernel_cosh, 1, 1, true},
    {"", "Div", oa_kernel_div, 2, 2, true},
    {"", "Dropout", oa_kernel_dropout, 1, 3, true},
    {"", "Elu", oa_kernel_elu, 1, 1, true},
    {"", "Equal", oa_kernel_equal, 2, 2, true},
    {"", "Erf", oa_kernel_erf, 1, 1, true},
    {"", "Exp", oa_kernel_exp, 1, 1, true},
    {"", "Expand", oa_kernel_expand, 2, 2, false},
    {"", "Flatten", oa_kernel_flatten, 1, 1, false},
    {"", "Floor", oa_kernel_floor, 1, 1, true},
    {"", "Gather", oa_kernel_gather, 2, 2, false},
    {"", "Gelu", oa_kernel_gelu, 1, 1, true},
    {"", "Gemm", oa_kernel_gemm, 2, 3, true},
    {"", "GlobalAveragePool", oa_kernel_global_average_pool, 1, 1, true},
    {"", "GlobalLpPool", oa_kernel_global_lp_pool, 1, 1, true},
    {"", "GlobalMaxPool", oa_kernel_global_max_pool, 1, 1, true},
    {"", "Greater", oa_kernel_greater, 2, 2, true},
    {"", "GreaterOrEqual", oa_kernel_greater_or_equal, 2, 2, true},
    {"", "HardSigmoid", oa_kernel_hard_sigmoid, 1, 1, true},
    {"", "HardSwish", oa_kernel_hard_swish, 1, 1, true},
    {"", "Hardmax", oa_kernel_hardmax, 1, 1, true},
    {"", "Identity", oa_kernel_identity, 1, 1, false},
    {"", "IsInf", oa_kernel_is_inf, 1, 1, true},
    {"", "IsNaN", oa_kernel_is_nan, 1, 1, true},
    {"", "LeakyRelu", oa_kernel_leaky_relu, 1, 1, true},
    {"", "Less", oa_kernel_less, 2, 2, true},
    {"", "LessOrEqual", oa_kernel_less_or_equal, 2, 2, true},
    {"", "Log", oa_kernel_log, 1, 1, true},
    {"", "LogSoftmax", oa_kernel_log_softmax, 1, 1, true},
    {"", "LpPool", oa_kernel_lp_pool, 1, 1, true},
    {"", "MatMul", oa_kernel_matmul, 2, 2, true},
    {"", "Max", oa_kernel_max, 1, OA_NONE, true},
    {"", "MaxPool", oa_kernel_max_pool, 1, 1, true},
    {"", "Mean", oa_kernel_mean, 1, OA_NONE, true},
    {"", "Min", oa_kernel_min, 1, OA_NONE, true},
    {"", "Mish", oa_kernel_mish, 1, 1, true},
    {"", "Mod", oa_kernel_mod, 2, 2, true},
    {"", "Mul", oa_kernel_mul, 2, 2, true},
    {"", "Neg", oa_kernel_neg, 1, 1, true},
    {"", "Not", oa_kernel_not, 1, 1, false},
    {"", "Or", oa_kernel_or, 2, 2, false},
    {"", "PRelu", oa_kernel_prelu, 2, 2, true},
    {"", "Pad", oa_kernel_pad, 1, 4, false},
    {"", "Pow", oa_kernel_pow, 2, 2, true},
    {"", "Range", oa_kernel_range, 3, 3, false},
    {"", "Reciprocal", oa_kernel_reciprocal, 1, 1, true},
    {"", "ReduceL1", oa_kernel_reduce_l1, 1, 2, true},
    {"", "ReduceL2", oa_kernel_reduce_l2, 1, 2, true},
    {"", "ReduceLogSum", oa_kernel_reduce_log_sum, 1, 2, true},
    {"", "ReduceLogSumExp", oa_kernel_reduce_log_sum_exp, 1, 2, true},
    {"", "ReduceMax", oa_kernel_reduce_max, 1, 2, true},
    {"", "ReduceMean", oa_kernel_reduce_mean, 1, 2, true},
    {"", "ReduceMin", oa_kernel_reduce_min, 1, 2, true},
    {"", "ReduceProd", oa_kernel_reduce_prod, 1, 2, true},
    {"", "ReduceSum", oa_kernel_reduce_sum, 1, 2, true},
    {"", "ReduceSumSquare", oa_kernel_reduce_sum_square, 1, 2, true},
    {"", "Relu", oa_kernel_relu, 1, 1, true},
    {"", "Reshape", oa_kernel_reshape, 1, 2, false},
    {"", "Round", oa_kernel_round, 1, 1, true},
    {"", "Selu", oa_kernel_selu, 1, 1, true},
    {"", "Shape", oa_kernel_shape, 1, 1, false},
    {"", "Shrink", oa_kernel_shrink, 1, 1, true},
    {"", "Sigmoid", oa_kernel_sigmoid, 1, 1, true},
    {"", "Sign", oa_kernel_sign, 1, 1, true},
    {"", "Sin", oa_kernel_sin, 1, 1, true},
    {"", "Sinh", oa_kernel_sinh, 1, 1, true},
    {"", "Size", oa_kernel_size, 1, 1, false},
    {"", "Slice", oa_kernel_slice, 1, 5, false},
    {"", "Softmax", oa_kernel_softmax, 1, 1, true},
    {"", "Softplus", oa_kernel_softplus, 1, 1, true},
    {"", "Softsign", oa_kernel_softsign, 1, 1, true},
    {"", "Split", oa_kernel_split, 1, 2, false},
    {"", "Sqrt", oa_kernel_sqrt, 1, 1, true},
    {"", "Squeeze", oa_kernel_squeeze, 1, 2, false},
    {"", "Sub", oa_kernel_sub, 2, 2, true},
    {"", "Sum", oa_kernel_sum, 1, OA_NONE, true},
    {"", "Tan", oa_kernel_tan, 1, 1, true},
    {"", "Tanh", oa_kernel_tanh, 1, 1, true},
    {"", "ThresholdedRelu", oa_kernel_thresholded_relu, 1, 1, true},
    {"", "Transpose", oa_kernel_transpose, 1, 1, false},
    {"", "Unsqueeze", oa_kernel_unsqueeze, 1, 2, false},
    {"", "Where", oa_kernel_where, 3, 3, false},
    {"", "Xor", oa_kernel_xor, 2, 2, false},
};

static const size_t row_count = sizeof table / sizeof table[0];

const oa_operator *oa_operator_find(const char *domain, const char *op_type)
{
    for (size_t i = 0; i < row_count; i++) {
        if (strcmp(table[i].op_type, op_type) == 0 && strcmp(table[i].domain, domain) == 0) {
            return &table[i];
        }
    }
    return NULL;
}

const oa_operator *oa_operator_at(size_t index)
{
    return index < row_count ? &table[index] : NULL;
}
