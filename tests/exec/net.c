#include "tests/exec/net.h"

#include <stdio.h>
#include <string.h>

net net_create(void)
{
    net made = {.graph = oa_graph_create()};
    made.status = made.graph ? OA_OK : OA_ERROR_MEMORY;
    return made;
}

void net_destroy(net *made)
{
    oa_graph_destroy(made->graph);
    made->graph = NULL;
}

void net_input(net *made, const char *name, oa_dtype dtype)
{
    const oa_value declared = {.dtype = dtype};
    if (made->status == OA_OK) {
        made->status = oa_graph_add_input(made->graph, name, &declared, &made->error);
    }
}

void net_output(net *made, const char *name)
{
    const oa_value declared = {0};
    if (made->status == OA_OK) {
        made->status = oa_graph_add_output(made->graph, name, &declared, &made->error);
    }
}

size_t net_constant(net *made, const char *name, const oa_array *array)
{
    size_t index = OA_NONE;
    oa_tensor tensor = {.name = name,
                        .dtype = array->dtype,
                        .rank = array->rank,
                        .count = array->count,
                        .data = array->data,
                        .is_initializer = true};
    memcpy(tensor.dims, array->dims, sizeof tensor.dims);
    if (made->status == OA_OK) {
        made->status = oa_graph_add_tensor(&index, made->graph, &tensor, &made->error);
    }
    return index;
}

/* The values of names separated by spaces. */
static size_t find_values(size_t *values, net *made, const char *names)
{
    size_t count = 0;
    while (*names && made->status == OA_OK) {
        char name[32];
        size_t length = strcspn(names, " ");
        snprintf(name, sizeof name, "%.*s", (int)length, names);
        names += length + (names[length] == ' ');
        values[count] = OA_NONE;
        if (strcmp(name, "-") != 0) {
            made->status = oa_graph_value(&values[count], made->graph, name, &made->error);
        }
        count++;
    }
    return count;
}

void net_node(net *made, const op *node, const char *inputs, const char *outputs)
{
    size_t in[MOST_SLOTS], out[MOST_SLOTS];
    oa_node added = {
        .name = "", .op_type = node->type, .domain = "", .version = node->version, .inputs = in, .outputs = out};
    oa_attribute attributes[MOST_SLOTS];
    memcpy(attributes, node->attributes, sizeof attributes);
    added.attributes = attributes;
    added.attribute_count = node->attribute_count;
    added.input_count = find_values(in, made, inputs);
    added.output_count = find_values(out, made, outputs);
    if (made->status == OA_OK) {
        made->status = oa_graph_add_node(made->graph, &added, &made->error);
    }
}

oa_status net_finish(net *made)
{
    if (made->status == OA_OK) {
        made->status = oa_graph_finish(made->graph, &made->error);
    }
    return made->status;
}

oa_status net_run(oa_array *outputs, const net *made, const oa_array *inputs, const oa_payloads *payloads,
                  oa_error *error)
{
    oa_executor *executor = NULL;
    oa_status status = oa_executor_create(&executor, made->graph, error);
    if (status == OA_OK) {
        status = oa_executor_run(outputs, executor, inputs, payloads, error);
    }
    oa_executor_destroy(executor);
    return status;
}
