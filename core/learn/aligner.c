#include "core/learn/encoder_kind.h"

#include "core/assign/assign.h"

#include <string.h>

static const oa_encoder_functions *functions_of(oa_encoder_kind kind)
{
    return kind == OA_ENCODER_DWS ? &oa_encoder_dws : &oa_encoder_messages;
}

oa_aligner_config oa_aligner_config_default(oa_encoder_kind kind)
{
    return kind == OA_ENCODER_DWS
               ? (oa_aligner_config){.kind = kind, .channels = 64, .rounds = 4, .features = 128, .inputs = 8}
               : (oa_aligner_config){.kind = kind,
                                     .channels = 64,
                                     .rounds = 4,
                                     .features = 128,
                                     .refinements = 2,
                                     .probes = 128,
                                     .probe_seed = 1};
}

oa_status oa_aligner_plan_create(oa_aligner_plan **plan, const oa_aligner_config *config, const oa_layout *layout,
                                 const oa_graph *graph, oa_error *error)
{
    return functions_of(config->kind)->plan_create(plan, config, layout, graph, error);
}

void oa_aligner_plan_destroy(oa_aligner_plan *plan)
{
    if (plan) {
        plan->functions->plan_destroy(plan);
    }
}

static oa_status place_parameters(oa_aligner *aligner, oa_error *error)
{
    size_t total = 0, count;
    for (size_t i = 0; i < aligner->parameter_count; i++) {
        oa_parameter *p = &aligner->parameters[i];
        p->offset = total;
        if (oa_mul_overflows(&count, p->rows, p->columns) || oa_add_overflows(&total, total, count)) {
            return oa_fail(error, OA_ERROR_INPUT, "an aligner of this size cannot be held");
        }
    }
    aligner->value_count = total;
    aligner->values = oa_malloc(total, sizeof *aligner->values);
    return aligner->values ? OA_OK : oa_fail(error, OA_ERROR_MEMORY, "out of memory for an aligner's parameters");
}

oa_status oa_aligner_create(oa_aligner **result, const oa_aligner_config *config, const oa_aligner_plan *plan,
                            uint64_t seed, oa_error *error)
{
    const oa_encoder_functions *functions = functions_of(config->kind);
    oa_aligner *aligner = oa_calloc(1, sizeof *aligner);
    oa_status status = OA_OK;
    if (aligner) {
        aligner->config = *config;
        aligner->parameter_count = functions->parameters(NULL, config, plan);
        aligner->parameters = oa_calloc(aligner->parameter_count, sizeof *aligner->parameters);
    }
    if (!aligner || !aligner->parameters) {
        status = oa_fail(error, OA_ERROR_MEMORY, "out of memory for an aligner");
        goto done;
    }
    (void)functions->parameters(aligner->parameters, config, plan);
    status = place_parameters(aligner, error);
    if (status != OA_OK) {
        goto done;
    }
    oa_random random;
    oa_random_init(&random, seed);
    for (size_t i = 0; i < aligner->parameter_count; i++) {
        const oa_parameter *p = &aligner->parameters[i];
        for (size_t k = 0; k < p->rows * p->columns; k++) {
            aligner->values[p->offset + k] =
                p->start + (p->deviation > 0.0f ? p->deviation * (float)oa_random_normal(&random) : 0.0f);
        }
    }
done:
    if (status == OA_OK) {
        *result = aligner;
    } else {
        oa_aligner_destroy(aligner);
    }
    return status;
}

void oa_aligner_destroy(oa_aligner *aligner)
{
    if (aligner) {
        oa_free(aligner->parameters);
        oa_free(aligner->values);
        oa_free(aligner);
    }
}

oa_status oa_packed_create(oa_packed **packed, const oa_aligner_plan *plan, const float *const *weights,
                           oa_error *error)
{
    return plan->functions->pack(packed, plan, weights, error);
}

void oa_packed_destroy(oa_packed *packed)
{
    if (packed) {
        packed->functions->packed_destroy(packed);
    }
}

size_t oa_packed_bytes(const oa_packed *packed)
{
    return packed->bytes;
}

oa_status oa_aligner_leaves_init(oa_aligner_leaves *leaves, oa_tape *tape, const oa_aligner *aligner, float *gradient,
                                 oa_error *error)
{
    leaves->aligner = aligner;
    leaves->of = oa_malloc(aligner->parameter_count, sizeof *leaves->of);
    if (!leaves->of) {
        return oa_fail(error, OA_ERROR_MEMORY, "out of memory for an aligner's parameters");
    }
    for (size_t i = 0; i < aligner->parameter_count; i++) {
        const oa_parameter *p = &aligner->parameters[i];
        leaves->of[i] = oa_tape_parameter(tape, aligner->values + p->offset, gradient ? gradient + p->offset : NULL,
                                          p->rows, p->columns);
    }
    return OA_OK;
}

void oa_aligner_leaves_free(oa_aligner_leaves *leaves)
{
    oa_free(leaves->of);
    leaves->of = NULL;
}

void oa_aligner_encode(oa_var *features, oa_tape *tape, const oa_aligner_leaves *leaves, const oa_aligner_plan *plan,
                       const oa_packed *const *models, size_t model_count)
{
    plan->functions->encode(features, tape, leaves, plan, models, model_count);
}

oa_var oa_aligner_scores(oa_tape *tape, const oa_aligner_leaves *leaves, const oa_aligner_plan *plan,
                         const oa_packed *const *models, const oa_var *features, size_t group, size_t a, size_t b)
{
    return plan->functions->scores(tape, leaves, plan, models, features, group, a, b);
}

void oa_aligner_refined_scores(oa_var *scores, oa_tape *tape, const oa_aligner_leaves *leaves,
                               const oa_aligner_plan *plan, const oa_packed *const *models, const oa_var *features,
                               size_t a, size_t b)
{
    for (size_t g = 0; g < plan->layout->group_count; g++) {
        scores[g] = oa_aligner_scores(tape, leaves, plan, models, features, g, a, b);
    }
    if (plan->functions->refine) {
        plan->functions->refine(scores, tape, leaves, plan, models, a, b);
    }
}

/* ---- Aligning ---- */

/* The float constants of a graph as float32, in the order of the layout's graph. */
typedef struct weights {
    const float **of; /* [count] */
    float **owned;    /* [count] those that had to be converted */
    size_t count;
} weights;

static void free_weights(weights *w)
{
    for (size_t t = 0; t < w->count && w->owned; t++) {
        oa_free(w->owned[t]);
    }
    oa_free(w->of);
    oa_free(w->owned);
    *w = (weights){0};
}

static oa_status read_weights(weights *w, const oa_layout *layout, const oa_graph *graph, const size_t *tensor_of,
                              oa_error *error)
{
    w->count = layout->tensor_count;
    w->of = oa_calloc(w->count, sizeof *w->of);
    w->owned = oa_calloc(w->count, sizeof *w->owned);
    if (!w->of || !w->owned) {
        return oa_fail(error, OA_ERROR_MEMORY, "out of memory for the weights of a model");
    }
    for (size_t t = 0; t < w->count; t++) {
        size_t own = tensor_of ? tensor_of[t] : t;
        if (!layout->tensors[t].moves || own == OA_NONE || !oa_dtype_is_float(graph->tensors[own].dtype)) {
            continue;
        }
        const oa_tensor *tensor = &graph->tensors[own];
        if (tensor->dtype == OA_DTYPE_FLOAT) {
            w->of[t] = tensor->data;
            continue;
        }
        if (!(w->owned[t] = oa_malloc(tensor->count, sizeof(float)))) {
            return oa_fail(error, OA_ERROR_MEMORY, "out of memory for tensor '%s'", tensor->name);
        }
        oa_floats_to_f32(w->owned[t], tensor->data, tensor->dtype, tensor->count);
        w->of[t] = w->owned[t];
    }
    return OA_OK;
}

/* The assignment that maximises the scores. */
static oa_status project(size_t *permutation, const float *scores, size_t n, double *profit, oa_error *error)
{
    for (size_t i = 0; i < n * n; i++) {
        profit[i] = (double)scores[i];
    }
    return oa_assign_maximise(permutation, profit, n, NULL, NULL, NULL, error);
}

static oa_status assign_groups(oa_permutations *permutations, oa_match_scores *kept, oa_tape *tape,
                               const oa_aligner_leaves *leaves, const oa_aligner_plan *plan,
                               const oa_packed *const *models, oa_error *error)
{
    const oa_layout *layout = plan->layout;
    size_t largest = 0, cells;
    for (size_t g = 0; g < layout->group_count; g++) {
        largest = layout->groups[g].size > largest ? layout->groups[g].size : largest;
    }
    oa_var *features = oa_calloc(layout->group_count, sizeof *features);
    oa_var *scores = oa_calloc(layout->group_count, sizeof *scores);
    double *profit = oa_mul_overflows(&cells, largest, largest) ? NULL : oa_malloc(cells, sizeof *profit);
    oa_status status = OA_OK;
    if (!features || !scores || !profit) {
        status = oa_fail(error, OA_ERROR_MEMORY, "out of memory for the scores of a group");
    }
    if (status == OA_OK) {
        oa_aligner_encode(features, tape, leaves, plan, models, 2);
        oa_aligner_refined_scores(scores, tape, leaves, plan, models, features, 0, 1);
        status = oa_tape_status(tape, error);
    }
    for (size_t g = 0; g < layout->group_count && status == OA_OK; g++) {
        size_t size = layout->groups[g].size;
        if (kept) {
            memcpy(kept->of[g], oa_tape_data(tape, scores[g]), size * size * sizeof(float));
        }
        status = project(permutations->of[g], oa_tape_data(tape, scores[g]), size, profit, error);
    }
    oa_free(features);
    oa_free(scores);
    oa_free(profit);
    return status;
}

oa_status oa_match_deep_align(oa_permutations *permutations, oa_match_scores *scores, const oa_aligner *aligner,
                              const oa_match_problem *problem, oa_error *error)
{
    const oa_layout *layout = problem->layout;
    oa_aligner_plan *plan = NULL;
    oa_packed *packed[2] = {NULL, NULL};
    oa_aligner_leaves leaves = {0};
    oa_tape *tape = NULL;
    oa_permutations found = {0};
    weights model[2] = {{0}};
    oa_status status = oa_check_finite(problem->a, layout, NULL, error);
    status = status == OA_OK ? oa_check_finite(problem->b, layout, problem->tensor_b, error) : status;
    status = status == OA_OK ? oa_permutations_init(&found, layout, error) : status;
    status = status == OA_OK ? oa_aligner_plan_create(&plan, &aligner->config, layout, problem->a, error) : status;
    for (size_t m = 0; m < 2 && status == OA_OK; m++) {
        status = read_weights(&model[m], layout, m ? problem->b : problem->a, m ? problem->tensor_b : NULL, error);
        status = status == OA_OK ? oa_packed_create(&packed[m], plan, model[m].of, error) : status;
        free_weights(&model[m]);
    }
    status = status == OA_OK ? oa_tape_create(&tape, error) : status;
    if (status == OA_OK) {
        oa_tape_record(tape, false);
        status = oa_aligner_leaves_init(&leaves, tape, aligner, NULL, error);
    }
    if (status == OA_OK) {
        const oa_packed *const models[2] = {packed[0], packed[1]};
        status = assign_groups(&found, scores, tape, &leaves, plan, models, error);
    }
    if (status == OA_OK) {
        oa_permutations_copy(permutations, &found, layout);
    }
    free_weights(&model[0]);
    free_weights(&model[1]);
    oa_permutations_free(&found);
    oa_aligner_leaves_free(&leaves);
    oa_tape_destroy(tape);
    oa_packed_destroy(packed[0]);
    oa_packed_destroy(packed[1]);
    oa_aligner_plan_destroy(plan);
    return status;
}
