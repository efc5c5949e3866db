#include "onnx_io/external_files.h"

#include "core/base/memory.h"
#include "onnx_io/advice.h"
#include "onnx_io/paths.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* The entries of external_data that this program reads; NULL when absent. */
typedef struct entries {
    const char *location;
    const char *offset;
    const char *length;
} entries;

void oa_external_files_free(oa_external_files *files)
{
    if (!files) {
        return;
    }
    for (size_t i = 0; i < files->count; i++) {
        oa_free(files->files[i].location);
        oa_mapped_file_close(&files->files[i].map);
    }
    oa_free(files->files);
    oa_free(files->folder);
    oa_names_free(&files->by_location);
    *files = (oa_external_files){0};
}

bool oa_is_external(const Onnx__TensorProto *message)
{
    return message->has_data_location && message->data_location == ONNX__TENSOR_PROTO__DATA_LOCATION__EXTERNAL;
}

static oa_status read_entries(entries *found, const Onnx__TensorProto *message, oa_error *error)
{
    for (size_t i = 0; i < message->n_external_data; i++) {
        const Onnx__StringStringEntryProto *entry = message->external_data[i];
        const char *key = entry->key ? entry->key : "";
        const char **slot = NULL;
        if (strcmp(key, "location") == 0) {
            slot = &found->location;
        } else if (strcmp(key, "offset") == 0) {
            slot = &found->offset;
        } else if (strcmp(key, "length") == 0) {
            slot = &found->length;
        } else {
            continue;
        }
        if (*slot) {
            return oa_fail(error, OA_ERROR_INPUT, "its external data has two entries '%s'" OA_ADVICE_EXPORT, key);
        }
        *slot = entry->value ? entry->value : "";
    }
    if (!found->location || !*found->location) {
        return oa_fail(error, OA_ERROR_INPUT, "its external data names no file" OA_ADVICE_EXPORT);
    }
    return OA_OK;
}

static oa_status parse_number(size_t *number, const char *key, const char *text, oa_error *error)
{
    size_t value = 0;
    const char *at = text;
    while (*at >= '0' && *at <= '9') {
        if (oa_mul_overflows(&value, value, 10) || oa_add_overflows(&value, value, (size_t)(*at - '0'))) {
            break;
        }
        at++;
    }
    if (at == text || *at) {
        return oa_fail(error, OA_ERROR_INPUT,
                       "the %s '%s' of its external data is not a number of bytes" OA_ADVICE_EXPORT, key, text);
    }
    *number = value;
    return OA_OK;
}

/* A relative path none of whose parts is "..". */
static bool is_inside_by_name(const char *location)
{
    if (location[0] == '/') {
        return false;
    }
    for (const char *part = location; part; part = strchr(part, '/')) {
        part += *part == '/';
        if (strncmp(part, "..", 2) == 0 && (part[2] == '/' || part[2] == '\0')) {
            return false;
        }
    }
    return true;
}

static bool is_inside_folder(const char *folder, const char *path)
{
    size_t length = strlen(folder);
    if (strncmp(folder, path, length) != 0) {
        return false;
    }
    return path[length] == '/' || (length == 1 && folder[0] == '/');
}

static oa_status find_folder(oa_external_files *files, oa_error *error)
{
    if (files->folder) {
        return OA_OK;
    }
    char *folder = oa_path_folder(files->model_path);
    if (folder) {
        files->folder = realpath(folder, NULL);
    }
    oa_status status = OA_OK;
    if (!folder || (!files->folder && errno == ENOMEM)) {
        status = oa_fail(error, OA_ERROR_MEMORY, "out of memory for the model's folder");
    } else if (!files->folder) {
        status = oa_fail(error, OA_ERROR_INPUT, "the model's folder cannot be found: %s", strerror(errno));
    }
    oa_free(folder);
    return status;
}

/* Maps the file that `location` leads to, refusing to leave the folder. */
static oa_status map_location(oa_mapped_file *map, oa_external_files *files, const char *location, oa_error *error)
{
    if (!is_inside_by_name(location)) {
        return oa_fail(
            error, OA_ERROR_INPUT,
            "its external data '%s' is outside the model's folder, which is refused; put the file beside the "
            "model and name it without folders",
            location);
    }
    oa_status status = find_folder(files, error);
    if (status != OA_OK) {
        return status;
    }
    char *resolved = NULL;
    char *joined = oa_path_join(files->folder, location);
    if (!joined) {
        status = oa_fail(error, OA_ERROR_MEMORY, "out of memory for the path of '%s'", location);
        goto done;
    }
    resolved = realpath(joined, NULL);
    if (!resolved) {
        status = oa_fail(error, errno == ENOMEM ? OA_ERROR_MEMORY : OA_ERROR_INPUT,
                         "its external data '%s' cannot be read: %s; put the file into the model's folder", location,
                         strerror(errno));
        goto done;
    }
    if (!is_inside_folder(files->folder, resolved)) {
        status =
            oa_fail(error, OA_ERROR_INPUT,
                    "its external data '%s' is a link that leads out of the model's folder, which is refused; copy "
                    "the file beside the model",
                    location);
        goto done;
    }
    status = oa_mapped_file_open(map, resolved, error);
    if (status != OA_OK) {
        oa_error_context(error, "its external data '%s'", location);
    }
done:
    oa_free(joined);
    oa_free(resolved); /* realpath's block comes from malloc, as oa_malloc's do */
    return status;
}

static oa_status open_location(size_t *index, oa_external_files *files, const char *location, oa_error *error)
{
    size_t found = oa_names_find(&files->by_location, location);
    if (found != OA_NONE) {
        *index = found;
        return OA_OK;
    }
    oa_external_file file = {0};
    oa_status status = map_location(&file.map, files, location, error);
    if (status != OA_OK) {
        return status;
    }
    file.location = oa_strdup(location);
    if (!file.location || !oa_grow(&files->files, &files->capacity, files->count + 1, sizeof *files->files) ||
        !oa_names_put(&files->by_location, file.location, files->count)) {
        oa_mapped_file_close(&file.map);
        oa_free(file.location);
        return oa_fail(error, OA_ERROR_MEMORY, "out of memory for the list of external files");
    }
    *index = files->count;
    files->files[files->count++] = file;
    return OA_OK;
}

oa_status oa_external_files_find(oa_external_region *region, oa_external_files *files, const Onnx__TensorProto *message,
                                 size_t size, oa_error *error)
{
    entries found = {0};
    oa_external_region result = {0};
    size_t length = 0;
    oa_status status = read_entries(&found, message, error);
    if (status == OA_OK && found.offset) {
        status = parse_number(&result.offset, "offset", found.offset, error);
    }
    if (status == OA_OK && found.length) {
        status = parse_number(&length, "length", found.length, error);
    }
    if (status == OA_OK) {
        status = open_location(&result.file, files, found.location, error);
    }
    if (status != OA_OK) {
        return status;
    }
    size_t available = files->files[result.file].map.size;
    if (result.offset > available) {
        return oa_fail(
            error, OA_ERROR_INPUT,
            "its external data starts at byte %zu, but '%s' has only %zu; the file is cut off or another one",
            result.offset, found.location, available);
    }
    available -= result.offset;
    if (found.length && size != OA_NONE && length != size) {
        return oa_fail(error, OA_ERROR_INPUT,
                       "its external data has %zu bytes, but its shape and type need %zu" OA_ADVICE_EXPORT, length,
                       size);
    }
    result.size = size != OA_NONE ? size : found.length ? length : available;
    if (result.size > available) {
        return oa_fail(
            error, OA_ERROR_INPUT,
            "needs %zu bytes from byte %zu of '%s', but only %zu are left; the file is cut off or another one",
            result.size, result.offset, found.location, available);
    }
    *region = result;
    return OA_OK;
}

const unsigned char *oa_external_files_data(const oa_external_files *files, const oa_external_region *region)
{
    const oa_mapped_file *map = &files->files[region->file].map;
    return map->data ? map->data + region->offset : NULL;
}

bool oa_external_files_contain(const oa_external_files *files, const char *path)
{
    for (size_t i = 0; i < files->count; i++) {
        if (oa_mapped_file_is(&files->files[i].map, path)) {
            return true;
        }
    }
    return false;
}
