/* The files beside models: permutations and samples. */
#ifndef OA_CLI_FILES_H
#define OA_CLI_FILES_H

#include "core/exec/samples.h"
#include "core/symmetry/layout.h"
#include "onnx_io/output_file.h"

/* Writes text to a file that appears whole or not at all, with the permissions that the umask leaves. OA_ERROR_OUTPUT,
 * also for a path where something else than a file is (a folder, a device, a link); OA_ERROR_MEMORY. */
oa_status oa_write_text(const char *path, const char *text, oa_error *error);
/* The same in two steps, for a file that is to appear together with others: all that usually fails does so in the first
 * one. Then oa_text_file_finish or oa_output_file_discard. On failure nothing is left. */
oa_status oa_text_file_prepare(oa_output_file *file, const char *path, const char *text, oa_error *error);
oa_status oa_text_file_finish(oa_output_file *file, oa_error *error);

/* Permutation files: {"format": "onnx-align-permutation", "version": 1, "groups": [{"id", "size", "axes",
 * "permutation"}]}, new[i] = old[permutation[i]]; axes are "tensor:axis", for people and as a check. `graph` names the
 * tensors; `tensor_of` maps the layout's tensors to the graph's (NULL: the same). Errors as of oa_write_text. */
oa_status oa_permutation_file_save(const char *path, const oa_layout *layout, const oa_graph *graph,
                                   const size_t *tensor_of, const oa_permutations *permutations, oa_error *error);
/* Reads permutations (initialised for the layout): groups that the file leaves out become identities. A group of the
 * file is the one of the same size that reorders the same axes of the same tensors; its id decides where several do.
 * OA_ERROR_INPUT, naming what is wrong, for files of other models and malformed ones; OA_ERROR_MEMORY. On failure the
 * permutations are untouched. O(bytes + groups^2). */
oa_status oa_permutation_file_load(oa_permutations *permutations, const char *path, const oa_layout *layout,
                                   const oa_graph *graph, oa_error *error);

/* Opens the samples at `path` for a model's input: .npy, IDX (either also packed by gzip), seen from the content, or a
 * folder of TensorProto .pb files (input_*.pb, or all *.pb when there are none of these), by name with numbers compared
 * as numbers, stacked or joined along the first axis.
 *
 * The first axis counts samples, whatever size is declared for it. Samples whose elements fit the declared shape but
 * not its axes ([n, 28, 28] for [batch, 1, 28, 28]) are reshaped. Values become the input's type; bytes for a float
 * input are divided by 255 when scale is negative, everything is multiplied by scale otherwise.
 *
 * Everything is read once, so that whatever is wrong shows at once. Samples of up to `keep` bytes in all, as the model
 * takes them, stay in memory; of more, batches are read again and again. The file must stay as it is meanwhile.
 *
 * Errors: OA_ERROR_INPUT, naming file and element, for what cannot be read, holds no samples, NaN or infinities, or
 * does not fit shape or type; OA_ERROR_USAGE for a scale that is not finite; OA_ERROR_MEMORY. On failure *batches is
 * untouched. O(bytes). */
oa_status oa_data_open(oa_batches *batches, const char *path, const oa_value *declared, double scale, size_t keep,
                       oa_error *error);
/* Opens whole numbers from 0 on, int64, one for each sample, from the same formats: arrays [n] or [n, 1] of any type;
 * in folders, label*.pb or all *.pb. Errors as above. */
oa_status oa_labels_open(oa_batches *batches, const char *path, size_t keep, oa_error *error);
/* Opens numbers, float32 and of any shape [n, ...], that outputs shall come near to, from the same formats; in folders,
 * output_*.pb or all *.pb. Errors as above. */
oa_status oa_targets_open(oa_batches *batches, const char *path, size_t keep, oa_error *error);

#endif
