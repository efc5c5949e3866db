#include "support.h"

#include "tests/support/temporary_folder.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void *make(fixture *f, size_t count, size_t size)
{
    void *memory = oa_arena_alloc(&f->arena, count, size);
    assert_non_null(memory);
    return memory;
}

static char *text(fixture *f, const char *source)
{
    char *copy = oa_arena_strdup(&f->arena, source);
    assert_non_null(copy);
    return copy;
}

void append(fixture *f, void *list, size_t *count, void *item)
{
    void **old;
    memcpy(&old, list, sizeof old);
    void **longer = make(f, *count + 1, sizeof *longer);
    if (*count) {
        memcpy(longer, old, *count * sizeof *longer);
    }
    longer[(*count)++] = item;
    memcpy(list, &longer, sizeof longer);
}

int set_up(void **state)
{
    fixture *f = calloc(1, sizeof *f);
    if (!f) {
        return -1;
    }
    *state = f;
    if (!temporary_folder_make(f->folder, sizeof f->folder)) {
        return -1;
    }
    f->message = make(f, 1, sizeof *f->message);
    onnx__model_proto__init(f->message);
    f->message->has_ir_version = 1;
    f->message->ir_version = 8;
    Onnx__OperatorSetIdProto *import = make(f, 1, sizeof *import);
    onnx__operator_set_id_proto__init(import);
    import->has_version = 1;
    import->version = 17;
    append(f, &f->message->opset_import, &f->message->n_opset_import, import);
    f->graph = f->message->graph = new_graph(f);
    return 0;
}

int tear_down(void **state)
{
    fixture *f = *state;
    oa_model_destroy(f->model);
    (void)temporary_folder_remove(f->folder);
    oa_arena_free(&f->arena);
    free(f);
    return 0;
}

Onnx__TensorProto *new_tensor(fixture *f, const char *name, int type, size_t rank, const int64_t *dims)
{
    Onnx__TensorProto *tensor = make(f, 1, sizeof *tensor);
    onnx__tensor_proto__init(tensor);
    tensor->name = text(f, name);
    tensor->has_data_type = 1;
    tensor->data_type = type;
    tensor->n_dims = rank;
    tensor->dims = make(f, rank, sizeof *tensor->dims);
    if (rank) {
        memcpy(tensor->dims, dims, rank * sizeof *dims);
    }
    return tensor;
}

Onnx__TensorProto *add_initializer(fixture *f, const char *name, int type, size_t rank, const int64_t *dims)
{
    Onnx__TensorProto *tensor = new_tensor(f, name, type, rank, dims);
    append(f, &f->graph->initializer, &f->graph->n_initializer, tensor);
    return tensor;
}

void set_raw(fixture *f, Onnx__TensorProto *tensor, const void *data, size_t size)
{
    tensor->has_raw_data = 1;
    tensor->raw_data.len = size;
    tensor->raw_data.data = make(f, size, 1);
    if (size) {
        memcpy(tensor->raw_data.data, data, size);
    }
}

void add_entry(fixture *f, Onnx__TensorProto *tensor, const char *key, const char *value)
{
    Onnx__StringStringEntryProto *entry = make(f, 1, sizeof *entry);
    onnx__string_string_entry_proto__init(entry);
    entry->key = text(f, key);
    entry->value = text(f, value);
    append(f, &tensor->external_data, &tensor->n_external_data, entry);
}

void set_external(fixture *f, Onnx__TensorProto *tensor, const char *location, const char *offset, const char *length)
{
    tensor->has_data_location = 1;
    tensor->data_location = ONNX__TENSOR_PROTO__DATA_LOCATION__EXTERNAL;
    add_entry(f, tensor, "location", location);
    if (offset) {
        add_entry(f, tensor, "offset", offset);
    }
    if (length) {
        add_entry(f, tensor, "length", length);
    }
}

Onnx__GraphProto *new_graph(fixture *f)
{
    Onnx__GraphProto *graph = make(f, 1, sizeof *graph);
    onnx__graph_proto__init(graph);
    graph->name = text(f, "g");
    return graph;
}

static void append_names(fixture *f, char ***list, size_t *count, const char *names)
{
    for (const char *at = names; *at;) {
        size_t length = strcspn(at, " ");
        char *name = oa_arena_strndup(&f->arena, at, length);
        assert_non_null(name);
        append(f, list, count, strcmp(name, "-") == 0 ? text(f, "") : name);
        at += length;
        at += *at == ' ';
    }
}

Onnx__NodeProto *add_node(fixture *f, Onnx__GraphProto *graph, const char *type, const char *inputs,
                          const char *outputs)
{
    Onnx__NodeProto *node = make(f, 1, sizeof *node);
    onnx__node_proto__init(node);
    node->op_type = text(f, type);
    append_names(f, &node->input, &node->n_input, inputs);
    append_names(f, &node->output, &node->n_output, outputs);
    append(f, &graph->node, &graph->n_node, node);
    return node;
}

Onnx__AttributeProto *add_attribute(fixture *f, Onnx__NodeProto *node, const char *name, int type)
{
    Onnx__AttributeProto *attribute = make(f, 1, sizeof *attribute);
    onnx__attribute_proto__init(attribute);
    attribute->name = text(f, name);
    attribute->has_type = type != 0;
    attribute->type = (Onnx__AttributeProto__AttributeType)type;
    append(f, &node->attribute, &node->n_attribute, attribute);
    return attribute;
}

static Onnx__ValueInfoProto *new_value(fixture *f, const char *name, size_t rank, const int64_t *dims)
{
    Onnx__ValueInfoProto *value = make(f, 1, sizeof *value);
    onnx__value_info_proto__init(value);
    value->name = text(f, name);
    value->type = make(f, 1, sizeof *value->type);
    onnx__type_proto__init(value->type);
    value->type->value_case = ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE;
    Onnx__TypeProto__Tensor *tensor = value->type->tensor_type = make(f, 1, sizeof *tensor);
    onnx__type_proto__tensor__init(tensor);
    tensor->has_elem_type = 1;
    tensor->elem_type = OA_DTYPE_FLOAT;
    if (!dims) {
        return value;
    }
    tensor->shape = make(f, 1, sizeof *tensor->shape);
    onnx__tensor_shape_proto__init(tensor->shape);
    for (size_t i = 0; i < rank; i++) {
        Onnx__TensorShapeProto__Dimension *dim = make(f, 1, sizeof *dim);
        onnx__tensor_shape_proto__dimension__init(dim);
        dim->value_case = ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE;
        dim->dim_value = dims[i];
        append(f, &tensor->shape->dim, &tensor->shape->n_dim, dim);
    }
    return value;
}

Onnx__ValueInfoProto *add_input(fixture *f, Onnx__GraphProto *graph, const char *name, size_t rank, const int64_t *dims)
{
    Onnx__ValueInfoProto *value = new_value(f, name, rank, dims);
    append(f, &graph->input, &graph->n_input, value);
    return value;
}

Onnx__ValueInfoProto *add_output(fixture *f, Onnx__GraphProto *graph, const char *name)
{
    Onnx__ValueInfoProto *value = new_value(f, name, 0, NULL);
    append(f, &graph->output, &graph->n_output, value);
    return value;
}

void add_unknown(fixture *f, ProtobufCMessage *message, uint32_t number, const char *content)
{
    size_t length = strlen(content);
    assert_true(length < 128); /* so that the length takes one byte */
    ProtobufCMessageUnknownField *fields = make(f, message->n_unknown_fields + 1, sizeof *fields);
    if (message->n_unknown_fields) {
        memcpy(fields, message->unknown_fields, message->n_unknown_fields * sizeof *fields);
    }
    ProtobufCMessageUnknownField *field = &fields[message->n_unknown_fields++];
    field->tag = number;
    field->wire_type = PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED;
    field->len = length + 1;
    field->data = make(f, length + 1, 1);
    field->data[0] = (uint8_t)length;
    memcpy(field->data + 1, content, length);
    message->unknown_fields = fields;
}

Onnx__TensorProto *add_sum(fixture *f)
{
    const int64_t dims[] = {2};
    const float data[] = {1.0f, 2.0f};
    Onnx__TensorProto *w = add_initializer(f, "w", OA_DTYPE_FLOAT, 1, dims);
    set_raw(f, w, data, sizeof data);
    add_input(f, f->graph, "x", 1, dims);
    add_node(f, f->graph, "Add", "x w", "y");
    add_output(f, f->graph, "y");
    return w;
}

char *path_of(fixture *f, const char *name)
{
    size_t size = strlen(f->folder) + strlen(name) + 2;
    char *path = make(f, size, 1);
    snprintf(path, size, "%s/%s", f->folder, name);
    return path;
}

char *write_file(fixture *f, const char *name, const void *data, size_t size)
{
    char *path = path_of(f, name);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
    return path;
}

unsigned char *read_file(fixture *f, const char *path, size_t *size)
{
    struct stat info;
    assert_int_equal(stat(path, &info), 0);
    *size = (size_t)info.st_size;
    unsigned char *data = make(f, *size, 1);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    assert_int_equal(fread(data, 1, *size, file), *size);
    fclose(file);
    return data;
}

bool file_exists(const char *path)
{
    struct stat info;
    return lstat(path, &info) == 0;
}

size_t count_files(const char *path)
{
    size_t count = 0;
    DIR *folder = opendir(path);
    assert_non_null(folder);
    for (struct dirent *entry; (entry = readdir(folder));) {
        count += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
    }
    closedir(folder);
    return count;
}

unsigned char *pack_message(fixture *f, const ProtobufCMessage *message, size_t *size)
{
    *size = protobuf_c_message_get_packed_size(message);
    unsigned char *data = make(f, *size, 1);
    protobuf_c_message_pack(message, data);
    return data;
}

char *write_model(fixture *f, const char *name)
{
    size_t size;
    unsigned char *data = pack_message(f, &f->message->base, &size);
    return write_file(f, name, data, size);
}

void load(fixture *f, const char *path)
{
    oa_model_destroy(f->model);
    f->model = NULL;
    f->error = (oa_error){0};
    if (oa_model_load(&f->model, path, &f->error) != OA_OK) {
        fail_msg("loading failed: %s", f->error.message);
    }
}

void load_fails(fixture *f, const char *path, oa_status status, const char *words, const char *other)
{
    oa_model *model = NULL;
    f->error = (oa_error){0};
    assert_int_equal(oa_model_load(&model, path, &f->error), status);
    assert_null(model);
    assert_int_equal(f->error.status, status);
    if (!strstr(f->error.message, words) || !strstr(f->error.message, other) || !strstr(f->error.message, path)) {
        fail_msg("'%s' does not mention '%s', '%s' and the file", f->error.message, words, other);
    }
    assert_int_equal(oa_model_load(&model, path, NULL), status); /* without an error record too */
}

void refused(fixture *f, const char *words, const char *other)
{
    load_fails(f, write_model(f, "refused.onnx"), OA_ERROR_INPUT, words, other);
}

size_t value_index(const oa_model *model, const char *name)
{
    size_t value = oa_names_find(&oa_model_graph(model)->value_names, name);
    if (value == OA_NONE) {
        fail_msg("there is no value '%s'", name);
    }
    return value;
}

size_t tensor_index(const oa_model *model, const char *name)
{
    size_t index = oa_model_graph(model)->values[value_index(model, name)].tensor;
    if (index == OA_NONE) {
        fail_msg("there is no constant '%s'", name);
    }
    return index;
}

const oa_tensor *tensor_of(const oa_model *model, const char *name)
{
    return &oa_model_graph(model)->tensors[tensor_index(model, name)];
}

void check_bytes(const oa_model *model, const char *name, const void *bytes, size_t size)
{
    const oa_tensor *tensor = tensor_of(model, name);
    assert_int_equal(tensor->count * oa_dtype_size(tensor->dtype), size);
    assert_non_null(tensor->data);
    size_t alignment = oa_dtype_size(tensor->dtype) < 8 ? oa_dtype_size(tensor->dtype) : 8;
    assert_int_equal((uintptr_t)tensor->data % alignment, 0);
    assert_memory_equal(tensor->data, bytes, size);
}

void save_with(fixture *f, const char *path, const char *name, const void *data, size_t size)
{
    oa_payloads payloads = {0};
    f->error = (oa_error){0};
    assert_int_equal(oa_payloads_init(&payloads, oa_model_graph(f->model), &f->error), OA_OK);
    if (name) {
        void *copy = oa_malloc(size, 1);
        assert_non_null(copy);
        memcpy(copy, data, size);
        payloads.data[tensor_index(f->model, name)] = copy;
    }
    oa_status status = oa_model_save(path, f->model, &payloads, &f->error);
    oa_payloads_free(&payloads);
    if (status != OA_OK) {
        fail_msg("saving failed: %s", f->error.message);
    }
}
