/* Times the tape and the encoders that are built on it: median processor time over repeats, on one
 * thread of the BLAS.
 *
 *     bench_tape
 */
#include "core/base/memory.h"
#include "core/learn/aligner.h"
#include "core/linalg/blas.h"

#include "tests/support/graph_builder.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { REPEATS = 15, ROWS = 256, WIDTH = 64, COUNT = 100 };

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static int compare_doubles(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

static double median(double *times)
{
    qsort(times, REPEATS, sizeof *times, compare_doubles);
    return times[REPEATS / 2];
}

static void demand(bool holds, const char *what)
{
    if (!holds) {
        fprintf(stderr, "%s\n", what);
        exit(1);
    }
}

/* ---- Operations ---- */

typedef oa_var operation(oa_tape *tape, oa_var x, oa_var w);

static oa_var matmul(oa_tape *tape, oa_var x, oa_var w)
{
    return oa_op_matmul(tape, x, false, w, false, 1.0f);
}

static oa_var gelu(oa_tape *tape, oa_var x, oa_var w)
{
    (void)w;
    return oa_op_gelu(tape, x);
}

static oa_var relu(oa_tape *tape, oa_var x, oa_var w)
{
    (void)w;
    return oa_op_relu(tape, x);
}

static oa_var layer_norm(oa_tape *tape, oa_var x, oa_var w)
{
    (void)w;
    return oa_op_layer_norm(tape, x);
}

static oa_var normalise(oa_tape *tape, oa_var x, oa_var w)
{
    (void)w;
    return oa_op_normalise_rows(tape, x);
}

static oa_var add(oa_tape *tape, oa_var x, oa_var w)
{
    (void)w;
    return oa_op_sum(tape, (oa_var[]){x, x}, NULL, 2);
}

static oa_var mean(oa_tape *tape, oa_var x, oa_var w)
{
    (void)w;
    return oa_op_mean_rows(tape, x, 2);
}

static oa_var maximum(oa_tape *tape, oa_var x, oa_var w)
{
    (void)w;
    return oa_op_max_rows(tape, x, 2);
}

static oa_var add_rows(oa_tape *tape, oa_var x, oa_var w)
{
    return oa_op_add_rows(tape, x, oa_op_rows(tape, w, 0, 1), 1);
}

static oa_var reshape(oa_tape *tape, oa_var x, oa_var w)
{
    (void)w;
    return oa_op_reshape(tape, x, oa_tape_rows(tape, x) / 2, 2 * oa_tape_columns(tape, x));
}

/* The loss that passes a gradient of one number to every element. */
static oa_var total(oa_tape *tape, oa_var x, const float *ones)
{
    size_t count = oa_tape_rows(tape, x) * oa_tape_columns(tape, x);
    return oa_op_matmul(tape, oa_op_reshape(tape, x, 1, count), false, oa_tape_constant(tape, ones, count, 1), false,
                        1.0f);
}

/* COUNT times the operation on the same matrix [rows, WIDTH], forward and backward. */
static void time_operation(const char *name, operation *op, oa_tape *tape, size_t rows, float *values, float *gradient)
{
    double forward[REPEATS], backward[REPEATS];
    for (size_t repeat = 0; repeat < REPEATS; repeat++) {
        oa_var losses[COUNT];
        oa_tape_reset(tape);
        oa_var x = oa_tape_parameter(tape, values, gradient, rows, WIDTH);
        oa_var w = oa_tape_parameter(tape, values, gradient, WIDTH, WIDTH);
        double start = seconds();
        for (size_t i = 0; i < COUNT; i++) {
            losses[i] = op(tape, x, w);
        }
        forward[repeat] = seconds() - start;
        for (size_t i = 0; i < COUNT; i++) {
            losses[i] = total(tape, losses[i], values);
        }
        oa_var loss = oa_op_sum(tape, losses, NULL, COUNT);
        start = seconds();
        demand(oa_tape_backward(tape, loss, 1.0f, NULL) == OA_OK, name);
        backward[repeat] = seconds() - start;
    }
    printf("%-14s %8.2f us forward %8.2f us backward (with its loss)\n", name, 1e6 / COUNT * median(forward),
           1e6 / COUNT * median(backward));
}

/* ---- Encoders ---- */

/* 784-128-128-128-10, the network of the paper's figures. */
static const oa_graph *build(test_graph *g)
{
    static const int64_t sizes[] = {784, 128, 128, 128, 10};
    size_t x = INPUT(g, "x", -1, 784);
    for (size_t l = 0; l < 4; l++) {
        x = NODE(g, "Gemm", "transB=1", x, WEIGHT(g, NULL, sizes[l + 1], sizes[l]), WEIGHT(g, NULL, sizes[l + 1]));
        x = l < 3 ? NODE(g, "Relu", "", x) : x;
    }
    test_graph_output(g, x);
    return test_graph_finish(g);
}

static void time_encoder(const char *name, oa_encoder_kind kind)
{
    test_graph *graphs[2] = {test_graph_create(1), test_graph_create(2)};
    const oa_graph *graph = build(graphs[0]), *other = build(graphs[1]);
    oa_aligner_config config = oa_aligner_config_default(kind);
    oa_layout *layout = NULL;
    oa_aligner_plan *plan = NULL;
    oa_aligner *aligner = NULL;
    oa_packed *packed[2] = {NULL, NULL};
    oa_tape *tape = NULL;
    double forward[REPEATS], backward[REPEATS];
    demand(oa_layout_discover(&layout, graph, NULL, 0, NULL) == OA_OK, "layout");
    demand(oa_aligner_plan_create(&plan, &config, layout, graph, NULL) == OA_OK, "plan");
    demand(oa_aligner_create(&aligner, &config, plan, 1, NULL) == OA_OK, "aligner");
    demand(oa_tape_create(&tape, NULL) == OA_OK, "tape");
    for (size_t m = 0; m < 2; m++) {
        const float *weights[16];
        for (size_t t = 0; t < graph->tensor_count; t++) {
            weights[t] = (m ? other : graph)->tensors[t].data;
        }
        demand(oa_packed_create(&packed[m], plan, weights, NULL) == OA_OK, "packed");
    }
    float *gradient = oa_calloc(aligner->value_count, sizeof *gradient);
    size_t target[128];
    for (size_t i = 0; i < 128; i++) {
        target[i] = i;
    }
    for (size_t repeat = 0; repeat < REPEATS && gradient; repeat++) {
        oa_aligner_leaves leaves;
        oa_var features[8], losses[8];
        oa_tape_reset(tape);
        demand(oa_aligner_leaves_init(&leaves, tape, aligner, gradient, NULL) == OA_OK, "leaves");
        double start = seconds();
        oa_aligner_encode(features, tape, &leaves, plan, (const oa_packed *const *)packed, 2);
        oa_aligner_refined_scores(losses, tape, &leaves, plan, (const oa_packed *const *)packed, features, 0, 1);
        for (size_t g = 0; g < layout->group_count; g++) {
            losses[g] = oa_op_cross_entropy(tape, losses[g], target);
        }
        oa_var loss = oa_op_sum(tape, losses, NULL, layout->group_count);
        forward[repeat] = seconds() - start;
        start = seconds();
        demand(oa_tape_backward(tape, loss, 1.0f, NULL) == OA_OK, "backward");
        backward[repeat] = seconds() - start;
        oa_aligner_leaves_free(&leaves);
    }
    printf("%-14s %8.2f ms forward %8.2f ms backward, a pair; %zu parameters\n", name, 1e3 * median(forward),
           1e3 * median(backward), aligner->value_count);
    oa_free(gradient);
    oa_tape_destroy(tape);
    oa_packed_destroy(packed[0]);
    oa_packed_destroy(packed[1]);
    oa_aligner_destroy(aligner);
    oa_aligner_plan_destroy(plan);
    oa_layout_destroy(layout);
    test_graph_destroy(graphs[0]);
    test_graph_destroy(graphs[1]);
}

int main(void)
{
    static float values[ROWS * WIDTH], gradient[ROWS * WIDTH];
    static const struct {
        const char *name;
        operation *op;
    } operations[] = {{"matmul", matmul},       {"gelu", gelu},      {"relu", relu},      {"layer norm", layer_norm},
                      {"normalise", normalise}, {"sum of two", add}, {"mean rows", mean}, {"max rows", maximum},
                      {"add rows", add_rows},   {"reshape", reshape}};
    oa_tape *tape = NULL;
    oa_blas_fit_processor();
    oa_blas_set_threads(1);
    for (size_t i = 0; i < ROWS * WIDTH; i++) {
        values[i] = (float)sin(0.7 * (double)i);
    }
    demand(oa_tape_create(&tape, NULL) == OA_OK, "tape");
    printf("[%d, %d]:\n", ROWS, WIDTH);
    for (size_t i = 0; i < sizeof operations / sizeof operations[0]; i++) {
        time_operation(operations[i].name, operations[i].op, tape, ROWS, values, gradient);
    }
    printf("[2, %d], where what an operation costs by itself shows:\n", WIDTH);
    time_operation("reshape", reshape, tape, 2, values, gradient);
    time_operation("relu", relu, tape, 2, values, gradient);
    time_operation("matmul", matmul, tape, 2, values, gradient);
    oa_tape_destroy(tape);
    time_encoder("messages", OA_ENCODER_MESSAGES);
    time_encoder("dws", OA_ENCODER_DWS);
    return 0;
}
