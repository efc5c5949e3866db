/* The rule of Einsum. */
#include "core/symmetry/discovery.h"

enum { LETTERS = 52, OPERANDS_MAX = 8 };

typedef struct einsum_letter {
    size_t slot[OPERANDS_MAX], axis[OPERANDS_MAX]; /* where it stands, at most once in an input */
    size_t count;
    size_t space;
    bool is_kept;
} einsum_letter;

static einsum_letter *letter_of(einsum_letter *letters, char c)
{
    return c >= 'a' && c <= 'z' ? &letters[c - 'a'] : c >= 'A' && c <= 'Z' ? &letters[26 + c - 'A'] : NULL;
}

/* Reads one input's letters from *at to its end, and moves *at behind them. */
static bool read_term(einsum_letter *letters, oa_discovery *discovery, const oa_node *node, size_t slot,
                      const char **at, const char *end)
{
    const oa_axes *x = oa_input_ranked(discovery, node, slot);
    size_t rank = 0;
    for (; *at < end && **at != ',' && **at != '-'; (*at)++) {
        einsum_letter *l = letter_of(letters, **at);
        if (**at == ' ') {
            continue;
        }
        if (!x || !l || rank == x->rank) {
            return false;
        }
        if (l->count && l->slot[l->count - 1] == slot) {
            return false; /* a diagonal */
        }
        /* Axes of one letter are broadcast against each other. Before the first one the letter's space is that of one
         * element. */
        oa_axes all = {.has_rank = true, .rank = 1, .space = {l->space}};
        oa_axes axis = {.has_rank = true, .rank = 1, .space = {x->space[rank]}};
        const oa_axes *list[] = {&all, &axis};
        oa_axes joined = {0};
        if (!oa_broadcast(&joined, discovery, list, 2)) {
            return false;
        }
        l->slot[l->count] = slot;
        l->axis[l->count++] = rank++;
        l->space = joined.space[0];
    }
    return x && rank == x->rank;
}

/* Sums of products: an index that stands in several places is the same there, and one that the result lacks is summed
 * over. Only equations with all letters and an arrow are read: no ellipsis. */
static bool einsum(oa_discovery *discovery, const oa_node *node)
{
    const oa_attribute *equation = oa_node_attribute(node, "equation");
    einsum_letter letters[LETTERS] = {{{0}, {0}, 0, 0, false}};
    if (!equation || !equation->s.data || node->input_count > OPERANDS_MAX) {
        return false;
    }
    const char *at = equation->s.data, *end = at + equation->s.size;
    for (size_t slot = 0; slot < node->input_count; slot++) {
        if (!read_term(letters, discovery, node, slot, &at, end)) {
            return false;
        }
        if (slot + 1 < node->input_count && (at == end || *at++ != ',')) {
            return false;
        }
    }
    if (end - at < 2 || at[0] != '-' || at[1] != '>') {
        return false;
    }
    oa_axes result = {.has_rank = true};
    for (at += 2; at < end; at++) {
        einsum_letter *l = letter_of(letters, *at);
        if (*at == ' ') {
            continue;
        }
        if (!l || !l->count || l->is_kept || result.rank == OA_MAX_RANK) {
            return false;
        }
        l->is_kept = true;
        result.space[result.rank++] = l->space;
    }
    for (size_t i = 0; i < LETTERS; i++) {
        for (size_t k = 0; k < letters[i].count && !letters[i].is_kept; k++) {
            oa_note_contracted(discovery, letters[i].slot[k], letters[i].axis[k], letters[i].space, i);
        }
    }
    oa_set_output(discovery, node, 0, &result);
    return true;
}

const oa_rule_entry oa_rules_einsum[] = {
    {"Einsum", einsum},
    {NULL, NULL},
};
