/* ONNX files: read into the graph IR, write back with some payloads replaced. The only layer that knows protobuf. */
#ifndef OA_ONNX_IO_MODEL_H
#define OA_ONNX_IO_MODEL_H

#include "core/base/error.h"
#include "core/ir/graph.h"

typedef struct oa_model oa_model; /* the unpacked message, the mapped external files, and the graph over both */

/* Reads a model. The graph borrows payloads from the model. On failure *model is untouched.
 *
 * The file is mapped, unpacked and unmapped again; raw payloads are not copied a second time. External data files are
 * mapped read-only; their location must be a relative path that stays inside the model's folder (no "..", no absolute
 * path, no symbolic link that leads out). Errors: OA_ERROR_INPUT with file, node or tensor, and what to do;
 * OA_ERROR_MEMORY. O(bytes). */
oa_status oa_model_load(oa_model **model, const char *path, oa_error *error);
void oa_model_destroy(oa_model *model);

const oa_graph *oa_model_graph(const oa_model *model);
const char *oa_model_path(const oa_model *model);
/* Bytes of all constants, external ones included. */
size_t oa_model_payload_bytes(const oa_model *model);

/* Writes the model to `path` with the given payloads in place of its own (NULL: none), each in the form in which the
 * model holds it (raw_data, typed field, external). All other fields, unknown ones included, are written back as they
 * were read. Weights that were external stay external, in a new file beside `path` (same location name when that is free
 * of clashes, otherwise derived from the output's name); they become external when the message would pass 2 GiB. Both
 * files appear atomically (temporary file in the same folder, fsync, rename), the data file first; on failure nothing is
 * left behind and an older file at `path` stays. Refuses (OA_ERROR_OUTPUT) a path that is one of the model's own files.
 * OA_ERROR_OUTPUT with the system's reason. O(bytes). */
oa_status oa_model_save(const char *path, oa_model *model, const oa_payloads *payloads, oa_error *error);

/* True when both paths name the same existing file, or resolve to the same place. */
bool oa_same_file(const char *path, const char *other);

#endif
