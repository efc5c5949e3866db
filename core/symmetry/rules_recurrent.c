/* Rules of LSTM, GRU and RNN. Each direction keeps a state of `hidden_size` units; the rows of the weights are the
 * gates, one after the other, each with all units. Units may be reordered when every gate, the state that is fed back
 * and everything that reads it are reordered alike. An axis has one order for both directions: their units move alike.
 */
#include "core/symmetry/discovery.h"

#include <string.h>

static const char *const SIZES = "the sizes of the recurrent layer's tensors do not fit";
static const char *const TIME = "steps are taken in this order";
static const char *const DIRECTIONS = "directions and gates have their places";

typedef struct layer {
    size_t directions, units; /* spaces */
} layer;

/* Axis `axis` of a parameter is `count` runs of all units. */
static void join_gates(oa_discovery *discovery, const oa_axes *parameter, size_t axis, int64_t count, const layer *l)
{
    size_t gate;
    size_t inside;
    oa_space_split(&gate, &inside, &discovery->spaces, parameter->space[axis], count, oa_reason(discovery, SIZES));
    oa_pin_space(discovery, gate, DIRECTIONS);
    oa_join(discovery, inside, l->units, SIZES);
}

/* Slots of the optional parameters: [directions, count * units]. */
static bool join_vector(oa_discovery *discovery, const oa_node *node, size_t slot, int64_t count, const layer *l)
{
    if (oa_node_input(node, slot) == OA_NONE) {
        return true;
    }
    const oa_axes *vector = oa_input_of_rank(discovery, node, slot, 2);
    if (!vector) {
        return false;
    }
    oa_join(discovery, vector->space[0], l->directions, SIZES);
    join_gates(discovery, vector, 1, count, l);
    return true;
}

/* States at the start: [directions, batch, units], or [batch, directions, units]. */
static bool join_state(oa_discovery *discovery, const oa_node *node, size_t slot, size_t batch, bool is_batch_first,
                       const layer *l)
{
    if (oa_node_input(node, slot) == OA_NONE) {
        return true;
    }
    const oa_axes *state = oa_input_of_rank(discovery, node, slot, 3);
    if (!state) {
        return false;
    }
    oa_join(discovery, state->space[is_batch_first ? 1 : 0], l->directions, SIZES);
    oa_join(discovery, state->space[is_batch_first ? 0 : 1], batch, SIZES);
    if (!state->is_uniform) { /* zeros, which layers often share */
        oa_join(discovery, state->space[2], l->units, SIZES);
    }
    return true;
}

static bool recurrent(oa_discovery *discovery, const oa_node *node, int64_t gates, bool has_cell)
{
    const oa_axes *x = oa_input_of_rank(discovery, node, 0, 3);
    const oa_axes *w = oa_input_of_rank(discovery, node, 1, 3);
    const oa_axes *r = oa_input_of_rank(discovery, node, 2, 3);
    if (!x || !w || !r) {
        return false;
    }
    bool is_batch_first = oa_node_int(node, "layout", 0) != 0;
    size_t time = x->space[is_batch_first ? 1 : 0], batch = x->space[is_batch_first ? 0 : 1];
    layer l = {.directions = r->space[0], .units = r->space[2]};
    oa_pin_space(discovery, time, TIME);
    oa_pin_space(discovery, l.directions, DIRECTIONS);
    oa_join(discovery, w->space[0], l.directions, SIZES);
    oa_contract(discovery, &(oa_operand){0, 2, x->space[2]}, &(oa_operand){1, 2, w->space[2]}, SIZES);
    join_gates(discovery, w, 1, gates, &l);
    join_gates(discovery, r, 1, gates, &l);
    oa_note_contracted(discovery, 2, 2, l.units, 0);
    if (oa_node_input(node, 4) != OA_NONE) {
        const oa_axes *lengths = oa_input_of_rank(discovery, node, 4, 1);
        if (!lengths) {
            return false;
        }
        oa_join(discovery, lengths->space[0], batch, SIZES);
    }
    if (!join_vector(discovery, node, 3, 2 * gates, &l) || !join_state(discovery, node, 5, batch, is_batch_first, &l) ||
        (has_cell &&
         (!join_state(discovery, node, 6, batch, is_batch_first, &l) || !join_vector(discovery, node, 7, 3, &l)))) {
        return false;
    }
    oa_axes all = {.has_rank = true, .rank = 4};
    oa_axes last = {.has_rank = true, .rank = 3};
    if (is_batch_first) {
        memcpy(all.space, (size_t[]){batch, time, l.directions, l.units}, 4 * sizeof *all.space);
        memcpy(last.space, (size_t[]){batch, l.directions, l.units}, 3 * sizeof *last.space);
    } else {
        memcpy(all.space, (size_t[]){time, l.directions, batch, l.units}, 4 * sizeof *all.space);
        memcpy(last.space, (size_t[]){l.directions, batch, l.units}, 3 * sizeof *last.space);
    }
    oa_set_output(discovery, node, 0, &all);
    oa_set_output(discovery, node, 1, &last);
    oa_set_output(discovery, node, 2, &last);
    return true;
}

static bool lstm(oa_discovery *discovery, const oa_node *node)
{
    return recurrent(discovery, node, 4, true);
}

static bool gru(oa_discovery *discovery, const oa_node *node)
{
    return recurrent(discovery, node, 3, false);
}

static bool rnn(oa_discovery *discovery, const oa_node *node)
{
    return recurrent(discovery, node, 1, false);
}

const oa_rule_entry oa_rules_recurrent[] = {
    {"GRU", gru},
    {"LSTM", lstm},
    {"RNN", rnn},
    {NULL, NULL},
};
