/* Weight matching by coordinate descent over the groups of a layout. */
#include "core/match/match.h"

#include "core/assign/assign.h"
#include "core/linalg/sums.h"
#include "core/match/slices.h"

#include <math.h>
#include <string.h>

/* A rise of the objective below this share of its scale is rounding: products run in float32. */
static const double RISE_MIN = 1e-7;

typedef struct descent {
    const oa_match_problem *problem;
    oa_permutations *permutations;
    bool *is_placed;    /* [groups] matched already, in the first pass */
    bool *is_quadratic; /* [groups] lies twice on a tensor that counts */
    size_t *hidden;     /* [tensors] occurrences of groups that are not placed yet */
    double *profit;     /* [largest * largest] */
    size_t *candidate;  /* [largest] */
    size_t *old;        /* [largest] */
    size_t *order;      /* [groups] */
} descent;

oa_match_settings oa_match_settings_default(void)
{
    return (oa_match_settings){.seed = 0, .starts = 5, .sweeps_max = 100};
}

static const oa_occurrence *occurrence_at(const descent *d, size_t group, size_t i)
{
    return &d->problem->layout->occurrences[d->problem->layout->groups[group].first_occurrence + i];
}

static bool is_same_axis(const oa_occurrence *x, const oa_occurrence *y)
{
    return x->tensor == y->tensor && x->axis == y->axis;
}

static void find_quadratic(descent *d)
{
    const oa_layout *layout = d->problem->layout;
    for (size_t g = 0; g < layout->group_count; g++) {
        for (size_t i = 1; i < layout->groups[g].occurrence_count; i++) {
            const oa_occurrence *one = occurrence_at(d, g, i - 1);
            const oa_occurrence *two = occurrence_at(d, g, i);
            /* Twice on one axis is linear side by side, but not when one lies inside of the other. */
            bool is_twice = one->tensor == two->tensor && oa_counts(d->problem, one->tensor);
            d->is_quadratic[g] = d->is_quadratic[g] || is_twice;
        }
    }
}

/* Is every axis of this occurrence's tensor, but the one it lies on, determined? `hidden[t]` counts the occurrences of
 * groups not placed yet; those of the group itself on the same axis do not hide anything. They are its neighbours. */
static bool is_visible(const descent *d, size_t group, size_t i)
{
    const oa_occurrence *o = occurrence_at(d, group, i);
    size_t count = d->problem->layout->groups[group].occurrence_count;
    size_t first = i;
    size_t end = i;
    if (d->is_placed[group]) {
        return d->hidden[o->tensor] == 0;
    }
    while (first > 0 && is_same_axis(occurrence_at(d, group, first - 1), o)) {
        first--;
    }
    while (end < count && is_same_axis(occurrence_at(d, group, end), o)) {
        end++;
    }
    return d->hidden[o->tensor] == end - first;
}

/* The share of a group's weights that lie on tensors all of whose other axes are determined. */
static double visible_share(const descent *d, size_t group)
{
    double visible = 0.0;
    double total = 0.0;
    for (size_t i = 0; i < d->problem->layout->groups[group].occurrence_count; i++) {
        const oa_occurrence *o = occurrence_at(d, group, i);
        if (oa_counts(d->problem, o->tensor)) {
            double weight = (double)d->problem->a->tensors[o->tensor].count;
            total += weight;
            visible += is_visible(d, group, i) ? weight : 0.0;
        }
    }
    return total > 0.0 ? visible / total : 0.0;
}

/* profit[i, j]: how well unit j of b fits in the place of unit i of a, everything else as it stands. */
static oa_status fill_profit(descent *d, size_t group, bool visible_only, oa_error *error)
{
    size_t n = d->problem->layout->groups[group].size;
    memset(d->profit, 0, n * n * sizeof *d->profit);
    oa_status status = OA_OK;
    for (size_t i = 0; i < d->problem->layout->groups[group].occurrence_count && status == OA_OK; i++) {
        const oa_occurrence *o = occurrence_at(d, group, i);
        if (oa_counts(d->problem, o->tensor) && (!visible_only || is_visible(d, group, i))) {
            status = oa_add_profit(d->profit, d->problem, o, d->permutations, error);
        }
    }
    return status;
}

/* The true objective over the tensors that a group lies on. */
static oa_status objective_of(double *objective, descent *d, size_t group, oa_error *error)
{
    oa_status status = OA_OK;
    size_t last = OA_NONE;
    *objective = 0.0;
    for (size_t i = 0; i < d->problem->layout->groups[group].occurrence_count && status == OA_OK; i++) {
        size_t tensor = occurrence_at(d, group, i)->tensor;
        if (tensor != last && oa_counts(d->problem, tensor)) {
            status = oa_add_inner(objective, d->problem, tensor, d->permutations, false, error);
        }
        last = tensor;
    }
    return status;
}

/* One step: solve for a group, take the result when the true objective rises. */
static oa_status improve(bool *is_better, descent *d, size_t group, bool visible_only, oa_error *error)
{
    size_t n = d->problem->layout->groups[group].size;
    size_t *current = d->permutations->of[group];
    *is_better = false;
    oa_status status = fill_profit(d, group, visible_only, error);
    if (status == OA_OK) {
        status = oa_assign_maximise(d->candidate, d->profit, n, current, NULL, NULL, error);
    }
    if (status != OA_OK) {
        return status;
    }
    double rise = 0.0;
    double scale = 0.0;
    for (size_t i = 0; i < n; i++) {
        double old = d->profit[i * n + current[i]];
        double new = d->profit[i * n + d->candidate[i]];
        rise += new - old;
        scale += fabs(old) + fabs(new);
    }
    if (!(rise > RISE_MIN * scale)) {
        return OA_OK;
    }
    memcpy(d->old, current, n * sizeof *current);
    double before = 0.0;
    double after = 0.0;
    bool must_check = d->is_quadratic[group] && !visible_only;
    if (must_check) {
        status = objective_of(&before, d, group, error);
    }
    memcpy(current, d->candidate, n * sizeof *current);
    if (must_check && status == OA_OK) {
        status = objective_of(&after, d, group, error);
    }
    if (must_check && !(after - before > RISE_MIN * (fabs(before) + fabs(after)))) {
        memcpy(current, d->old, n * sizeof *current);
        return status;
    }
    *is_better = true;
    return status;
}

/* Notes that a group is placed: what shares a tensor with it may see more now. */
static void set_placed(descent *d, size_t group)
{
    const oa_layout *layout = d->problem->layout;
    d->is_placed[group] = true;
    for (size_t i = 0; i < layout->groups[group].occurrence_count; i++) {
        d->hidden[occurrence_at(d, group, i)->tensor]--;
    }
}

/* The first pass of the first start: always the group of which most is determined; d->order keeps the order found. */
static oa_status place_groups(descent *d, oa_error *error)
{
    const oa_layout *layout = d->problem->layout;
    memset(d->is_placed, 0, layout->group_count * sizeof *d->is_placed);
    memset(d->hidden, 0, layout->tensor_count * sizeof *d->hidden);
    for (size_t i = 0; i < layout->occurrence_count; i++) {
        d->hidden[layout->occurrences[i].tensor]++;
    }
    for (size_t step = 0; step < layout->group_count; step++) {
        size_t best = OA_NONE;
        double best_share = -1.0;
        for (size_t g = 0; g < layout->group_count; g++) {
            double share = d->is_placed[g] ? -1.0 : visible_share(d, g);
            if (share > best_share) {
                best = g;
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
    for (size_t g = 0; g < d->problem->layout->group_count; g++) {
        d->order[g] = g;
    }
}

static oa_status descend(size_t *sweeps, descent *d, const oa_match_settings *settings, oa_random *random, size_t start,
                         oa_error *error)
{
    size_t count = d->problem->layout->group_count;
    bool is_better = true;
    oa_status status = OA_OK;
    for (*sweeps = 0; is_better && *sweeps < settings->sweeps_max && status == OA_OK; (*sweeps)++) {
        is_better = false;
        if (random) {
            oa_random_permutation(d->order, count, random);
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

static oa_status descent_init(descent *d, const oa_match_problem *problem, oa_error *error)
{
    const oa_layout *layout = problem->layout;
    size_t largest = 0;
    size_t cells = 0;
    for (size_t g = 0; g < layout->group_count; g++) {
        largest = layout->groups[g].size > largest ? layout->groups[g].size : largest;
    }
    d->problem = problem;
    if (oa_mul_overflows(&cells, largest, largest)) {
        return oa_fail(error, OA_ERROR_MEMORY, "a group of %zu units is too large to match", largest);
    }
    d->is_placed = oa_calloc(layout->group_count, sizeof *d->is_placed);
    d->is_quadratic = oa_calloc(layout->group_count, sizeof *d->is_quadratic);
    d->order = oa_calloc(layout->group_count, sizeof *d->order);
    d->hidden = oa_calloc(layout->tensor_count, sizeof *d->hidden);
    d->profit = oa_malloc(cells, sizeof *d->profit);
    d->candidate = oa_malloc(largest, sizeof *d->candidate);
    d->old = oa_malloc(largest, sizeof *d->old);
    if (!d->is_placed || !d->is_quadratic || !d->order || !d->hidden || !d->profit || !d->candidate || !d->old) {
        return oa_fail(error, OA_ERROR_MEMORY, "out of memory for matching groups of up to %zu units", largest);
    }
    find_quadratic(d);
    return OA_OK;
}

static void descent_free(descent *d)
{
    oa_free(d->is_placed);
    oa_free(d->is_quadratic);
    oa_free(d->order);
    oa_free(d->hidden);
    oa_free(d->profit);
    oa_free(d->candidate);
    oa_free(d->old);
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
    descent d = {0};
    oa_permutations current = {0};
    oa_permutations best = {0};
    oa_match_info result = {.starts = settings->starts ? settings->starts : 1};
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
