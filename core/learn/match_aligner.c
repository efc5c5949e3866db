/* Aligning two models by a trained aligner: both are encoded side by side, then their units are scored and assigned. */
#include "core/base/parallel.h"
#include "core/learn/aligner.h"
#include "core/match/slices.h"
#include "core/match/two_levels.h"

#include <string.h>

/* The float constants of a graph that move, in the order of the layout's graph; NULL for others. */
typedef struct weights {
    float **of; /* [count] */
    size_t count;
} weights;

static void free_weights(weights *w)
{
    for (size_t t = 0; t < w->count && w->of; t++) {
        oa_free(w->of[t]);
    }
    oa_free(w->of);
    *w = (weights){0};
}

static oa_status read_weights(weights *w, const oa_layout *layout, const oa_graph *graph, const size_t *tensor_of,
                              oa_error *error)
{
    w->count = layout->tensor_count;
    w->of = oa_calloc(w->count, sizeof *w->of);
    if (!w->of) {
        return oa_fail(error, OA_ERROR_MEMORY, "out of memory for the weights of a model");
    }
    for (size_t t = 0; t < w->count; t++) {
        size_t own = tensor_of ? tensor_of[t] : t;
        if (!layout->tensors[t].moves || own == OA_NONE || !oa_dtype_is_float(graph->tensors[own].dtype)) {
            continue;
        }
        const oa_tensor *tensor = &graph->tensors[own];
        if (!(w->of[t] = oa_malloc(tensor->count, sizeof(float)))) {
            return oa_fail(error, OA_ERROR_MEMORY, "out of memory for tensor '%s'", tensor->name);
        }
        oa_comparable_floats(w->of[t], tensor->data, tensor->dtype, tensor->count);
    }
    return OA_OK;
}

/* One of the models. */
typedef struct half {
    oa_packed *packed;
    oa_tape *tape;
    oa_aligner_leaves leaves;
    oa_var *features; /* [group_count] on the tape */
} half;

typedef struct alignment {
    const oa_aligner *aligner;
    const oa_match_problem *problem;
    oa_aligner_plan *plan;
    half halves[2];
    oa_tape *tape; /* of both together */
    oa_aligner_leaves leaves;
    oa_var *features, *scores; /* [group_count] */
    const float **tables;      /* [group_count] the scores' values */
    oa_permutations found;
} alignment;

static oa_status start(oa_tape **tape, oa_aligner_leaves *leaves, const oa_aligner *aligner, oa_error *error)
{
    oa_status status = oa_tape_create(tape, error);
    if (status != OA_OK) {
        return status;
    }
    oa_tape_record(*tape, false);
    return oa_aligner_leaves_init(leaves, *tape, aligner, NULL, error);
}

static oa_status encode_half(void *context, size_t item, size_t worker, oa_error *error)
{
    alignment *run = context;
    const oa_match_problem *problem = run->problem;
    half *own = &run->halves[item];
    weights w = {0};
    (void)worker;
    oa_status status =
        read_weights(&w, problem->layout, item ? problem->b : problem->a, item ? problem->tensor_b : NULL, error);
    status = status == OA_OK ? oa_packed_create(&own->packed, run->plan, (const float *const *)w.of, error) : status;
    free_weights(&w);
    status = status == OA_OK ? start(&own->tape, &own->leaves, run->aligner, error) : status;
    own->features = oa_calloc(problem->layout->group_count, sizeof *own->features);
    if (status == OA_OK && !own->features) {
        return oa_fail(error, OA_ERROR_MEMORY, "out of memory for the features of units");
    }
    if (status == OA_OK) {
        const oa_packed *const models[1] = {own->packed};
        oa_aligner_encode(own->features, own->tape, &own->leaves, run->plan, models, 1);
        status = oa_tape_status(own->tape, error);
    }
    return status;
}

/* Both models' features, one under the other, on the tape of both. */
static oa_var join(alignment *run, size_t g)
{
    size_t n = run->problem->layout->groups[g].size;
    size_t width = oa_tape_columns(run->halves[0].tape, run->halves[0].features[g]);
    float *both = oa_tape_buffer(run->tape, 2 * n * width);
    for (size_t m = 0; m < 2 && both; m++) {
        memcpy(both + m * n * width, oa_tape_data(run->halves[m].tape, run->halves[m].features[g]),
               n * width * sizeof *both);
    }
    return both ? oa_tape_constant(run->tape, both, 2 * n, width) : 0;
}

static oa_status score(alignment *run, oa_error *error)
{
    size_t groups = run->problem->layout->group_count;
    oa_status status = start(&run->tape, &run->leaves, run->aligner, error);
    run->features = oa_calloc(groups, sizeof *run->features);
    run->scores = oa_calloc(groups, sizeof *run->scores);
    if (status == OA_OK && (!run->features || !run->scores)) {
        status = oa_fail(error, OA_ERROR_MEMORY, "out of memory for the scores of units");
    }
    if (status != OA_OK) {
        return status;
    }
    for (size_t g = 0; g < groups; g++) {
        run->features[g] = join(run, g);
    }
    for (size_t m = 0; m < 2; m++) {
        oa_tape_destroy(run->halves[m].tape);
        run->halves[m].tape = NULL;
    }
    const oa_packed *const models[2] = {run->halves[0].packed, run->halves[1].packed};
    oa_aligner_refined_scores(run->scores, run->tape, &run->leaves, run->plan, models, run->features, 0, 1);
    return oa_tape_status(run->tape, error);
}

/* The assignment that maximises the scores of a group, and of the insides that are assigned with it. */
static oa_status assign(void *context, size_t g, size_t worker, oa_error *error)
{
    alignment *run = context;
    const oa_layout *layout = run->problem->layout;
    (void)worker;
    return oa_leads(layout, g) ? oa_assign_scores(&run->found, layout, g, run->tables, &run->found, error) : OA_OK;
}

static oa_status assign_all(alignment *run, size_t threads, oa_error *error)
{
    size_t groups = run->problem->layout->group_count;
    run->tables = oa_malloc(groups, sizeof *run->tables);
    for (size_t g = 0; g < groups && run->tables; g++) {
        run->tables[g] = oa_tape_data(run->tape, run->scores[g]);
    }
    return run->tables ? oa_parallel(groups, threads, assign, run, error)
                       : oa_fail(error, OA_ERROR_MEMORY, "out of memory for the scores of units");
}

static void release(alignment *run)
{
    for (size_t m = 0; m < 2; m++) {
        oa_aligner_leaves_free(&run->halves[m].leaves);
        oa_tape_destroy(run->halves[m].tape);
        oa_packed_destroy(run->halves[m].packed);
        oa_free(run->halves[m].features);
    }
    oa_aligner_leaves_free(&run->leaves);
    oa_tape_destroy(run->tape);
    oa_free(run->features);
    oa_free(run->scores);
    oa_free(run->tables);
    oa_permutations_free(&run->found);
    oa_aligner_plan_destroy(run->plan);
}

oa_status oa_match_deep_align(oa_permutations *permutations, oa_match_scores *scores, const oa_aligner *aligner,
                              const oa_match_problem *problem, size_t threads, oa_error *error)
{
    const oa_layout *layout = problem->layout;
    alignment run = {.aligner = aligner, .problem = problem};
    oa_status status = oa_check_finite(problem->a, layout, NULL, error);
    status = status == OA_OK ? oa_check_finite(problem->b, layout, problem->tensor_b, error) : status;
    status = status == OA_OK ? oa_permutations_init(&run.found, layout, error) : status;
    status = status == OA_OK ? oa_aligner_plan_create(&run.plan, &aligner->config, layout, problem->a, error) : status;
    status = status == OA_OK ? oa_parallel(2, threads, encode_half, &run, error) : status;
    status = status == OA_OK ? score(&run, error) : status;
    for (size_t g = 0; g < layout->group_count && status == OA_OK && scores; g++) {
        size_t n = layout->groups[g].size;
        memcpy(scores->of[g], oa_tape_data(run.tape, run.scores[g]), n * n * sizeof(float));
    }
    status = status == OA_OK ? assign_all(&run, threads, error) : status;
    if (status == OA_OK) {
        oa_permutations_copy(permutations, &run.found, layout);
    }
    release(&run);
    return status;
}
