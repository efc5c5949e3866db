/* Files, names and offsets of external data that is about to be written. */
#include "onnx_io/external_save.h"
#include "onnx_io/paths.h"
#include "onnx_io/wire.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* Offsets are multiples of at least 64, a cache line and more than any element needs. The largest alignment in use
 * elsewhere is 64 KiB, which some systems need to map a file: a longer gap between payloads is not for alignment. */
enum { MIN_ALIGNMENT = 64, MAX_ALIGNMENT = 64 * 1024 };

static oa_status no_memory(oa_error *error)
{
    return oa_fail(error, OA_ERROR_MEMORY, "out of memory for the plan of the external data");
}

/* By file and offset; of one region, and of those from the message, by the order of adding. */
static int compare_items(const void *a, const void *b)
{
    const oa_external_item *x = a;
    const oa_external_item *y = b;
    if (x->from.file != y->from.file) {
        return x->from.file < y->from.file ? -1 : 1;
    }
    if (x->from.file != OA_NONE && x->from.offset != y->from.offset) {
        return x->from.offset < y->from.offset ? -1 : 1;
    }
    if (x->from.file != OA_NONE && x->from.size != y->from.size) {
        return x->from.size < y->from.size ? -1 : 1;
    }
    return x->order < y->order ? -1 : 1;
}

static bool is_same_region(const oa_external_item *x, const oa_external_item *y)
{
    return x->from.offset == y->from.offset && x->from.size == y->from.size;
}

/* Tensors that shared a region go on doing so where their bytes are still equal. */
static void find_twins(oa_data_file *file)
{
    if (file->source == OA_NONE) {
        return;
    }
    size_t first = 0; /* of the items with this region */
    for (size_t i = 0; i < file->count; i++) {
        oa_external_item *item = &file->items[i];
        if (!is_same_region(&file->items[first], item)) {
            first = i;
        }
        for (size_t j = first; j < i && item->from.size; j++) {
            const oa_external_item *other = &file->items[j];
            if (other->twin == OA_NONE &&
                (other->data == item->data || memcmp(other->data, item->data, item->from.size) == 0)) {
                item->twin = j;
                break;
            }
        }
    }
}

/* Leaves everything where it was, when no two payloads want the same bytes and nothing large lies between them. */
static void try_keep(oa_data_file *file, const oa_model *model)
{
    size_t end = 0;
    bool is_replaced = false;
    if (file->source == OA_NONE) {
        return;
    }
    for (size_t i = 0; i < file->count; i++) {
        oa_external_item *item = &file->items[i];
        item->offset = item->from.offset;
        is_replaced = is_replaced || item->is_replaced;
        if (item->twin != OA_NONE || item->from.size == 0) {
            continue;
        }
        if (item->offset < end || item->offset - end > MAX_ALIGNMENT) {
            return;
        }
        end = item->offset + item->from.size; /* inside the old file: no overflow */
    }
    /* Where nothing is written behind it, the file may end before an empty payload's old place. */
    for (size_t i = 0; i < file->count; i++) {
        oa_external_item *item = &file->items[i];
        item->offset = item->from.size == 0 && item->offset > end ? end : item->offset;
    }
    file->is_kept = true;
    file->is_same = !is_replaced && model->files.files[file->source].map.size - end <= MAX_ALIGNMENT;
}

/* The power of two that all old offsets are multiples of, within the limits. */
static size_t alignment_of(const oa_data_file *file)
{
    size_t bits = MAX_ALIGNMENT;
    for (size_t i = 0; i < file->count && file->source != OA_NONE; i++) {
        bits |= file->items[i].from.offset;
    }
    size_t alignment = bits & (~bits + 1);
    bool is_known = bits != MAX_ALIGNMENT;
    return is_known && alignment > MIN_ALIGNMENT ? alignment : MIN_ALIGNMENT;
}

static oa_status pack(oa_data_file *file, oa_error *error)
{
    size_t alignment = alignment_of(file);
    size_t end = 0;
    for (size_t i = 0; i < file->count; i++) {
        oa_external_item *item = &file->items[i];
        if (item->twin != OA_NONE) {
            item->offset = file->items[item->twin].offset;
            continue;
        }
        size_t room;
        if (oa_add_overflows(&room, end, alignment - 1)) {
            return oa_fail(error, OA_ERROR_OUTPUT, "the external data has more bytes than any file");
        }
        /* Nothing is written for an empty payload: an aligned place could lie behind the end of the file. */
        item->offset = item->from.size ? room & ~(alignment - 1) : end;
        if (oa_add_overflows(&end, item->offset, item->from.size)) {
            return oa_fail(error, OA_ERROR_OUTPUT, "the external data has more bytes than any file");
        }
    }
    return OA_OK;
}

/* Sorts the items and gives each old file, and what was in the message, a file of its own. */
static oa_status group_items(oa_external_save *save, oa_error *error)
{
    qsort(save->items, save->item_count, sizeof *save->items, compare_items);
    size_t count = 0;
    for (size_t i = 0; i < save->item_count; i++) {
        count += i == 0 || save->items[i].from.file != save->items[i - 1].from.file;
    }
    save->files = oa_calloc(count, sizeof *save->files);
    if (!save->files) {
        return no_memory(error);
    }
    for (size_t i = 0; i < save->item_count; i++) {
        if (i == 0 || save->items[i].from.file != save->items[i - 1].from.file) {
            save->files[save->file_count++] =
                (oa_data_file){.items = &save->items[i], .source = save->items[i].from.file};
        }
        save->files[save->file_count - 1].count++;
    }
    return OA_OK;
}

/* The search for names of data files. */
typedef struct naming {
    const oa_model *model;
    const char *path; /* of the model that is being saved */
    const char *name; /* its last part */
    char *folder;
    oa_names taken; /* by other data files of this save */
    size_t next;    /* number of the next derived name */
} naming;

typedef struct location_search {
    const char *name;
    bool is_found;
} location_search;

static void match_location(void *context, const oa_wire_string *string)
{
    location_search *search = context;
    if (string->parent && strcmp(string->parent->name, "external_data") == 0 &&
        strcmp(string->field->name, "value") == 0 && string->size == strlen(search->name) &&
        memcmp(string->text, search->name, string->size) == 0) {
        search->is_found = true;
    }
}

/* True when the file at `path` is a model with external data called `name`. */
static bool refers_to(const char *path, const char *name)
{
    location_search search = {.name = name};
    oa_mapped_file file = {0};
    if (oa_mapped_file_open(&file, path, NULL) != OA_OK) {
        return false;
    }
    bool is_model =
        oa_wire_walk(&onnx__model_proto__descriptor, file.data, file.size, match_location, &search, NULL) == OA_OK;
    oa_mapped_file_close(&file);
    return is_model && search.is_found;
}

/* Whether a data file may be called `name`; its path is then given to the caller. */
static oa_status try_name(char **path, const naming *names, const char *name, oa_error *error)
{
    *path = NULL;
    if (strcmp(name, names->name) == 0 || oa_names_find(&names->taken, name) != OA_NONE) {
        return OA_OK;
    }
    char *candidate = oa_path_join(names->folder, name);
    if (!candidate) {
        return no_memory(error);
    }
    struct stat info;
    bool is_free = lstat(candidate, &info) != 0;
    bool is_ours = !is_free && S_ISREG(info.st_mode) && !oa_same_file(candidate, names->model->path) &&
                   !oa_external_files_contain(&names->model->files, candidate) && refers_to(names->path, name);
    if (is_free || is_ours) {
        *path = candidate;
    } else {
        oa_free(candidate);
    }
    return OA_OK;
}

static char *derived_name(const char *name, size_t number)
{
    size_t size = strlen(name) + 32;
    char *derived = oa_malloc(size, 1);
    if (derived && number == 0) {
        snprintf(derived, size, "%s.data", name);
    } else if (derived) {
        snprintf(derived, size, "%s.%zu.data", name, number);
    }
    return derived;
}

static oa_status choose_name(oa_data_file *file, naming *names, oa_error *error)
{
    oa_status status = OA_OK;
    if (file->source != OA_NONE) {
        file->location = oa_strdup(oa_path_name(names->model->files.files[file->source].location));
        status = file->location ? try_name(&file->path, names, file->location, error) : no_memory(error);
    }
    while (status == OA_OK && !file->path) {
        oa_free(file->location);
        file->location = derived_name(names->name, names->next++);
        status = file->location ? try_name(&file->path, names, file->location, error) : no_memory(error);
    }
    if (status == OA_OK && !oa_names_put(&names->taken, file->location, 0)) {
        status = no_memory(error);
    }
    return status;
}

static oa_status place_items(const oa_data_file *file, oa_patches *patches, oa_error *error)
{
    for (size_t i = 0; i < file->count; i++) {
        const oa_external_item *item = &file->items[i];
        oa_external_place place = {
            .location = file->location, .offset = item->offset, .size = item->from.size, .is_same_file = file->is_same};
        oa_status status = oa_patches_place(patches, item->message, &place, error);
        if (status != OA_OK) {
            return status;
        }
    }
    return OA_OK;
}

oa_status oa_external_save_plan(oa_external_save *save, oa_patches *patches, const oa_model *model, const char *path,
                                oa_error *error)
{
    if (save->item_count == 0) {
        return OA_OK;
    }
    naming names = {.model = model, .path = path, .name = oa_path_name(path), .folder = oa_path_folder(path)};
    oa_status status = names.folder ? group_items(save, error) : no_memory(error);
    for (size_t i = 0; i < save->file_count && status == OA_OK; i++) {
        oa_data_file *file = &save->files[i];
        find_twins(file);
        try_keep(file, model);
        status = file->is_kept ? OA_OK : pack(file, error);
        if (status == OA_OK) {
            status = choose_name(file, &names, error);
        }
        if (status == OA_OK) {
            status = place_items(file, patches, error);
        }
    }
    oa_names_free(&names.taken);
    oa_free(names.folder);
    return status;
}
