#include "core/match/activations.h"

#include "core/match/activation_plan.h"
#include "core/match/two_levels.h"

#include <string.h>

oa_activation_settings oa_activation_settings_default(void)
{
    return (oa_activation_settings){.batch = 100};
}

/* The sum of profits of units that belong together. */
static double matched_profit(const oa_task *task, const oa_layout *layout, const oa_permutations *permutations)
{
    const size_t *outer = permutations->of[task->group];
    const size_t *inner = task->inner == OA_NONE ? NULL : permutations->of[task->inner];
    size_t inner_size = inner ? layout->groups[task->inner].size : 1;
    double sum = 0.0;
    for (size_t u = 0; u < task->n; u++) {
        size_t other = outer[u / inner_size] * inner_size + (inner ? inner[u % inner_size] : 0);
        sum += task->profit[u * task->n + other];
    }
    return sum;
}

static size_t dead_units(const oa_task *task)
{
    size_t dead = 0;
    for (size_t u = 0; u < task->n; u++) {
        bool is_dead = true;
        for (size_t k = 0; k < task->n && is_dead; k++) {
            is_dead = task->profit[u * task->n + k] == 0.0;
        }
        dead += is_dead;
    }
    return dead;
}

/* Running sums of the report. */
typedef struct tally {
    double before, after;
    double pairs; /* of units, times channels */
} tally;

/* What a pass is solved with. */
typedef struct solver {
    const oa_activation_plan *plan;
    const oa_layout *layout;
    oa_permutations *permutations;
    bool *settled;
    const double **profits; /* [groups] of the tasks of groups by themselves; NULL: none */
    tally *sums;
    oa_activation_info *info;
    oa_error *error;
} solver;

static void settle(const solver *s, size_t group)
{
    s->info->matched += !s->settled[group];
    s->settled[group] = true;
}

/* Blocks with an inside that is reordered alike in all of them. Other insides go where their blocks go. */
static oa_status solve_alike(const solver *s, const oa_task *task)
{
    const oa_layout *layout = s->layout;
    if (s->settled[task->group]) {
        return OA_OK; /* by another inside of the same blocks: this one's turn comes in the next pass */
    }
    s->sums->before += matched_profit(task, layout, s->permutations);
    oa_status status =
        oa_match_two_levels(s->permutations->of[task->group], s->permutations->of[task->inner], task->profit,
                            layout->groups[task->group].size, layout->groups[task->inner].size, s->error);
    if (status != OA_OK) {
        return status;
    }
    s->sums->after += matched_profit(task, layout, s->permutations);
    settle(s, task->group);
    settle(s, task->inner);
    for (size_t g = oa_next_inside(layout, task->group, task->group); g != OA_NONE;
         g = oa_next_inside(layout, task->group, g)) {
        oa_permutations_follow(s->permutations, layout, g);
    }
    return OA_OK;
}

/* A group by itself, with its insides: what of them shows in this pass. */
static oa_status solve_levels(const solver *s, size_t leader)
{
    bool is_shown = false;
    for (size_t g = leader; g != OA_NONE; g = oa_next_inside(s->layout, leader, g)) {
        is_shown = is_shown || s->profits[g];
    }
    if (!is_shown) {
        return OA_OK;
    }
    oa_status status =
        oa_assign_levels(s->permutations, s->layout, leader, s->profits, s->permutations, s->settled[leader], s->error);
    settle(s, leader);
    for (size_t g = leader; g != OA_NONE; g = oa_next_inside(s->layout, leader, g)) {
        if (s->profits[g]) {
            settle(s, g);
        }
    }
    return status;
}

static oa_status solve(const solver *s)
{
    oa_status status = OA_OK;
    for (size_t i = 0; i < s->plan->task_count && status == OA_OK; i++) {
        const oa_task *task = &s->plan->tasks[i];
        s->sums->pairs += (double)task->n * (double)task->channels;
        s->info->dead += dead_units(task);
        if (task->inner != OA_NONE) {
            status = solve_alike(s, task);
        } else {
            s->profits[task->group] = task->profit;
            s->sums->before += matched_profit(task, s->layout, s->permutations);
        }
    }
    for (size_t g = 0; g < s->layout->group_count && status == OA_OK; g++) {
        status = oa_leads(s->layout, g) ? solve_levels(s, g) : OA_OK;
    }
    for (size_t i = 0; i < s->plan->task_count && status == OA_OK; i++) {
        const oa_task *task = &s->plan->tasks[i];
        s->sums->after += task->inner == OA_NONE ? matched_profit(task, s->layout, s->permutations) : 0.0;
    }
    return status;
}

/* One pass; *is_done when there was nothing left to plan. */
static oa_status run_pass(bool *is_done, const oa_match_problem *problem, const oa_batches *data,
                          const oa_activation_settings *settings, oa_permutations *permutations, bool *settled,
                          tally *sums, oa_activation_info *info, oa_error *error)
{
    oa_activation_plan plan = {0};
    oa_status status = oa_activation_plan_make(&plan, problem, settled, permutations, error);
    *is_done = plan.task_count == 0;
    if (status == OA_OK && !*is_done) {
        status = oa_activation_pass(&plan, problem, data, settings, &info->samples, error);
        info->passes++;
    }
    if (status == OA_OK && !*is_done) {
        solver s = {.plan = &plan,
                    .layout = problem->layout,
                    .permutations = permutations,
                    .settled = settled,
                    .profits = oa_calloc(problem->layout->group_count, sizeof *s.profits),
                    .sums = sums,
                    .info = info,
                    .error = error};
        status = s.profits ? solve(&s) : oa_fail(error, OA_ERROR_MEMORY, "out of memory while matching activations");
        oa_free(s.profits);
    }
    oa_activation_plan_free(&plan);
    return status;
}

/* The groups that no activation has shown, by weights. Those that were found stay. */
static oa_status match_the_rest(oa_permutations *permutations, const oa_match_problem *problem, const bool *settled,
                                bool continues, oa_error *error)
{
    oa_match_settings settings = oa_match_settings_default();
    settings.held = settled;
    settings.continues = continues;
    return oa_match_weights(permutations, problem, &settings, NULL, error);
}

oa_status oa_match_activations(oa_permutations *permutations, const oa_match_problem *problem, const oa_batches *data,
                               const oa_activation_settings *settings, oa_activation_info *info, oa_error *error)
{
    const oa_layout *layout = problem->layout;
    oa_permutations found = {0};
    oa_activation_info made = {0};
    tally sums = {0};
    oa_status status = OA_OK;
    if (data->count == 0) {
        return oa_fail(error, OA_ERROR_INPUT, "there are no samples to match activations on");
    }
    bool *settled = oa_calloc(layout->group_count, sizeof *settled);
    if (!settled) {
        return oa_fail(error, OA_ERROR_MEMORY, "out of memory while matching activations");
    }
    status = oa_permutations_init(&found, layout, error);
    if (status == OA_OK) {
        oa_permutations_copy(&found, permutations, layout);
    }
    for (bool is_done = false; !is_done && status == OA_OK;) {
        status = run_pass(&is_done, problem, data, settings, &found, settled, &sums, &made, error);
    }
    made.unmatched = layout->group_count - made.matched;
    if (status == OA_OK && made.unmatched) {
        status = match_the_rest(&found, problem, settled, settings->continues, error);
    }
    if (status == OA_OK) {
        made.before = sums.pairs > 0.0 ? sums.before / sums.pairs : 0.0;
        made.after = sums.pairs > 0.0 ? sums.after / sums.pairs : 0.0;
        oa_permutations_copy(permutations, &found, layout);
        if (info) {
            *info = made;
        }
    }
    oa_permutations_free(&found);
    oa_free(settled);
    return status;
}
