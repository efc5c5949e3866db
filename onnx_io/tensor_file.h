/* Single TensorProto files (.pb), the form of ONNX test data. */
#ifndef OA_ONNX_IO_TENSOR_FILE_H
#define OA_ONNX_IO_TENSOR_FILE_H

#include "core/base/error.h"
#include "core/exec/exec.h"

/* Reads one TensorProto of any known type into an owned array (string elements are packed behind the views in the same
 * block). `name`, when not NULL, receives a copy of the tensor's name that the caller frees with oa_free. Errors:
 * OA_ERROR_INPUT, OA_ERROR_MEMORY; outputs are then untouched. Files of sequences, maps and optionals are refused.
 * O(bytes). */
oa_status oa_tensor_file_load(oa_array *array, char **name, const char *path, oa_error *error);

#endif
