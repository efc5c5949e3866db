/* Preparing a graph: kernels, readers, and room for the longest node. */
#include "core/exec/executor_private.h"
#include "core/linalg/blas.h"

#include <stdio.h>
#include <string.h>

enum {
    MOST_ATTRIBUTES = 64,     /* bits of oa_call.attributes_read */
    MOST_IDLE_BYTES = 1 << 28 /* enough for the activations of most models; larger ones give back what they can */
};

static oa_status no_memory(oa_error *error)
{
    return oa_fail(error, OA_ERROR_MEMORY, "out of memory while preparing to run the graph");
}

/* Does a node before live node `end` have the same operator, and no kernel either? */
static bool is_listed(const oa_executor *executor, size_t end)
{
    const oa_node *node = &executor->graph->nodes[end];
    for (size_t i = 0; i < end; i++) {
        const oa_node *other = &executor->graph->nodes[i];
        if (!executor->operators[i] && strcmp(other->op_type, node->op_type) == 0 &&
            strcmp(other->domain, node->domain) == 0) {
            return true;
        }
    }
    return false;
}

/* Names all operators without a kernel, each once. */
static oa_status refuse_operators(const oa_executor *executor, oa_error *error)
{
    enum { LIST_SIZE = 400 };
    const oa_graph *graph = executor->graph;
    char list[LIST_SIZE] = "";
    size_t length = 0, missing = 0, first = OA_NONE;
    for (size_t i = 0; i < graph->live_count; i++) {
        const oa_node *node = &graph->nodes[i];
        if (executor->operators[i]) {
            continue;
        }
        first = first == OA_NONE ? i : first;
        missing++;
        if (length < LIST_SIZE - 1 && !is_listed(executor, i)) {
            int added = snprintf(list + length, LIST_SIZE - length, "%s%s%s%s", length ? ", " : "", node->domain,
                                 node->domain[0] ? "." : "", node->op_type);
            length = added < 0 || (size_t)added >= LIST_SIZE - length ? LIST_SIZE - 1 : length + (size_t)added;
        }
    }
    return oa_fail(error, OA_ERROR_UNSUPPORTED,
                   "the built-in executor has no kernel for %s%s (%zu node%s, the first is '%.100s')", list,
                   length == LIST_SIZE - 1 ? "..." : "", missing, missing == 1 ? "" : "s",
                   oa_node_label(graph, &graph->nodes[first]));
}

/* Finds the kernels of all live nodes. */
static oa_status find_operators(oa_executor *executor, oa_error *error)
{
    const oa_graph *graph = executor->graph;
    bool are_found = true;
    for (size_t i = 0; i < graph->live_count; i++) {
        executor->operators[i] = oa_operator_find(graph->nodes[i].domain, graph->nodes[i].op_type);
        are_found = are_found && executor->operators[i];
    }
    return are_found ? OA_OK : refuse_operators(executor, error);
}

static oa_status check_node(const oa_graph *graph, const oa_node *node, const oa_operator *row, oa_error *error)
{
    if (node->attribute_count > MOST_ATTRIBUTES || node->capture_count) {
        return oa_fail(error, OA_ERROR_UNSUPPORTED, "subgraphs or more than %d attributes", MOST_ATTRIBUTES);
    }
    for (size_t i = 0; i < row->least_inputs; i++) {
        if (oa_node_input(node, i) == OA_NONE) {
            return oa_fail(error, OA_ERROR_INPUT, "input %zu is missing", i);
        }
    }
    if (row->most_inputs != OA_NONE && node->input_count > row->most_inputs) {
        return oa_fail(error, OA_ERROR_UNSUPPORTED, "%zu inputs, where at most %zu are known", node->input_count,
                       row->most_inputs);
    }
    for (size_t i = 0; i < node->input_count; i++) {
        if (node->inputs[i] != OA_NONE && graph->values[node->inputs[i]].is_opaque) {
            return oa_fail(error, OA_ERROR_UNSUPPORTED, "input '%s' is not a dense tensor",
                           graph->values[node->inputs[i]].name);
        }
    }
    return OA_OK;
}

/* Checks the nodes, counts the readers of every value, and finds the longest lists of inputs and outputs. */
static oa_status survey(size_t *most_inputs, size_t *most_outputs, oa_executor *executor, oa_error *error)
{
    const oa_graph *graph = executor->graph;
    for (size_t i = 0; i < graph->live_count; i++) {
        const oa_node *node = &graph->nodes[i];
        oa_status status = check_node(graph, node, executor->operators[i], error);
        if (status != OA_OK) {
            oa_node_context(error, graph, node);
            return status;
        }
        for (size_t k = 0; k < node->input_count; k++) {
            if (node->inputs[k] != OA_NONE) {
                executor->reads[node->inputs[k]]++;
            }
        }
        *most_inputs = node->input_count > *most_inputs ? node->input_count : *most_inputs;
        *most_outputs = node->output_count > *most_outputs ? node->output_count : *most_outputs;
    }
    for (size_t i = 0; i < graph->output_count; i++) {
        if (graph->values[graph->outputs[i]].is_opaque) {
            return oa_fail(error, OA_ERROR_UNSUPPORTED, "graph output '%s' is not a dense tensor",
                           graph->values[graph->outputs[i]].name);
        }
        executor->reads[graph->outputs[i]]++;
    }
    return OA_OK;
}

static bool make_call(oa_executor *executor, size_t most_inputs, size_t most_outputs)
{
    oa_call *call = &executor->call;
    call->graph = executor->graph;
    call->scratch = &executor->scratch;
    call->blocks = &executor->blocks;
    call->inputs = oa_calloc(most_inputs, sizeof *call->inputs);
    call->dtypes = oa_calloc(most_inputs, sizeof *call->dtypes);
    call->is_takeable = oa_calloc(most_inputs, sizeof *call->is_takeable);
    call->is_taken = oa_calloc(most_inputs, sizeof *call->is_taken);
    executor->widened = oa_calloc(most_inputs, sizeof *executor->widened);
    call->outputs = oa_calloc(most_outputs, sizeof *call->outputs);
    call->is_wanted = oa_calloc(most_outputs, sizeof *call->is_wanted);
    call->narrow = oa_calloc(most_outputs, sizeof *call->narrow);
    call->passed = oa_calloc(most_outputs, sizeof *call->passed);
    return call->inputs && call->dtypes && call->is_takeable && call->is_taken && executor->widened && call->outputs &&
           call->is_wanted && call->narrow && call->passed;
}

/* The BLAS has been told how many threads there are to use. Those of the executor are its own: the BLAS divides what it
 * multiplies, not what kernels do before and after. */
static oa_status make_team(oa_executor *executor, oa_error *error)
{
    size_t threads = oa_blas_threads();
    return threads > 1 ? oa_team_create(&executor->call.team, threads, error) : OA_OK;
}

oa_status oa_executor_create(oa_executor **executor, const oa_graph *graph, oa_error *error)
{
    oa_executor *made = oa_calloc(1, sizeof *made);
    if (!made) {
        return no_memory(error);
    }
    made->graph = graph;
    made->blocks.most = MOST_IDLE_BYTES;
    made->operators = oa_calloc(graph->live_count, sizeof *made->operators);
    made->followers = oa_calloc(graph->live_count, sizeof *made->followers);
    made->reads = oa_calloc(graph->value_count, sizeof *made->reads);
    made->results = oa_calloc(graph->output_count, sizeof *made->results);
    size_t most_inputs = 0, most_outputs = 0;
    oa_status status = OA_OK;
    if (!made->operators || !made->followers || !made->reads || !made->results) {
        status = no_memory(error);
        goto done;
    }
    status = oa_execution_init(&made->whole, made, error);
    made->run = &made->whole;
    if (status == OA_OK) {
        status = find_operators(made, error);
    }
    if (status == OA_OK) {
        status = make_team(made, error);
    }
    if (status == OA_OK) {
        status = survey(&most_inputs, &most_outputs, made, error);
    }
    if (status == OA_OK) {
        oa_executor_find_chains(made);
    }
    if (status == OA_OK && !make_call(made, most_inputs, most_outputs)) {
        status = no_memory(error);
    }
done:
    if (status == OA_OK) {
        *executor = made;
    } else {
        oa_executor_destroy(made);
    }
    return status;
}

void oa_executor_destroy(oa_executor *executor)
{
    if (!executor) {
        return;
    }
    oa_call *call = &executor->call;
    oa_free(executor->operators);
    oa_free(executor->followers);
    oa_free(executor->reads);
    oa_execution_free(&executor->whole);
    oa_free(executor->results);
    oa_free(call->inputs);
    oa_free(call->dtypes);
    oa_free(call->is_takeable);
    oa_free(call->is_taken);
    oa_free(executor->widened);
    oa_free(call->outputs);
    oa_free(call->is_wanted);
    oa_free(call->narrow);
    oa_free(call->passed);
    oa_free(executor->scratch.data);
    oa_team_destroy(call->team);
    oa_blocks_free(&executor->blocks);
    oa_free(executor->overrides);
    oa_free(executor);
}

void oa_executor_keep(oa_executor *executor, const bool *keeps)
{
    executor->keeps = keeps;
    executor->blocks.most = SIZE_MAX;
}

oa_status oa_executor_override(oa_executor *executor, size_t node, oa_kernel kernel, void *context, oa_error *error)
{
    if (!executor->overrides) {
        executor->overrides = oa_calloc(executor->graph->live_count, sizeof *executor->overrides);
        if (!executor->overrides) {
            return no_memory(error);
        }
    }
    executor->overrides[node] = (oa_override){.kernel = kernel, .context = context};
    return OA_OK;
}

oa_blocks *oa_executor_blocks(oa_executor *executor)
{
    return &executor->blocks;
}

void oa_executor_watch(oa_executor *executor, oa_executor_watcher *watcher, void *context)
{
    executor->watcher = watcher;
    executor->watcher_context = context;
}

bool oa_executor_supports(const char *domain, const char *op_type)
{
    return oa_operator_find(domain, op_type) != NULL;
}

bool oa_executor_operator(const char **domain, const char **op_type, size_t index)
{
    const oa_operator *row = oa_operator_at(index);
    if (!row) {
        return false;
    }
    *domain = row->domain;
    *op_type = row->op_type;
    return true;
}
