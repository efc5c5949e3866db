/* The plan of the DWS encoder: is the layout a chain, and in which order do its groups stand? */
#include "core/learn/dws.h"

#include <string.h>

enum { CONFIG_MAX = 1 << 20 }; /* of channels and the like, so that sums and products of a few fit any size */

static oa_status out_of_memory(oa_error *error)
{
    return oa_fail(error, OA_ERROR_MEMORY, "out of memory for the plan of an aligner");
}

static oa_status check_config(const oa_aligner_config *config, oa_error *error)
{
    const size_t sizes[] = {config->channels, config->features, config->inputs};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        if (sizes[i] == 0 || sizes[i] > CONFIG_MAX) {
            return oa_fail(error, OA_ERROR_INPUT, "%zu channels, features or inputs of a DWS encoder", sizes[i]);
        }
    }
    return OA_OK;
}

/* ---- Is it a chain? ---- */

static oa_status refuse(oa_error *error, const char *why, const char *where)
{
    return oa_fail(error, OA_ERROR_UNSUPPORTED, "DWS encoders take chains of layers only, and %s%s%s", why,
                   where ? ": " : "", where ? where : "");
}

static oa_status check_parts(const oa_dws_plan *plan, oa_error *error)
{
    const oa_relations *relations = &plan->relations;
    const oa_layout *layout = plan->base.layout;
    const oa_tensor *tensors = plan->base.graph->tensors;
    if (layout->group_count == 0) {
        return refuse(error, "this model has no units to reorder", NULL);
    }
    for (size_t g = 0; g < layout->group_count; g++) {
        if (layout->groups[g].kind != OA_GROUP_UNITS) {
            return refuse(error, "this model has units inside of blocks that move as well", NULL);
        }
    }
    for (size_t r = 0; r < relations->between_count; r++) {
        const oa_relation *relation = &relations->between[r];
        if (relation->is_symmetric) {
            return refuse(error, "three groups of units lie on one tensor", tensors[relation->tensor].name);
        }
        if (relation->rows.group == relation->columns.group) {
            return refuse(error, "one group of units lies on two axes of a tensor", tensors[relation->tensor].name);
        }
    }
    for (size_t f = 0; f < relations->fixed_count; f++) {
        if (relations->fixed[f].is_symmetric) {
            return refuse(error, "two groups of units lie on one axis", tensors[relations->fixed[f].tensor].name);
        }
    }
    if (relations->between_count + 1 != layout->group_count) {
        return refuse(error, "between these groups of units there are more or fewer matrices", NULL);
    }
    return OA_OK;
}

/* The matrix of `group` that has not been passed yet, or OA_NONE; *count: how many it has. */
static size_t matrix_of(size_t *count, const oa_relations *relations, size_t group, size_t passed)
{
    size_t found = OA_NONE;
    *count = 0;
    for (size_t r = 0; r < relations->between_count; r++) {
        bool is_at = relations->between[r].rows.group == group || relations->between[r].columns.group == group;
        *count += is_at;
        if (is_at && r != passed && found == OA_NONE) {
            found = r;
        }
    }
    return found;
}

/* A group with one matrix at most: the side that takes inputs in, if that can be told. OA_NONE when there is none. */
static size_t first_group(const oa_dws_plan *plan)
{
    size_t first = OA_NONE, count;
    for (size_t g = 0; g < plan->base.layout->group_count; g++) {
        size_t r = matrix_of(&count, &plan->relations, g, OA_NONE);
        if (count > 1) {
            continue;
        }
        if (count == 0 || plan->relations.between[r].columns.group == g) {
            return g;
        }
        first = first == OA_NONE ? g : first;
    }
    return first;
}

static oa_status walk(oa_dws_plan *plan, oa_error *error)
{
    const oa_layout *layout = plan->base.layout;
    size_t group = first_group(plan), passed = OA_NONE, count = 0;
    plan->axis_count = layout->group_count;
    plan->axes = oa_arena_alloc(&plan->arena, plan->axis_count, sizeof *plan->axes);
    plan->matrices = oa_arena_alloc(&plan->arena, plan->axis_count, sizeof *plan->matrices);
    if (!plan->axes || !plan->matrices) {
        return out_of_memory(error);
    }
    for (size_t l = 0; l < plan->axis_count; l++) {
        if (group == OA_NONE) {
            return refuse(error, "these groups of units do not hang together in a line", NULL);
        }
        plan->axes[l] = (oa_dws_axis){.group = group, .size = layout->groups[group].size};
        size_t r = matrix_of(&count, &plan->relations, group, passed);
        if (count > 2) {
            return refuse(error, "a group of units has more than two matrices to others, the first of them",
                          plan->base.graph->tensors[plan->relations.between[r].tensor].name);
        }
        passed = r;
        group = OA_NONE;
        if (r != OA_NONE && l + 1 < plan->axis_count) {
            const oa_relation *relation = &plan->relations.between[r];
            bool goes_up = relation->columns.group == plan->axes[l].group;
            plan->matrices[l] =
                (oa_dws_matrix){.relation = r, .rows = goes_up ? l + 1 : l, .columns = goes_up ? l : l + 1};
            group = goes_up ? relation->rows.group : relation->columns.group;
        }
    }
    return OA_OK;
}

static oa_status place_fixed(oa_dws_plan *plan, oa_error *error)
{
    const oa_relations *relations = &plan->relations;
    for (size_t l = 0; l < plan->axis_count; l++) {
        oa_dws_axis *axis = &plan->axes[l];
        axis->vectors = oa_arena_alloc(&plan->arena, relations->fixed_count, sizeof *axis->vectors);
        axis->fixed = oa_arena_alloc(&plan->arena, relations->fixed_count, sizeof *axis->fixed);
        if (!axis->vectors || !axis->fixed) {
            return out_of_memory(error);
        }
        for (size_t f = 0; f < relations->fixed_count; f++) {
            if (relations->fixed[f].rows.group != axis->group) {
                continue;
            }
            if (relations->fixed[f].places == 1) {
                axis->vectors[axis->vector_count++] = f;
            } else {
                axis->fixed[axis->fixed_count++] = f;
            }
        }
        if (oa_dws_axis_width(plan, l, 0) == 0) {
            return refuse(error, "a group of units lies on no weights that are floating-point numbers", NULL);
        }
    }
    return OA_OK;
}

oa_status oa_dws_plan_create(oa_aligner_plan **result, const oa_aligner_config *config, const oa_layout *layout,
                             const oa_graph *graph, oa_error *error)
{
    oa_status status = check_config(config, error);
    oa_dws_plan *plan = status == OA_OK ? oa_calloc(1, sizeof *plan) : NULL;
    if (!plan) {
        return status == OA_OK ? out_of_memory(error) : status;
    }
    plan->base = (oa_aligner_plan){.functions = &oa_encoder_dws, .config = *config, .layout = layout, .graph = graph};
    status = oa_relations_init(&plan->relations, layout, graph, error);
    status = status == OA_OK ? check_parts(plan, error) : status;
    status = status == OA_OK ? walk(plan, error) : status;
    status = status == OA_OK ? place_fixed(plan, error) : status;
    if (status == OA_OK) {
        plan->parameter_count = oa_dws_parameters(NULL, config, &plan->base);
        plan->parameters = oa_arena_alloc(&plan->arena, plan->parameter_count, sizeof *plan->parameters);
        if (plan->parameters) {
            (void)oa_dws_parameters(plan->parameters, config, &plan->base);
        } else {
            status = out_of_memory(error);
        }
    }
    if (status == OA_OK) {
        *result = &plan->base;
    } else {
        oa_dws_plan_destroy(&plan->base);
    }
    return status;
}

void oa_dws_plan_destroy(oa_aligner_plan *base)
{
    oa_dws_plan *plan = (oa_dws_plan *)base;
    if (plan) {
        oa_relations_free(&plan->relations);
        oa_arena_free(&plan->arena);
        oa_free(plan);
    }
}

/* ---- Widths ---- */

size_t oa_dws_places(const oa_dws_plan *plan, size_t fixed)
{
    size_t places = plan->relations.fixed[fixed].places;
    return places < plan->base.config.inputs ? places : plan->base.config.inputs;
}

size_t oa_dws_vector_width(const oa_dws_plan *plan, size_t axis, size_t layer)
{
    return layer ? plan->base.config.channels : plan->axes[axis].vector_count;
}

size_t oa_dws_fixed_width(const oa_dws_plan *plan, size_t fixed, size_t layer)
{
    return oa_dws_places(plan, fixed) * (layer ? plan->base.config.channels : 1);
}

size_t oa_dws_matrix_width(const oa_dws_plan *plan, size_t matrix, size_t layer)
{
    return layer ? plan->base.config.channels : plan->relations.between[plan->matrices[matrix].relation].taps;
}

size_t oa_dws_axis_width(const oa_dws_plan *plan, size_t axis, size_t layer)
{
    size_t width = oa_dws_vector_width(plan, axis, layer);
    for (size_t i = 0; i < plan->axes[axis].fixed_count; i++) {
        width += oa_dws_fixed_width(plan, plan->axes[axis].fixed[i], layer);
    }
    width += axis > 0 ? oa_dws_matrix_width(plan, axis - 1, layer) : 0;
    width += axis + 1 < plan->axis_count ? oa_dws_matrix_width(plan, axis, layer) : 0;
    return width;
}

void oa_dws_neighbours(size_t *first, size_t *count, const oa_dws_plan *plan, size_t axis)
{
    *first = axis > 0 ? axis - 1 : 0;
    *count = (axis + 1 < plan->axis_count ? axis + 2 : axis + 1) - *first;
}
