/* BatchNormalization by either kind of statistics, and normalisations of rows. */
#include "tests/grad/differences.h"

GRADIENT_TEST(batch_normalization,
              return NODE(g, "BatchNormalization", "epsilon=0.01", WEIGHT(g, "x", 2, 3, 4, 4), POSITIVE(g, "w", 3),
                          WEIGHT(g, "b", 3), WEIGHT(g, "mean", 3), POSITIVE(g, "variance", 3));)
GRADIENT_TEST(batch_normalization_of_rows,
              return NODE(g, "BatchNormalization", "", WEIGHT(g, "x", 5, 3), POSITIVE(g, "w", 3), WEIGHT(g, "b", 3),
                          WEIGHT(g, "mean", 3), POSITIVE(g, "variance", 3));)
GRADIENT_TEST(batch_normalization_beside_another_reader, size_t x = WEIGHT(g, "x", 2, 3, 2, 2);
              return NODE(g, "Mul", "", x,
                          NODE(g, "BatchNormalization", "", x, POSITIVE(g, "w", 3), WEIGHT(g, "b", 3),
                               WEIGHT(g, "mean", 3), POSITIVE(g, "variance", 3)));)
GRADIENT_TEST(batch_normalization_in_training_mode,
              return NODE(g, "BatchNormalization", "training_mode=1", WEIGHT(g, "x", 3, 2, 4, 5), POSITIVE(g, "w", 2),
                          WEIGHT(g, "b", 2), WEIGHT(g, "mean", 2), POSITIVE(g, "variance", 2));)

static size_t build_trained(test_graph *g)
{
    size_t y = NODE(g, "BatchNormalization", "training_mode=1", WEIGHT(g, "x", 3, 2, 5, 3), POSITIVE(g, "w1", 2),
                    WEIGHT(g, "b1", 2), WEIGHT(g, "mean", 2), POSITIVE(g, "variance", 2));
    return NODE(g, "Mul", "", y, NODE(g, "Sin", "", y));
}

static size_t build_trained_rows(test_graph *g)
{
    size_t x = WEIGHT(g, "x", 6, 3);
    size_t y = NODE(g, "BatchNormalization", "training_mode=1 epsilon=0.1", x, POSITIVE(g, "w1", 3), WEIGHT(g, "b1", 3),
                    WEIGHT(g, "mean", 3), POSITIVE(g, "variance", 3));
    return NODE(g, "Add", "", NODE(g, "Sin", "", y), x);
}

static void training__differentiates_the_statistics_of_the_batch(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 3; seed++) {
        check_gradient(build_trained, seed, true, rounding);
        check_gradient(build_trained_rows, seed, true, rounding);
    }
}

GRADIENT_TEST(layer_normalization, return NODE(g, "LayerNormalization", "", WEIGHT(g, "x", 3, 4, 19),
                                               POSITIVE(g, "w", 19), WEIGHT(g, "b", 19));)
GRADIENT_TEST(layer_normalization_over_two_axes,
              return NODE(g, "LayerNormalization", "axis=1 epsilon=0.1", WEIGHT(g, "x", 4, 3, 5), WEIGHT(g, "w", 3, 5),
                          WEIGHT(g, "b", 1, 5));)
GRADIENT_TEST(layer_normalization_without_bias_beside_another_reader, size_t x = WEIGHT(g, "x", 4, 6);
              return NODE(g, "Mul", "", NODE(g, "LayerNormalization", "", NODE(g, "Sin", "", x), WEIGHT(g, "w", 6)),
                          NODE(g, "Sin", "", x));)
GRADIENT_TEST(rms_normalization, return NODE(g, "RMSNormalization", "", WEIGHT(g, "x", 3, 4, 9), POSITIVE(g, "w", 9));)
GRADIENT_TEST(simplified_layer_normalization_beside_another_reader, size_t x = WEIGHT(g, "x", 4, 6);
              return NODE(g, "Add", "",
                          NODE(g, "SimplifiedLayerNormalization", "axis=-1 epsilon=0.01", x, WEIGHT(g, "w", 1, 6)),
                          NODE(g, "Sin", "", x));)

int main(void)
{
    const struct CMUnitTest tests[] = {
        GRADIENT_ROW(batch_normalization),
        GRADIENT_ROW(batch_normalization_of_rows),
        GRADIENT_ROW(batch_normalization_beside_another_reader),
        GRADIENT_ROW(batch_normalization_in_training_mode),
        GRADIENT_ROW(layer_normalization),
        GRADIENT_ROW(layer_normalization_over_two_axes),
        GRADIENT_ROW(layer_normalization_without_bias_beside_another_reader),
        GRADIENT_ROW(rms_normalization),
        GRADIENT_ROW(simplified_layer_normalization_beside_another_reader),
        cmocka_unit_test(training__differentiates_the_statistics_of_the_batch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
