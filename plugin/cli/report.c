#include "plugin/cli/report.h"

#include <math.h>
#include <stdarg.h>
#include <time.h>
#include <unistd.h>

enum { OA_BAR_WIDTH = 30 };

double oa_seconds(void)
{
    struct timespec now = {0};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

void oa_progress_start(oa_progress *progress, const oa_options *options, const char *label)
{
    *progress = (oa_progress){.label = label, .is_shown = !options->is_quiet && isatty(STDERR_FILENO)};
}

void oa_progress_step(void *context, size_t done, size_t total)
{
    oa_progress *progress = context;
    double now = progress->is_shown ? oa_seconds() : 0.0;
    if (!progress->is_shown || total == 0 || now - progress->drawn < 0.05) {
        return;
    }
    progress->drawn = now;
    size_t filled = done >= total ? OA_BAR_WIDTH : done * OA_BAR_WIDTH / total;
    fprintf(stderr, "\r%-9s [", progress->label);
    for (size_t i = 0; i < OA_BAR_WIDTH; i++) {
        fputc(i < filled ? '#' : '.', stderr);
    }
    fprintf(stderr, "] %3zu%%", done >= total ? 100 : done * 100 / total);
    fflush(stderr);
}

void oa_progress_end(oa_progress *progress)
{
    if (progress->is_shown && progress->drawn > 0.0) {
        fprintf(stderr, "\r\033[K");
        fflush(stderr);
    }
    progress->is_shown = false;
}

void oa_note(const oa_options *options, const char *format, ...)
{
    if (options->is_quiet) {
        return;
    }
    va_list arguments;
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
}

const char *oa_group_kind_name(oa_group_kind kind)
{
    static const char *const names[] = {
        [OA_GROUP_UNITS] = "units", [OA_GROUP_BLOCKS] = "blocks", [OA_GROUP_INSIDE] = "inside"};
    return names[kind];
}

static json_t *json_axes(const oa_layout *layout, const oa_graph *graph, size_t group)
{
    json_t *axes = json_array();
    const oa_occurrence *o;
    for (size_t i = 0; axes && (o = oa_moved_by(layout, group, i)); i++) {
        json_t *axis =
            json_pack("{s:s, s:I}", "tensor", graph->tensors[o->tensor].name, "axis", (json_int_t)o->own_axis);
        if (!axis || json_array_append_new(axes, axis) != 0) {
            json_decref(axes);
            axes = NULL;
        }
    }
    return axes;
}

/* What lies inside blocks says which, and whether each has an order of its own. */
static bool add_inside(json_t *item, const oa_group *group)
{
    return group->kind != OA_GROUP_INSIDE ||
           (json_object_set_new(item, "parent", json_integer((json_int_t)group->parent)) == 0 &&
            json_object_set_new(item, "blocks", json_integer((json_int_t)group->block_count)) == 0);
}

json_t *oa_json_groups(const oa_layout *layout, const oa_graph *graph, const oa_permutations *permutations,
                       size_t count)
{
    json_t *groups = json_array();
    for (size_t g = 0; groups && g < layout->group_count; g++) {
        const oa_group *group = &layout->groups[g];
        json_t *axes = json_axes(layout, graph, g);
        json_t *item = axes ? json_pack("{s:I, s:I, s:s, s:o}", "id", (json_int_t)g, "size", (json_int_t)group->size,
                                        "kind", oa_group_kind_name(group->kind), "axes", axes)
                            : NULL;
        size_t moved = 0;
        for (size_t i = 0; i < count; i++) {
            moved += oa_permutations_moved(&permutations[i], layout, g);
        }
        bool is_done = item && add_inside(item, group) &&
                       (!count || json_object_set_new(item, "moved", json_integer((json_int_t)moved)) == 0);
        if (!is_done || json_array_append_new(groups, item) != 0) {
            json_decref(is_done ? NULL : item);
            json_decref(groups);
            return NULL;
        }
    }
    return groups;
}

json_t *oa_json_number(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

json_t *oa_json_verified(const oa_verify_info *info)
{
    return info ? json_pack("{s:s, s:f, s:f, s:o*}", "engine", info->engine, "max_abs_diff", info->max_abs_diff,
                            "max_rel_diff", info->max_rel_diff, "unreached", oa_json_unreached(info))
                : json_null();
}

json_t *oa_json_unreached(const oa_verify_info *info)
{
    return info->unentered.weights ? json_integer((json_int_t)info->unentered.weights) : NULL;
}

void oa_note_unreached(const oa_options *options, const char *model, const oa_verify_info *info)
{
    const oa_unentered *found = &info->unentered;
    if (found->weights) {
        oa_note(
            options,
            "%s: the inputs of the verification did not lead to %zu weight%s (%s of '%s'), of which it says nothing; "
            "samples that lead there, by --data, verify them too",
            model, found->weights, found->weights == 1 ? "" : "s", found->attribute, found->node);
    }
}

oa_status oa_finish_output(oa_error *error)
{
    bool failed = fflush(stdout) != 0 || ferror(stdout);
    return failed ? oa_fail(error, OA_ERROR_OUTPUT, "standard output cannot be written") : OA_OK;
}

oa_status oa_json_print(json_t *object, oa_error *error)
{
    if (!object) {
        return oa_fail(error, OA_ERROR_MEMORY, "out of memory while writing JSON");
    }
    int failed = json_dumpf(object, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(9));
    json_decref(object);
    fputc('\n', stdout);
    oa_status status = oa_finish_output(error);
    return failed && status == OA_OK ? oa_fail(error, OA_ERROR_MEMORY, "out of memory while writing JSON") : status;
}

void oa_note_unknown(const oa_options *options, const char *path, const oa_layout *layout)
{
    if (layout->unknown_count) {
        oa_note(options, "%s: %zu node%s of operators without a rule (%s): the axes that they touch stay as they are",
                path, layout->unknown_count, layout->unknown_count == 1 ? "" : "s", layout->unknown_operators);
    }
}
