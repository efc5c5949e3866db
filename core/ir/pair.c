#include "core/ir/pair.h"

#include <stdio.h>
#include <string.h>

enum { OA_SHAPE_TEXT_SIZE = 160 };

typedef struct pair_frame {
    size_t value_a, value_b;
    size_t next; /* input slot to go on with */
} pair_frame;

typedef struct pairer {
    const oa_graph *a, *b;
    size_t *value_b;           /* [a->values] */
    size_t *value_a;           /* [b->values] */
    uint64_t *hash_a, *hash_b; /* [values] of what a value is computed from, without attributes and weights' contents */
    pair_frame *stack; /* [a->values] */
    oa_error *error;
} pairer;

static const uint64_t HASH_START = UINT64_C(0xcbf29ce484222325);

static uint64_t hash_bytes(uint64_t hash, const void *data, size_t size)
{
    const unsigned char *bytes = data;
    for (size_t i = 0; i < size; i++) {
        hash = (hash ^ bytes[i]) * UINT64_C(0x100000001b3);
    }
    return hash;
}

static bool is_commutative(const oa_node *node)
{
    return node->input_count == 2 && (oa_node_is(node, "Add") || oa_node_is(node, "Mul") || oa_node_is(node, "Sum") ||
                                      oa_node_is(node, "Max") || oa_node_is(node, "Min"));
}

/* Identity and Dropout at inference hand their first input on. */
static size_t behind_identity(const oa_graph *graph, size_t value)
{
    while (value != OA_NONE && graph->values[value].producer != OA_NONE) {
        const oa_node *node = &graph->nodes[graph->values[value].producer];
        bool passes = oa_node_is(node, "Identity") ||
                      (oa_node_is(node, "Dropout") && oa_node_input(node, 2) == OA_NONE && node->outputs[0] == value);
        if (!passes || node->input_count == 0) {
            break;
        }
        value = node->inputs[0];
    }
    return value;
}

static uint64_t hash_tensor(const oa_tensor *tensor)
{
    uint64_t hash = hash_bytes(HASH_START, "tensor", 6);
    unsigned dtype = oa_dtype_is_float(tensor->dtype) ? OA_DTYPE_FLOAT : (unsigned)tensor->dtype;
    hash = hash_bytes(hash, &dtype, sizeof dtype);
    return hash_bytes(hash, tensor->dims, tensor->rank * sizeof *tensor->dims);
}

static void hash_values(uint64_t *hash, const oa_graph *graph)
{
    for (size_t v = 0; v < graph->value_count; v++) {
        const oa_value *value = &graph->values[v];
        hash[v] = value->tensor == OA_NONE ? HASH_START : hash_tensor(&graph->tensors[value->tensor]);
    }
    for (size_t i = 0; i < graph->live_count; i++) {
        const oa_node *node = &graph->nodes[i];
        uint64_t sum = 0;
        uint64_t h = hash_bytes(HASH_START, node->op_type, strlen(node->op_type));
        h = hash_bytes(h, node->domain, strlen(node->domain));
        for (size_t k = 0; k < node->input_count; k++) {
            size_t value = behind_identity(graph, node->inputs[k]);
            if (value == OA_NONE || oa_slot_attribute(node, k)) {
                continue;
            }
            h = is_commutative(node) ? h : hash_bytes(h, &hash[value], sizeof hash[value]);
            sum += hash[value] * UINT64_C(0x9e3779b97f4a7c15);
        }
        h = hash_bytes(h, &sum, sizeof sum);
        for (size_t k = 0; k < node->output_count; k++) {
            if (node->outputs[k] != OA_NONE) {
                hash[node->outputs[k]] = hash_bytes(h, &k, sizeof k);
            }
        }
    }
}

/* "node 'fc1' (Gemm)", "graph input 'x'" or "initializer 'w' [3, 4] float32". */
static void describe(char *text, size_t size, const oa_graph *graph, size_t v)
{
    if (v == OA_NONE) {
        snprintf(text, size, "nothing");
        return;
    }
    const oa_value *value = &graph->values[v];
    if (value->tensor != OA_NONE) {
        const oa_tensor *tensor = &graph->tensors[value->tensor];
        int length = snprintf(text, size, "initializer '%.60s' [", value->name);
        for (size_t k = 0; k < tensor->rank && length > 0 && (size_t)length < size; k++) {
            length += snprintf(text + length, size - (size_t)length, k ? ", %zu" : "%zu", tensor->dims[k]);
        }
        if (length > 0 && (size_t)length < size) {
            snprintf(text + length, size - (size_t)length, "] %s", oa_dtype_name(tensor->dtype));
        }
    } else if (value->producer != OA_NONE) {
        const oa_node *node = &graph->nodes[value->producer];
        snprintf(text, size, "node '%.60s' (%.40s)", oa_node_label(graph, node), node->op_type);
    } else {
        snprintf(text, size, "graph input '%.60s'", value->name);
    }
}

static oa_status differ(const pairer *p, size_t value_a, size_t value_b, const char *how)
{
    char text_a[OA_SHAPE_TEXT_SIZE];
    char text_b[OA_SHAPE_TEXT_SIZE];
    describe(text_a, sizeof text_a, p->a, value_a);
    describe(text_b, sizeof text_b, p->b, value_b);
    return oa_fail(p->error, OA_ERROR_ARCHITECTURE,
                   "the models do not share an architecture: %s of the first meets %s of the second%s%s; give models "
                   "trained from one architecture",
                   text_a, text_b, *how ? ": " : "", how);
}

/* Both sides' readers, when it is a constant or an input that differs: people look for the node. */
static oa_status differ_at(const pairer *p, size_t reader_a, size_t reader_b, size_t value_a, size_t value_b,
                           const char *how)
{
    oa_status status = differ(p, value_a, value_b, how);
    if (reader_a != OA_NONE && reader_b != OA_NONE) {
        const oa_node *a = &p->a->nodes[reader_a];
        const oa_node *b = &p->b->nodes[reader_b];
        oa_error_context(p->error, "at node '%.60s' (%.40s) of the first and node '%.60s' (%.40s) of the second",
                         oa_node_label(p->a, a), a->op_type, oa_node_label(p->b, b), b->op_type);
    }
    return status;
}

static const char *constants_differ(const oa_tensor *a, const oa_tensor *b)
{
    if (a->rank != b->rank || memcmp(a->dims, b->dims, a->rank * sizeof *a->dims) != 0) {
        return "their shapes differ";
    }
    if (oa_dtype_is_float(a->dtype) && oa_dtype_is_float(b->dtype)) {
        return a->data && b->data ? NULL : "a payload cannot be read";
    }
    if (a->dtype != b->dtype) {
        return "their types differ";
    }
    size_t size = oa_dtype_size(a->dtype);
    if (a->dtype == OA_DTYPE_STRING || !a->data || !b->data || size == 0) {
        return NULL; /* carried along as the first model has it */
    }
    return memcmp(a->data, b->data, a->count * size) == 0 ? NULL : "constants that are no weights differ";
}

static const char *inputs_differ(const oa_value *a, const oa_value *b)
{
    bool both_float = oa_dtype_is_float(a->dtype) && oa_dtype_is_float(b->dtype);
    if (a->dtype != b->dtype && !both_float && a->dtype != OA_DTYPE_UNDEFINED && b->dtype != OA_DTYPE_UNDEFINED) {
        return "their types differ";
    }
    if (a->has_shape && b->has_shape) {
        if (a->rank != b->rank) {
            return "their ranks differ";
        }
        for (size_t k = 0; k < a->rank; k++) {
            if (a->dims[k] >= 0 && b->dims[k] >= 0 && a->dims[k] != b->dims[k]) {
                return "their shapes differ";
            }
        }
    }
    return NULL;
}

/* Compares two values that are met for the first time; *descends tells that both come from nodes of one operator, whose
 * inputs are to be compared next. */
static oa_status meet(bool *descends, pairer *p, size_t reader_a, size_t reader_b, size_t v, size_t w)
{
    const oa_value *a = &p->a->values[v];
    const oa_value *b = &p->b->values[w];
    *descends = false;
    if ((a->tensor == OA_NONE) != (b->tensor == OA_NONE) || (a->producer == OA_NONE) != (b->producer == OA_NONE)) {
        return differ_at(p, reader_a, reader_b, v, w, "");
    }
    if (a->tensor != OA_NONE) {
        const char *how = constants_differ(&p->a->tensors[a->tensor], &p->b->tensors[b->tensor]);
        return how ? differ_at(p, reader_a, reader_b, v, w, how) : OA_OK;
    }
    if (a->producer == OA_NONE) {
        const char *how = inputs_differ(a, b);
        return how ? differ_at(p, reader_a, reader_b, v, w, how) : OA_OK;
    }
    const oa_node *node_a = &p->a->nodes[a->producer];
    const oa_node *node_b = &p->b->nodes[b->producer];
    if (strcmp(node_a->op_type, node_b->op_type) != 0 || strcmp(node_a->domain, node_b->domain) != 0) {
        return differ(p, v, w, "");
    }
    *descends = true;
    return OA_OK;
}

/* After the inputs: attributes, and which of the nodes' outputs is used. */
static oa_status agree(const pairer *p, size_t v, size_t w)
{
    const oa_node *a = &p->a->nodes[p->a->values[v].producer];
    const oa_node *b = &p->b->nodes[p->b->values[w].producer];
    const char *name = "";
    size_t slot_a = 0;
    size_t slot_b = 0;
    while (slot_a < a->output_count && a->outputs[slot_a] != v) {
        slot_a++;
    }
    while (slot_b < b->output_count && b->outputs[slot_b] != w) {
        slot_b++;
    }
    if (slot_a != slot_b) {
        return differ(p, v, w, "another of their outputs is used");
    }
    if (!oa_nodes_agree(&name, p->a, a, p->b, b)) {
        char how[OA_SHAPE_TEXT_SIZE];
        snprintf(how, sizeof how, "attribute '%.60s' differs", name);
        return differ(p, v, w, how);
    }
    return OA_OK;
}

/* The next pair of inputs to compare, in step; false when there is none left. An input that stands for an attribute is
 * left out when the other side has it as the attribute. */
static bool next_inputs(size_t *v, size_t *w, const pairer *p, pair_frame *frame)
{
    const oa_node *a = &p->a->nodes[p->a->values[frame->value_a].producer];
    const oa_node *b = &p->b->nodes[p->b->values[frame->value_b].producer];
    size_t count = a->input_count > b->input_count ? a->input_count : b->input_count;
    while (frame->next < count) {
        size_t slot = frame->next++;
        *v = behind_identity(p->a, oa_node_input(a, slot));
        *w = behind_identity(p->b, oa_node_input(b, slot));
        const char *attribute = oa_slot_attribute(a, slot);
        if ((*v == OA_NONE && *w == OA_NONE) || (attribute && (*v == OA_NONE || *w == OA_NONE))) {
            continue;
        }
        if (is_commutative(a) && is_commutative(b)) {
            size_t other = behind_identity(p->b, b->inputs[1 - slot]);
            size_t first = behind_identity(p->a, a->inputs[0]);
            size_t first_b = behind_identity(p->b, b->inputs[0]);
            size_t second_b = behind_identity(p->b, b->inputs[1]);
            bool is_swapped = first != OA_NONE && first_b != OA_NONE && second_b != OA_NONE &&
                              p->hash_a[first] != p->hash_b[first_b] && p->hash_a[first] == p->hash_b[second_b];
            *w = is_swapped ? other : *w;
        }
        return true;
    }
    return false;
}

static oa_status visit(pairer *p, size_t v, size_t w, size_t reader_a, size_t reader_b, size_t *depth)
{
    if (v == OA_NONE || w == OA_NONE) {
        return differ_at(p, reader_a, reader_b, v, w, "an input is missing on one side");
    }
    if (p->value_b[v] != OA_NONE || p->value_a[w] != OA_NONE) {
        bool is_same = p->value_b[v] == w && p->value_a[w] == v;
        return is_same ? OA_OK : differ_at(p, reader_a, reader_b, v, w, "it is shared in one model only");
    }
    bool descends;
    oa_status status = meet(&descends, p, reader_a, reader_b, v, w);
    if (status != OA_OK) {
        return status;
    }
    p->value_b[v] = w;
    p->value_a[w] = v;
    if (descends) {
        p->stack[(*depth)++] = (pair_frame){.value_a = v, .value_b = w};
    }
    return OA_OK;
}

static oa_status walk_from(pairer *p, size_t output_a, size_t output_b)
{
    size_t depth = 0;
    oa_status status =
        visit(p, behind_identity(p->a, output_a), behind_identity(p->b, output_b), OA_NONE, OA_NONE, &depth);
    while (depth && status == OA_OK) {
        pair_frame *frame = &p->stack[depth - 1];
        size_t v;
        size_t w;
        if (next_inputs(&v, &w, p, frame)) {
            status =
                visit(p, v, w, p->a->values[frame->value_a].producer, p->b->values[frame->value_b].producer, &depth);
        } else {
            status = agree(p, frame->value_a, frame->value_b);
            depth--;
        }
    }
    return status;
}

static oa_status collect(oa_pairing *pairing, const pairer *p)
{
    oa_pairing made = {.tensor_b = oa_calloc(p->a->tensor_count, sizeof *made.tensor_b),
                       .input_b = oa_calloc(p->a->input_count, sizeof *made.input_b),
                       .tensor_count = p->a->tensor_count};
    if (!made.tensor_b || !made.input_b) {
        oa_pairing_free(&made);
        return oa_fail(p->error, OA_ERROR_MEMORY, "out of memory while pairing the models");
    }
    for (size_t t = 0; t < p->a->tensor_count; t++) {
        size_t w = p->value_b[p->a->tensors[t].value];
        made.tensor_b[t] = w == OA_NONE ? OA_NONE : p->b->values[w].tensor;
    }
    for (size_t i = 0; i < p->a->input_count; i++) {
        size_t w = p->value_b[p->a->inputs[i]];
        made.input_b[i] = OA_NONE;
        for (size_t k = 0; k < p->b->input_count; k++) {
            if (p->b->inputs[k] == w) {
                made.input_b[i] = k;
            }
        }
    }
    *pairing = made;
    return OA_OK;
}

oa_status oa_pair_graphs(oa_pairing *pairing, const oa_graph *a, const oa_graph *b, oa_error *error)
{
    pairer p = {.a = a,
                .b = b,
                .value_b = oa_malloc(a->value_count, sizeof *p.value_b),
                .value_a = oa_malloc(b->value_count, sizeof *p.value_a),
                .hash_a = oa_calloc(a->value_count, sizeof *p.hash_a),
                .hash_b = oa_calloc(b->value_count, sizeof *p.hash_b),
                .stack = oa_calloc(a->value_count, sizeof *p.stack),
                .error = error};
    oa_status status = OA_OK;
    if (!p.value_b || !p.value_a || !p.hash_a || !p.hash_b || !p.stack) {
        status = oa_fail(error, OA_ERROR_MEMORY, "out of memory while pairing the models");
        goto done;
    }
    if (a->output_count != b->output_count) {
        status = oa_fail(error, OA_ERROR_ARCHITECTURE,
                         "the models do not share an architecture: the first has %zu outputs, the second %zu",
                         a->output_count, b->output_count);
        goto done;
    }
    memset(p.value_b, 0xff, a->value_count * sizeof *p.value_b);
    memset(p.value_a, 0xff, b->value_count * sizeof *p.value_a);
    hash_values(p.hash_a, a);
    hash_values(p.hash_b, b);
    for (size_t i = 0; i < a->output_count && status == OA_OK; i++) {
        status = walk_from(&p, a->outputs[i], b->outputs[i]);
    }
    if (status == OA_OK) {
        status = collect(pairing, &p);
    }
done:
    oa_free(p.value_b);
    oa_free(p.value_a);
    oa_free(p.hash_a);
    oa_free(p.hash_b);
    oa_free(p.stack);
    return status;
}

void oa_pairing_free(oa_pairing *pairing)
{
    if (pairing) {
        oa_free(pairing->tensor_b);
        oa_free(pairing->input_b);
        *pairing = (oa_pairing){0};
    }
}
