/* Models made by oa_builder, for the tests in C and for the driver whose files ONNX's own checker judges. */
#ifndef OA_TESTS_ONNX_IO_MADE_MODELS_H
#define OA_TESTS_ONNX_IO_MADE_MODELS_H

#include "onnx_io/builder.h"

/* x [batch, 1, 4, 4] -> Conv (kernel_shape, pads; with a bias) -> LeakyRelu (alpha) -> Flatten -> Gemm (transB)
 * -> y [batch, 2], with metadata. Some node has no name, some input a symbol. */
oa_status make_network(oa_model **model, oa_error *error);
/* Two tensors, float [2, 3] and int64 [], metadata, nothing else. */
oa_status make_tensors(oa_model **model, oa_error *error);

extern const float made_matrix[6];
extern const int64_t made_scalar;

#endif
