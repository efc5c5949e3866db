#include "core/learn/encoder_kind.h"

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
                                     .rounds = 3,
                                     .features = 128,
                                     .refinements = 1,
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
        size_t n = plan->layout->groups[g].size;
        float *room = oa_tape_is_recording(tape) ? NULL : oa_tape_buffer(tape, n * n);
        oa_tape_mark mark = oa_tape_here(tape);
        scores[g] = oa_tape_keep(tape, room, &mark, oa_aligner_scores(tape, leaves, plan, models, features, g, a, b));
    }
    if (plan->functions->refine) {
        plan->functions->refine(scores, tape, leaves, plan, models, a, b);
    }
}
