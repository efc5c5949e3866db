#include "plugin/cli/train_set.h"

#include "core/base/memory.h"
#include "core/ir/pair.h"
#include "core/match/frozen.h"
#include "plugin/cli/sample_folder.h"
#include "plugin/cli/train_data.h"

#include <string.h>
#include <sys/stat.h>

enum { FEWEST_MODELS = 4 };

/* ---- Which files ---- */

static oa_status append_path(oa_sample_folder *list, const char *path, oa_error *error)
{
    char *copy = oa_strdup(path);
    if (!copy || !oa_grow(&list->paths, &list->capacity, list->count + 1, sizeof *list->paths)) {
        oa_free(copy);
        return oa_fail(error, OA_ERROR_MEMORY, "out of memory for the list of models");
    }
    list->paths[list->count++] = copy;
    return OA_OK;
}

/* All files of a source, folders opened. */
static oa_status list_files(oa_sample_folder *files, const oa_train_source *source, oa_error *error)
{
    oa_status status = OA_OK;
    for (size_t i = 0; i < source->path_count && status == OA_OK; i++) {
        struct stat info;
        if (stat(source->paths[i], &info) != 0 || !S_ISDIR(info.st_mode)) {
            status = append_path(files, source->paths[i], error);
            continue;
        }
        oa_sample_folder inside = {0};
        status = oa_folder_list(&inside, source->paths[i], ".onnx", error);
        for (size_t k = 0; k < inside.count && status == OA_OK; k++) {
            status = append_path(files, inside.paths[k], error);
        }
        oa_sample_folder_free(&inside);
    }
    return status;
}

/* ---- Families ---- */

static void free_member(oa_train_member *member)
{
    oa_layout_destroy(member->layout);
    oa_weight_map_free(&member->map);
    oa_model_destroy(member->first);
    for (size_t i = 0; i < member->count; i++) {
        oa_free(member->paths[i]);
    }
    oa_free(member->paths);
    oa_free(member->fixed);
    oa_array_free(&member->inputs);
    oa_free(member->labels);
    oa_free(member->targets);
    *member = (oa_train_member){0};
}

void oa_train_set_free(oa_train_set *set)
{
    for (size_t i = 0; i < set->count; i++) {
        free_member(&set->members[i]);
    }
    oa_free(set->members);
    oa_free(set->families);
    *set = (oa_train_set){0};
}

static void add_to_fingerprint(uint64_t *hash, const float *weights, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        uint32_t word;
        memcpy(&word, &weights[i], sizeof word);
        *hash = (*hash ^ word) * UINT64_C(0x100000001b3);
        *hash ^= *hash >> 29;
    }
}

/* Reads a model's weights once, to see that they can be read and to know them again. */
static oa_status take_weights(oa_train_member *member, const oa_graph *graph, const size_t *tensor_of, oa_error *error)
{
    float *weights = oa_malloc(member->map.total, sizeof *weights);
    if (!weights) {
        return oa_fail(error, OA_ERROR_MEMORY, "out of memory for the weights of a model");
    }
    oa_status status = oa_weight_map_read(weights, &member->map, graph, tensor_of, error);
    if (status == OA_OK) {
        add_to_fingerprint(&member->fingerprint, weights, member->map.total);
    }
    oa_free(weights);
    return status;
}

/* Founds a family; takes over the model. */
static oa_status found_family(oa_train_set *set, size_t source, oa_model **model, const char *path, oa_error *error)
{
    if (!oa_grow(&set->members, &set->capacity, set->count + 1, sizeof *set->members)) {
        return oa_fail(error, OA_ERROR_MEMORY, "out of memory for the list of families");
    }
    oa_train_member *member = &set->members[set->count++];
    *member = (oa_train_member){.source = source, .first = *model, .fingerprint = UINT64_C(0xcbf29ce484222325)};
    const oa_graph *graph = oa_model_graph(member->first);
    *model = NULL;
    oa_status status = oa_layout_discover(&member->layout, graph, NULL, 0, error);
    status = status == OA_OK ? oa_weight_map_init(&member->map, graph, member->layout, error) : status;
    status = status == OA_OK ? take_weights(member, graph, NULL, error) : status;
    if (status == OA_OK && !member->layout->group_count) {
        status = oa_fail(error, OA_ERROR_INPUT, "nothing in it can be reordered, so there is nothing to learn from it");
    }
    char *copy = status == OA_OK ? oa_strdup(path) : NULL;
    if (status == OA_OK && (!copy || !oa_grow(&member->paths, &member->capacity, 1, sizeof *member->paths))) {
        oa_free(copy);
        return oa_fail(error, OA_ERROR_MEMORY, "out of memory for the list of models");
    }
    if (copy) {
        member->paths[member->count++] = copy;
    }
    return status;
}

/* Keeps only those axes fixed that this model, too, has the same as the first. */
static oa_status narrow_fixed(oa_train_member *member, const oa_graph *graph, const size_t *tensor_of, oa_error *error)
{
    oa_fixed_axis *found = NULL;
    size_t count = 0, capacity = 0;
    oa_match_problem problem = {
        .layout = member->layout, .a = oa_model_graph(member->first), .b = graph, .tensor_b = tensor_of};
    oa_status status = oa_frozen_axes(&found, &count, &capacity, &problem, error);
    if (status == OA_OK && member->count == 1) {
        member->fixed = found;
        member->fixed_count = count;
        return OA_OK;
    }
    size_t kept = 0;
    for (size_t i = 0; i < member->fixed_count && status == OA_OK; i++) {
        for (size_t k = 0; k < count; k++) {
            if (found[k].tensor == member->fixed[i].tensor && found[k].axis == member->fixed[i].axis) {
                member->fixed[kept++] = member->fixed[i];
                break;
            }
        }
    }
    member->fixed_count = status == OA_OK ? kept : member->fixed_count;
    oa_free(found);
    return status;
}

/* Lets a model join a family when it pairs with the first one. */
static oa_status try_family(bool *joined, oa_train_member *member, const oa_graph *graph, const char *path,
                            oa_error *error)
{
    oa_pairing pairing = {0};
    oa_error other = {.status = OA_OK};
    oa_status status = oa_pair_graphs(&pairing, oa_model_graph(member->first), graph, &other);
    if (status == OA_ERROR_ARCHITECTURE) {
        return OA_OK; /* not this one */
    }
    if (status != OA_OK) {
        return oa_fail(error, status, "%s", other.message);
    }
    char *copy = oa_strdup(path);
    if (!copy || !oa_grow(&member->paths, &member->capacity, member->count + 1, sizeof *member->paths)) {
        oa_free(copy);
        oa_pairing_free(&pairing);
        return oa_fail(error, OA_ERROR_MEMORY, "out of memory for the list of models");
    }
    status = take_weights(member, graph, pairing.tensor_b, error);
    status = status == OA_OK ? narrow_fixed(member, graph, pairing.tensor_b, error) : status;
    oa_pairing_free(&pairing);
    if (status != OA_OK) {
        oa_free(copy);
        return status;
    }
    member->paths[member->count++] = copy;
    *joined = true;
    return OA_OK;
}

static oa_status place_model(oa_train_set *set, size_t source, const char *path, oa_error *error)
{
    oa_model *model = NULL;
    bool joined = false;
    oa_status status = oa_model_load(&model, path, error); /* names the file */
    if (status != OA_OK) {
        return status;
    }
    for (size_t f = 0; f < set->count && status == OA_OK && !joined; f++) {
        if (set->members[f].source == source) {
            status = try_family(&joined, &set->members[f], oa_model_graph(model), path, error);
        }
    }
    if (status == OA_OK && !joined) {
        status = found_family(set, source, &model, path, error);
    }
    oa_model_destroy(model);
    if (status != OA_OK) {
        oa_error_context(error, "%s", path);
    }
    return status;
}

/* ---- What training sees ---- */

static oa_status read_weights(float *weights, void *context, size_t index, oa_error *error)
{
    const oa_train_member *member = context;
    oa_model *model = NULL;
    oa_pairing pairing = {0};
    if (index == 0) {
        return oa_weight_map_read(weights, &member->map, oa_model_graph(member->first), NULL, error);
    }
    oa_status status = oa_model_load(&model, member->paths[index], error);
    if (status != OA_OK) {
        return status;
    }
    status = oa_pair_graphs(&pairing, oa_model_graph(member->first), oa_model_graph(model), error);
    if (status == OA_OK) {
        status = oa_weight_map_read(weights, &member->map, oa_model_graph(model), pairing.tensor_b, error);
        oa_pairing_free(&pairing);
    }
    oa_model_destroy(model);
    if (status != OA_OK) {
        oa_error_context(error, "%s", member->paths[index]);
        status = status == OA_ERROR_ARCHITECTURE
                     ? oa_fail(error, OA_ERROR_INPUT, "%s has changed while it was trained on", member->paths[index])
                     : status;
    }
    return status;
}

static oa_status finish_member(oa_train_member *member, const oa_train_source *source, double data_scale,
                               oa_error *error)
{
    if (member->count < FEWEST_MODELS) {
        return oa_fail(
            error, OA_ERROR_INPUT,
            "%s: only %zu model%s of this architecture %s among those given; at least %d are needed to learn "
            "from them",
            member->paths[0], member->count, member->count == 1 ? "" : "s", member->count == 1 ? "is" : "are",
            FEWEST_MODELS);
    }
    if (source->is_paired && member->count % 2 != 0) {
        return oa_fail(error, OA_ERROR_INPUT, "%s: models in consecutive pairs, but there are %zu of this architecture",
                       member->paths[0], member->count);
    }
    const oa_graph *graph = oa_model_graph(member->first);
    oa_status status = OA_OK;
    if (member->fixed_count) {
        oa_layout_destroy(member->layout);
        member->layout = NULL;
        status = oa_layout_discover(&member->layout, graph, member->fixed, member->fixed_count, error);
        if (status == OA_OK && !member->layout->group_count) {
            status = oa_fail(error, OA_ERROR_INPUT,
                             "%s: all models of this architecture have the same weights; nothing can be learned from "
                             "them",
                             member->paths[0]);
        }
    }
    return status == OA_OK ? oa_train_data_load(member, source, data_scale, error) : status;
}

static void describe(oa_family *family, const oa_train_member *member, const oa_train_source *source)
{
    *family = (oa_family){.name = member->paths[0],
                          .graph = oa_model_graph(member->first),
                          .layout = member->layout,
                          .map = &member->map,
                          .model_count = member->count,
                          .is_paired = source->is_paired,
                          .weight = source->weight,
                          .read = read_weights,
                          .context = (void *)(uintptr_t)member, /* only read */
                          .fingerprint = member->fingerprint,
                          .samples = {.inputs = member->inputs.data ? &member->inputs : NULL,
                                      .labels = member->labels,
                                      .targets = member->targets,
                                      .target_size = member->target_size}};
}

oa_status oa_train_set_load(oa_train_set *set, const oa_train_sources *sources, double data_scale,
                            void (*progress)(void *context, size_t done, size_t total), void *progress_context,
                            oa_error *error)
{
    oa_train_set made = {0};
    oa_status status = OA_OK;
    for (size_t s = 0; s < sources->count && status == OA_OK; s++) {
        oa_sample_folder files = {0};
        status = list_files(&files, &sources->list[s], error);
        for (size_t i = 0; i < files.count && status == OA_OK; i++) {
            status = place_model(&made, s, files.paths[i], error);
            if (progress) {
                progress(progress_context, i + 1, files.count);
            }
        }
        oa_sample_folder_free(&files);
    }
    for (size_t f = 0; f < made.count && status == OA_OK; f++) {
        status = finish_member(&made.members[f], &sources->list[made.members[f].source], data_scale, error);
    }
    if (status == OA_OK && !(made.families = oa_calloc(made.count, sizeof *made.families))) {
        status = oa_fail(error, OA_ERROR_MEMORY, "out of memory for the list of families");
    }
    if (status != OA_OK) {
        oa_train_set_free(&made);
        return status;
    }
    for (size_t f = 0; f < made.count; f++) {
        describe(&made.families[f], &made.members[f], &sources->list[made.members[f].source]);
        made.model_count += made.members[f].count;
    }
    *set = made;
    return OA_OK;
}
