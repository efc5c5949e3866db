#include "onnx_io/mapped_file.h"
#include "plugin/cli/axis_names.h"
#include "plugin/cli/files.h"

#include <jansson.h>
#include <string.h>

#define OA_PERMUTATION_FORMAT "onnx-align-permutation"
enum { OA_PERMUTATION_VERSION = 1 };

/* Text that grows. */
typedef struct text_buffer {
    char *data;
    size_t length, capacity;
} text_buffer;

/* Appends, keeping the text terminated; what jansson hands pieces of JSON to: 0, or -1 without memory. */
static int append(const char *piece, size_t size, void *data)
{
    text_buffer *text = data;
    size_t needed;
    if (oa_add_overflows(&needed, text->length, size) || oa_add_overflows(&needed, needed, 1) ||
        !oa_grow(&text->data, &text->capacity, needed, 1)) {
        return -1;
    }
    memcpy(text->data + text->length, piece, size);
    text->length += size;
    text->data[text->length] = '\0';
    return 0;
}

static int append_text(text_buffer *text, const char *piece)
{
    return append(piece, strlen(piece), text);
}

static json_t *json_of_names(const oa_axis_names *names)
{
    json_t *array = json_array();
    for (size_t i = 0; array && i < names->count; i++) {
        if (json_array_append_new(array, json_string(names->texts[i])) != 0) {
            json_decref(array);
            array = NULL;
        }
    }
    return array;
}

static json_t *json_of_permutation(const size_t *permutation, size_t n)
{
    json_t *array = json_array();
    for (size_t i = 0; array && i < n; i++) {
        if (json_array_append_new(array, json_integer((json_int_t)permutation[i])) != 0) {
            json_decref(array);
            array = NULL;
        }
    }
    return array;
}

static oa_status append_group(text_buffer *text, const oa_layout *layout, const oa_graph *graph,
                              const size_t *tensor_of, const oa_permutations *permutations, size_t group,
                              oa_error *error)
{
    oa_arena arena = {0};
    oa_axis_names names;
    json_t *object = NULL;
    oa_status status = oa_axis_names_of(&names, &arena, layout, graph, tensor_of, group, error);
    if (status != OA_OK) {
        goto done;
    }
    size_t size = layout->groups[group].size;
    object = json_object();
    if (!object || json_object_set_new(object, "id", json_integer((json_int_t)group)) != 0 ||
        json_object_set_new(object, "size", json_integer((json_int_t)size)) != 0 ||
        json_object_set_new(object, "axes", json_of_names(&names)) != 0 ||
        json_object_set_new(object, "permutation", json_of_permutation(permutations->of[group], size)) != 0 ||
        json_dump_callback(object, append, text, 0) != 0) {
        status = oa_fail(error, OA_ERROR_MEMORY, "out of memory while writing group %zu", group);
    }
done:
    json_decref(object);
    oa_arena_free(&arena);
    return status;
}

oa_status oa_permutation_file_save(const char *path, const oa_layout *layout, const oa_graph *graph,
                                   const size_t *tensor_of, const oa_permutations *permutations, oa_error *error)
{
    /* One group a line: people look at these files, and line tools compare them. */
    static const char separator[] = ",\n  ";
    text_buffer text = {0};
    oa_status status = OA_OK;
    char head[128];
    snprintf(head, sizeof head, "{\"format\": \"%s\", \"version\": %d, \"groups\": [", OA_PERMUTATION_FORMAT,
             OA_PERMUTATION_VERSION);
    int failed = append_text(&text, head);
    for (size_t g = 0; g < layout->group_count && status == OA_OK && failed == 0; g++) {
        failed = append_text(&text, g ? separator : separator + 1);
        if (failed == 0) {
            status = append_group(&text, layout, graph, tensor_of, permutations, g, error);
        }
    }
    if (status == OA_OK && (failed || append_text(&text, "\n]}\n") != 0)) {
        status = oa_fail(error, OA_ERROR_MEMORY, "out of memory while writing the permutations");
    }
    if (status == OA_OK) {
        status = oa_write_text(path, text.data, error); /* names the file */
    } else {
        oa_error_context(error, "%s", path);
    }
    oa_free(text.data);
    return status;
}

/* What is read so far. */
typedef struct loading {
    const oa_layout *layout;
    oa_arena arena;
    oa_axis_names *names;   /* [group_count] of the layout, sorted */
    bool *is_filled;        /* [group_count] of the layout */
    bool *is_alike;         /* [group_count] of the layout: insides given as one order for all blocks */
    bool *is_seen;          /* [group_count] ids in the file */
    oa_permutations loaded; /* initialised for the layout */
    oa_error *error;
} loading;

static oa_status parse(json_t **root, const char *path, oa_error *error)
{
    oa_mapped_file file = {0};
    json_error_t problem;
    oa_status status = oa_mapped_file_open(&file, path, error);
    if (status != OA_OK) {
        return status;
    }
    *root = json_loadb(file.data ? (const char *)file.data : "", file.size, JSON_REJECT_DUPLICATES, &problem);
    if (!*root) {
        /* Without memory jansson mostly comes back without words; inside a text it may also call the text bad. */
        bool is_short = json_error_code(&problem) == json_error_out_of_memory || problem.text[0] == '\0';
        status = is_short ? oa_fail(error, OA_ERROR_MEMORY, "out of memory while reading JSON")
                          : oa_fail(error, OA_ERROR_INPUT, "is not JSON: line %d, column %d: %s", problem.line,
                                    problem.column, problem.text);
    }
    oa_mapped_file_close(&file);
    return status;
}

/* A whole number of at least 0 under `key`. */
static oa_status read_size(size_t *size, const json_t *object, const char *key, oa_error *error)
{
    const json_t *item = json_object_get(object, key);
    json_int_t value = json_integer_value(item);
    if (!json_is_integer(item) || value < 0 || (uint64_t)value > PTRDIFF_MAX) {
        return oa_fail(error, OA_ERROR_INPUT, "\"%s\" is not a whole number of at least 0", key);
    }
    *size = (size_t)value;
    return OA_OK;
}

static oa_status read_names(oa_axis_names *names, loading *l, const json_t *object)
{
    const json_t *array = json_object_get(object, "axes");
    oa_axis_names made = {.count = json_array_size(array)};
    if (!json_is_array(array)) {
        return oa_fail(l->error, OA_ERROR_INPUT, "\"axes\" is not a list of texts \"tensor:axis\"");
    }
    made.texts = oa_arena_alloc(&l->arena, made.count, sizeof *made.texts);
    if (!made.texts) {
        return oa_fail(l->error, OA_ERROR_MEMORY, "out of memory for %zu axes", made.count);
    }
    for (size_t i = 0; i < made.count; i++) {
        made.texts[i] = json_string_value(json_array_get(array, i));
        if (!made.texts[i]) {
            return oa_fail(l->error, OA_ERROR_INPUT, "\"axes\" is not a list of texts \"tensor:axis\"");
        }
    }
    oa_axis_names_sort(&made);
    *names = made;
    return OA_OK;
}

static size_t inside_size(const oa_layout *layout, size_t group)
{
    return layout->groups[group].size / layout->groups[group].block_count;
}

/* The group of the model that a group of the file stands for. Groups are numbered along the graph, and another exporter
 * may have written the same graph in another order: the axes decide, the id where several groups have the same axes.
 * Insides may also have one order for all blocks: so they have in the layout of a pair that shares its blocks. */
static oa_status find_group(size_t *group, const loading *l, size_t id, size_t size, const oa_axis_names *names)
{
    const oa_layout *layout = l->layout;
    size_t found = OA_NONE;
    size_t count = 0;
    for (size_t g = 0; g < layout->group_count; g++) {
        if ((layout->groups[g].size == size || inside_size(layout, g) == size) &&
            oa_axis_names_equal(&l->names[g], names)) {
            found = count == 0 || g == id ? g : found;
            count++;
        }
    }
    if (count == 1 || (count > 1 && found == id)) {
        *group = found;
        return OA_OK;
    }
    char in_file[OA_AXIS_LIST_SIZE];
    char in_model[OA_AXIS_LIST_SIZE];
    if (count > 1) {
        return oa_fail(l->error, OA_ERROR_INPUT,
                       "fits %zu groups of the model, which all reorder %s, and its \"id\" %zu is none of theirs",
                       count, oa_axis_names_list(in_file, names), id);
    }
    return oa_fail(l->error, OA_ERROR_INPUT,
                   "has %zu units and reorders %s, but group %zu of the model has %zu units and reorders %s: the file "
                   "belongs to another model",
                   size, oa_axis_names_list(in_file, names), id, layout->groups[id].size,
                   oa_axis_names_list(in_model, &l->names[id]));
}

static oa_status read_permutation(loading *l, const json_t *object, size_t group)
{
    const json_t *array = json_object_get(object, "permutation");
    size_t size = l->layout->groups[group].size;
    if (json_array_size(array) == inside_size(l->layout, group)) {
        l->is_alike[group] = inside_size(l->layout, group) != size;
        size = inside_size(l->layout, group);
    }
    if (!json_is_array(array) || json_array_size(array) != size) {
        return oa_fail(l->error, OA_ERROR_INPUT, "\"permutation\" is not a list of %zu numbers", size);
    }
    bool *is_used = oa_calloc(size, sizeof *is_used);
    if (!is_used) {
        return oa_fail(l->error, OA_ERROR_MEMORY, "out of memory for a permutation of %zu units", size);
    }
    oa_status status = OA_OK;
    for (size_t i = 0; i < size && status == OA_OK; i++) {
        const json_t *item = json_array_get(array, i);
        json_int_t value = json_integer_value(item);
        if (!json_is_integer(item) || value < 0 || (uint64_t)value >= size) {
            status = oa_fail(l->error, OA_ERROR_INPUT, "entry %zu of \"permutation\" is not a whole number below %zu",
                             i, size);
        } else if (is_used[value]) {
            status = oa_fail(l->error, OA_ERROR_INPUT, "\"permutation\" is none: it has %lld twice", (long long)value);
        } else {
            is_used[value] = true;
            l->loaded.of[group][i] = (size_t)value;
        }
    }
    for (size_t i = size; i < l->layout->groups[group].size && status == OA_OK; i++) {
        l->loaded.of[group][i] = l->loaded.of[group][i % size] + i / size * size;
    }
    oa_free(is_used);
    return status;
}

/* Blocks and the insides that they lead agree: what the file leaves out follows from what it has. */
static oa_status complete(loading *l, size_t leader)
{
    const oa_layout *layout = l->layout;
    for (size_t g = oa_next_inside(layout, leader, leader); g != OA_NONE; g = oa_next_inside(layout, leader, g)) {
        if (!l->is_filled[g] || l->is_alike[g]) {
            continue;
        }
        size_t inside = inside_size(layout, g);
        for (size_t h = 0; h < layout->groups[leader].size && !l->is_filled[leader]; h++) {
            l->loaded.of[leader][h] = l->loaded.of[g][h * inside] / inside;
        }
        l->is_filled[leader] = true;
        if (!oa_permutations_fit(&l->loaded, layout, g)) {
            return oa_fail(
                l->error, OA_ERROR_INPUT,
                "the permutation of group %zu does not take each of its %zu blocks of %zu units where that of "
                "group %zu, the blocks, takes it",
                g, layout->groups[leader].size, inside, leader);
        }
    }
    for (size_t g = oa_next_inside(layout, leader, leader); g != OA_NONE; g = oa_next_inside(layout, leader, g)) {
        if (!l->is_filled[g] || l->is_alike[g]) {
            oa_permutations_follow(&l->loaded, layout, g);
        }
    }
    return OA_OK;
}

static oa_status read_group(loading *l, const json_t *object)
{
    size_t id = 0;
    size_t size = 0;
    size_t group = 0;
    oa_axis_names names;
    if (!json_is_object(object)) {
        return oa_fail(l->error, OA_ERROR_INPUT, "is not an object");
    }
    oa_status status = read_size(&id, object, "id", l->error);
    if (status == OA_OK && id >= l->layout->group_count) {
        status = oa_fail(l->error, OA_ERROR_INPUT, "\"id\" is %zu, but the model has %zu groups", id,
                         l->layout->group_count);
    }
    if (status == OA_OK && l->is_seen[id]) {
        status = oa_fail(l->error, OA_ERROR_INPUT, "\"id\" %zu is there twice", id);
    }
    if (status == OA_OK) {
        l->is_seen[id] = true;
        status = read_size(&size, object, "size", l->error);
    }
    if (status == OA_OK) {
        status = read_names(&names, l, object);
    }
    if (status == OA_OK) {
        status = find_group(&group, l, id, size, &names);
    }
    if (status == OA_OK && l->is_filled[group]) {
        status = oa_fail(l->error, OA_ERROR_INPUT, "stands for the same group of the model as an entry before it");
    }
    if (status == OA_OK) {
        status = read_permutation(l, object, group);
        l->is_filled[group] = true;
    }
    return status;
}

/* Every group of the file is another one of the model. Groups that the file leaves out stay in place: aligning pins
 * what both models share, which a model by itself does not show. */
static oa_status read_root(loading *l, const json_t *root)
{
    const char *format = json_string_value(json_object_get(root, "format"));
    const json_t *version = json_object_get(root, "version");
    const json_t *groups = json_object_get(root, "groups");
    if (!format || strcmp(format, OA_PERMUTATION_FORMAT) != 0) {
        return oa_fail(l->error, OA_ERROR_INPUT, "is not a permutation file: its \"format\" is not \"%s\"",
                       OA_PERMUTATION_FORMAT);
    }
    if (!json_is_integer(version) || json_integer_value(version) != OA_PERMUTATION_VERSION) {
        return oa_fail(l->error, OA_ERROR_INPUT, "is a permutation file of another version; %d is supported",
                       OA_PERMUTATION_VERSION);
    }
    if (!json_is_array(groups)) {
        return oa_fail(l->error, OA_ERROR_INPUT, "has no list \"groups\"");
    }
    if (json_array_size(groups) > l->layout->group_count) {
        return oa_fail(l->error, OA_ERROR_INPUT, "has %zu groups, but the model %zu: the file belongs to another model",
                       json_array_size(groups), l->layout->group_count);
    }
    oa_status status = OA_OK;
    for (size_t i = 0; i < json_array_size(groups) && status == OA_OK; i++) {
        status = read_group(l, json_array_get(groups, i));
        if (status != OA_OK) {
            oa_error_context(l->error, "entry %zu of \"groups\"", i);
        }
    }
    for (size_t g = 0; g < l->layout->group_count && status == OA_OK; g++) {
        status = oa_leads(l->layout, g) ? complete(l, g) : OA_OK;
    }
    return status;
}

static oa_status prepare(loading *l, const oa_graph *graph)
{
    size_t count = l->layout->group_count;
    l->names = oa_calloc(count, sizeof *l->names);
    l->is_filled = oa_calloc(count, sizeof *l->is_filled);
    l->is_alike = oa_calloc(count, sizeof *l->is_alike);
    l->is_seen = oa_calloc(count, sizeof *l->is_seen);
    if (!l->names || !l->is_filled || !l->is_alike || !l->is_seen) {
        return oa_fail(l->error, OA_ERROR_MEMORY, "out of memory for %zu groups", count);
    }
    oa_status status = oa_permutations_init(&l->loaded, l->layout, l->error);
    for (size_t g = 0; g < count && status == OA_OK; g++) {
        status = oa_axis_names_of(&l->names[g], &l->arena, l->layout, graph, NULL, g, l->error);
        if (status == OA_OK) {
            oa_axis_names_sort(&l->names[g]);
        }
    }
    return status;
}

oa_status oa_permutation_file_load(oa_permutations *permutations, const char *path, const oa_layout *layout,
                                   const oa_graph *graph, oa_error *error)
{
    loading l = {.layout = layout, .error = error};
    json_t *root = NULL;
    oa_status status = parse(&root, path, error);
    if (status == OA_OK) {
        status = prepare(&l, graph);
    }
    if (status == OA_OK) {
        status = read_root(&l, root);
    }
    if (status == OA_OK) {
        oa_permutations_copy(permutations, &l.loaded, layout);
    } else {
        oa_error_context(error, "%s", path);
    }
    json_decref(root);
    oa_permutations_free(&l.loaded);
    oa_free(l.is_filled);
    oa_free(l.is_alike);
    oa_free(l.is_seen);
    oa_free(l.names);
    oa_arena_free(&l.arena);
    return status;
}
