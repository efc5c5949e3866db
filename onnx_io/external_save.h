/* The external data of a model that is being saved: which file each payload goes to, where in it, and writing them. */
#ifndef OA_ONNX_IO_EXTERNAL_SAVE_H
#define OA_ONNX_IO_EXTERNAL_SAVE_H

#include "onnx_io/model_private.h"
#include "onnx_io/patches.h"

/* One payload on its way to a data file. */
typedef struct oa_external_item {
    Onnx__TensorProto *message;
    const unsigned char *data; /* [size] */
    oa_external_region from;   /* where it was; file OA_NONE when it was in the message */
    size_t order;              /* as they were added */
    size_t offset;             /* where it goes */
    size_t twin; /* an item before with the same bytes, which lay and will lie at the same place, or OA_NONE */
    bool is_replaced;
} oa_external_item;

/* A data file beside the output. */
typedef struct oa_data_file {
    oa_external_item *items; /* [count], by their old offset; inside oa_external_save.items */
    size_t count;
    size_t source;  /* index of the file they come from, or OA_NONE */
    bool is_kept;   /* every payload stays at its offset */
    bool is_same;   /* the file stays as it was, byte for byte */
    char *location; /* its name */
    char *path;
    oa_output_file output;
} oa_data_file;

/* Zero-initialise; free with oa_external_save_free. */
typedef struct oa_external_save {
    oa_external_item *items; /* [item_count] */
    size_t item_count;
    size_t item_capacity;
    oa_data_file *files; /* [file_count] */
    size_t file_count;
} oa_external_save;

/* Collects the external payloads of `model`, with the given ones (NULL: none) in the place of its own. O(externals). */
oa_status oa_external_save_collect(oa_external_save *save, const oa_model *model, const oa_payloads *payloads,
                                   oa_error *error);

/* Adds the payload of an initializer that has been inside the message. O(1) amortised. */
oa_status oa_external_save_add(oa_external_save *save, Onnx__TensorProto *message, const void *data, size_t size,
                               oa_error *error);

/* Decides files, names and offsets, and patches the message accordingly.
 *
 * Each file that the model refers to becomes one file in the folder of `path`, of the same name without its folders.
 * When something else has that name already, it is called after the output: "out.onnx.data", "out.onnx.1.data" and so
 * on; payloads that were inside the message go to such a file too. A file that the model now at `path` refers to is
 * part of what is being replaced, and gives its name back. Offsets stay as they were when payloads that shared bytes
 * still do and nothing large lies between them; otherwise the payloads are packed anew, at multiples of 64 or of the
 * larger power of two that the old offsets kept. Payloads that shared all their bytes go on doing so where they are
 * still equal. */
oa_status oa_external_save_plan(oa_external_save *save, oa_patches *patches, const oa_model *model, const char *path,
                                oa_error *error);

/* Writes the planned files under temporary names. O(bytes). */
oa_status oa_external_save_write(oa_external_save *save, const oa_model *model, oa_error *error);

/* Renames them into place; oa_external_save_free with is_done false takes that back. */
oa_status oa_external_save_commit(oa_external_save *save, oa_error *error);

/* Frees everything. Unless is_done, the files are removed and those they replaced are brought back. */
void oa_external_save_free(oa_external_save *save, bool is_done);

#endif
