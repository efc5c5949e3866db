#include "core/ir/pair.h"

#include "core/ir/difference.h"

#include <stdio.h>
#include <string.h>

enum { OA_HOW_SIZE = 100 };

typedef struct pair_frame {
    size_t value[2];
    size_t next; /* which of the inputs, then of the inputs of bodies, then of what else is read comes next */
} pair_frame;

typedef struct pairer {
    const oa_graph *a, *b;
    oa_structure structure_a, structure_b;
    size_t *value_b;   /* [a->values] */
    size_t *value_a;   /* [b->values] */
    pair_frame *stack; /* [a->values] */
    oa_error *error;
} pairer;

static oa_status differ(const pairer *p, const oa_misfit *misfit)
{
    const oa_two_graphs two = {.graph = {p->a, p->b}, .structure = {&p->structure_a, &p->structure_b}};
    return oa_graphs_differ(&two, misfit, p->error);
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

/* Compares two values by themselves: NULL, or how they differ. */
static const char *values_differ(const pairer *p, size_t v, size_t w)
{
    const oa_value *a = &p->a->values[v];
    const oa_value *b = &p->b->values[w];
    const oa_node *node_a = oa_value_node(p->a, v);
    const oa_node *node_b = oa_value_node(p->b, w);
    /* The values of bodies are as good as the graph's: a weight may lie in a branch here and around it there. */
    if ((a->tensor == OA_NONE) != (b->tensor == OA_NONE) || (node_a == NULL) != (node_b == NULL) ||
        a->is_opaque != b->is_opaque || a->is_input != b->is_input) {
        return "";
    }
    if (a->tensor != OA_NONE) {
        return oa_constants_differ(&p->a->tensors[a->tensor], &p->b->tensors[b->tensor]);
    }
    if (!node_a) {
        return inputs_differ(a, b);
    }
    bool is_same = strcmp(node_a->op_type, node_b->op_type) == 0 && strcmp(node_a->domain, node_b->domain) == 0;
    return is_same ? NULL : "";
}

/* Constants that are no weights may be one tensor here and two equal ones there. */
static bool may_be_copied(const pairer *p, size_t v)
{
    size_t tensor = p->a->values[v].tensor;
    return tensor != OA_NONE && !oa_dtype_is_float(p->a->tensors[tensor].dtype);
}

/* Pairs two values; those that nodes compute come on the stack, to go on with what these nodes read. */
static oa_status visit(pairer *p, const oa_misfit *meeting, size_t *depth)
{
    size_t v = meeting->value[0];
    size_t w = meeting->value[1];
    oa_misfit misfit = *meeting;
    misfit.how = "an input is missing on one side";
    if (v == OA_NONE || w == OA_NONE) {
        return differ(p, &misfit);
    }
    bool is_met = p->value_b[v] != OA_NONE || p->value_a[w] != OA_NONE;
    if (is_met && p->value_b[v] == w && p->value_a[w] == v) {
        return OA_OK;
    }
    misfit.how = values_differ(p, v, w);
    if (!misfit.how && is_met && !may_be_copied(p, v)) {
        misfit.how = "it is shared in one model only";
    }
    if (misfit.how) {
        return differ(p, &misfit);
    }
    p->value_b[v] = p->value_b[v] == OA_NONE ? w : p->value_b[v];
    p->value_a[w] = p->value_a[w] == OA_NONE ? v : p->value_a[w];
    if (oa_value_node(p->a, v)) {
        p->stack[(*depth)++] = (pair_frame){.value = {v, w}};
    }
    return OA_OK;
}

static size_t output_slot(const oa_node *node, size_t value)
{
    size_t slot = 0;
    while (slot < node->output_count && node->outputs[slot] != value) {
        slot++;
    }
    return slot;
}

/* Have both nodes the same bodies, as far as their ends go? */
static bool bodies_fit(const pairer *p, const oa_node *a, const oa_node *b)
{
    bool fit = a->body_count == b->body_count;
    for (size_t k = 0; k < a->body_count && fit; k++) {
        const oa_body *body_a = &p->a->bodies[a->bodies[k]];
        const oa_body *body_b = &p->b->bodies[b->bodies[k]];
        fit = body_a->input_count == body_b->input_count && body_a->output_count == body_b->output_count;
    }
    return fit;
}

/* After what two nodes read: attributes, and which of the outputs is used. */
static oa_status agree(const pairer *p, const pair_frame *frame)
{
    const oa_node *a = oa_value_node(p->a, frame->value[0]);
    const oa_node *b = oa_value_node(p->b, frame->value[1]);
    const char *name = "";
    oa_misfit misfit = {.value = {frame->value[0], frame->value[1]}, .reader = {OA_NONE, OA_NONE}};
    if (output_slot(a, frame->value[0]) != output_slot(b, frame->value[1])) {
        misfit.how = "another of their outputs is used";
        return differ(p, &misfit);
    }
    if (!bodies_fit(p, a, b)) {
        misfit.how = "their subgraphs have different inputs or outputs";
        return differ(p, &misfit);
    }
    if (!oa_nodes_agree(&name, p->a, a, p->b, b)) {
        char how[OA_HOW_SIZE];
        snprintf(how, sizeof how, "attribute '%.60s' differs", name);
        misfit.how = how;
        return differ(p, &misfit);
    }
    return OA_OK;
}

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

static size_t real_value(const oa_structure *structure, size_t value)
{
    return value == OA_NONE ? OA_NONE : structure->real[value];
}

/* The inputs of all bodies of a node, one after the other. */
static size_t body_input_count(const oa_graph *graph, const oa_node *node)
{
    size_t count = 0;
    for (size_t b = 0; b < node->body_count; b++) {
        count += graph->bodies[node->bodies[b]].input_count;
    }
    return count;
}

static size_t body_input(const oa_graph *graph, const oa_node *node, size_t k)
{
    for (size_t b = 0; b < node->body_count; b++) {
        const oa_body *body = &graph->bodies[node->bodies[b]];
        if (k < body->input_count) {
            return body->inputs[k];
        }
        k -= body->input_count;
    }
    return OA_NONE;
}

/* What a node reads besides its inputs. */
static size_t other_use(const oa_graph *graph, const oa_node *node, size_t k)
{
    size_t count = oa_node_use_count(graph, node) - node->input_count;
    return k < count ? oa_node_use(graph, node, node->input_count + k) : OA_NONE;
}

/* Are the operands of a commutative node in the other order in b? Only when what they are computed from says so. */
static bool are_swapped(const pairer *p, const oa_node *a, const oa_node *b)
{
    size_t first_a = real_value(&p->structure_a, oa_node_input(a, 0));
    size_t first_b = real_value(&p->structure_b, oa_node_input(b, 0));
    size_t second_b = real_value(&p->structure_b, oa_node_input(b, 1));
    if (!oa_node_commutes(a) || !oa_node_commutes(b) || first_a == OA_NONE || first_b == OA_NONE ||
        second_b == OA_NONE) {
        return false;
    }
    uint64_t hash = p->structure_a.value_hash[first_a];
    return hash != p->structure_b.value_hash[first_b] && hash == p->structure_b.value_hash[second_b];
}

/* The next two values that the nodes of a frame read, in step; false when there are none left. An input that stands for
 * an attribute is left out when the other side has nothing there: oa_nodes_agree sees to it. The inputs of bodies meet
 * before what the bodies make of them. */
static bool next_meeting(oa_misfit *meeting, const pairer *p, pair_frame *frame)
{
    const oa_node *a = oa_value_node(p->a, frame->value[0]);
    const oa_node *b = oa_value_node(p->b, frame->value[1]);
    size_t inputs = larger(a->input_count, b->input_count);
    size_t starts = inputs + larger(body_input_count(p->a, a), body_input_count(p->b, b));
    size_t others = larger(oa_node_use_count(p->a, a) - a->input_count, oa_node_use_count(p->b, b) - b->input_count);
    while (frame->next < starts + others) {
        size_t k = frame->next++;
        bool is_input = k < inputs;
        size_t slot_b = is_input && are_swapped(p, a, b) ? 1 - k : k;
        size_t v = is_input     ? oa_node_input(a, k)
                   : k < starts ? body_input(p->a, a, k - inputs)
                                : other_use(p->a, a, k - starts);
        size_t w = is_input     ? oa_node_input(b, slot_b)
                   : k < starts ? body_input(p->b, b, k - inputs)
                                : other_use(p->b, b, k - starts);
        v = real_value(&p->structure_a, v);
        w = real_value(&p->structure_b, w);
        bool is_attribute = is_input && oa_slot_attribute(a, k);
        if ((v == OA_NONE && w == OA_NONE) || (is_attribute && (v == OA_NONE || w == OA_NONE))) {
            continue;
        }
        *meeting =
            (oa_misfit){.value = {v, w},
                        .reader = {p->a->values[frame->value[0]].producer, p->b->values[frame->value[1]].producer},
                        .how = ""};
        return true;
    }
    return false;
}

static oa_status walk_from(pairer *p, size_t output_a, size_t output_b)
{
    size_t depth = 0;
    oa_misfit meeting = {.value = {real_value(&p->structure_a, output_a), real_value(&p->structure_b, output_b)},
                         .reader = {OA_NONE, OA_NONE},
                         .how = ""};
    oa_status status = visit(p, &meeting, &depth);
    while (depth && status == OA_OK) {
        pair_frame *frame = &p->stack[depth - 1];
        if (next_meeting(&meeting, p, frame)) {
            status = visit(p, &meeting, &depth);
        } else {
            status = agree(p, frame);
            depth--;
        }
    }
    return status;
}

static oa_status collect(oa_pairing *pairing, const pairer *p)
{
    oa_pairing made = {.tensor_b = oa_calloc(p->a->tensor_count, sizeof *made.tensor_b),
                       .input_b = oa_calloc(p->a->input_count, sizeof *made.input_b),
                       .value_b = oa_calloc(p->a->value_count, sizeof *made.value_b),
                       .tensor_count = p->a->tensor_count};
    if (!made.tensor_b || !made.input_b || !made.value_b) {
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
    for (size_t v = 0; v < p->a->value_count; v++) {
        made.value_b[v] = p->value_b[p->structure_a.real[v]];
    }
    *pairing = made;
    return OA_OK;
}

static oa_status prepare(pairer *p)
{
    p->value_b = oa_malloc(p->a->value_count, sizeof *p->value_b);
    p->value_a = oa_malloc(p->b->value_count, sizeof *p->value_a);
    p->stack = oa_calloc(p->a->value_count, sizeof *p->stack);
    if (!p->value_b || !p->value_a || !p->stack) {
        return oa_fail(p->error, OA_ERROR_MEMORY, "out of memory while pairing the models");
    }
    for (size_t v = 0; v < p->a->value_count; v++) {
        p->value_b[v] = OA_NONE;
    }
    for (size_t v = 0; v < p->b->value_count; v++) {
        p->value_a[v] = OA_NONE;
    }
    oa_status status = oa_structure_init(&p->structure_a, p->a, p->error);
    return status == OA_OK ? oa_structure_init(&p->structure_b, p->b, p->error) : status;
}

oa_status oa_pair_graphs(oa_pairing *pairing, const oa_graph *a, const oa_graph *b, oa_error *error)
{
    pairer p = {.a = a, .b = b, .error = error};
    oa_status status;
    if (a->output_count != b->output_count) {
        return oa_fail(error, OA_ERROR_ARCHITECTURE,
                       "the models do not share an architecture: the first has %zu output%s, the second %zu",
                       a->output_count, a->output_count == 1 ? "" : "s", b->output_count);
    }
    status = prepare(&p);
    for (size_t i = 0; i < a->output_count && status == OA_OK; i++) {
        status = walk_from(&p, a->outputs[i], b->outputs[i]);
    }
    if (status == OA_OK) {
        status = collect(pairing, &p);
    }
    oa_free(p.value_b);
    oa_free(p.value_a);
    oa_free(p.stack);
    oa_structure_free(&p.structure_a);
    oa_structure_free(&p.structure_b);
    return status;
}

void oa_pairing_free(oa_pairing *pairing)
{
    if (pairing) {
        oa_free(pairing->tensor_b);
        oa_free(pairing->input_b);
        oa_free(pairing->value_b);
        *pairing = (oa_pairing){0};
    }
}
