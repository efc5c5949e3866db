/* Gradients against central differences. */
#ifndef OA_TESTS_GRAD_DIFFERENCES_H
#define OA_TESTS_GRAD_DIFFERENCES_H

#include "core/grad/gradient.h"
#include "tests/support/cmocka_all.h"
#include "tests/support/graph_builder.h"

/* Builds a model without inputs and returns its output. Constants whose names begin with x, w or b are differentiated.
 * Called twice with one seed, for float32 and for float64: everything must depend on g->float_type. */
typedef size_t build_model(test_graph *g);

/* The gradient of the mean squared distance to random targets, computed by oa_gradient_run in float32, agrees with
 * central differences of the executor's float64 kernels: every element of every such constant within `tolerance` of the
 * largest of its constant, and no constant's gradient is all zero. `is_training` for both: BatchNormalization nodes of
 * the model must then have training_mode=1, by which the executor knows it. */
void check_gradient(build_model *build, uint64_t seed, bool is_training, double tolerance);

/* Float32 rounding of sums of up to some hundred terms; differences contribute 1e-9 only. */
static const double rounding = 2e-5;

/* A test of that name. */
#define GRADIENT_TEST(name, ...)                                                                                       \
    static size_t build_##name(test_graph *g)                                                                          \
    {                                                                                                                  \
        __VA_ARGS__                                                                                                    \
    }                                                                                                                  \
    static void name##__has_the_gradient_of_central_differences(void **state)                                          \
    {                                                                                                                  \
        (void)state;                                                                                                   \
        for (uint64_t seed = 1; seed <= 3; seed++) {                                                                   \
            check_gradient(build_##name, seed, false, rounding);                                                       \
        }                                                                                                              \
    }
#define GRADIENT_ROW(name) cmocka_unit_test(name##__has_the_gradient_of_central_differences)

#endif
