#include "core/soft/match_sinkhorn.h"

#include "core/base/parallel.h"
#include "core/match/two_levels.h"
#include "core/soft/adam.h"
#include "core/soft/search.h"
#include "core/soft/soft.h"
#include "core/soft/soft_levels.h"

#include <math.h>
#include <string.h>

/* Below this many scores in all groups, starting threads costs more than they save. */
enum { PARALLEL_MIN = 200 * 200 };
/* So many steps from scores have to be large ones, on more samples each; more end better when they are a third as large
 * (docs/deep-align.md). */
enum { SHORT_MAX = 200 };

typedef struct descent {
    oa_search search;
    oa_soft *soft;
    size_t *count;                                           /* [groups] size^2 */
    oa_level **levels;                                       /* [groups] */
    float **scores, **s, **ds, **dscores, **first, **second; /* [groups][count] */
    oa_permutations hard;
    float scale;   /* of scores: 1 / temperature */
    double square; /* |a|^2 + |b|^2: what the distance is at an inner product of zero */
    size_t step;
    bool is_parallel;
} descent;

oa_soft_settings oa_sinkhorn_settings_default(const oa_samples *samples, const oa_match_scores *scores,
                                              size_t iterations)
{
    bool is_short = scores && iterations && iterations <= SHORT_MAX;
    return (oa_soft_settings){.samples = samples,
                              .scores = scores,
                              .iterations = iterations ? iterations : 1000,
                              .rate = !samples   ? 0.03
                                      : is_short ? 0.3
                                                 : 0.1,
                              .judged_every = 20,
                              .threads = 1,
                              .batch = is_short ? 128 : 64,
                              .samples_max = 10000,
                              .temperature = 1.0,
                              .sinkhorn_iterations = 20,
                              .lead = 1.2,
                              .scored_lead = 5.0};
}

static oa_status no_memory(oa_error *error)
{
    return oa_fail(error, OA_ERROR_MEMORY, "out of memory for Sinkhorn matching");
}

/* A list of one zeroed matrix a group. */
static bool make_matrices(float ***matrices, const size_t *count, size_t groups)
{
    float **made = *matrices = oa_calloc(groups, sizeof *made);
    for (size_t g = 0; g < groups && made; g++) {
        made[g] = oa_calloc(count[g], sizeof **made);
        if (!made[g]) {
            return false;
        }
    }
    return made != NULL;
}

static void free_matrices(float **matrices, size_t groups)
{
    for (size_t g = 0; g < groups && matrices; g++) {
        oa_free(matrices[g]);
    }
    oa_free(matrices);
}

static oa_status make(descent *d, const oa_match_problem *problem, oa_error *error)
{
    const oa_layout *layout = problem->layout;
    const oa_soft_settings *settings = d->search.settings;
    size_t groups = layout->group_count, total = 0;
    d->count = oa_calloc(groups, sizeof *d->count);
    d->levels = oa_calloc(groups, sizeof *d->levels);
    if (!d->count || !d->levels) {
        return no_memory(error);
    }
    for (size_t g = 0; g < groups; g++) {
        size_t n = layout->groups[g].size;
        if (oa_mul_overflows(&d->count[g], n, n) || oa_add_overflows(&total, total, d->count[g])) {
            return no_memory(error);
        }
        oa_status status = oa_level_create(&d->levels[g], &layout->groups[g], settings->sinkhorn_iterations, error);
        if (status != OA_OK) {
            return status;
        }
    }
    float ***lists[] = {&d->scores, &d->s, &d->ds, &d->dscores, &d->first, &d->second};
    bool is_made = true;
    for (size_t i = 0; i < sizeof lists / sizeof lists[0] && is_made; i++) {
        is_made = make_matrices(lists[i], d->count, groups);
    }
    if (!is_made) {
        return no_memory(error);
    }
    d->scale = (float)(1.0 / settings->temperature);
    d->is_parallel = settings->threads > 1 && total >= PARALLEL_MIN;
    oa_status status = oa_permutations_init(&d->hard, layout, error);
    return status == OA_OK ? oa_soft_create(&d->soft, problem, error) : status;
}

static void release(descent *d, size_t groups)
{
    float **lists[] = {d->scores, d->s, d->ds, d->dscores, d->first, d->second};
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        free_matrices(lists[i], groups);
    }
    for (size_t g = 0; g < groups && d->levels; g++) {
        oa_level_destroy(d->levels[g]);
    }
    oa_free(d->levels);
    oa_free(d->count);
    oa_permutations_free(&d->hard);
    oa_soft_destroy(d->soft);
    oa_search_free(&d->search);
}

/* How far the start's units are ahead of their rows' means, on average; insides only within the blocks that meet. */
static double lead_of(const float *scores, const size_t *start, const oa_group *group)
{
    size_t n = group->size, m = n / group->block_count;
    double lead = 0.0;
    for (size_t i = 0; i < n; i++) {
        const float *row = scores + i * n + start[i] / m * m;
        double sum = 0.0;
        for (size_t j = 0; j < m; j++) {
            sum += (double)row[j];
        }
        lead += ((double)row[start[i] % m] - sum / (double)m) / (double)n;
    }
    return lead;
}

/* What another method has found: its scores where it has left them, else a one for every unit of its answer. */
static oa_status read_start(descent *d, const oa_permutations *start, oa_error *error)
{
    const oa_match_scores *given = d->search.settings->scores;
    const oa_layout *layout = d->search.problem->layout;
    oa_status status = OA_OK;
    for (size_t g = 0; g < layout->group_count && status == OA_OK; g++) {
        size_t n = layout->groups[g].size;
        for (size_t i = 0; i < n && !given; i++) {
            d->scores[g][i * n + start->of[g][i]] = 1.0f;
        }
        if (given && oa_next_inside(layout, g, g) != OA_NONE && oa_leads(layout, g)) {
            status = oa_price_blocks(d->scores[g], layout, g, (const float *const *)given->of, start, error);
        } else if (given) {
            memcpy(d->scores[g], given->of[g], d->count[g] * sizeof(float));
        }
    }
    return status;
}

/* Starts are drawn out or together to the same lead. Nearly hard matrices would be hard to leave again. */
static oa_status start_from(descent *d, const oa_permutations *start, oa_error *error)
{
    const oa_soft_settings *settings = d->search.settings;
    const oa_layout *layout = d->search.problem->layout;
    const double wanted = settings->scores ? settings->scored_lead : settings->lead;
    oa_permutations_copy(&d->hard, start, layout);
    if (!settings->continues) {
        return OA_OK;
    }
    oa_status status = read_start(d, start, error);
    for (size_t g = 0; g < layout->group_count && status == OA_OK; g++) {
        double lead = lead_of(d->scores[g], start->of[g], &layout->groups[g]);
        float factor = lead > 0.0 ? (float)(wanted * settings->temperature / lead) : 1.0f;
        for (size_t i = 0; i < d->count[g]; i++) {
            d->scores[g][i] *= factor;
        }
    }
    return status;
}

/* ---- one step ---- */

/* The s of the blocks around, for insides with orders of their own. */
static float *blocks_of(float **matrices, const oa_layout *layout, size_t g)
{
    return layout->groups[g].block_count > 1 ? matrices[layout->groups[g].parent] : NULL;
}

/* A group that leads, then its insides, which need its matrix. */
static oa_status to_soft(void *context, size_t leader, size_t worker, oa_error *error)
{
    descent *d = context;
    const oa_layout *layout = d->search.problem->layout;
    oa_status status = OA_OK;
    (void)worker;
    for (size_t g = leader; g != OA_NONE && oa_leads(layout, leader) && status == OA_OK;
         g = oa_next_inside(layout, leader, g)) {
        float *restrict s = d->s[g];
        const float *restrict scores = d->scores[g];
        for (size_t i = 0; i < d->count[g]; i++) {
            s[i] = d->scale * scores[i];
        }
        memset(d->ds[g], 0, d->count[g] * sizeof(float));
        memset(d->dscores[g], 0, d->count[g] * sizeof(float));
        status = oa_level_forward(s, d->levels[g], s, blocks_of(d->s, layout, g), error);
    }
    return status;
}

static void follow_group(descent *d, size_t g)
{
    const oa_layout *layout = d->search.problem->layout;
    oa_adam adam = oa_adam_default((float)d->search.settings->rate);
    oa_level_backward(d->dscores[g], blocks_of(d->ds, layout, g), d->levels[g], d->ds[g], blocks_of(d->s, layout, g));
    oa_adam_step(d->scores[g], d->dscores[g], d->first[g], d->second[g], d->count[g], d->step, &adam);
}

/* Insides first, which add to the gradient of their blocks. */
static oa_status follow(void *context, size_t leader, size_t worker, oa_error *error)
{
    descent *d = context;
    const oa_layout *layout = d->search.problem->layout;
    (void)worker;
    (void)error;
    if (!oa_leads(layout, leader)) {
        return OA_OK;
    }
    for (size_t g = oa_next_inside(layout, leader, leader); g != OA_NONE; g = oa_next_inside(layout, leader, g)) {
        follow_group(d, g);
    }
    follow_group(d, leader);
    return OA_OK;
}

static oa_status for_groups(descent *d, oa_parallel_work work, oa_error *error)
{
    size_t groups = d->search.problem->layout->group_count;
    if (d->is_parallel) {
        return oa_parallel(groups, d->search.settings->threads, work, d, error);
    }
    oa_status status = OA_OK;
    for (size_t g = 0; g < groups && status == OA_OK; g++) {
        status = work(d, g, 0, error);
    }
    return status;
}

static oa_status find_gradient(double *objective, descent *d, oa_error *error)
{
    const float *const *s = (const float *const *)d->s;
    if (!d->search.line) {
        oa_status done = oa_soft_inner(objective, d->ds, d->soft, s, NULL, -2.0, error);
        *objective = d->square - 2.0 * *objective;
        return done;
    }
    oa_status status = oa_soft_apply(d->search.moved, d->soft, s, error);
    status = status == OA_OK ? oa_search_loss(objective, &d->search, error) : status;
    return status == OA_OK ? oa_soft_apply_backward(d->ds, d->soft, s, (const float *const *)d->search.gradients, error)
                           : status;
}

/* The permutations that maximise <S, P>; those of before where that is as good. */
static oa_status harden(descent *d, oa_error *error)
{
    const oa_layout *layout = d->search.problem->layout;
    oa_status status = OA_OK;
    for (size_t g = 0; g < layout->group_count && status == OA_OK; g++) {
        if (oa_leads(layout, g)) {
            status = oa_assign_scores(&d->hard, layout, g, (const float *const *)d->s, &d->hard, error);
        }
    }
    return status;
}

/* |a|^2 + |b|^2 over all weights that count, from the distance and the inner product of the start. */
static oa_status find_square(descent *d, oa_error *error)
{
    double inner = 0.0;
    const oa_layout *layout = d->search.problem->layout;
    for (size_t g = 0; g < layout->group_count; g++) {
        size_t n = layout->groups[g].size;
        memset(d->s[g], 0, d->count[g] * sizeof(float));
        for (size_t i = 0; i < n; i++) {
            d->s[g][i * n + d->hard.of[g][i]] = 1.0f;
        }
    }
    oa_status status = oa_soft_inner(&inner, NULL, d->soft, (const float *const *)d->s, NULL, 1.0, error);
    d->square = d->search.info.start + 2.0 * inner;
    return status;
}

static oa_status descend(descent *d, oa_error *error)
{
    const oa_soft_settings *settings = d->search.settings;
    double objective = 0.0, hard = 0.0;
    oa_status status = for_groups(d, to_soft, error);
    for (d->step = 1; d->step <= settings->iterations && status == OA_OK; d->step++) {
        status = find_gradient(&objective, d, error);
        status = status == OA_OK ? for_groups(d, follow, error) : status;
        status = status == OA_OK ? for_groups(d, to_soft, error) : status;
        if (status == OA_OK && oa_search_is_due(&d->search, d->step)) {
            status = harden(d, error);
            status = status == OA_OK ? oa_search_judge(&hard, &d->search, &d->hard, d->step, error) : status;
            if (status == OA_OK && settings->trace) {
                settings->trace(settings->trace_context, d->step, objective, hard);
            }
        }
        if (status == OA_OK && settings->progress) {
            settings->progress(settings->progress_context, d->step, settings->iterations);
        }
        d->search.info.iterations = d->step;
    }
    return status;
}

oa_status oa_match_sinkhorn(oa_permutations *permutations, const oa_match_problem *problem,
                            const oa_soft_settings *settings, oa_soft_info *info, oa_error *error)
{
    descent d = {0};
    oa_status status = oa_search_init(&d.search, problem, permutations, settings, error);
    status = status == OA_OK ? make(&d, problem, error) : status;
    if (status == OA_OK) {
        status = start_from(&d, permutations, error);
        status = status == OA_OK && !d.search.line ? find_square(&d, error) : status;
    }
    if (status == OA_OK) {
        status = descend(&d, error);
    }
    if (status == OA_OK) {
        oa_permutations_copy(permutations, &d.search.best, problem->layout);
        if (info) {
            *info = d.search.info;
        }
    }
    release(&d, problem->layout->group_count);
    return status;
}
