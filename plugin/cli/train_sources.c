#include "plugin/cli/train_sources.h"

#include "core/base/memory.h"
#include "onnx_io/paths.h"

#include <jansson.h>
#include <string.h>

static oa_status out_of_memory(oa_error *error)
{
    return oa_fail(error, OA_ERROR_MEMORY, "out of memory for the list of families");
}

static void free_source(oa_train_source *source)
{
    for (size_t i = 0; i < source->path_count && source->paths; i++) {
        oa_free(source->paths[i]);
    }
    oa_free(source->paths);
    oa_free(source->data);
    oa_free(source->labels);
    *source = (oa_train_source){0};
}

void oa_train_sources_free(oa_train_sources *sources)
{
    for (size_t i = 0; i < sources->count; i++) {
        free_source(&sources->list[i]);
    }
    oa_free(sources->list);
    *sources = (oa_train_sources){0};
}

/* ---- The file ---- */

/* The path that a JSON string stands for, or NULL when memory runs out. */
static char *resolve(const char *folder, const char *path)
{
    return path[0] == '/' ? oa_strdup(path) : oa_path_join(folder, path);
}

static oa_status read_path(char **path, const json_t *entry, const char *key, const char *folder, oa_error *error)
{
    const json_t *value = json_object_get(entry, key);
    if (!value || json_is_null(value)) {
        return OA_OK;
    }
    if (!json_is_string(value) || !*json_string_value(value)) {
        return oa_fail(error, OA_ERROR_INPUT, "\"%s\" is not the path of a file", key);
    }
    *path = resolve(folder, json_string_value(value));
    return *path ? OA_OK : out_of_memory(error);
}

static oa_status read_models(oa_train_source *source, const json_t *entry, const char *folder, oa_error *error)
{
    const json_t *models = json_object_get(entry, "models");
    size_t count = json_array_size(models);
    if (!json_is_array(models) || !count) {
        return oa_fail(error, OA_ERROR_INPUT, "\"models\" is not a list of files and folders");
    }
    source->paths = oa_calloc(count, sizeof *source->paths);
    if (!source->paths) {
        return out_of_memory(error);
    }
    source->path_count = count;
    for (size_t i = 0; i < count; i++) {
        const json_t *path = json_array_get(models, i);
        if (!json_is_string(path) || !*json_string_value(path)) {
            return oa_fail(error, OA_ERROR_INPUT, "element %zu of \"models\" is not a path", i);
        }
        if (!(source->paths[i] = resolve(folder, json_string_value(path)))) {
            return out_of_memory(error);
        }
    }
    return OA_OK;
}

/* One of two words, the first one when there is none. */
static oa_status read_choice(bool *is_second, const json_t *entry, const char *key, const char *first,
                             const char *second, oa_error *error)
{
    const json_t *value = json_object_get(entry, key);
    const char *text = value ? json_string_value(value) : first;
    if (!text || (strcmp(text, first) != 0 && strcmp(text, second) != 0)) {
        return oa_fail(error, OA_ERROR_INPUT, "\"%s\" is neither \"%s\" nor \"%s\"", key, first, second);
    }
    *is_second = strcmp(text, second) == 0;
    return OA_OK;
}

static oa_status check_keys(json_t *entry, oa_error *error)
{
    static const char *const known[] = {"models", "data", "labels", "loss", "pairs", "weight"};
    const char *key;
    json_t *value;
    if (!json_is_object(entry)) {
        return oa_fail(error, OA_ERROR_INPUT, "is not an object {\"models\": [...], ...}");
    }
    json_object_foreach(entry, key, value)
    {
        size_t i = 0;
        while (i < sizeof known / sizeof *known && strcmp(known[i], key) != 0) {
            i++;
        }
        if (i == sizeof known / sizeof *known) {
            return oa_fail(error, OA_ERROR_INPUT, "has the key \"%s\", which is unknown", key);
        }
    }
    return OA_OK;
}

static oa_status read_entry(oa_train_source *source, json_t *entry, const char *folder, oa_error *error)
{
    bool is_mse = false;
    const json_t *weight = json_object_get(entry, "weight");
    oa_status status = check_keys(entry, error);
    source->weight = weight ? json_number_value(weight) : 1.0;
    status = status == OA_OK ? read_models(source, entry, folder, error) : status;
    status = status == OA_OK ? read_path(&source->data, entry, "data", folder, error) : status;
    status = status == OA_OK ? read_path(&source->labels, entry, "labels", folder, error) : status;
    status = status == OA_OK ? read_choice(&is_mse, entry, "loss", "cross-entropy", "mse", error) : status;
    status = status == OA_OK ? read_choice(&source->is_paired, entry, "pairs", "any", "consecutive", error) : status;
    source->loss = is_mse ? OA_LOSS_MSE : OA_LOSS_CROSS_ENTROPY;
    if (status == OA_OK && weight && !(json_is_number(weight) && source->weight > 0.0 && source->weight <= 1e9)) {
        status = oa_fail(error, OA_ERROR_INPUT, "\"weight\" is not a number above 0");
    }
    if (status == OA_OK && source->labels && !source->data) {
        status = oa_fail(error, OA_ERROR_INPUT, "has \"labels\", but no \"data\" that they belong to");
    }
    return status;
}

static oa_status read_file(oa_train_sources *sources, const char *path, oa_error *error)
{
    json_error_t where;
    json_t *root = json_load_file(path, JSON_REJECT_DUPLICATES, &where);
    char *folder = oa_path_folder(path);
    oa_status status = OA_OK;
    if (!folder) {
        status = out_of_memory(error);
    } else if (!root) {
        status = where.line < 0 ? oa_fail(error, OA_ERROR_INPUT, "%s: %s", path, where.text)
                                : oa_fail(error, OA_ERROR_INPUT, "%s: line %d: %s", path, where.line, where.text);
    } else if (!json_is_array(root) || !json_array_size(root)) {
        status = oa_fail(error, OA_ERROR_INPUT, "%s: is not a list of families [{\"models\": [...], ...}, ...]", path);
    }
    size_t count = json_array_size(root);
    for (size_t i = 0; i < count && status == OA_OK; i++) {
        if (!oa_grow(&sources->list, &sources->capacity, i + 1, sizeof *sources->list)) {
            status = out_of_memory(error);
            break;
        }
        sources->list[i] = (oa_train_source){0};
        sources->count = i + 1;
        status = read_entry(&sources->list[i], json_array_get(root, i), folder, error);
        if (status != OA_OK) {
            oa_error_context(error, "%s: entry %zu", path, i);
        }
    }
    json_decref(root);
    oa_free(folder);
    return status;
}

/* ---- The command line ---- */

static oa_status take_options(oa_train_sources *sources, const oa_options *options, oa_error *error)
{
    if (!oa_grow(&sources->list, &sources->capacity, 1, sizeof *sources->list)) {
        return out_of_memory(error);
    }
    oa_train_source *source = &sources->list[0];
    *source = (oa_train_source){.loss = options->loss, .weight = 1.0};
    sources->count = 1;
    source->paths = oa_calloc(options->model_count, sizeof *source->paths);
    source->path_count = options->model_count;
    bool is_made = source->paths != NULL;
    for (size_t i = 0; i < options->model_count && is_made; i++) {
        is_made = (source->paths[i] = oa_strdup(options->models[i])) != NULL;
    }
    if (is_made && options->data) {
        is_made = (source->data = oa_strdup(options->data)) != NULL;
    }
    if (is_made && options->labels) {
        is_made = (source->labels = oa_strdup(options->labels)) != NULL;
    }
    return is_made ? OA_OK : out_of_memory(error);
}

oa_status oa_train_sources_read(oa_train_sources *sources, const oa_options *options, oa_error *error)
{
    oa_train_sources made = {0};
    oa_status status = options->train.families ? read_file(&made, options->train.families, error)
                                               : take_options(&made, options, error);
    if (status == OA_OK) {
        *sources = made;
    } else {
        oa_train_sources_free(&made);
    }
    return status;
}
