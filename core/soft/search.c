#include "core/soft/search.h"

/* What the loss of hard permutations is measured on: about so many samples, at these shares of a. */
enum { JUDGED_SAMPLES = 512 };
static const double JUDGED_SHARES[] = {0.25, 0.5, 0.75};

static oa_status no_memory(oa_error *error)
{
    return oa_fail(error, OA_ERROR_MEMORY, "out of memory for aligning by gradients");
}

static oa_status make_buffers(oa_search *search, oa_error *error)
{
    const oa_graph *a = search->problem->a;
    search->moved = oa_calloc(a->tensor_count, sizeof *search->moved);
    search->gradients = oa_calloc(a->tensor_count, sizeof *search->gradients);
    if (!search->moved || !search->gradients) {
        return no_memory(error);
    }
    for (size_t t = 0; t < a->tensor_count && search->line; t++) {
        if (oa_line_loss_wants(search->line, t)) {
            search->moved[t] = oa_malloc(a->tensors[t].count, sizeof(float));
            search->gradients[t] = oa_malloc(a->tensors[t].count, sizeof(float));
            if (!search->moved[t] || !search->gradients[t]) {
                return no_memory(error);
            }
        }
    }
    return OA_OK;
}

oa_status oa_search_init(oa_search *search, const oa_match_problem *problem, const oa_permutations *start,
                         const oa_soft_settings *settings, oa_error *error)
{
    *search = (oa_search){.problem = problem, .settings = settings};
    oa_random_init(&search->random, settings->seed);
    oa_status status = oa_permutations_init(&search->best, problem->layout, error);
    if (status == OA_OK) {
        oa_permutations_copy(&search->best, start, problem->layout);
    }
    if (status == OA_OK && settings->samples) {
        status = oa_line_loss_create(&search->line, problem, settings->samples, settings->batch, settings->samples_max,
                                     error);
    }
    status = status == OA_OK ? make_buffers(search, error) : status;
    status = status == OA_OK ? oa_search_judge(&search->best_value, search, start, 0, error) : status;
    search->info.start = search->info.best = search->best_value;
    return status;
}

void oa_search_free(oa_search *search)
{
    for (size_t t = 0; search->moved && search->gradients && t < search->problem->a->tensor_count; t++) {
        oa_free(search->moved[t]);
        oa_free(search->gradients[t]);
    }
    oa_free(search->moved);
    oa_free(search->gradients);
    oa_permutations_free(&search->best);
    oa_line_loss_destroy(search->line);
    *search = (oa_search){0};
}

oa_status oa_search_reorder(oa_search *search, const oa_permutations *permutations, oa_error *error)
{
    const oa_match_problem *problem = search->problem;
    oa_status status = OA_OK;
    for (size_t t = 0; t < problem->a->tensor_count && status == OA_OK; t++) {
        if (search->moved[t]) {
            const oa_tensor *b = &problem->b->tensors[problem->tensor_b[t]];
            status = oa_layout_reorder(search->moved[t], b->data, problem->layout, t, b, permutations, error);
        }
    }
    return status;
}

oa_status oa_search_loss(double *loss, oa_search *search, oa_error *error)
{
    double lambda = search->settings->at_midpoint ? 0.5 : oa_random_uniform(&search->random);
    oa_line_loss_draw(search->line, &search->random);
    return oa_line_loss_run(loss, search->gradients, search->line, (const float *const *)search->moved, lambda, error);
}

static oa_status judge_loss(double *value, oa_search *search, const oa_permutations *permutations, oa_error *error)
{
    const size_t shares = sizeof JUDGED_SHARES / sizeof JUDGED_SHARES[0];
    const size_t parts = oa_line_loss_batches(search->line, JUDGED_SAMPLES);
    double sum = 0.0;
    oa_status status = oa_search_reorder(search, permutations, error);
    for (size_t part = 0; part < parts && status == OA_OK; part++) {
        oa_line_loss_spread(search->line, part, parts);
        for (size_t k = 0; k < shares && status == OA_OK; k++) {
            double loss = 0.0;
            status = oa_line_loss_run(&loss, NULL, search->line, (const float *const *)search->moved, JUDGED_SHARES[k],
                                      error);
            sum += loss;
        }
    }
    *value = sum / (double)(parts * shares);
    return status;
}

oa_status oa_search_judge(double *value, oa_search *search, const oa_permutations *permutations, size_t iteration,
                          oa_error *error)
{
    oa_status status = search->line ? judge_loss(value, search, permutations, error)
                                    : oa_match_distance(value, search->problem, permutations, error);
    if (status == OA_OK && iteration && *value < search->best_value) {
        oa_permutations_copy(&search->best, permutations, search->problem->layout);
        search->best_value = search->info.best = *value;
        search->info.best_iteration = iteration;
    }
    return status;
}

bool oa_search_is_due(const oa_search *search, size_t iteration)
{
    return iteration % search->settings->judged_every == 0 || iteration == search->settings->iterations;
}
