/* The plan: which messages reach which group, and the fixed random vectors. */
#include "core/learn/messages_plan.h"

#include <string.h>

size_t oa_fixed_columns(const oa_fixed_relation *relation)
{
    return relation->is_symmetric ? 2 * relation->offset_count : relation->places;
}

size_t oa_seen_width(const oa_message_plan *plan, size_t group, size_t way)
{
    const oa_message_group *g = &plan->groups[group];
    return g->narrow_probes[way] ? g->columns[way] : plan->base.config.probes;
}

static oa_status out_of_memory(oa_error *error)
{
    return oa_fail(error, OA_ERROR_MEMORY, "out of memory for the plan of an aligner");
}

static uint64_t mix(uint64_t seed, uint64_t value)
{
    uint64_t z = seed ^ (value + 0x9e3779b97f4a7c15u + (seed << 6) + (seed >> 2));
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static uint64_t hash_text(const char *text)
{
    uint64_t hash = 14695981039346656037u;
    for (; text && *text; text++) {
        hash = (hash ^ (unsigned char)*text) * 1099511628211u;
    }
    return hash;
}

/* What a vector of one number a unit means, the same wherever an operator with that meaning stands. */
static uint64_t role_of(const oa_layout_tensor *tensor)
{
    static const struct {
        const char *op_type;
        size_t slot;
        const char *role;
    } roles[] = {
        {"Add", 0, "bias"},
        {"Add", 1, "bias"},
        {"Gemm", 2, "bias"},
        {"Conv", 2, "bias"},
        {"ConvTranspose", 2, "bias"},
        {"BatchNormalization", 2, "bias"},
        {"InstanceNormalization", 2, "bias"},
        {"LayerNormalization", 2, "bias"},
        {"BatchNormalization", 1, "scale"},
        {"InstanceNormalization", 1, "scale"},
        {"LayerNormalization", 1, "scale"},
        {"Mul", 0, "scale"},
        {"Mul", 1, "scale"},
        {"Gemm", 1, "weight"},
        {"MatMul", 0, "weight"},
        {"MatMul", 1, "weight"},
        {"Conv", 1, "weight"},
        {"BatchNormalization", 3, "mean"},
        {"BatchNormalization", 4, "variance"},
    };
    for (size_t i = 0; tensor->op_type && i < sizeof roles / sizeof roles[0]; i++) {
        if (strcmp(roles[i].op_type, tensor->op_type) == 0 && roles[i].slot == tensor->slot) {
            return hash_text(roles[i].role);
        }
    }
    return mix(hash_text(tensor->op_type), tensor->slot);
}

/* Mean 0 and variance 1. Sums of many look normal whatever these are, and uniform ones are made five times faster. */
static void fill_uniform(float *values, size_t count, uint64_t seed)
{
    const double width = 3.4641016151377544; /* sqrt(12) */
    oa_random random;
    oa_random_init(&random, seed);
    for (size_t i = 0; i < count; i++) {
        values[i] = (float)(width * (oa_random_uniform(&random) - 0.5));
    }
}

static oa_status make_probes(oa_message_plan *plan, size_t f, oa_error *error)
{
    const oa_fixed_relation *relation = &plan->relations.fixed[f];
    size_t columns = oa_fixed_columns(relation), probes = plan->base.config.probes, count;
    uint64_t seed = mix(plan->base.config.probe_seed, columns);
    seed = mix(seed, plan->way[f]);
    if (plan->way[f] == OA_FIXED_VECTOR) {
        seed = mix(seed, role_of(&plan->base.layout->tensors[relation->tensor]));
        seed = mix(seed, relation->rows.is_input);
    } else {
        for (size_t i = 0; i < f; i++) {
            if (plan->way[i] == plan->way[f] && oa_fixed_columns(&plan->relations.fixed[i]) == columns) {
                plan->probes[f] = plan->probes[i];
                return OA_OK;
            }
        }
    }
    if (oa_mul_overflows(&count, columns, probes) || !(plan->probes[f] = oa_malloc(count, sizeof(float)))) {
        return out_of_memory(error);
    }
    plan->owns_probes[f] = true;
    fill_uniform(plan->probes[f], count, seed);
    return OA_OK;
}

/* Puts the probes of relations with few columns one under the other, in the order of the relations. */
static oa_status join_narrow_probes(oa_message_plan *plan, oa_error *error)
{
    size_t probes = plan->base.config.probes;
    size_t *done = oa_calloc(plan->base.layout->group_count * OA_FIXED_WAYS, sizeof *done);
    oa_status status = done ? OA_OK : out_of_memory(error);
    for (size_t f = 0; f < plan->relations.fixed_count && status == OA_OK; f++) {
        const oa_fixed_relation *relation = &plan->relations.fixed[f];
        oa_message_group *group = &plan->groups[relation->rows.group];
        size_t way = plan->way[f], columns = oa_fixed_columns(relation);
        size_t *at = &done[relation->rows.group * OA_FIXED_WAYS + way];
        if (group->columns[way] > probes / 2) {
            continue;
        }
        if (!group->narrow_probes[way] &&
            !(group->narrow_probes[way] = oa_malloc(group->columns[way] * probes, sizeof(float)))) {
            status = out_of_memory(error);
            continue;
        }
        memcpy(group->narrow_probes[way] + *at * probes, plan->probes[f], columns * probes * sizeof(float));
        *at += columns;
    }
    oa_free(done);
    return status;
}

static oa_status make_signs(oa_message_plan *plan, size_t r, oa_error *error)
{
    const oa_relation *relation = &plan->relations.between[r];
    size_t count;
    if (relation->taps == 1 || relation->is_symmetric) {
        return OA_OK;
    }
    for (size_t i = 0; i < r; i++) {
        if (plan->signs[i] && plan->relations.between[i].taps == relation->taps) {
            plan->signs[r] = plan->signs[i];
            return OA_OK;
        }
    }
    if (oa_mul_overflows(&count, relation->taps, plan->base.config.channels) ||
        !(plan->signs[r] = oa_malloc(count, sizeof(float)))) {
        return out_of_memory(error);
    }
    plan->owns_signs[r] = true;
    oa_random random;
    oa_random_init(&random, mix(plan->base.config.probe_seed, ~(uint64_t)relation->taps));
    for (size_t i = 0; i < count; i++) {
        plan->signs[r][i] = oa_random_next(&random) >> 63 ? 1.0f : -1.0f;
    }
    return OA_OK;
}

static void add_end(oa_message_plan *plan, const oa_relation_axis *receiver, size_t relation, bool to_rows)
{
    oa_message_group *group = &plan->groups[receiver->group];
    group->ends[group->end_count++] = (oa_message_end){.relation = relation, .to_rows = to_rows};
    group->arrivals[receiver->is_input]++;
}

static oa_status add_ends(oa_message_plan *plan, oa_error *error)
{
    const oa_relations *relations = &plan->relations;
    for (size_t r = 0; r < relations->between_count; r++) {
        plan->groups[relations->between[r].rows.group].end_count++;
        plan->groups[relations->between[r].columns.group].end_count++;
    }
    for (size_t g = 0; g < plan->base.layout->group_count; g++) {
        plan->groups[g].ends = oa_malloc(plan->groups[g].end_count, sizeof *plan->groups[g].ends);
        plan->groups[g].end_count = 0;
        if (!plan->groups[g].ends) {
            return out_of_memory(error);
        }
    }
    for (size_t r = 0; r < relations->between_count; r++) {
        add_end(plan, &relations->between[r].rows, r, true);
        add_end(plan, &relations->between[r].columns, r, false);
    }
    for (size_t f = 0; f < relations->fixed_count; f++) {
        const oa_fixed_relation *fixed = &relations->fixed[f];
        bool is_vector = fixed->places == 1 || fixed->is_symmetric;
        plan->way[f] = is_vector ? OA_FIXED_VECTOR : fixed->rows.is_input ? OA_FIXED_OUT : OA_FIXED_IN;
        plan->groups[fixed->rows.group].fixed_count[plan->way[f]]++;
        plan->groups[fixed->rows.group].columns[plan->way[f]] += oa_fixed_columns(fixed);
        oa_message_group *group = &plan->groups[fixed->rows.group];
        if (is_vector) {
            group->number_count[fixed->rows.is_input] += oa_fixed_columns(fixed);
        } else {
            group->raw_count[fixed->rows.is_input] += fixed->places;
        }
    }
    return OA_OK;
}

oa_status oa_messages_plan_create(oa_aligner_plan **result, const oa_aligner_config *config, const oa_layout *layout,
                                  const oa_graph *graph, oa_error *error)
{
    oa_message_plan *plan = oa_calloc(1, sizeof *plan);
    if (!plan) {
        return out_of_memory(error);
    }
    plan->base =
        (oa_aligner_plan){.functions = &oa_encoder_messages, .config = *config, .layout = layout, .graph = graph};
    oa_status status = oa_relations_init(&plan->relations, layout, graph, error);
    if (status == OA_OK) {
        plan->groups = oa_calloc(layout->group_count, sizeof *plan->groups);
        plan->way = oa_calloc(plan->relations.fixed_count, sizeof *plan->way);
        plan->probes = oa_calloc(plan->relations.fixed_count, sizeof *plan->probes);
        plan->owns_probes = oa_calloc(plan->relations.fixed_count, sizeof *plan->owns_probes);
        plan->signs = oa_calloc(plan->relations.between_count, sizeof *plan->signs);
        plan->owns_signs = oa_calloc(plan->relations.between_count, sizeof *plan->owns_signs);
        if (!plan->groups || !plan->way || !plan->probes || !plan->owns_probes || !plan->signs || !plan->owns_signs) {
            status = out_of_memory(error);
        }
    }
    status = status == OA_OK ? add_ends(plan, error) : status;
    for (size_t f = 0; f < plan->relations.fixed_count && status == OA_OK; f++) {
        status = make_probes(plan, f, error);
    }
    status = status == OA_OK ? join_narrow_probes(plan, error) : status;
    for (size_t r = 0; r < plan->relations.between_count && status == OA_OK; r++) {
        status = make_signs(plan, r, error);
    }
    if (status == OA_OK) {
        *result = &plan->base;
    } else {
        oa_messages_plan_destroy(&plan->base);
    }
    return status;
}

void oa_messages_plan_destroy(oa_aligner_plan *base)
{
    oa_message_plan *plan = (oa_message_plan *)base;
    if (!plan) {
        return;
    }
    for (size_t f = 0; f < plan->relations.fixed_count && plan->probes && plan->owns_probes; f++) {
        if (plan->owns_probes[f]) {
            oa_free(plan->probes[f]);
        }
    }
    for (size_t r = 0; r < plan->relations.between_count && plan->signs && plan->owns_signs; r++) {
        if (plan->owns_signs[r]) {
            oa_free(plan->signs[r]);
        }
    }
    for (size_t g = 0; g < plan->base.layout->group_count && plan->groups; g++) {
        oa_free(plan->groups[g].ends);
        for (size_t way = 0; way < OA_FIXED_WAYS; way++) {
            oa_free(plan->groups[g].narrow_probes[way]);
        }
    }
    oa_free(plan->groups);
    oa_free(plan->way);
    oa_free(plan->probes);
    oa_free(plan->owns_probes);
    oa_free(plan->signs);
    oa_free(plan->owns_signs);
    oa_relations_free(&plan->relations);
    oa_free(plan);
}
