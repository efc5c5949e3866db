/* Samples a second of one forward and backward pass, on one core, in processor time. bench_gradient.py prints PyTorch's
 * beside them. */
#include "core/grad/gradient.h"
#include "core/linalg/blas.h"
#include "tests/support/graph_builder.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { BATCH = 64, CLASSES = 10, ROUNDS = 15 };

static size_t build_mlp(test_graph *g)
{
    size_t x = NODE(g, "Flatten", "", INPUT(g, "x", -1, 1, 28, 28));
    x = NODE(g, "Relu", "", NODE(g, "Gemm", "transB=1", x, WEIGHT(g, "w1", 128, 784), WEIGHT(g, "b1", 128)));
    x = NODE(g, "Relu", "", NODE(g, "Gemm", "transB=1", x, WEIGHT(g, "w2", 128, 128), WEIGHT(g, "b2", 128)));
    x = NODE(g, "Relu", "", NODE(g, "Gemm", "transB=1", x, WEIGHT(g, "w3", 128, 128), WEIGHT(g, "b3", 128)));
    return NODE(g, "Gemm", "transB=1", x, WEIGHT(g, "w4", 10, 128), WEIGHT(g, "b4", 10));
}

static size_t conv(test_graph *g, size_t x, const char *weight, const char *bias, int64_t in, int64_t out)
{
    return NODE(g, "Relu", "",
                NODE(g, "Conv", "pads=[1,1,1,1]", x, WEIGHT(g, weight, out, in, 3, 3), WEIGHT(g, bias, out)));
}

static size_t build_cnn(test_graph *g)
{
    size_t x = INPUT(g, "x", -1, 1, 28, 28);
    x = NODE(g, "MaxPool", "kernel_shape=[2,2] strides=[2,2]", conv(g, x, "w1", "b1", 1, 8));
    x = NODE(g, "MaxPool", "kernel_shape=[2,2] strides=[2,2]", conv(g, x, "w2", "b2", 8, 16));
    x = NODE(g, "MaxPool", "kernel_shape=[2,2] strides=[2,2]", conv(g, x, "w3", "b3", 16, 16));
    x = NODE(g, "Flatten", "", x);
    x = NODE(g, "Relu", "", NODE(g, "Gemm", "transB=1", x, WEIGHT(g, "w4", 32, 144), WEIGHT(g, "b4", 32)));
    return NODE(g, "Gemm", "transB=1", x, WEIGHT(g, "w5", 10, 32), WEIGHT(g, "b5", 10));
}

static size_t norm(test_graph *g, size_t x, const char *scale, const char *bias, int64_t n)
{
    return NODE(g, "BatchNormalization", "", x, POSITIVE(g, scale, n), WEIGHT(g, bias, n),
                test_graph_weight(g, NULL, 1, &n), test_graph_uniform(g, NULL, 0.5, 1.5, 1, &n));
}

/* The cnn of models/: wide, with batch normalisation. */
static size_t build_wide_cnn(test_graph *g)
{
    size_t x = INPUT(g, "x", -1, 1, 28, 28);
    static const char *const names[][3] = {{"w1", "s1", "t1"}, {"w2", "s2", "t2"}, {"w3", "s3", "t3"}};
    int64_t in = 1;
    for (size_t i = 0; i < 3; i++) {
        int64_t out = 32 << i;
        x = NODE(g, "Conv", "pads=[1,1,1,1]", x, WEIGHT(g, names[i][0], out, in, 3, 3));
        x = NODE(g, "Relu", "", norm(g, x, names[i][1], names[i][2], out));
        x = NODE(g, "MaxPool", "kernel_shape=[2,2] strides=[2,2]", x);
        in = out;
    }
    x = NODE(g, "Flatten", "", x);
    x = NODE(g, "Relu", "", NODE(g, "Gemm", "transB=1", x, WEIGHT(g, "w4", 128, 1152), WEIGHT(g, "b4", 128)));
    return NODE(g, "Gemm", "transB=1", x, WEIGHT(g, "w5", 10, 128), WEIGHT(g, "b5", 10));
}

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void check(bool is_fine)
{
    if (!is_fine) {
        fprintf(stderr, "the benchmark cannot run\n");
        exit(1);
    }
}

/* Prints the median of ROUNDS rounds of so many passes. */
static void measure(const char *name, size_t (*build)(test_graph *), size_t passes)
{
    test_graph *g = test_graph_create(1);
    test_graph_output(g, build(g));
    const oa_graph *graph = test_graph_finish(g);
    bool *wants = calloc(graph->tensor_count, sizeof *wants);
    float **gradients = calloc(graph->tensor_count, sizeof *gradients);
    check(wants && gradients);
    for (size_t t = 0; t < graph->tensor_count; t++) {
        wants[t] = strchr("wbst", graph->tensors[t].name[0]) != NULL;
        gradients[t] = calloc(graph->tensors[t].count, sizeof(float));
        check(gradients[t] != NULL);
    }
    oa_array x;
    const size_t dims[] = {BATCH, 1, 28, 28};
    int64_t labels[BATCH];
    oa_random random;
    oa_random_init(&random, 2);
    check(oa_array_init(&x, OA_DTYPE_FLOAT, dims, 4, NULL) == OA_OK);
    for (size_t i = 0; i < x.count; i++) {
        ((float *)x.data)[i] = (float)oa_random_uniform(&random);
    }
    for (size_t i = 0; i < BATCH; i++) {
        labels[i] = (int64_t)oa_random_below(&random, CLASSES);
    }
    oa_gradient *gradient = NULL;
    oa_error error = {0};
    const oa_gradient_settings settings = {.loss = OA_LOSS_CROSS_ENTROPY};
    const oa_target target = {.labels = labels, .label_count = BATCH};
    double loss, times[ROUNDS];
    check(oa_gradient_create(&gradient, graph, wants, &settings, &error) == OA_OK);
    for (size_t r = 0; r < ROUNDS; r++) {
        double start = seconds();
        for (size_t i = 0; i < passes; i++) {
            check(oa_gradient_run(&loss, gradients, gradient, &x, &target, NULL, &error) == OA_OK);
        }
        times[r] = seconds() - start;
    }
    qsort(times, ROUNDS, sizeof *times, compare);
    printf("%s %.0f\n", name, (double)(passes * BATCH) / times[ROUNDS / 2]);
    oa_gradient_destroy(gradient);
    oa_array_free(&x);
    for (size_t t = 0; t < graph->tensor_count; t++) {
        free(gradients[t]);
    }
    free(gradients);
    free(wants);
    test_graph_destroy(g);
}

/* All networks, or the named one. */
int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        size_t (*build)(test_graph *);
        size_t passes;
    } networks[] = {{"mlp", build_mlp, 100}, {"cnn", build_cnn, 20}, {"wide-cnn", build_wide_cnn, 1}};
    oa_blas_fit_processor();
    oa_blas_set_threads(1);
    for (size_t i = 0; i < sizeof networks / sizeof networks[0]; i++) {
        if (argc < 2 || strcmp(argv[1], networks[i].name) == 0) {
            measure(networks[i].name, networks[i].build, networks[i].passes);
        }
    }
    return 0;
}
