/* onnx-align inspect: the permutation groups of a model, and what is fixed and why. */
#include "core/base/memory.h"
#include "onnx_io/model.h"
#include "plugin/cli/commands.h"
#include "plugin/cli/inspect.h"
#include "plugin/cli/report.h"

#include <string.h>

enum { SHOWN = 4 }; /* axes of a group in the table, without --verbose */

typedef struct shares {
    size_t parameters; /* float elements that an output depends on, and all others */
    size_t permutable; /* of those, in tensors with at least one axis that moves */
} shares;

static shares count_parameters(const oa_graph *graph, const oa_layout *layout)
{
    shares result = {0};
    for (size_t t = 0; t < graph->tensor_count; t++) {
        if (oa_dtype_is_float(graph->tensors[t].dtype)) {
            result.parameters += graph->tensors[t].count;
            result.permutable += layout->tensors[t].moves ? graph->tensors[t].count : 0;
        }
    }
    return result;
}

static double share_of(const shares *s)
{
    return s->parameters ? (double)s->permutable / (double)s->parameters : 0.0;
}

/* Sees an axis that stays; `in_part` tells that something on it moves nevertheless. */
typedef oa_status fixed_visitor(void *context, const oa_tensor *tensor, size_t axis, bool in_part, const char *reason);

/* Calls `visit` for each axis of a float constant that does not move whole, in canonical order. */
static oa_status each_fixed(const oa_graph *graph, const oa_layout *layout, fixed_visitor *visit, void *context)
{
    oa_status status = OA_OK;
    for (size_t i = 0; i < layout->order_count; i++) {
        size_t t = layout->order[i];
        const oa_tensor *tensor = &graph->tensors[t];
        for (size_t k = 0; oa_dtype_is_float(tensor->dtype) && k < tensor->rank && status == OA_OK; k++) {
            const char *reason = tensor->dims[k] > 1 ? oa_layout_fixed_reason(layout, t, k) : NULL;
            if (reason) {
                status = visit(context, tensor, k, oa_layout_axis_moves(layout, t, k), reason);
            }
        }
    }
    return status;
}

static oa_status add_fixed(void *list, const oa_tensor *tensor, size_t axis, bool in_part, const char *reason)
{
    if (in_part) {
        return OA_OK; /* it is listed with its group */
    }
    json_t *item = json_pack("{s:s, s:I, s:s}", "tensor", tensor->name, "axis", (json_int_t)axis, "reason", reason);
    return item && json_array_append_new(list, item) == 0 ? OA_OK : OA_ERROR_MEMORY;
}

static oa_status print_json(const oa_model *model, const oa_layout *layout, const shares *counts, oa_error *error)
{
    const oa_graph *graph = oa_model_graph(model);
    json_t *fixed = json_array();
    json_t *groups = oa_json_groups(layout, graph, NULL, 0);
    if (!fixed || !groups || each_fixed(graph, layout, add_fixed, fixed) != OA_OK) {
        json_decref(fixed);
        json_decref(groups);
        return oa_fail(error, OA_ERROR_MEMORY, "out of memory while writing JSON");
    }
    return oa_json_print(json_pack("{s:s, s:I, s:o, s:o, s:f}", "model", oa_model_path(model), "parameters",
                                   (json_int_t)counts->parameters, "groups", groups, "fixed", fixed, "permutable_share",
                                   share_of(counts)),
                         error);
}

static oa_status print_fixed(void *context, const oa_tensor *tensor, size_t axis, bool in_part, const char *reason)
{
    (void)context;
    printf("  %s axis %zu (size %zu)%s: %s\n", tensor->name, axis, tensor->dims[axis], in_part ? ", in part" : "",
           reason);
    return OA_OK;
}

/* The tensors that a group reorders, and their share of the parameters. */
static size_t tensors_of(double *share, const oa_graph *graph, const oa_layout *layout, size_t group,
                         const shares *counts)
{
    size_t tensors = 0;
    size_t parameters = 0;
    const oa_occurrence *o;
    for (size_t i = 0; (o = oa_moved_by(layout, group, i)); i++) {
        size_t t = o->tensor;
        bool is_again = false;
        for (size_t k = 0; k < i && !is_again; k++) {
            is_again = oa_moved_by(layout, group, k)->tensor == t;
        }
        tensors += !is_again;
        parameters += is_again || !oa_dtype_is_float(graph->tensors[t].dtype) ? 0 : graph->tensors[t].count;
    }
    *share = counts->parameters ? (double)parameters / (double)counts->parameters : 0.0;
    return tensors;
}

static void print_group(const oa_graph *graph, const oa_layout *layout, size_t g, const shares *counts, size_t shown)
{
    enum { COLUMN = 48 };
    const oa_group *group = &layout->groups[g];
    double share;
    size_t tensors = tensors_of(&share, graph, layout, g, counts);
    char size[COLUMN], kind[COLUMN];
    bool has_own = group->block_count > 1;
    snprintf(size, sizeof size, has_own ? "%zu x %zu" : "%zu", has_own ? group->block_count : group->size,
             group->size / group->block_count);
    snprintf(kind, sizeof kind, group->kind == OA_GROUP_INSIDE ? "%s of %zu" : "%s", oa_group_kind_name(group->kind),
             group->parent);
    printf("%5zu  %9s  %-12s  %7zu  %5.1f%% ", g, size, kind, tensors, 100.0 * share);
    const oa_occurrence *o;
    size_t i = 0;
    for (; (o = oa_moved_by(layout, g, i)) && i < shown; i++) {
        printf("%s %s:%zu", i ? "," : "", graph->tensors[o->tensor].name, o->own_axis);
    }
    while (oa_moved_by(layout, g, i)) {
        i++;
    }
    if (i > shown) {
        printf(", and %zu more", i - shown);
    }
    printf("\n");
}

static void print_text(const oa_model *model, const oa_layout *layout, const shares *counts, size_t shown)
{
    const oa_graph *graph = oa_model_graph(model);
    size_t units = 0;
    for (size_t g = 0; g < layout->group_count; g++) {
        units += layout->groups[g].size;
    }
    printf("%s: %zu parameters, %.1f%% in tensors that can be reordered; %zu groups, %zu units\n", oa_model_path(model),
           counts->parameters, 100.0 * share_of(counts), layout->group_count, units);
    printf("\ngroup       size  kind          tensors   share  tensor:axis, ...\n");
    for (size_t g = 0; g < layout->group_count; g++) {
        print_group(graph, layout, g, counts, shown);
    }
    printf("\nfixed, and why\n");
    each_fixed(graph, layout, print_fixed, NULL);
}

oa_status oa_command_inspect(const oa_options *options, oa_error *error)
{
    oa_model *model = NULL;
    oa_layout *layout = NULL;
    double start = oa_seconds();
    oa_status status = oa_model_load(&model, options->models[0], error);
    if (status != OA_OK) {
        return status;
    }
    const oa_graph *graph = oa_model_graph(model);
    double loaded = oa_seconds();
    status = oa_layout_discover(&layout, graph, NULL, 0, error);
    double found = oa_seconds();
    if (status == OA_OK) {
        shares counts = count_parameters(graph, layout);
        oa_note_unknown(options, options->models[0], layout);
        if (options->axis) {
            status = oa_inspect_axis(options->axis, graph, layout, error);
            status = status == OA_OK ? oa_finish_output(error) : status;
        } else if (options->is_json) {
            status = print_json(model, layout, &counts, error);
        } else {
            print_text(model, layout, &counts, options->is_verbose ? SIZE_MAX : SHOWN);
            if (options->is_verbose) {
                printf("\nread in %.1f ms, symmetries found in %.1f ms\n", 1e3 * (loaded - start),
                       1e3 * (found - loaded));
            }
            status = oa_finish_output(error);
        }
        if (status == OA_OK && options->dot) {
            status = oa_inspect_dot(options->dot, options->models[0], graph, layout, error);
        }
    } else {
        oa_error_context(error, "%s", options->models[0]);
    }
    oa_layout_destroy(layout);
    oa_model_destroy(model);
    return status;
}
