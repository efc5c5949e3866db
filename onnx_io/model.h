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
/* The same from the bytes of a file in memory, which may be freed afterwards; external data is looked for beside
 * `name`, which stands for the path in messages. */
oa_status oa_model_parse(oa_model **model, const void *bytes, size_t size, const char *name, oa_error *error);
void oa_model_destroy(oa_model *model);

const oa_graph *oa_model_graph(const oa_model *model);
const char *oa_model_path(const oa_model *model);
/* The value of an entry of metadata_props (the first of that key), or NULL. Borrowed. */
const char *oa_model_metadata(const oa_model *model, const char *key);
/* Bytes of all constants, external ones included. */
size_t oa_model_payload_bytes(const oa_model *model);

/* Writes the model to `path` with the given payloads in place of its own (NULL: none), each in the form in which the
 * model holds it (raw_data, typed field, external). All other fields, unknown ones included, are written back as they
 * were read.
 *
 * Weights that were external stay external, in new files beside `path`, one for each old file and of the same name
 * (without folders). Where something else has that name already, the file is called "<output>.data", "<output>.1.data"
 * and so on; files of an older model at `path` are replaced together with it. Weights also become external when the
 * message would pass 2 GiB. A checksum entry is dropped when its file changes.
 *
 * Every file appears whole or not at all (temporary file in the same folder, fsync, rename), the data files first; on
 * failure nothing is left behind and older files stay as they were. A symbolic link at `path` is replaced, not
 * followed. Permissions are what the umask leaves of rw-rw-rw-. A process that limits its file size must ignore
 * SIGXFSZ.
 *
 * The model's message is changed while this runs and restored before it returns: one save of a model at a time, and
 * none beside another call on it. Errors: OA_ERROR_OUTPUT, with the system's reason, or when `path` is one of the
 * model's own files (by device and inode) or no regular file; OA_ERROR_MEMORY; OA_ERROR_INTERNAL when the number of
 * payloads is not the graph's of tensors. O(bytes); memory beyond the model only for lists of the changed tensors. */
oa_status oa_model_save(const char *path, oa_model *model, const oa_payloads *payloads, oa_error *error);

/* The bytes of the file that oa_model_save would write, owned by the caller (oa_free). OA_ERROR_UNSUPPORTED when one
 * block of bytes cannot hold the model: it has external data, or passes 2 GiB. OA_ERROR_MEMORY, OA_ERROR_INTERNAL, and
 * what happens to the message, as there. */
oa_status oa_model_pack(unsigned char **bytes, size_t *size, oa_model *model, const oa_payloads *payloads,
                        oa_error *error);

/* Makes values the outputs of the model, in the order of their index and in place of its own, in all that is written
 * from now on until oa_model_hide: for runtimes that show outputs only. Nodes that none of them needs are left out.
 * `shown` [value_count] are flags of values of the graph itself; inputs, constants and what no output depends on are
 * passed over among them. OA_ERROR_INTERNAL for values of bodies, OA_ERROR_MEMORY; nothing is changed then.
 * O(values + edges). */
oa_status oa_model_show(oa_model *model, const bool *shown, oa_error *error);
void oa_model_hide(oa_model *model);
/* Is a value that is flagged one that oa_model_show shows? */
bool oa_model_shows(const oa_model *model, size_t value);

/* True when both paths name the same existing file (also through links), or neither exists and they would be the same
 * name in the same folder. */
bool oa_same_file(const char *path, const char *other);

#endif
