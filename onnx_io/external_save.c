#include "onnx_io/external_save.h"

#include <string.h>

oa_status oa_external_save_add(oa_external_save *save, Onnx__TensorProto *message, const void *data, size_t size,
                               oa_error *error)
{
    if (!oa_grow(&save->items, &save->item_capacity, save->item_count + 1, sizeof *save->items)) {
        return oa_fail(error, OA_ERROR_MEMORY, "out of memory for the list of external data");
    }
    save->items[save->item_count] = (oa_external_item){.message = message,
                                                       .data = data,
                                                       .from = {.file = OA_NONE, .size = size},
                                                       .order = save->item_count,
                                                       .twin = OA_NONE,
                                                       .is_replaced = true};
    save->item_count++;
    return OA_OK;
}

oa_status oa_external_save_collect(oa_external_save *save, const oa_model *model, const oa_payloads *payloads,
                                   oa_error *error)
{
    for (size_t i = 0; i < model->external_count; i++) {
        const oa_external_tensor *external = &model->externals[i];
        oa_status status = oa_external_save_add(save, external->message, NULL, 0, error);
        if (status != OA_OK) {
            return status;
        }
        oa_external_item *item = &save->items[save->item_count - 1];
        size_t t = external->tensor;
        item->from = external->region;
        item->is_replaced = t != OA_NONE && payloads && payloads->data[t] && external->region.size;
        item->data = item->is_replaced ? payloads->data[t] : oa_external_files_data(&model->files, &external->region);
    }
    return OA_OK;
}

/* Writes the bytes of the old file from `start` up to `end`, or zeros where it has none: what lies between payloads. */
static void write_gap(oa_output_file *output, const oa_mapped_file *old, size_t start, size_t end)
{
    static const unsigned char zeros[4096];
    if (old && start < old->size) {
        size_t stop = end < old->size ? end : old->size;
        oa_output_file_write(output, old->data + start, stop - start);
        start = stop;
    }
    while (start < end) {
        size_t step = end - start < sizeof zeros ? end - start : sizeof zeros;
        oa_output_file_write(output, zeros, step);
        start += step;
    }
}

static oa_status write_file(oa_data_file *file, const oa_model *model, oa_error *error)
{
    const oa_mapped_file *old = file->is_kept ? &model->files.files[file->source].map : NULL;
    oa_output_file *output = &file->output;
    for (size_t i = 0; i < file->count; i++) {
        const oa_external_item *item = &file->items[i];
        if (item->twin != OA_NONE || item->from.size == 0) {
            continue;
        }
        write_gap(output, old, output->written, item->offset);
        oa_output_file_write(output, item->data, item->from.size);
    }
    if (file->is_same) {
        write_gap(output, old, output->written, old->size);
    }
    return oa_output_file_close(output, error);
}

oa_status oa_external_save_write(oa_external_save *save, const oa_model *model, oa_error *error)
{
    for (size_t i = 0; i < save->file_count; i++) {
        oa_data_file *file = &save->files[i];
        oa_status status = oa_output_file_create(&file->output, file->path, error);
        if (status == OA_OK) {
            status = write_file(file, model, error);
        }
        if (status != OA_OK) {
            return status;
        }
    }
    return OA_OK;
}

oa_status oa_external_save_commit(oa_external_save *save, oa_error *error)
{
    for (size_t i = 0; i < save->file_count; i++) {
        oa_status status = oa_output_file_commit(&save->files[i].output, true, error);
        if (status != OA_OK) {
            return status;
        }
    }
    return OA_OK;
}

void oa_external_save_free(oa_external_save *save, bool is_done)
{
    for (size_t i = 0; i < save->file_count; i++) {
        if (is_done) {
            oa_output_file_keep(&save->files[i].output);
        } else {
            oa_output_file_discard(&save->files[i].output);
        }
        oa_free(save->files[i].location);
        oa_free(save->files[i].path);
    }
    oa_free(save->files);
    oa_free(save->items);
    *save = (oa_external_save){0};
}
