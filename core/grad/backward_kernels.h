/* The backward functions by family, each in backward_<family>.c; all have the type oa_backward (core/grad/table.h).
 * They are called when output 0 has a gradient (Split: any output), and add to or write the sinks of wanted inputs. */
#ifndef OA_GRAD_BACKWARD_KERNELS_H
#define OA_GRAD_BACKWARD_KERNELS_H

#include "core/grad/backward.h"

oa_status oa_backward_abs(oa_backward_call *call, oa_error *error);
oa_status oa_backward_add(oa_backward_call *call, oa_error *error);
oa_status oa_backward_average_pool(oa_backward_call *call, oa_error *error);
oa_status oa_backward_batch_normalization(oa_backward_call *call, oa_error *error);
oa_status oa_backward_cast(oa_backward_call *call, oa_error *error);
oa_status oa_backward_celu(oa_backward_call *call, oa_error *error);
oa_status oa_backward_clip(oa_backward_call *call, oa_error *error);
oa_status oa_backward_concat(oa_backward_call *call, oa_error *error);
oa_status oa_backward_conv(oa_backward_call *call, oa_error *error);
oa_status oa_backward_cos(oa_backward_call *call, oa_error *error);
oa_status oa_backward_div(oa_backward_call *call, oa_error *error);
oa_status oa_backward_dropout(oa_backward_call *call, oa_error *error);
oa_status oa_backward_elu(oa_backward_call *call, oa_error *error);
oa_status oa_backward_erf(oa_backward_call *call, oa_error *error);
oa_status oa_backward_exp(oa_backward_call *call, oa_error *error);
oa_status oa_backward_expand(oa_backward_call *call, oa_error *error);
oa_status oa_backward_gather(oa_backward_call *call, oa_error *error);
oa_status oa_backward_gelu(oa_backward_call *call, oa_error *error);
oa_status oa_backward_gemm(oa_backward_call *call, oa_error *error);
oa_status oa_backward_global_average_pool(oa_backward_call *call, oa_error *error);
oa_status oa_backward_global_max_pool(oa_backward_call *call, oa_error *error);
oa_status oa_backward_gru(oa_backward_call *call, oa_error *error);
oa_status oa_backward_hard_sigmoid(oa_backward_call *call, oa_error *error);
oa_status oa_backward_hard_swish(oa_backward_call *call, oa_error *error);
oa_status oa_backward_layer_normalization(oa_backward_call *call, oa_error *error);
oa_status oa_backward_leaky_relu(oa_backward_call *call, oa_error *error);
oa_status oa_backward_log(oa_backward_call *call, oa_error *error);
oa_status oa_backward_log_softmax(oa_backward_call *call, oa_error *error);
oa_status oa_backward_lstm(oa_backward_call *call, oa_error *error);
oa_status oa_backward_matmul(oa_backward_call *call, oa_error *error);
oa_status oa_backward_max(oa_backward_call *call, oa_error *error);
oa_status oa_backward_max_pool(oa_backward_call *call, oa_error *error);
oa_status oa_backward_mean(oa_backward_call *call, oa_error *error);
oa_status oa_backward_min(oa_backward_call *call, oa_error *error);
oa_status oa_backward_mish(oa_backward_call *call, oa_error *error);
oa_status oa_backward_mul(oa_backward_call *call, oa_error *error);
oa_status oa_backward_neg(oa_backward_call *call, oa_error *error);
oa_status oa_backward_pad(oa_backward_call *call, oa_error *error);
oa_status oa_backward_pow(oa_backward_call *call, oa_error *error);
oa_status oa_backward_prelu(oa_backward_call *call, oa_error *error);
oa_status oa_backward_reciprocal(oa_backward_call *call, oa_error *error);
oa_status oa_backward_reduce_l2(oa_backward_call *call, oa_error *error);
oa_status oa_backward_reduce_mean(oa_backward_call *call, oa_error *error);
oa_status oa_backward_reduce_sum(oa_backward_call *call, oa_error *error);
oa_status oa_backward_reduce_sum_square(oa_backward_call *call, oa_error *error);
oa_status oa_backward_relu(oa_backward_call *call, oa_error *error);
oa_status oa_backward_rms_normalization(oa_backward_call *call, oa_error *error);
oa_status oa_backward_rnn(oa_backward_call *call, oa_error *error);
oa_status oa_backward_selu(oa_backward_call *call, oa_error *error);
oa_status oa_backward_sigmoid(oa_backward_call *call, oa_error *error);
oa_status oa_backward_sin(oa_backward_call *call, oa_error *error);
oa_status oa_backward_slice(oa_backward_call *call, oa_error *error);
oa_status oa_backward_softmax(oa_backward_call *call, oa_error *error);
oa_status oa_backward_softplus(oa_backward_call *call, oa_error *error);
oa_status oa_backward_softsign(oa_backward_call *call, oa_error *error);
oa_status oa_backward_split(oa_backward_call *call, oa_error *error);
oa_status oa_backward_sqrt(oa_backward_call *call, oa_error *error);
oa_status oa_backward_sub(oa_backward_call *call, oa_error *error);
oa_status oa_backward_sum(oa_backward_call *call, oa_error *error);
oa_status oa_backward_tanh(oa_backward_call *call, oa_error *error);
oa_status oa_backward_thresholded_relu(oa_backward_call *call, oa_error *error);
oa_status oa_backward_transpose(oa_backward_call *call, oa_error *error);
oa_status oa_backward_where(oa_backward_call *call, oa_error *error);

/* BatchNormalization by the batch's own statistics, in place of the executor's kernel: call->context is the
 * oa_batch_statistics that it fills, which oa_batch_statistics_free empties. */
oa_status oa_forward_batch_normalization(oa_call *call, oa_error *error);
void oa_batch_statistics_free(oa_batch_statistics *statistics);

#endif
