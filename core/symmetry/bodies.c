/* If, Loop and Scan: what their bodies compute takes part like everything else.
 *
 * A branch of If is walked as if it ran, and both branches give what the node gives. The body of a loop is walked once
 * for all its steps: what is carried from step to step has one index space for each axis, before, between and after the
 * steps, so that a reordering at the start is still the same one at the end, however many steps there are. This holds
 * for axes whose size stays; those that grow keep their order. Which those are shows only after a walk, with sizes that
 * may have been wrong: then the body is walked again. What the first walk has tied stays tied, which is never wrong.
 *
 * What a body alone takes for granted, such as the rank that an operator needs, need not be so where it does not run:
 * it is forgotten behind the body. */
#include "core/symmetry/discovery.h"

enum { OA_REWALKS_MAX = 64 /* in one discovery: bodies of bodies would be walked again and again */ };

static const char *const BRANCHES = "the shape of the result depends on the branch";
static const char *const CARRIED = "its size may change from step to step";
static const char *const STEPS = "steps are taken in this order";
static const char *const NOT_PLAIN = "this use of the operator is not understood";

static oa_axes *axes_of(oa_discovery *discovery, size_t value)
{
    return value == OA_NONE ? NULL : &discovery->axes[value];
}

/* The axes of something that a body puts out; empty ones when it does not. */
static oa_axes output_axes(const oa_discovery *discovery, const oa_body *body, size_t k)
{
    size_t value = k < body->output_count ? body->outputs[k] : OA_NONE;
    oa_axes axes = value == OA_NONE ? (oa_axes){0} : discovery->axes[value];
    axes.has_contents = axes.is_uniform = false;
    return axes;
}

/* Walks the steps of one body. False when discovery has failed. */
static bool walk_body(oa_discovery *discovery, const oa_body *body, size_t first_step)
{
    size_t own = discovery->node;
    size_t assumed = discovery->assumed_count;
    bool is_done = oa_walk_steps(discovery, first_step, body->step_count);
    while (discovery->assumed_count > assumed) {
        discovery->axes[discovery->assumed[--discovery->assumed_count]] = (oa_axes){0};
    }
    discovery->node = own;
    return is_done;
}

/* What both branches give. Sizes that differ, and ranks, show only at run time. */
static oa_axes join_branches(oa_discovery *discovery, const oa_axes *a, const oa_axes *b)
{
    if (!a->has_rank || !b->has_rank || a->rank != b->rank) {
        oa_pin_axes(discovery, a, BRANCHES);
        oa_pin_axes(discovery, b, BRANCHES);
        return (oa_axes){0};
    }
    oa_axes joined = *a;
    for (size_t k = 0; k < a->rank; k++) {
        bool is_same = oa_axis_size(discovery, a, k) == oa_axis_size(discovery, b, k);
        oa_join(discovery, a->space[k], b->space[k], BRANCHES); /* pins both when the sizes differ */
        if (!is_same) {
            joined.space[k] = oa_fixed(discovery, oa_dim_fresh(&discovery->spaces.dims), BRANCHES);
        }
    }
    return joined;
}

static bool walk_branches(oa_discovery *discovery, const oa_node *node)
{
    const oa_graph *graph = discovery->graph;
    const oa_body *branches[] = {&graph->bodies[node->bodies[0]], &graph->bodies[node->bodies[1]]};
    size_t step = discovery->node + 1;
    oa_pin_axes(discovery, &discovery->axes[node->inputs[0]], "a condition");
    for (size_t b = 0; b < 2; b++) {
        if (!walk_body(discovery, branches[b], step)) {
            return false;
        }
        step += branches[b]->step_count;
    }
    for (size_t k = 0; k < branches[0]->output_count || k < branches[1]->output_count; k++) {
        oa_axes a = output_axes(discovery, branches[0], k);
        oa_axes b = output_axes(discovery, branches[1], k);
        oa_axes joined = join_branches(discovery, &a, &b);
        oa_set_output(discovery, node, k, &joined);
    }
    return true;
}

/* A loop, told apart from how its operator arranges inputs and outputs. */
typedef struct loop {
    const oa_node *node;
    const oa_body *body;
    size_t state_count;
    size_t first_state;    /* among the node's inputs */
    size_t body_state;     /* among the body's inputs */
    size_t body_new_state; /* among the body's outputs; what the body makes in each step comes after the states */
    size_t sliced_count;   /* inputs that the body gets slices of, after the states on both sides */
    size_t made_count;     /* outputs that are joined of what each step makes */
    oa_dim step_count;
    struct carried *carried; /* [state_count] */
} loop;

/* What is known not to stay from step to step. */
typedef struct carried {
    bool has_no_rank;
    bool grows[OA_MAX_RANK];
} carried;

static bool read_scan(loop *l)
{
    const oa_node *node = l->node;
    int64_t sliced = oa_node_int(node, "num_scan_inputs", 0);
    if ((node->version && node->version < 9) || sliced < 1 || (uint64_t)sliced > node->input_count) {
        return false;
    }
    l->sliced_count = (size_t)sliced;
    l->state_count = node->input_count - l->sliced_count;
    if (l->body->input_count != node->input_count || l->body->output_count < l->state_count) {
        return false;
    }
    l->made_count = l->body->output_count - l->state_count;
    return true;
}

static bool read_loop(loop *l)
{
    enum { COUNT_AND_CONDITION = 2, CONDITION = 1 };
    const oa_node *node = l->node;
    if (node->input_count < COUNT_AND_CONDITION || l->body->input_count != node->input_count ||
        l->body->output_count < node->input_count - COUNT_AND_CONDITION + CONDITION) {
        return false;
    }
    l->first_state = l->body_state = COUNT_AND_CONDITION;
    l->body_new_state = CONDITION;
    l->state_count = node->input_count - COUNT_AND_CONDITION;
    l->made_count = l->body->output_count - l->state_count - CONDITION;
    return true;
}

/* Does the node fit its body? */
static bool read_interface(loop *l)
{
    bool is_plain = oa_node_is(l->node, "Scan") ? read_scan(l) : read_loop(l);
    for (size_t k = l->first_state; k < l->node->input_count && is_plain; k++) {
        is_plain = l->node->inputs[k] != OA_NONE;
    }
    return is_plain && l->node->output_count <= l->state_count + l->made_count;
}

/* The axis of steps of a sliced input or an output; false when it is out of range. */
static bool step_axis(size_t *axis, const loop *l, const char *attribute, size_t k, size_t count, size_t rank)
{
    const int64_t *list;
    size_t length;
    oa_node_ints(&list, &length, l->node, attribute);
    if (!oa_node_is(l->node, "Scan") || length == 0) {
        *axis = 0;
        return rank > 0;
    }
    return length == count && oa_axis_normalise(axis, list[k], rank);
}

/* The number of the step and the condition, which are single elements. Their rank is what the body declares. */
static void enter_scalars(oa_discovery *discovery, const loop *l)
{
    for (size_t k = 0; k < l->body_state; k++) {
        const oa_value *value = &discovery->graph->values[l->body->inputs[k]];
        oa_axes axes = {.has_rank = value->has_shape && value->rank <= 1, .rank = value->rank};
        for (size_t i = 0; axes.has_rank && i < axes.rank; i++) {
            axes.space[i] = OA_SPACE_ONE;
        }
        discovery->axes[l->body->inputs[k]] = axes;
        const oa_axes *given = oa_input_axes(discovery, l->node, k);
        if (given) {
            oa_pin_axes(discovery, given, "a condition");
        }
    }
}

static void enter_states(oa_discovery *discovery, const loop *l)
{
    for (size_t n = 0; n < l->state_count; n++) {
        const oa_axes *start = &discovery->axes[l->node->inputs[l->first_state + n]];
        oa_axes inside = {0};
        if (l->carried[n].has_no_rank) {
            oa_pin_axes(discovery, start, CARRIED);
        } else if (start->has_rank) {
            inside.has_rank = true;
            inside.rank = start->rank;
            for (size_t k = 0; k < start->rank; k++) {
                inside.space[k] = start->space[k];
                if (l->carried[n].grows[k]) {
                    oa_pin_space(discovery, start->space[k], CARRIED);
                    inside.space[k] = oa_fixed(discovery, oa_dim_fresh(&discovery->spaces.dims), CARRIED);
                }
            }
        }
        discovery->axes[l->body->inputs[l->body_state + n]] = inside;
    }
}

static bool enter_slices(oa_discovery *discovery, loop *l)
{
    for (size_t m = 0; m < l->sliced_count; m++) {
        const oa_axes *whole = &discovery->axes[l->node->inputs[l->first_state + l->state_count + m]];
        oa_axes slice = {0};
        size_t axis = 0;
        if (whole->has_rank) {
            if (!step_axis(&axis, l, "scan_input_axes", m, l->sliced_count, whole->rank)) {
                return false;
            }
            oa_pin_space(discovery, whole->space[axis], STEPS);
            l->step_count = oa_axis_size(discovery, whole, axis);
            slice.has_rank = true;
            for (size_t k = 0; k < whole->rank; k++) {
                if (k != axis) {
                    slice.space[slice.rank++] = whole->space[k];
                }
            }
        }
        discovery->axes[l->body->inputs[l->body_state + l->state_count + m]] = slice;
    }
    return true;
}

/* Notes what has not stayed as it was; true when there was something new. */
static bool find_growth(oa_discovery *discovery, const loop *l)
{
    bool is_new = false;
    for (size_t n = 0; n < l->state_count; n++) {
        const oa_axes *before = &discovery->axes[l->body->inputs[l->body_state + n]];
        oa_axes after = output_axes(discovery, l->body, l->body_new_state + n);
        if (!before->has_rank) {
            continue; /* nothing is taken for granted */
        }
        if (!after.has_rank || after.rank != before->rank) {
            l->carried[n].has_no_rank = is_new = true;
            continue;
        }
        for (size_t k = 0; k < after.rank; k++) {
            if (!l->carried[n].grows[k] && oa_axis_size(discovery, before, k) != oa_axis_size(discovery, &after, k)) {
                l->carried[n].grows[k] = is_new = true;
            }
        }
    }
    return is_new;
}

static void leave_states(oa_discovery *discovery, const loop *l)
{
    for (size_t n = 0; n < l->state_count; n++) {
        oa_axes last = discovery->axes[l->body->inputs[l->body_state + n]];
        oa_axes after = output_axes(discovery, l->body, l->body_new_state + n);
        if (!last.has_rank) {
            oa_pin_axes(discovery, &after, CARRIED);
        }
        for (size_t k = 0; last.has_rank && k < last.rank; k++) {
            oa_join(discovery, last.space[k], after.space[k], CARRIED);
        }
        oa_set_output(discovery, l->node, n, &last);
    }
}

/* What the steps make, one after the other along a new axis. */
static bool leave_made(oa_discovery *discovery, const loop *l)
{
    for (size_t k = 0; k < l->made_count; k++) {
        oa_axes one = output_axes(discovery, l->body, l->body_new_state + l->state_count + k);
        oa_axes all = {0};
        size_t axis = 0;
        if (one.has_rank) {
            if (one.rank == OA_MAX_RANK || !step_axis(&axis, l, "scan_output_axes", k, l->made_count, one.rank + 1)) {
                return false;
            }
            all.has_rank = true;
            all.rank = one.rank + 1;
            for (size_t i = 0; i < all.rank; i++) {
                all.space[i] = i == axis ? oa_fixed(discovery, l->step_count, STEPS) : one.space[i - (i > axis)];
            }
        }
        oa_set_output(discovery, l->node, l->state_count + k, &all);
    }
    return true;
}

/* Before a body is walked again: a rule may leave an output out. */
static void forget_body(oa_discovery *discovery, const loop *l, size_t contraction_count)
{
    for (size_t i = 0; i < l->body->step_count; i++) {
        const oa_node *node = discovery->graph->steps[discovery->node + 1 + i];
        for (size_t k = 0; k < node->output_count; k++) {
            if (node->outputs[k] != OA_NONE) {
                discovery->axes[node->outputs[k]] = (oa_axes){0};
            }
        }
    }
    discovery->contraction_count = contraction_count;
}

/* Walks the body with nothing known of what comes in, for any other interface: then all that comes in and goes out
 * keeps its order, and only what lies between may move. */
static bool walk_closed(oa_discovery *discovery, const oa_node *node)
{
    size_t step = discovery->node + 1;
    for (size_t k = 0; k < node->input_count; k++) {
        oa_axes *axes = axes_of(discovery, node->inputs[k]);
        if (axes) {
            oa_pin_axes(discovery, axes, NOT_PLAIN);
        }
    }
    for (size_t b = 0; b < node->body_count; b++) {
        const oa_body *body = &discovery->graph->bodies[node->bodies[b]];
        for (size_t k = 0; k < body->input_count; k++) {
            discovery->axes[body->inputs[k]] = (oa_axes){0};
        }
        if (!walk_body(discovery, body, step)) {
            return false;
        }
        for (size_t k = 0; k < body->output_count; k++) {
            oa_axes axes = output_axes(discovery, body, k);
            oa_pin_axes(discovery, &axes, NOT_PLAIN);
        }
        step += body->step_count;
    }
    for (size_t k = 0; k < node->output_count; k++) {
        oa_set_output(discovery, node, k, &(oa_axes){0});
    }
    return true;
}

/* False when discovery has failed; *is_plain becomes false when the node has to be looked at as a closed one. */
static bool walk_loop(bool *is_plain, oa_discovery *discovery, loop *l)
{
    size_t contraction_count = discovery->contraction_count;
    bool is_known = false;
    while (!is_known) {
        enter_scalars(discovery, l);
        enter_states(discovery, l);
        *is_plain = enter_slices(discovery, l);
        if (!*is_plain) {
            return true;
        }
        if (!walk_body(discovery, l->body, discovery->node + 1)) {
            return false;
        }
        is_known = !find_growth(discovery, l);
        if (is_known) {
            break;
        }
        if (++discovery->rewalk_count > OA_REWALKS_MAX) {
            for (size_t n = 0; n < l->state_count; n++) {
                l->carried[n].has_no_rank = true;
            }
        }
        forget_body(discovery, l, contraction_count);
    }
    for (size_t k = 0; k < l->body_new_state; k++) {
        oa_axes condition = output_axes(discovery, l->body, k);
        oa_pin_axes(discovery, &condition, NOT_PLAIN);
    }
    leave_states(discovery, l);
    *is_plain = leave_made(discovery, l);
    if (!*is_plain) {
        forget_body(discovery, l, contraction_count);
    }
    return true;
}

bool oa_walk_bodies(oa_discovery *discovery, const oa_node *node)
{
    if (oa_node_is(node, "If") && node->body_count == 2 && oa_node_input(node, 0) != OA_NONE) {
        return walk_branches(discovery, node);
    }
    loop l = {.node = node,
              .body = &discovery->graph->bodies[node->bodies[0]],
              .step_count = oa_dim_fresh(&discovery->spaces.dims)};
    bool is_plain =
        node->body_count == 1 && (oa_node_is(node, "Loop") || oa_node_is(node, "Scan")) && read_interface(&l);
    if (is_plain) {
        l.carried = oa_calloc(l.state_count, sizeof *l.carried);
        if (!l.carried) {
            discovery->spaces.is_out_of_memory = true;
            return false;
        }
        bool is_done = walk_loop(&is_plain, discovery, &l);
        oa_free(l.carried);
        if (!is_done) {
            return false;
        }
    }
    return is_plain || walk_closed(discovery, node);
}
