#include "core/soft/match_ste.h"

#include "core/soft/adam.h"
#include "core/soft/search.h"

#include <math.h>
#include <string.h>

enum { SWEEPS_MAX = 2 };

typedef struct estimator {
    oa_search search;
    oa_graph free_graph;  /* a, with the free weights for payloads; borrows everything else */
    oa_tensor *tensors;   /* [tensors] of it */
    float **free_weights; /* [tensors] where the loss wants them; NULL elsewhere */
    float **first, **second;
    double *spread; /* [tensors] root mean square of a's constant */
    oa_permutations current;
} estimator;

oa_soft_settings oa_ste_settings_default(void)
{
    return (oa_soft_settings){.iterations = 500,
                              .rate = 0.02,
                              .judged_every = 10,
                              .threads = 1,
                              .batch = 256,
                              .samples_max = 10000,
                              .at_midpoint = true};
}

static oa_status no_memory(oa_error *error)
{
    return oa_fail(error, OA_ERROR_MEMORY, "out of memory for straight-through matching");
}

static double root_mean_square(const float *x, size_t count)
{
    double sum = 0.0;
    for (size_t i = 0; i < count; i++) {
        sum += (double)x[i] * (double)x[i];
    }
    return count ? sqrt(sum / (double)count) : 0.0;
}

static oa_status make(estimator *e, const oa_match_problem *problem, const oa_permutations *start, oa_error *error)
{
    const oa_graph *a = problem->a;
    size_t count = a->tensor_count;
    e->tensors = oa_malloc(count, sizeof *e->tensors);
    e->free_weights = oa_calloc(count, sizeof *e->free_weights);
    e->first = oa_calloc(count, sizeof *e->first);
    e->second = oa_calloc(count, sizeof *e->second);
    e->spread = oa_calloc(count, sizeof *e->spread);
    oa_status status = oa_permutations_init(&e->current, problem->layout, error);
    if (status != OA_OK) {
        return status;
    }
    if (!e->tensors || !e->free_weights || !e->first || !e->second || !e->spread) {
        return no_memory(error);
    }
    oa_permutations_copy(&e->current, start, problem->layout);
    memcpy(e->tensors, a->tensors, count * sizeof *e->tensors);
    e->free_graph = *a;
    e->free_graph.tensors = e->tensors;
    for (size_t t = 0; t < count; t++) {
        if (!oa_line_loss_wants(e->search.line, t)) {
            continue;
        }
        size_t elements = a->tensors[t].count;
        e->free_weights[t] = oa_malloc(elements, sizeof(float));
        e->first[t] = oa_calloc(elements, sizeof(float));
        e->second[t] = oa_calloc(elements, sizeof(float));
        if (!e->free_weights[t] || !e->first[t] || !e->second[t]) {
            return no_memory(error);
        }
        memcpy(e->free_weights[t], a->tensors[t].data, elements * sizeof(float));
        e->tensors[t].data = e->free_weights[t];
        e->spread[t] = root_mean_square(a->tensors[t].data, elements);
    }
    return OA_OK;
}

static void release(estimator *e, size_t count)
{
    float **lists[] = {e->free_weights, e->first, e->second};
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        for (size_t t = 0; t < count && lists[i]; t++) {
            oa_free(lists[i][t]);
        }
        oa_free(lists[i]);
    }
    oa_free(e->tensors);
    oa_free(e->spread);
    oa_permutations_free(&e->current);
    oa_search_free(&e->search);
}

/* The permutations that bring b nearest to the free weights, from those of the step before. */
static oa_status project(estimator *e, size_t step, oa_error *error)
{
    oa_match_problem problem = *e->search.problem;
    oa_match_settings settings = {.seed = e->search.settings->seed,
                                  .starts = 1,
                                  .sweeps_max = SWEEPS_MAX,
                                  .continues = step > 1 || e->search.settings->continues};
    problem.a = &e->free_graph;
    return oa_match_weights(&e->current, &problem, &settings, NULL, error);
}

static void follow(estimator *e, size_t step)
{
    for (size_t t = 0; t < e->search.problem->a->tensor_count; t++) {
        if (e->free_weights[t]) {
            oa_adam adam = oa_adam_default((float)(e->search.settings->rate * e->spread[t]));
            oa_adam_step(e->free_weights[t], e->search.gradients[t], e->first[t], e->second[t], e->tensors[t].count,
                         step, &adam);
        }
    }
}

static oa_status estimate(estimator *e, oa_error *error)
{
    const oa_soft_settings *settings = e->search.settings;
    oa_status status = OA_OK;
    for (size_t step = 1; step <= settings->iterations && status == OA_OK; step++) {
        double loss = 0.0, hard = 0.0;
        status = project(e, step, error);
        if (status == OA_OK && (step == 1 || oa_search_is_due(&e->search, step))) {
            status = oa_search_judge(&hard, &e->search, &e->current, step, error);
        }
        status = status == OA_OK ? oa_search_reorder(&e->search, &e->current, error) : status;
        status = status == OA_OK ? oa_search_loss(&loss, &e->search, error) : status;
        if (status != OA_OK) {
            break;
        }
        if (settings->trace && (step == 1 || oa_search_is_due(&e->search, step))) {
            settings->trace(settings->trace_context, step, loss, hard);
        }
        follow(e, step);
        if (settings->progress) {
            settings->progress(settings->progress_context, step, settings->iterations);
        }
        e->search.info.iterations = step;
    }
    return status;
}

oa_status oa_match_ste(oa_permutations *permutations, const oa_match_problem *problem, const oa_soft_settings *settings,
                       oa_soft_info *info, oa_error *error)
{
    if (!settings->samples) {
        return oa_fail(error, OA_ERROR_INPUT, "straight-through matching needs samples");
    }
    estimator e = {0};
    oa_status status = oa_search_init(&e.search, problem, permutations, settings, error);
    status = status == OA_OK ? make(&e, problem, permutations, error) : status;
    status = status == OA_OK ? estimate(&e, error) : status;
    if (status == OA_OK) {
        oa_permutations_copy(permutations, &e.search.best, problem->layout);
        if (info) {
            *info = e.search.info;
        }
    }
    release(&e, problem->a->tensor_count);
    return status;
}
