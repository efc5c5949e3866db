#include "text_graph.h"

#include "tests/support/cmocka_all.h"

#include "core/base/random.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LINES_MAX = 600, WORDS_MAX = 64, LIST_MAX = 16, NAMES_MAX = 2000, NAME_SIZE = 64 };

/* Other names for the names of the text. */
typedef struct renaming {
    uint64_t seed; /* 0: none */
    char old[NAMES_MAX][NAME_SIZE];
    char new[NAMES_MAX][NAME_SIZE];
    size_t numbers[NAMES_MAX];
    size_t count;
} renaming;

typedef struct parser {
    text_graph *t;
    renaming *names;
    int64_t version;
    char *words[WORDS_MAX];
    size_t count;
} parser;

static void require(oa_status status, const oa_error *error)
{
    if (status != OA_OK) {
        fail_msg("building the graph failed: %s", error->message);
    }
}

static void *make(parser *p, size_t count, size_t size)
{
    void *memory = oa_arena_alloc(&p->t->arena, count, size);
    assert_non_null(memory);
    return memory;
}

static const char *copy(parser *p, const char *text)
{
    const char *made = oa_arena_strdup(&p->t->arena, text);
    assert_non_null(made);
    return made;
}

static const char *name_of(parser *p, const char *old)
{
    renaming *names = p->names;
    if (names->seed == 0) {
        return old;
    }
    for (size_t i = 0; i < names->count; i++) {
        if (strcmp(names->old[i], old) == 0) {
            return names->new[i];
        }
    }
    assert_true(names->count < NAMES_MAX && strlen(old) < NAME_SIZE);
    snprintf(names->old[names->count], NAME_SIZE, "%s", old);
    snprintf(names->new[names->count], NAME_SIZE, "n%zu", names->numbers[names->count]);
    return names->new[names->count++];
}

static size_t value_of(parser *p, const char *word)
{
    size_t value = OA_NONE;
    oa_error error = {0};
    if (strcmp(word, "-") != 0) {
        require(oa_graph_value(&value, p->t->graph, name_of(p, word), &error), &error);
    }
    return value;
}

static oa_dtype dtype_of(const char *word)
{
    for (int dtype = 1; dtype <= 16; dtype++) {
        if (strcmp(oa_dtype_name((oa_dtype)dtype), word) == 0) {
            return (oa_dtype)dtype;
        }
    }
    fail_msg("there is no type '%s'", word);
    return OA_DTYPE_UNDEFINED;
}

static void add_declared(parser *p, bool is_output)
{
    oa_value declared = {0};
    oa_error error = {0};
    assert_true(p->count >= 2);
    if (p->count > 2) {
        declared.dtype = dtype_of(p->words[2]);
        declared.has_shape = true;
        declared.rank = p->count - 3;
        for (size_t k = 0; k < declared.rank; k++) {
            const char *word = p->words[k + 3];
            declared.dims[k] = *word == '?' || *word == '@' ? -1 : strtoll(word, NULL, 10);
            declared.symbols[k] = *word == '@' ? word + 1 : NULL;
        }
    }
    const char *name = name_of(p, p->words[1]);
    require(is_output ? oa_graph_add_output(p->t->graph, name, &declared, &error)
                      : oa_graph_add_input(p->t->graph, name, &declared, &error),
            &error);
}

static void store_number(void *data, oa_dtype dtype, size_t i, const char *word)
{
    double real = strtod(word, NULL);
    long long integer = strtoll(word, NULL, 10);
    size_t size = oa_dtype_size(dtype);
    unsigned char *at = (unsigned char *)data + i * size;
    if (oa_dtype_is_float(dtype)) {
        oa_floats_from_f64(at, dtype, &real, 1);
    } else if (dtype == OA_DTYPE_STRING) {
        ((oa_string_view *)data)[i] = (oa_string_view){word, strlen(word)};
    } else if (size == 8) {
        memcpy(at, &integer, size);
    } else if (size == 4) {
        memcpy(at, &(int32_t){(int32_t)integer}, size);
    } else if (size == 2) {
        memcpy(at, &(int16_t){(int16_t)integer}, size);
    } else {
        *at = (unsigned char)integer;
    }
}

static void add_constant(parser *p, bool has_values)
{
    assert_true(p->count >= 3);
    oa_tensor tensor = {.name = name_of(p, p->words[1]), .dtype = dtype_of(p->words[2]), .count = 1};
    oa_error error = {0};
    size_t at = 3;
    for (; at < p->count && strcmp(p->words[at], "=") != 0; at++) {
        tensor.dims[tensor.rank++] = (size_t)strtoull(p->words[at], NULL, 10);
        tensor.count *= tensor.dims[tensor.rank - 1];
    }
    void *data = make(p, tensor.count, oa_dtype_size(tensor.dtype));
    assert_int_equal(p->count - at, has_values ? tensor.count + 1 : 0);
    for (size_t i = 0; i < tensor.count; i++) {
        char number[32];
        snprintf(number, sizeof number, "%zu", (i * 7 + tensor.count + strlen(tensor.name)) % 100);
        store_number(data, tensor.dtype, i, has_values ? copy(p, p->words[at + 1 + i]) : number);
    }
    tensor.data = data;
    tensor.is_initializer = true;
    require(oa_graph_add_tensor(NULL, p->t->graph, &tensor, &error), &error);
}

/* The items of "[1,2]", "(1.0,2.0)" or "<a,b>". */
static size_t split_list(char *items[static LIST_MAX], char *text)
{
    size_t count = 0;
    text[strlen(text) - 1] = '\0';
    for (char *item = strtok(text + 1, ","); item; item = strtok(NULL, ",")) {
        assert_true(count < LIST_MAX);
        items[count++] = item;
    }
    return count;
}

static void parse_list(parser *p, oa_attribute *attribute, char *value)
{
    char *items[LIST_MAX];
    char kind = *value;
    attribute->count = split_list(items, value);
    int64_t *ints = make(p, attribute->count, sizeof *ints);
    float *floats = make(p, attribute->count, sizeof *floats);
    oa_string_view *strings = make(p, attribute->count, sizeof *strings);
    for (size_t i = 0; i < attribute->count; i++) {
        ints[i] = strtoll(items[i], NULL, 10);
        floats[i] = strtof(items[i], NULL);
        strings[i] = (oa_string_view){items[i], strlen(items[i])};
    }
    attribute->kind = kind == '[' ? OA_ATTRIBUTE_INTS : kind == '(' ? OA_ATTRIBUTE_FLOATS : OA_ATTRIBUTE_STRINGS;
    attribute->ints = ints;
    attribute->floats = floats;
    attribute->strings = strings;
}

static oa_attribute parse_attribute(parser *p, const char *word)
{
    char *text = make(p, strlen(word) + 1, 1);
    strcpy(text, word);
    char *value = strchr(text, '=');
    assert_non_null(value);
    *value++ = '\0';
    oa_attribute attribute = {.name = text};
    if (strchr("[(<", *value)) {
        parse_list(p, &attribute, value);
    } else if (*value == '\'') {
        attribute.kind = OA_ATTRIBUTE_STRING;
        attribute.s = (oa_string_view){value + 1, strlen(value) - 2};
    } else if (*value == '%') {
        oa_tensor *tensor = make(p, 1, sizeof *tensor);
        float *data = make(p, 1, sizeof *data);
        *data = strtof(value + 1, NULL);
        *tensor = (oa_tensor){.name = "", .dtype = OA_DTYPE_FLOAT, .count = 1, .data = data};
        attribute.kind = OA_ATTRIBUTE_TENSOR;
        attribute.tensor = tensor;
    } else if (*value == '#') {
        attribute.hash = strtoull(value + 1, NULL, 10);
    } else if (strpbrk(value, ".ein")) {
        attribute.kind = OA_ATTRIBUTE_FLOAT;
        attribute.f = strtof(value, NULL);
    } else {
        attribute.kind = OA_ATTRIBUTE_INT;
        attribute.i = strtoll(value, NULL, 10);
    }
    return attribute;
}

static void add_node(parser *p)
{
    size_t inputs[WORDS_MAX];
    size_t captures[WORDS_MAX];
    size_t outputs[WORDS_MAX];
    oa_attribute attributes[WORDS_MAX];
    oa_error error = {0};
    assert_true(p->count >= 3);
    oa_node node = {.name = copy(p, name_of(p, p->words[1])),
                    .op_type = copy(p, p->words[2]),
                    .domain = "",
                    .version = p->version,
                    .inputs = inputs,
                    .outputs = outputs,
                    .captures = captures,
                    .attributes = attributes};
    char *slash = strchr(p->words[2], '/');
    if (slash) {
        *slash = '\0';
        node.domain = copy(p, p->words[2]);
        node.op_type = copy(p, slash + 1);
    }
    char part = 'i';
    for (size_t i = 3; i < p->count; i++) {
        const char *word = p->words[i];
        if (strcmp(word, "->") == 0 || strcmp(word, "+") == 0 || strcmp(word, ":") == 0) {
            part = *word;
        } else if (part == 'i') {
            inputs[node.input_count++] = value_of(p, word);
        } else if (part == '+') {
            captures[node.capture_count++] = value_of(p, word);
        } else if (part == '-') {
            outputs[node.output_count++] = value_of(p, word);
        } else {
            attributes[node.attribute_count++] = parse_attribute(p, word);
        }
    }
    if (node.output_count == 0) {
        outputs[node.output_count++] = value_of(p, p->words[1]);
    }
    require(oa_graph_add_node(p->t->graph, &node, &error), &error);
}

static void parse_line(parser *p, char *line)
{
    p->count = 0;
    for (char *word = strtok(line, " "); word; word = strtok(NULL, " ")) {
        assert_true(p->count < WORDS_MAX);
        p->words[p->count++] = word;
    }
    if (p->count == 0) {
        return;
    }
    const char *kind = p->words[0];
    if (strcmp(kind, "input") == 0 || strcmp(kind, "output") == 0) {
        add_declared(p, *kind == 'o');
    } else if (strcmp(kind, "weight") == 0 || strcmp(kind, "const") == 0) {
        add_constant(p, *kind == 'c');
    } else if (strcmp(kind, "opaque") == 0) {
        p->t->graph->values[value_of(p, p->words[1])].is_opaque = true;
    } else if (strcmp(kind, "version") == 0) {
        p->version = strtoll(p->words[1], NULL, 10);
    } else if (strcmp(kind, "node") == 0) {
        add_node(p);
    } else {
        fail_msg("no line starts with '%s'", kind);
    }
}

/* Puts constants and nodes in a random order, constants first; all other lines stay. */
static void shuffle(char **lines, size_t count, oa_random *random)
{
    for (size_t i = count; i > 1; i--) {
        size_t j = oa_random_below(random, i);
        bool both_nodes = strncmp(lines[i - 1], "node", 4) == 0 && strncmp(lines[j], "node", 4) == 0;
        bool both_constants = (*lines[i - 1] == 'w' || *lines[i - 1] == 'c') && (*lines[j] == 'w' || *lines[j] == 'c');
        if (both_nodes || both_constants) {
            char *line = lines[i - 1];
            lines[i - 1] = lines[j];
            lines[j] = line;
        }
    }
}

text_graph text_graph_parse(const char *text, uint64_t seed)
{
    text_graph t = {.graph = oa_graph_create()};
    assert_non_null(t.graph);
    char *lines[LINES_MAX];
    size_t count = 0;
    char *buffer = oa_strdup(text);
    renaming *names = oa_calloc(1, sizeof *names);
    assert_true(buffer && names);
    for (char *line = buffer; *line;) {
        size_t length = strcspn(line, "\n");
        char *next = line + length + (line[length] == '\n');
        line[length] = '\0';
        line += strspn(line, " ");
        assert_true(count < LINES_MAX);
        lines[count++] = line;
        line = next;
    }
    oa_random random;
    oa_random_init(&random, seed);
    names->seed = seed;
    oa_random_permutation(names->numbers, NAMES_MAX, &random);
    for (size_t i = 0; seed && i < 8; i++) {
        shuffle(lines, count, &random);
    }
    parser p = {.t = &t, .names = names, .version = 17};
    for (size_t i = 0; i < count; i++) {
        parse_line(&p, lines[i]);
    }
    oa_free(buffer);
    oa_free(names);
    return t;
}

text_graph text_graph_make(const char *text, uint64_t seed)
{
    text_graph t = text_graph_parse(text, seed);
    oa_error error = {0};
    require(oa_graph_finish(t.graph, &error), &error);
    return t;
}

void text_graph_free(text_graph *t)
{
    oa_graph_destroy(t->graph);
    oa_arena_free(&t->arena);
}
