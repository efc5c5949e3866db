#include "plugin/cli/inspect.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DEPTH_MAX = 32 };

static size_t find_tensor(const oa_graph *graph, const char *name, size_t length)
{
    for (size_t t = 0; t < graph->tensor_count; t++) {
        if (strlen(graph->tensors[t].name) == length && strncmp(graph->tensors[t].name, name, length) == 0) {
            return t;
        }
    }
    return OA_NONE;
}

static const char *kind_of(const oa_group *group)
{
    static const char *const names[] = {"units that move one by one", "blocks that move whole",
                                        "places inside each block, alike in all of them"};
    return names[group->kind];
}

/* The tree of a part, indented. */
static void print_part(const oa_layout *layout, size_t at, size_t depth)
{
    const oa_part *part = &layout->parts[at];
    printf("%*s", (int)(2 * depth + 2), "");
    switch (part->kind) {
    case OA_PART_FIXED:
        printf("%zu that stay: %s\n", part->size, part->reason);
        break;
    case OA_PART_GROUP:
        printf("group %zu: %zu %s\n", part->group, part->size, kind_of(&layout->groups[part->group]));
        break;
    case OA_PART_PRODUCT:
        printf("%zu as a product, outer to inner, of\n", part->size);
        break;
    case OA_PART_CONCAT:
        printf("%zu, one after the other\n", part->size);
        break;
    }
    for (size_t i = 0; i < part->child_count && depth < DEPTH_MAX; i++) {
        print_part(layout, layout->children[part->first_child + i], depth + 1);
    }
}

static bool carries(const oa_layout *layout, size_t at, size_t group)
{
    const oa_part *part = &layout->parts[at];
    bool found = part->kind == OA_PART_GROUP && part->group == group;
    for (size_t i = 0; i < part->child_count && !found; i++) {
        found = carries(layout, layout->children[part->first_child + i], group);
    }
    return found;
}

/* The other axes that a group reorders. */
static void print_ties(const oa_graph *graph, const oa_layout *layout, size_t g, size_t tensor, size_t axis)
{
    const oa_group *group = &layout->groups[g];
    printf("group %zu also moves", g);
    bool has_any = false;
    for (size_t i = 0; i < group->occurrence_count; i++) {
        const oa_occurrence *o = &layout->occurrences[group->first_occurrence + i];
        const oa_occurrence *before = i ? o - 1 : NULL;
        bool is_again = before && before->tensor == o->tensor && before->own_axis == o->own_axis;
        if ((o->tensor != tensor || o->own_axis != axis) && !is_again) {
            printf("%s %s:%zu", has_any ? "," : "", graph->tensors[o->tensor].name, o->own_axis);
            has_any = true;
        }
    }
    printf("%s\n", has_any ? "" : " nothing else");
}

oa_status oa_inspect_axis(const char *text, const oa_graph *graph, const oa_layout *layout, oa_error *error)
{
    const char *colon = strrchr(text, ':');
    char *end = NULL;
    size_t t = colon ? find_tensor(graph, text, (size_t)(colon - text)) : OA_NONE;
    unsigned long axis = colon ? strtoul(colon + 1, &end, 10) : 0;
    if (!colon || !colon[1] || *end || colon[1] == '-') {
        return oa_fail(error, OA_ERROR_USAGE, "--axis takes TENSOR:AXIS, as in 'conv1.weight:0', not '%s'", text);
    }
    if (t == OA_NONE) {
        return oa_fail(error, OA_ERROR_USAGE, "--axis %s: the model has no tensor '%.*s'", text, (int)(colon - text),
                       text);
    }
    const oa_tensor *tensor = &graph->tensors[t];
    if (axis >= tensor->rank) {
        return oa_fail(error, OA_ERROR_USAGE, "--axis %s: '%s' has %zu axes, counted from 0", text, tensor->name,
                       tensor->rank);
    }
    size_t part = layout->tensors[t].part[axis];
    printf("%s axis %lu, size %zu%s%s\n", tensor->name, axis, tensor->dims[axis],
           layout->tensors[t].op_type ? ", read by " : "",
           layout->tensors[t].op_type ? layout->tensors[t].op_type : "");
    if (part == OA_NONE) {
        printf("  %zu that stay: nothing that has an output reads it\n", tensor->dims[axis]);
        return OA_OK;
    }
    print_part(layout, part, 0);
    for (size_t g = 0; g < layout->group_count; g++) {
        if (carries(layout, part, g)) {
            print_ties(graph, layout, g, t, axis);
        }
    }
    return OA_OK;
}
