#include "pair_check.h"

#include "tests/support/cmocka_all.h"
#include "text_graph.h"

#include <stdio.h>
#include <string.h>

/* Values that stand for each other are computed by the same operator, and agree with what the pairing says of constants
 * and inputs. What Identity passes on is paired with what it read. */
static void check_values(const oa_pairing *pairing, const oa_graph *a, const oa_graph *b)
{
    for (size_t v = 0; v < a->value_count; v++) {
        size_t w = pairing->value_b[v];
        size_t producer = a->values[v].producer;
        if (w == OA_NONE) {
            continue;
        }
        assert_true(w < b->value_count);
        if (producer == OA_NONE) {
            assert_int_equal(b->values[w].producer, OA_NONE);
        } else if (strcmp(a->nodes[producer].op_type, "Identity") == 0) {
            assert_int_equal(w, pairing->value_b[oa_node_input(&a->nodes[producer], 0)]);
        } else if (strcmp(a->nodes[producer].op_type, "Dropout") != 0) { /* which may pass on or not */
            assert_string_equal(a->nodes[producer].op_type, b->nodes[b->values[w].producer].op_type);
        }
    }
    for (size_t t = 0; t < a->tensor_count; t++) {
        size_t w = pairing->value_b[a->tensors[t].value];
        assert_int_equal(pairing->tensor_b[t], w == OA_NONE ? OA_NONE : b->values[w].tensor);
    }
    for (size_t i = 0; i < a->input_count; i++) {
        size_t w = pairing->value_b[a->inputs[i]];
        assert_true(w == OA_NONE ? pairing->input_b[i] == OA_NONE : b->inputs[pairing->input_b[i]] == w);
    }
}

/* Everything that a pairing has to be for any two graphs of one architecture. */
static void check_sound(const oa_pairing *pairing, const oa_graph *a, const oa_graph *b)
{
    assert_int_equal(pairing->tensor_count, a->tensor_count);
    for (size_t t = 0; t < a->tensor_count; t++) {
        size_t other = pairing->tensor_b[t];
        if (other == OA_NONE) {
            continue;
        }
        assert_true(other < b->tensor_count);
        assert_int_equal(a->tensors[t].count, b->tensors[other].count);
        /* Weights have one counterpart each; equal constants that are none may share one. */
        for (size_t s = 0; s < t && oa_dtype_is_float(a->tensors[t].dtype); s++) {
            assert_true(pairing->tensor_b[s] != other);
        }
    }
    for (size_t i = 0; i < a->input_count; i++) {
        assert_true(pairing->input_b[i] == OA_NONE || pairing->input_b[i] < b->input_count);
    }
    check_values(pairing, a, b);
}

static void pairs_once(const oa_graph *a, const oa_graph *b, const char *expected)
{
    oa_pairing pairing = {0};
    oa_error error = {0};
    if (oa_pair_graphs(&pairing, a, b, &error) != OA_OK) {
        fail_msg("they do not pair: %s", error.message);
    }
    check_sound(&pairing, a, b);
    char text[2000] = "";
    for (size_t t = 0; t < a->tensor_count; t++) {
        size_t other = pairing.tensor_b[t];
        snprintf(text + strlen(text), sizeof text - strlen(text), "%s%s=%s", t ? " " : "", a->tensors[t].name,
                 other == OA_NONE ? "-" : b->tensors[other].name);
    }
    if (expected) {
        assert_string_equal(text, expected);
    }
    oa_pairing_free(&pairing);
}

void pairs(const char *a, const char *b, const char *expected)
{
    text_graph graph_a = text_graph_make(a, 0);
    text_graph graph_b = text_graph_make(b, 0);
    pairs_once(graph_a.graph, graph_b.graph, expected);
    pairs_once(graph_b.graph, graph_a.graph, NULL);
    for (uint64_t seed = 1; seed < 4; seed++) {
        text_graph other_a = text_graph_make(a, seed);
        text_graph other_b = text_graph_make(b, seed + 10);
        pairs_once(graph_a.graph, other_a.graph, NULL);
        pairs_once(graph_a.graph, other_b.graph, NULL);
        pairs_once(other_b.graph, other_a.graph, NULL);
        text_graph_free(&other_a);
        text_graph_free(&other_b);
    }
    text_graph_free(&graph_a);
    text_graph_free(&graph_b);
}

/* The text, or what is before and behind " meets " in it: the other way round these have changed places. */
static void must_have(const char *message, const char *text)
{
    const char *meets = strstr(text, " meets ");
    char part[400];
    if (meets && !strstr(message, text)) {
        snprintf(part, sizeof part, "%.*s", (int)(meets - text), text);
        must_have(message, part);
        text = meets + strlen(" meets ");
    }
    if (!strstr(message, text)) {
        fail_msg("'%s' is not in the message: %s", text, message);
    }
}

/* Exchanges the words "first" and "second". */
static void exchange(char *result, size_t size, const char *message)
{
    size_t length = 0;
    for (const char *at = message; *at && length + 8 < size;) {
        bool is_first = strncmp(at, "first", 5) == 0;
        bool is_second = strncmp(at, "second", 6) == 0;
        if (is_first || is_second) {
            length += (size_t)snprintf(result + length, size - length, "%s", is_first ? "second" : "first");
            at += is_first ? 5 : 6;
        } else {
            result[length++] = *at++;
        }
    }
    result[length] = '\0';
}

void differs(const char *a, const char *b, const char *text, const char *other, const char *third)
{
    text_graph graph_a = text_graph_make(a, 0);
    text_graph graph_b = text_graph_make(b, 0);
    const oa_graph *const graphs[] = {graph_a.graph, graph_b.graph, graph_a.graph};
    for (size_t i = 0; i < 2; i++) {
        oa_pairing pairing = {.tensor_count = 77};
        oa_error error = {0};
        char message[2 * OA_ERROR_MESSAGE_SIZE];
        assert_int_equal(oa_pair_graphs(&pairing, graphs[i], graphs[i + 1], &error), OA_ERROR_ARCHITECTURE);
        assert_int_equal(error.status, OA_ERROR_ARCHITECTURE);
        assert_int_equal(pairing.tensor_count, 77);
        assert_null(pairing.tensor_b);
        assert_int_equal(oa_pair_graphs(&pairing, graphs[i], graphs[i + 1], NULL), OA_ERROR_ARCHITECTURE);
        snprintf(message, sizeof message, "%s", error.message);
        if (i == 1) {
            exchange(message, sizeof message, error.message);
        }
        must_have(message, text);
        must_have(message, other);
        must_have(message, third);
    }
    text_graph_free(&graph_a);
    text_graph_free(&graph_b);
}
