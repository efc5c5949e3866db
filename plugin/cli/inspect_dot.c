#include "plugin/cli/inspect.h"

#include "plugin/cli/plot.h"

#include <string.h>

/* A text in double quotes. */
static void put_quoted(oa_svg *dot, const char *text)
{
    for (; *text; text++) {
        if (*text == '"' || *text == '\\') {
            oa_svg_put(dot, "\\%c", *text);
        } else {
            oa_svg_put(dot, "%c", (unsigned char)*text < ' ' ? ' ' : *text);
        }
    }
}

/* Hues that lie far apart for groups that follow each other: multiples of the golden ratio. */
static double hue_of(size_t group)
{
    double turns = (double)(group + 1) * 0.61803398874989485;
    return turns - (double)(size_t)turns;
}

/* The groups on one constant that a node reads; *computed becomes the first one that is not summed over. */
static void put_groups(oa_svg *dot, const oa_layout *layout, const oa_tensor *tensor, size_t t, size_t *computed)
{
    bool has_name = false;
    for (size_t k = 0; k < layout->occurrence_count; k++) {
        const oa_occurrence *o = &layout->occurrences[k];
        bool is_again = k && o[-1].tensor == t && o[-1].own_axis == o->own_axis && o[-1].group == o->group;
        if (o->tensor != t || is_again) {
            continue;
        }
        if (!has_name) {
            oa_svg_put(dot, "\\n");
            put_quoted(dot, tensor->name);
            has_name = true;
        }
        oa_svg_put(dot, " %zu:g%zu", o->own_axis, o->group);
        *computed = *computed == OA_NONE && !o->is_input ? o->group : *computed;
    }
}

static void put_node(oa_svg *dot, const oa_graph *graph, const oa_layout *layout, size_t n)
{
    const oa_node *node = &graph->nodes[n];
    size_t computed = OA_NONE;
    oa_svg_put(dot, "  n%zu [label=\"", n);
    put_quoted(dot, node->op_type);
    for (size_t i = 0; i < node->input_count; i++) {
        const oa_tensor *tensor = oa_node_constant(graph, node, i);
        if (tensor) {
            put_groups(dot, layout, tensor, (size_t)(tensor - graph->tensors), &computed);
        }
    }
    oa_svg_put(dot, "\"");
    if (computed != OA_NONE) {
        oa_svg_put(dot, " fillcolor=\"%.3f 0.35 0.95\"", hue_of(computed));
    }
    oa_svg_put(dot, "];\n");
}

static void put_edges(oa_svg *dot, const oa_graph *graph, size_t n)
{
    const oa_node *node = &graph->nodes[n];
    for (size_t i = 0; i < node->input_count; i++) {
        size_t value = node->inputs[i];
        if (value == OA_NONE) {
            continue;
        }
        for (size_t k = 0; k < graph->input_count; k++) {
            if (graph->inputs[k] == value) {
                oa_svg_put(dot, "  i%zu -> n%zu;\n", k, n);
            }
        }
        if (graph->values[value].producer != OA_NONE) {
            oa_svg_put(dot, "  n%zu -> n%zu;\n", graph->values[value].producer, n);
        }
    }
    for (size_t i = 0; i < node->output_count; i++) {
        for (size_t k = 0; k < graph->output_count; k++) {
            if (graph->outputs[k] == node->outputs[i]) {
                oa_svg_put(dot, "  n%zu -> o%zu;\n", n, k);
            }
        }
    }
}

static void put_ends(oa_svg *dot, const oa_graph *graph, char letter, const size_t *values, size_t count)
{
    for (size_t k = 0; k < count; k++) {
        oa_svg_put(dot, "  %c%zu [shape=ellipse label=\"", letter, k);
        put_quoted(dot, graph->values[values[k]].name);
        oa_svg_put(dot, "\"];\n");
    }
}

oa_status oa_inspect_dot(const char *path, const char *title, const oa_graph *graph, const oa_layout *layout,
                         oa_error *error)
{
    oa_svg dot = {0};
    oa_svg_put(&dot, "digraph model {\n  label=\"");
    put_quoted(&dot, title);
    oa_svg_put(&dot, ": tensor axis:group; a colour for each group that is computed\";\n"
                     "  node [shape=box style=filled fillcolor=white fontname=\"sans-serif\"];\n");
    put_ends(&dot, graph, 'i', graph->inputs, graph->input_count);
    for (size_t n = 0; n < graph->live_count; n++) {
        put_node(&dot, graph, layout, n);
    }
    put_ends(&dot, graph, 'o', graph->outputs, graph->output_count);
    for (size_t n = 0; n < graph->live_count; n++) {
        put_edges(&dot, graph, n);
    }
    oa_svg_put(&dot, "}\n");
    return oa_svg_save_text(&dot, "drawing", path, error);
}
