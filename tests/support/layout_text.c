#include "tests/support/layout_text.h"

#include "tests/support/cmocka_all.h"
#include "tests/support/graph_builder.h"

#include <stdio.h>
#include <string.h>

char *layout_text(const oa_layout *layout, const oa_graph *graph)
{
    char *text = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&text, &size);
    assert_non_null(stream);
    for (size_t g = 0; g < layout->group_count; g++) {
        const oa_group *group = &layout->groups[g];
        fprintf(stream, "%s", g ? "; " : "");
        if (group->block_count > 1) {
            fprintf(stream, "%zux", group->block_count);
        }
        fprintf(stream, "%zu", group->size / group->block_count);
        if (group->kind == OA_GROUP_BLOCKS) {
            fprintf(stream, "b");
        } else if (group->kind == OA_GROUP_INSIDE) {
            fprintf(stream, "i%zu", group->parent);
        }
        for (size_t i = 0; i < group->occurrence_count; i++) {
            const oa_occurrence *o = &layout->occurrences[group->first_occurrence + i];
            assert_true(o->group == g);
            fprintf(stream, "%s %s.%zu", i ? "" : ":", graph->tensors[o->tensor].name, o->own_axis);
            if (o->rest != 1) {
                fprintf(stream, "*%zu", o->rest);
            }
        }
    }
    fclose(stream);
    assert_non_null(text);
    return text;
}

void assert_groups(const oa_layout *layout, const oa_graph *graph, const char *expected)
{
    char *text = layout_text(layout, graph);
    bool is_same = strcmp(text, expected) == 0;
    if (!is_same) {
        print_message("found    %s\nexpected %s\n", text, expected);
    }
    oa_free(text);
    assert_true(is_same);
}

void assert_fixed(const oa_layout *layout, const oa_graph *graph, const char *tensor, size_t axis, const char *phrase)
{
    const char *reason = oa_layout_fixed_reason(layout, test_graph_tensor(graph, tensor), axis);
    if (!reason || !strstr(reason, phrase)) {
        fail_msg("%s.%zu: found reason '%s', expected '%s'", tensor, axis, reason ? reason : "none", phrase);
    }
}

oa_layout *discover(const oa_graph *graph)
{
    oa_layout *layout = NULL;
    oa_error error = {0};
    if (oa_layout_discover(&layout, graph, NULL, 0, &error) != OA_OK) {
        fail_msg("discovery failed: %s", error.message);
    }
    return layout;
}
