/* Weight matching by coordinate descent over the groups of a layout. */
#include "core/match/match.h"

#include "core/linalg/sums.h"
#include "core/match/slices.h"
#include "core/match/two_levels.h"

#include <math.h>
#include <string.h>

/* A rise of the objective below this share of its scale is rounding: products run in float32. */
static const double RISE_MIN = 1e-7;

/* Groups that are assigned together (two_levels.h) are placed and improved together, under the one that leads. */
typedef struct descent {
    const oa_match_problem *problem;
    const bool *held; /* [groups] those that stay; NULL: none */
    oa_permutations *permutations;
    bool *is_placed;    /* [groups] that lead: matched already, in the first pass */
    bool *is_quadratic; /* [groups] that lead: some of the groups lie twice on a tensor that counts */
    size_t *hidden;     /* [tensors] occurrences of groups that are not placed yet */
    size_t *own;        /* [occurrences] of those, how many are of the groups assigned with it; OA_NONE: on two axes */
    size_t *seen;       /* [tensors] the last count that looked at it */
    size_t count;       /* of the objectives computed */
    double *room;       /* for the largest matrices of profits that belong together */
    const double **profits;    /* [groups] those of the groups at work, in room */
    oa_permutations candidate; /* of the groups at work */
    size_t *leaders;           /* [leader_count] the groups that lead */
    size_t *order;             /* [leader_count] the same in the order of the sweep */
    size_t leader_count;
    bool is_first_sweep; /* of a start */
    bool is_refused;     /* the last step was: it promised a rise that did not come */
} descent;

oa_match_settings oa_match_settings_default(void)
{
    return (oa_match_settings){.seed = 0, .starts = 5, .sweeps_max = 100};
}

static const oa_occurrence *occurrence_at(const descent *d, size_t group, size_t i)
{
    return &d->problem->layout->occurrences[d->problem->layout->groups[group].first_occurrence + i];
}

static size_t next_inside(const descent *d, size_t group, size_t last)
{
    return oa_next_inside(d->problem->layout, group, last);
}

static bool is_held(const descent *d, size_t group)
{
    return d->held && d->held[group];
}

/* The occurrences of a group that matching may move. */
static size_t count_moving(const descent *d, size_t group)
{
    return is_held(d, group) ? 0 : d->problem->layout->groups[group].occurrence_count;
}

/* Does a group that leads, or an inside of it, still move? */
static bool is_free(const descent *d, size_t leader)
{
    bool is_any = false;
    for (size_t g = leader; g != OA_NONE; g = next_inside(d, leader, g)) {
        is_any = is_any || !is_held(d, g);
    }
    return is_any;
}

/* What groups that are assigned together have on a tensor. */
typedef struct footprint {
    size_t leader; /* + 1; 0: none yet */
    size_t axis;
    size_t count; /* occurrences; on more than one axis, or one within what the other moves, each hides the others:
                     OA_NONE */
} footprint;

static void add_to_footprint(footprint *on, size_t leader, const oa_occurrence *o)
{
    if (on->leader != leader + 1) {
        *on = (footprint){.leader = leader + 1, .axis = o->axis, .count = o->is_within ? OA_NONE : 1};
    } else {
        on->count = on->count == OA_NONE || on->axis != o->axis || o->is_within ? OA_NONE : on->count + 1;
    }
}

/* Which groups are quadratic, and what each occurrence is visible by. What stays neither bends nor hides anything. */
static oa_status look_at_tensors(descent *d, oa_error *error)
{
    const oa_layout *layout = d->problem->layout;
    footprint *on = oa_calloc(layout->tensor_count, sizeof *on);
    if (!on) {
        return oa_fail(error, OA_ERROR_MEMORY, "out of memory for matching %zu tensors", layout->tensor_count);
    }
    for (size_t k = 0; k < d->leader_count; k++) {
        size_t leader = d->leaders[k];
        for (size_t g = leader; g != OA_NONE; g = next_inside(d, leader, g)) {
            for (size_t i = 0; i < count_moving(d, g); i++) {
                const oa_occurrence *o = occurrence_at(d, g, i);
                add_to_footprint(&on[o->tensor], leader, o);
                /* Twice on one axis is linear side by side, but not when one lies inside of the other. */
                bool is_twice = on[o->tensor].count > 1 && oa_counts(d->problem, o->tensor);
                d->is_quadratic[leader] = d->is_quadratic[leader] || is_twice;
            }
        }
        for (size_t g = leader; g != OA_NONE; g = next_inside(d, leader, g)) {
            for (size_t i = 0; i < count_moving(d, g); i++) {
                d->own[layout->groups[g].first_occurrence + i] = on[occurrence_at(d, g, i)->tensor].count;
            }
        }
    }
    oa_free(on);
    return OA_OK;
}

/* Before its group is placed: is every axis of this occurrence's tensor, but the one it lies on, determined?
 * `hidden[t]` counts the occurrences of groups not placed yet; those that are assigned together on one axis do not hide
 * each other.
 */
static bool is_visible(const descent *d, const oa_occurrence *o)
{
    return d->hidden[o->tensor] == d->own[o - d->problem->layout->occurrences];
}

/* The share of the groups' weights that lie on tensors all of whose other axes are determined. */
static double visible_share(const descent *d, size_t leader)
{
    double visible = 0.0;
    double total = 0.0;
    for (size_t g = leader; g != OA_NONE; g = next_inside(d, leader, g)) {
        for (size_t i = 0; i < d->problem->layout->groups[g].occurrence_count; i++) {
            const oa_occurrence *o = occurrence_at(d, g, i);
            if (oa_counts(d->problem, o->tensor)) {
                double weight = (double)d->problem->a->tensors[o->tensor].count;
                total += weight;
                visible += is_visible(d, o) ? weight : 0.0;
            }
        }
    }
    return total > 0.0 ? visible / total : 0.0;
}

/* profits[g][i, j]: how well unit j of b fits in the place of unit i of a, everything else as it stands. For a leader
 * and its insides, or only one of these (OA_NONE: all); NULL for the others. */
static oa_status fill_profits(descent *d, size_t leader, size_t only, bool visible_only, oa_error *error)
{
    double *room = d->room;
    oa_status status = OA_OK;
    for (size_t g = leader; g != OA_NONE && status == OA_OK; g = next_inside(d, leader, g)) {
        size_t n = d->problem->layout->groups[g].size;
        d->profits[g] = NULL;
        if (only != OA_NONE && g != only) {
            continue;
        }
        memset(room, 0, n * n * sizeof *room);
        for (size_t i = 0; i < d->problem->layout->groups[g].occurrence_count && status == OA_OK; i++) {
            const oa_occurrence *o = occurrence_at(d, g, i);
            if (oa_counts(d->problem, o->tensor) && (!visible_only || is_visible(d, o))) {
                status = oa_add_profit(room, d->problem, o, d->permutations, error);
            }
        }
        d->profits[g] = room;
        room += n * n;
    }
    return status;
}

/* The true objective over the tensors that the groups lie on. */
static oa_status objective_of(double *objective, descent *d, size_t leader, oa_error *error)
{
    oa_status status = OA_OK;
    *objective = 0.0;
    d->count++;
    for (size_t g = leader; g != OA_NONE; g = next_inside(d, leader, g)) {
        for (size_t i = 0; i < d->problem->layout->groups[g].occurrence_count && status == OA_OK; i++) {
            size_t tensor = occurrence_at(d, g, i)->tensor;
            if (d->seen[tensor] != d->count && oa_counts(d->problem, tensor)) {
                status = oa_add_inner(objective, d->problem, tensor, d->permutations, false, error);
            }
            d->seen[tensor] = d->count;
        }
    }
    return status;
}

/* The candidate becomes what stands, and what stood the candidate. */
static void exchange(descent *d, size_t leader)
{
    for (size_t g = leader; g != OA_NONE; g = next_inside(d, leader, g)) {
        size_t *old = d->permutations->of[g];
        d->permutations->of[g] = d->candidate.of[g];
        d->candidate.of[g] = old;
    }
}

/* Does the candidate promise more than rounding? */
static bool is_rise(const descent *d, size_t leader)
{
    double rise = 0.0;
    double scale = 0.0;
    for (size_t g = leader; g != OA_NONE; g = next_inside(d, leader, g)) {
        size_t n = d->profits[g] ? d->problem->layout->groups[g].size : 0;
        for (size_t i = 0; i < n; i++) {
            double old = d->profits[g][i * n + d->permutations->of[g][i]];
            double new = d->profits[g][i * n + d->candidate.of[g][i]];
            rise += new - old;
            scale += fabs(old) + fabs(new);
        }
    }
    return rise > RISE_MIN * scale;
}

/* One step: solve for a group, or for one of the insides that it leads, in their blocks (OA_NONE: for all together).
 * The result is taken when the true objective rises. */
static oa_status step(bool *is_better, descent *d, size_t leader, size_t only, bool visible_only, oa_error *error)
{
    *is_better = d->is_refused = false;
    oa_status status = fill_profits(d, leader, only, visible_only, error);
    if (status == OA_OK) {
        status = oa_assign_levels(&d->candidate, d->problem->layout, leader, d->profits, d->permutations,
                                  only != OA_NONE, error);
    }
    if (status != OA_OK || !is_rise(d, leader)) {
        return status;
    }
    double before = 0.0;
    double after = 0.0;
    bool must_check = d->is_quadratic[leader] && !visible_only;
    if (must_check) {
        status = objective_of(&before, d, leader, error);
    }
    exchange(d, leader);
    if (must_check && status == OA_OK) {
        status = objective_of(&after, d, leader, error);
    }
    if (must_check && !(after - before > RISE_MIN * (fabs(before) + fabs(after)))) {
        exchange(d, leader);
        d->is_refused = true;
        return status;
    }
    *is_better = true;
    return status;
}

/* The insides that a group leads, one after the other, in their blocks. */
static oa_status improve_insides(bool *is_better, descent *d, size_t leader, bool visible_only, oa_error *error)
{
    oa_status status = OA_OK;
    for (size_t g = next_inside(d, leader, leader); g != OA_NONE && status == OA_OK; g = next_inside(d, leader, g)) {
        bool rose = false;
        status = is_held(d, g) ? OA_OK : step(&rose, d, leader, g, visible_only, error);
        *is_better = *is_better || rose;
    }
    return status;
}

/* All groups that belong together at once. On a tensor that has several insides each is judged by how the others stand:
 * in the first sweep, where some stand nowhere yet, and when all at once did not lead up, they are taken one by one. */
static oa_status improve(bool *is_better, descent *d, size_t leader, bool visible_only, oa_error *error)
{
    oa_status status = OA_OK;
    bool can_part = !visible_only && d->is_quadratic[leader];
    *is_better = false;
    if (is_held(d, leader)) {
        return improve_insides(is_better, d, leader, visible_only, error);
    }
    if (can_part && d->is_first_sweep) {
        status = improve_insides(is_better, d, leader, false, error);
    }
    if (status != OA_OK || *is_better) {
        return status;
    }
    status = step(is_better, d, leader, OA_NONE, visible_only, error);
    return status == OA_OK && can_part && d->is_refused && !d->is_first_sweep
               ? improve_insides(is_better, d, leader, false, error)
               : status;
}

/* Notes that groups that move are placed: what shares a tensor with them may see more now. */
static void set_placed(descent *d, size_t leader)
{
    d->is_placed[leader] = true;
    for (size_t g = leader; g != OA_NONE; g = next_inside(d, leader, g)) {
        for (size_t i = 0; i < count_moving(d, g); i++) {
            d->hidden[occurrence_at(d, g, i)->tensor]--;
        }
    }
}

/* The first pass of the first start: always the group of which most is determined; d->order keeps the order found. */
static oa_status place_groups(descent *d, oa_error *error)
{
    const oa_layout *layout = d->problem->layout;
    memset(d->is_placed, 0, layout->group_count * sizeof *d->is_placed);
    memset(d->hidden, 0, layout->tensor_count * sizeof *d->hidden);
    for (size_t g = 0; g < layout->group_count; g++) {
        for (size_t i = 0; i < count_moving(d, g); i++) {
            d->hidden[occurrence_at(d, g, i)->tensor]++;
        }
    }
    for (size_t step = 0; step < d->leader_count; step++) {
        size_t best = OA_NONE;
        double best_share = -1.0;
        for (size_t k = 0; k < d->leader_count; k++) {
            double share = d->is_placed[d->leaders[k]] ? -1.0 : visible_share(d, d->leaders[k]);
            if (share > best_share) {
                best = d->leaders[k];
                best_share = share;
            }
        }
        bool is_better;
        oa_status status = improve(&is_better, d, best, true, error);
        if (status != OA_OK) {
            return status;
        }
        set_placed(d, best);
        d->order[step] = best;
    }
    return OA_OK;
}

static void order_as_numbered(descent *d)
{
    memcpy(d->order, d->leaders, d->leader_count * sizeof *d->order);
}

static void order_at_random(descent *d, oa_random *random)
{
    oa_random_permutation(d->order, d->leader_count, random);
    for (size_t i = 0; i < d->leader_count; i++) {
        d->order[i] = d->leaders[d->order[i]];
    }
}

static oa_status descend(size_t *sweeps, descent *d, const oa_match_settings *settings, oa_random *random, size_t start,
                         oa_error *error)
{
    size_t count = d->leader_count;
    bool is_better = true;
    oa_status status = OA_OK;
    for (*sweeps = 0; is_better && *sweeps < settings->sweeps_max && status == OA_OK; (*sweeps)++) {
        is_better = false;
        d->is_first_sweep = *sweeps == 0;
        if (random) {
            order_at_random(d, random);
        }
        for (size_t i = 0; i < count && status == OA_OK; i++) {
            bool rose = false;
            status = improve(&rose, d, d->order[i], false, error);
            is_better = is_better || rose;
            if (settings->progress) {
                size_t total = settings->starts * 10 * count;
                size_t done = start * 10 * count + (*sweeps < 9 ? *sweeps : 9) * count + i + 1;
                settings->progress(settings->progress_context, done, total);
            }
        }
    }
    return status;
}

/* Over all constants that count; of the inner product only those that move, since the others add a constant, which can
 * be huge: masks hold the largest number there is, or infinity. */
static oa_status total_inner(double *sum, const oa_match_problem *problem, const oa_permutations *permutations,
                             bool squared, oa_error *error)
{
    oa_status status = OA_OK;
    *sum = 0.0;
    for (size_t i = 0; i < problem->layout->order_count && status == OA_OK; i++) {
        size_t tensor = problem->layout->order[i];
        if (oa_counts(problem, tensor) && (squared || problem->layout->tensors[tensor].moves)) {
            status = oa_add_inner(sum, problem, tensor, permutations, squared, error);
        }
    }
    return status;
}

/* The most profits that are needed at a time. */
static oa_status count_cells(size_t *cells, const oa_layout *layout, oa_error *error)
{
    *cells = 0;
    for (size_t leader = 0; leader < layout->group_count; leader++) {
        size_t sum = 0, own;
        for (size_t g = oa_leads(layout, leader) ? leader : OA_NONE; g != OA_NONE;
             g = oa_next_inside(layout, leader, g)) {
            if (oa_mul_overflows(&own, layout->groups[g].size, layout->groups[g].size) ||
                oa_add_overflows(&sum, sum, own)) {
                return oa_fail(error, OA_ERROR_MEMORY, "a group of %zu units is too large to match",
                               layout->groups[g].size);
            }
        }
        *cells = sum > *cells ? sum : *cells;
    }
    return OA_OK;
}

static oa_status descent_init(descent *d, const oa_match_problem *problem, oa_error *error)
{
    const oa_layout *layout = problem->layout;
    size_t cells;
    d->problem = problem;
    oa_status status = count_cells(&cells, layout, error);
    status = status == OA_OK ? oa_permutations_init(&d->candidate, layout, error) : status;
    if (status != OA_OK) {
        return status;
    }
    d->is_placed = oa_calloc(layout->group_count, sizeof *d->is_placed);
    d->is_quadratic = oa_calloc(layout->group_count, sizeof *d->is_quadratic);
    d->leaders = oa_calloc(layout->group_count, sizeof *d->leaders);
    d->order = oa_calloc(layout->group_count, sizeof *d->order);
    d->hidden = oa_calloc(layout->tensor_count, sizeof *d->hidden);
    d->own = oa_calloc(layout->occurrence_count, sizeof *d->own);
    d->seen = oa_calloc(layout->tensor_count, sizeof *d->seen);
    d->profits = oa_calloc(layout->group_count, sizeof *d->profits);
    d->room = oa_malloc(cells, sizeof *d->room);
    if (!d->is_placed || !d->is_quadratic || !d->leaders || !d->order || !d->hidden || !d->own || !d->seen ||
        !d->profits || !d->room) {
        return oa_fail(error, OA_ERROR_MEMORY, "out of memory for matching groups, of up to %zu pairs of units at once",
                       cells);
    }
    for (size_t g = 0; g < layout->group_count; g++) {
        if (oa_leads(layout, g) && is_free(d, g)) {
            d->leaders[d->leader_count++] = g;
        }
    }
    return look_at_tensors(d, error);
}

static void descent_free(descent *d)
{
    oa_free(d->is_placed);
    oa_free(d->is_quadratic);
    oa_free(d->leaders);
    oa_free(d->order);
    oa_free(d->hidden);
    oa_free(d->own);
    oa_free(d->seen);
    oa_free(d->profits);
    oa_free(d->room);
    oa_permutations_free(&d->candidate);
}

/* The first start: from what is given, by placing the groups or, when that was another method's work, at once by
 * sweeps. Placing looks at a part of the weights at a time; should it end below where it started, sweeps from there
 * have the last word, since those never fall. */
static oa_status first_start(double *inner, size_t *sweeps, descent *d, const oa_permutations *given,
                             const oa_match_settings *settings, oa_error *error)
{
    const oa_match_problem *problem = d->problem;
    double before = 0.0;
    bool places = !settings->continues;
    oa_status status = total_inner(&before, problem, given, false, error);
    for (size_t attempt = 0; attempt < 2 && status == OA_OK; attempt++) {
        oa_permutations_copy(d->permutations, given, problem->layout);
        order_as_numbered(d);
        if (places) {
            status = place_groups(d, error);
        }
        if (status == OA_OK) {
            status = descend(sweeps, d, settings, NULL, 0, error);
        }
        if (status == OA_OK) {
            status = total_inner(inner, problem, d->permutations, false, error);
        }
        if (!places || *inner >= before) {
            break;
        }
        places = false;
    }
    return status;
}

static oa_status next_start(double *inner, size_t *sweeps, descent *d, size_t start, oa_random *random,
                            const oa_match_settings *settings, oa_error *error)
{
    oa_permutations_random(d->permutations, d->problem->layout, random);
    oa_status status = descend(sweeps, d, settings, random, start, error);
    return status == OA_OK ? total_inner(inner, d->problem, d->permutations, false, error) : status;
}

oa_status oa_match_weights(oa_permutations *permutations, const oa_match_problem *problem,
                           const oa_match_settings *settings, oa_match_info *info, oa_error *error)
{
    descent d = {.held = settings->held};
    oa_permutations current = {0};
    oa_permutations best = {0};
    oa_match_info result = {.starts = settings->held || settings->starts == 0 ? 1 : settings->starts};
    oa_random random;
    oa_random_init(&random, settings->seed);
    oa_status status = oa_check_finite(problem->a, problem->layout, NULL, error);
    if (status == OA_OK) {
        status = oa_check_finite(problem->b, problem->layout, problem->tensor_b, error);
    }
    if (status == OA_OK) {
        status = oa_permutations_init(&current, problem->layout, error);
    }
    if (status == OA_OK) {
        status = oa_permutations_init(&best, problem->layout, error);
    }
    if (status == OA_OK) {
        status = descent_init(&d, problem, error);
    }
    d.permutations = &current;
    for (size_t start = 0; start < result.starts && status == OA_OK; start++) {
        size_t sweeps = 0;
        double inner = 0.0;
        status = start == 0 ? first_start(&inner, &sweeps, &d, permutations, settings, error)
                            : next_start(&inner, &sweeps, &d, start, &random, settings, error);
        if (status == OA_OK && (start == 0 || inner > result.inner_product)) {
            result.inner_product = inner;
            result.sweeps = sweeps;
            oa_permutations_copy(&best, &current, problem->layout);
        }
        result.worst_inner_product =
            start == 0 || inner < result.worst_inner_product ? inner : result.worst_inner_product;
    }
    if (status == OA_OK) {
        oa_permutations_copy(permutations, &best, problem->layout);
        if (info) {
            *info = result;
        }
    }
    descent_free(&d);
    oa_permutations_free(&current);
    oa_permutations_free(&best);
    return status;
}

oa_status oa_match_distance(double *distance, const oa_match_problem *problem, const oa_permutations *permutations,
                            oa_error *error)
{
    double sum;
    oa_status status = total_inner(&sum, problem, permutations, true, error);
    if (status == OA_OK) {
        *distance = sum;
    }
    return status;
}

oa_status oa_check_finite(const oa_graph *graph, const oa_layout *layout, const size_t *tensor_of, oa_error *error)
{
    for (size_t i = 0; i < layout->order_count; i++) {
        size_t t = tensor_of ? tensor_of[layout->order[i]] : layout->order[i];
        if (t == OA_NONE || !oa_dtype_is_float(graph->tensors[t].dtype)) {
            continue;
        }
        const oa_tensor *tensor = &graph->tensors[t];
        size_t size = oa_dtype_size(tensor->dtype);
        bool moves = layout->tensors[layout->order[i]].moves;
        if (tensor->dtype == OA_DTYPE_FLOAT && oa_all_finite(tensor->data, tensor->count)) {
            continue;
        }
        for (size_t k = 0; k < tensor->count; k++) {
            double value;
            oa_floats_to_f64(&value, (const char *)tensor->data + k * size, tensor->dtype, 1);
            if (isnan(value) || (isinf(value) && moves)) {
                return oa_fail(error, OA_ERROR_INPUT,
                               "tensor '%s' holds %s at element %zu: weights like that cannot be compared or averaged, "
                               "repair or retrain the model",
                               tensor->name, isnan(value) ? "NaN" : "an infinity", k);
            }
        }
    }
    return OA_OK;
}
