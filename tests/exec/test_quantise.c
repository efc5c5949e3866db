/* QuantizeLinear and DequantizeLinear; TopK and the scattering operators, which pick elements. */
#include "tests/exec/support.h"

#include <math.h>

/* Place of the scale of element i of x [3, 8] (axis 1): 0 for all, 1 for each column, 2 for blocks of 3 columns. */
static size_t scale_at(size_t i, size_t kind)
{
    return kind == 0 ? 0 : kind == 1 ? i % 8 : i / 8 * 3 + i % 8 / 3;
}

static void quantisation__equals_the_definition(void **state)
{
    (void)state;
    static const size_t dims[] = {3, 8}, columns[] = {8}, blocks[] = {3, 3};
    for (size_t kind = 0; kind < 3; kind++) {
        oa_random random;
        oa_random_init(&random, kind + 1);
        const size_t *scale_dims = kind == 1 ? columns : blocks, rank = kind;
        oa_array x = random_floats(&random, dims, 2), scale = random_floats(&random, scale_dims, rank);
        oa_array zero = random_integers(&random, OA_DTYPE_INT8, scale_dims, rank);
        for (size_t i = 0; i < scale.count; i++) {
            ((float *)scale.data)[i] = fabsf(((float *)scale.data)[i]) * 0.02f + 0.001f;
        }
        op quantise = {.type = "QuantizeLinear", .version = 21}, restore = {.type = "DequantizeLinear", .version = 21};
        if (kind == 2) {
            add_attribute(&quantise, attribute_int("block_size", 3));
            add_attribute(&restore, attribute_int("block_size", 3));
        }
        oa_array q = run_one(&quantise, (const oa_array *const[]){&x, &scale, &zero}, 3);
        oa_array y = run_one(&restore, (const oa_array *const[]){&q, &scale, &zero}, 3);
        assert_true(q.dtype == OA_DTYPE_INT8 && y.dtype == OA_DTYPE_FLOAT);
        for (size_t i = 0; i < x.count; i++) {
            float s = ((float *)scale.data)[scale_at(i, kind)];
            int z = ((int8_t *)zero.data)[scale_at(i, kind)];
            float rounded = rintf(((float *)x.data)[i] / s) + (float)z;
            int expected = rounded < -128.0f ? -128 : rounded > 127.0f ? 127 : (int)rounded;
            assert_int_equal(((int8_t *)q.data)[i], expected);
            assert_true(((float *)y.data)[i] == (float)(expected - z) * s);
        }
        oa_array_free(&x);
        oa_array_free(&scale);
        oa_array_free(&zero);
        oa_array_free(&q);
        oa_array_free(&y);
    }
}

static void quantisation__refuses_scales_that_do_not_fit(void **state)
{
    (void)state;
    static const size_t dims[] = {3, 8}, seven[] = {7};
    oa_array q = make_array(OA_DTYPE_UINT8, dims, 2), scale = make_array(OA_DTYPE_FLOAT, seven, 1);
    oa_array one = scalar_float(1.0f), zero = make_array(OA_DTYPE_INT8, NULL, 0);
    op node = {.type = "DequantizeLinear", .version = 13}, blocked = {.type = "DequantizeLinear", .version = 21};
    add_attribute(&blocked, attribute_int("block_size", -3));
    expect_failure(&node, (const oa_array *const[]){&q, &scale}, 2, OA_ERROR_INPUT);
    expect_failure(&node, (const oa_array *const[]){&q, &one, &zero}, 3, OA_ERROR_INPUT);
    expect_failure(&blocked, (const oa_array *const[]){&q, &scale}, 2, OA_ERROR_INPUT);
    expect_failure(&node, (const oa_array *const[]){&one, &one}, 2, OA_ERROR_UNSUPPORTED);
    oa_array_free(&q);
    oa_array_free(&scale);
    oa_array_free(&one);
    oa_array_free(&zero);
}

/* Every element that was taken comes before those that were not, and the taken ones are in order. */
static void top_k__orders_values_and_then_indices(void **state)
{
    (void)state;
    static const size_t dims[] = {3, 11, 2};
    for (uint64_t seed = 1; seed <= 40; seed++) {
        oa_random random;
        oa_random_init(&random, seed);
        bool is_largest = seed % 2;
        size_t k = random_between(&random, 0, 11);
        const int64_t count = (int64_t)k;
        oa_array x = make_array(OA_DTYPE_INT32, dims, 3), ks = int64_list(&count, 1), outputs[2] = {{0}};
        for (size_t i = 0; i < x.count; i++) { /* with equal ones */
            ((int32_t *)x.data)[i] = (int32_t)oa_random_below(&random, 6) - 3;
        }
        op node = {.type = "TopK", .version = 11, .output_count = 2};
        add_attribute(&node, attribute_int("axis", 1));
        add_attribute(&node, attribute_int("largest", is_largest));
        oa_error error = {0};
        assert_int_equal(run_op(outputs, &node, (const oa_array *const[]){&x, &ks}, 2, &error), OA_OK);
        assert_int_equal(outputs[0].dims[1], k);
        for (size_t row = 0; row < 6; row++) {
            const int32_t *from = (const int32_t *)x.data + row / 2 * 22 + row % 2;
            bool is_taken[11] = {false};
            for (size_t i = 0; i < k; i++) {
                size_t at = row / 2 * k * 2 + i * 2 + row % 2, index = (size_t)((int64_t *)outputs[1].data)[at];
                assert_true(index < 11 && !is_taken[index]);
                assert_int_equal(((int32_t *)outputs[0].data)[at], from[index * 2]);
                is_taken[index] = true;
                for (size_t other = 0; other < 11; other++) { /* nothing left comes before it */
                    int32_t a = is_largest ? from[other * 2] : -from[other * 2];
                    int32_t b = is_largest ? from[index * 2] : -from[index * 2];
                    assert_seeded(is_taken[other] || a < b || (a == b && other > index), "TopK", seed);
                }
            }
        }
        oa_array_free(&x);
        oa_array_free(&ks);
        oa_array_free(&outputs[0]);
        oa_array_free(&outputs[1]);
    }
}

static void scatter__adds_up_what_meets_in_one_place(void **state)
{
    (void)state;
    static const size_t dims[] = {2, 3}, places[] = {4, 2};
    static const float updates[] = {1.0f, 2.0f, 4.0f, 8.0f};
    static const int64_t indices[] = {1, 2, 0, -3, 1, 2, -1, 0};
    static const double expected[] = {2.0, 0.0, 0.0, 8.0, 0.0, 5.0};
    oa_array x = make_array(OA_DTYPE_FLOAT, dims, 2), at = make_array(OA_DTYPE_INT64, places, 2);
    oa_array from = float_list(updates, 4);
    for (size_t i = 0; i < 8; i++) {
        ((int64_t *)at.data)[i] = indices[i];
    }
    op node = {.type = "ScatterND", .version = 16}, plain = node;
    add_attribute(&node, attribute_string("reduction", "add"));
    oa_array y = run_one(&node, (const oa_array *const[]){&x, &at, &from}, 3);
    for (size_t i = 0; i < 6; i++) {
        assert_true(number_at(&y, i) == expected[i]);
    }
    oa_array_free(&y);
    y = run_one(&plain, (const oa_array *const[]){&x, &at, &from}, 3);
    assert_true(number_at(&y, 5) == 4.0); /* the last one stays */
    oa_array_free(&y);
    ((int64_t *)at.data)[5] = 3;
    expect_failure(&node, (const oa_array *const[]){&x, &at, &from}, 3, OA_ERROR_INPUT);
    oa_array_free(&x);
    oa_array_free(&at);
    oa_array_free(&from);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(quantisation__equals_the_definition),
        cmocka_unit_test(quantisation__refuses_scales_that_do_not_fit),
        cmocka_unit_test(top_k__orders_values_and_then_indices),
        cmocka_unit_test(scatter__adds_up_what_meets_in_one_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
