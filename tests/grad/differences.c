#include "tests/grad/differences.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* One model in float64, run by the executor. */
typedef struct reference {
    test_graph *g;
    const oa_graph *graph;
    oa_executor *executor;
    oa_payloads weights; /* the float32 model's, widened */
    double *targets;
    size_t count; /* of the output */
} reference;

static void require(oa_status status, const oa_error *error)
{
    if (status != OA_OK) {
        fail_msg("%s", error->message);
    }
}

static test_graph *build_as(build_model *build, uint64_t seed, oa_dtype type)
{
    test_graph *g = test_graph_create(seed);
    g->float_type = type;
    test_graph_output(g, build(g));
    (void)test_graph_finish(g);
    return g;
}

static bool is_differentiated(const oa_tensor *tensor)
{
    return strchr("xwb", tensor->name[0]) != NULL && tensor->dtype == OA_DTYPE_FLOAT;
}

/* Runs the reference; `outputs` gets the elements, or NULL. The mean squared distance to the targets. */
static double reference_loss(const reference *r)
{
    oa_array output = {0};
    oa_error error = {0};
    require(oa_executor_run(&output, r->executor, NULL, &r->weights, &error), &error);
    assert_int_equal(output.dtype, OA_DTYPE_DOUBLE);
    double sum = 0.0;
    for (size_t i = 0; i < output.count; i++) {
        double difference = ((const double *)output.data)[i] - r->targets[i];
        sum += difference * difference;
    }
    double loss = sum / (double)output.count;
    oa_array_free(&output);
    return loss;
}

static reference reference_create(build_model *build, uint64_t seed, const oa_graph *narrow)
{
    reference r = {.g = build_as(build, seed, OA_DTYPE_DOUBLE)};
    oa_error error = {0};
    oa_array output = {0};
    oa_random random;
    r.graph = r.g->graph;
    require(oa_executor_create(&r.executor, r.graph, &error), &error);
    require(oa_payloads_init(&r.weights, r.graph, &error), &error);
    assert_int_equal(r.graph->tensor_count, narrow->tensor_count);
    for (size_t t = 0; t < narrow->tensor_count; t++) {
        const oa_tensor *tensor = &narrow->tensors[t];
        if (tensor->dtype == OA_DTYPE_FLOAT) {
            double *wide = oa_calloc(tensor->count, sizeof *wide);
            assert_non_null(wide);
            for (size_t i = 0; i < tensor->count; i++) {
                wide[i] = (double)((const float *)tensor->data)[i];
            }
            r.weights.data[t] = wide;
        }
    }
    require(oa_executor_run(&output, r.executor, NULL, &r.weights, &error), &error);
    r.count = output.count;
    r.targets = oa_calloc(r.count, sizeof *r.targets);
    assert_non_null(r.targets);
    oa_random_init(&random, seed + 1000);
    for (size_t i = 0; i < r.count; i++) {
        r.targets[i] = (double)(float)oa_random_normal(&random);
    }
    oa_array_free(&output);
    return r;
}

static void reference_free(reference *r)
{
    oa_executor_destroy(r->executor);
    oa_payloads_free(&r->weights);
    oa_free(r->targets);
    test_graph_destroy(r->g);
}

/* Central differences of constant t against its gradient. */
static void compare(const reference *r, size_t t, const oa_tensor *tensor, const float *gradient, uint64_t seed,
                    double tolerance)
{
    double *weights = r->weights.data[t], *expected = oa_calloc(tensor->count, sizeof *expected), most = 0.0;
    assert_non_null(expected);
    for (size_t i = 0; i < tensor->count; i++) {
        const double kept = weights[i], step = 1e-5;
        weights[i] = kept + step;
        double above = reference_loss(r);
        weights[i] = kept - step;
        double below = reference_loss(r);
        weights[i] = kept;
        expected[i] = (above - below) / (2.0 * step);
        most = fabs(expected[i]) > most ? fabs(expected[i]) : most;
    }
    if (!(most > 1e-6)) {
        fail_msg("seed %llu: nothing depends on '%s'", (unsigned long long)seed, tensor->name);
    }
    for (size_t i = 0; i < tensor->count; i++) {
        if (!(fabs((double)gradient[i] - expected[i]) <= tolerance * most)) {
            fail_msg("seed %llu: gradient of '%s' at %zu is %.9g and differences say %.9g (largest %.3g)",
                     (unsigned long long)seed, tensor->name, i, (double)gradient[i], expected[i], most);
        }
    }
    oa_free(expected);
}

void check_gradient(build_model *build, uint64_t seed, bool is_training, double tolerance)
{
    test_graph *g = build_as(build, seed, OA_DTYPE_FLOAT);
    const oa_graph *graph = g->graph;
    reference r = reference_create(build, seed, graph);
    bool *wants = oa_calloc(graph->tensor_count, sizeof *wants);
    float **gradients = oa_calloc(graph->tensor_count, sizeof *gradients);
    float *targets = oa_calloc(r.count, sizeof *targets);
    assert_true(wants && gradients && targets);
    for (size_t t = 0; t < graph->tensor_count; t++) {
        wants[t] = is_differentiated(&graph->tensors[t]);
        if (wants[t]) {
            gradients[t] = oa_malloc(graph->tensors[t].count, sizeof **gradients);
            assert_non_null(gradients[t]);
            memset(gradients[t], 0xff, graph->tensors[t].count * sizeof **gradients); /* NaN unless written */
        }
    }
    for (size_t i = 0; i < r.count; i++) {
        targets[i] = (float)r.targets[i];
    }
    oa_gradient *gradient = NULL;
    oa_error error = {0};
    const oa_gradient_settings settings = {.loss = OA_LOSS_MSE, .is_training = is_training};
    const oa_target target = {.values = targets};
    double loss = 0.0;
    require(oa_gradient_create(&gradient, graph, wants, &settings, &error), &error);
    require(oa_gradient_run(&loss, gradients, gradient, NULL, &target, NULL, &error), &error);
    double expected = reference_loss(&r);
    if (!(fabs(loss - expected) <= 1e-5 * (1.0 + expected))) {
        fail_msg("seed %llu: loss %.9g and should be %.9g", (unsigned long long)seed, loss, expected);
    }
    for (size_t t = 0; t < graph->tensor_count; t++) {
        if (wants[t]) {
            compare(&r, t, &graph->tensors[t], gradients[t], seed, tolerance);
            oa_free(gradients[t]);
        }
    }
    oa_gradient_destroy(gradient);
    oa_free(wants);
    oa_free(gradients);
    oa_free(targets);
    reference_free(&r);
    test_graph_destroy(g);
}
