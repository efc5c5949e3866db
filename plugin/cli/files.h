/* The files beside models: permutations and samples. */
#ifndef OA_CLI_FILES_H
#define OA_CLI_FILES_H

#include "core/check/evaluate.h"
#include "core/symmetry/layout.h"

/* Writes text to a file that appears whole or not at all. OA_ERROR_OUTPUT. */
oa_status oa_write_text(const char *path, const char *text, oa_error *error);

/* Permutation files: {"format": "onnx-align-permutation", "version": 1, "groups": [{"id", "size", "axes",
 * "permutation"}]}, new[i] = old[permutation[i]]; axes are "tensor:axis", for people and as a check. `graph` names the
 * tensors; `tensor_of` maps the layout's tensors to the graph's (NULL: the same). */
oa_status oa_permutation_file_save(const char *path, const oa_layout *layout, const oa_graph *graph,
                                   const size_t *tensor_of, const oa_permutations *permutations, oa_error *error);
/* Reads permutations (initialised for the layout) and checks sizes, axes and that each is a permutation.
 * OA_ERROR_INPUT. */
oa_status oa_permutation_file_load(oa_permutations *permutations, const char *path, const oa_layout *layout,
                                   const oa_graph *graph, oa_error *error);

/* Reads samples for a model's input: .npy, IDX (also gzip), or a folder of TensorProto .pb files (input_*.pb or *.pb in
 * name order, stacked). Values become the input's type; bytes for a float input are divided by 255 when scale is
 * negative, everything is multiplied by scale otherwise. Samples whose elements fit the declared shape but not its axes
 * ([n, 28, 28] for [batch, 1, 28, 28]) are reshaped. OA_ERROR_INPUT for files that cannot be read, or hold NaN or
 * infinities. */
oa_status oa_samples_load(oa_samples *samples, const char *path, const oa_value *declared, double scale,
                          oa_error *error);
/* Reads integer classes, one for each sample, from the same formats. */
oa_status oa_labels_load(oa_samples *samples, const char *path, oa_error *error);

#endif
