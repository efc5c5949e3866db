#include "core/exec/work.h"

#include "core/exec/engine.h"

typedef struct work {
    const oa_graph *graph;
    double count;
} work;

static bool is_convolution(const oa_node *node)
{
    return oa_node_is(node, "Conv") || oa_node_is(node, "ConvTranspose");
}

static bool has_work(const oa_node *node)
{
    static const char *const others[] = {"Gemm", "MatMul", "LSTM", "GRU", "RNN"};
    bool is_one = is_convolution(node);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        is_one = is_one || oa_node_is(node, others[i]);
    }
    return is_one && node->output_count > 0 && node->outputs[0] != OA_NONE;
}

/* Each weight is used once for each position of an output: for every element of it that belongs to one unit. A
 * transposed convolution uses it for every position of its input, which is no more. */
static oa_status see(void *context, size_t value, const oa_array *array, oa_error *error)
{
    (void)error;
    work *w = context;
    const oa_node *node = &w->graph->nodes[w->graph->values[value].producer];
    size_t units = array->rank < 2 ? 1 : array->dims[is_convolution(node) ? 1 : array->rank - 1];
    for (size_t k = 0; k < node->input_count && units > 0; k++) {
        const oa_tensor *weight = oa_node_constant(w->graph, node, k);
        if (weight && oa_dtype_is_float(weight->dtype) && weight->rank >= 2) {
            w->count += (double)weight->count * (double)(array->count / units);
        }
    }
    return OA_OK;
}

oa_status oa_count_work(double *count, const oa_graph *graph, const oa_array *inputs, oa_error *error)
{
    work w = {.graph = graph};
    oa_session *session = NULL;
    bool *wanted = oa_calloc(graph->value_count, sizeof *wanted);
    oa_status status =
        wanted ? OA_OK : oa_fail(error, OA_ERROR_MEMORY, "out of memory for %zu values", graph->value_count);
    bool is_any = false;
    for (size_t i = 0; i < graph->live_count && wanted; i++) {
        const oa_node *node = &graph->nodes[i];
        if (has_work(node)) {
            wanted[node->outputs[0]] = is_any = true;
        }
    }
    if (status == OA_OK && is_any) {
        status = oa_session_create(&session, NULL, graph, NULL, wanted, error);
        status = status == OA_OK ? oa_session_run(NULL, session, inputs, see, &w, error) : status;
    }
    oa_session_destroy(session);
    oa_free(wanted);
    if (status == OA_OK) {
        *count = w.count;
    }
    return status;
}
