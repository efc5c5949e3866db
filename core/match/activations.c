#include "core/match/activations.h"

#include "core/assign/assign.h"
#include "core/match/activation_plan.h"

#include <string.h>

oa_activation_settings oa_activation_settings_default(void)
{
    return (oa_activation_settings){.batch = 100};
}

static oa_status check_fit(const oa_match_problem *problem, const oa_batches *data, oa_error *error)
{
    const oa_graph *graphs[2] = {problem->a, problem->b};
    for (size_t m = 0; m < 2; m++) {
        if (graphs[m]->input_count != 1) {
            return oa_fail(error, OA_ERROR_INPUT, "samples fit models with one input only, this one has %zu",
                           graphs[m]->input_count);
        }
    }
    return data->count ? OA_OK : oa_fail(error, OA_ERROR_INPUT, "there are no samples to match activations on");
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

static oa_status solve(const oa_task *task, const oa_layout *layout, oa_permutations *permutations, bool *settled,
                       tally *sums, oa_activation_info *info, oa_error *error)
{
    size_t *outer = permutations->of[task->group];
    sums->before += matched_profit(task, layout, permutations);
    oa_status status =
        task->inner == OA_NONE
            ? oa_assign_maximise(outer, task->profit, task->n, outer, NULL, NULL, error)
            : oa_match_two_levels(outer, permutations->of[task->inner], task->profit, layout->groups[task->group].size,
                                  layout->groups[task->inner].size, error);
    if (status != OA_OK) {
        return status;
    }
    sums->after += matched_profit(task, layout, permutations);
    sums->pairs += (double)task->n * (double)task->channels;
    info->dead += dead_units(task);
    info->matched++;
    settled[task->group] = true;
    if (task->inner != OA_NONE) {
        info->matched++;
        settled[task->inner] = true;
    }
    return OA_OK;
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
    for (size_t i = 0; i < plan.task_count && status == OA_OK; i++) {
        status = solve(&plan.tasks[i], problem->layout, permutations, settled, sums, info, error);
    }
    oa_activation_plan_free(&plan);
    return status;
}

oa_status oa_match_activations(oa_permutations *permutations, const oa_match_problem *problem, const oa_batches *data,
                               const oa_activation_settings *settings, oa_activation_info *info, oa_error *error)
{
    const oa_layout *layout = problem->layout;
    oa_permutations found = {0};
    oa_activation_info made = {0};
    tally sums = {0};
    oa_status status = check_fit(problem, data, error);
    if (status != OA_OK) {
        return status;
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
    if (status == OA_OK) {
        made.unmatched = layout->group_count - made.matched;
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
