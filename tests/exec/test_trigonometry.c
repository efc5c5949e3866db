/* Sines and cosines on vectors, against the C library's in double precision. */
#include "core/linalg/trigonometry.h"

#include "core/base/random.h"
#include "tests/support/cmocka_all.h"

#include <math.h>
#include <string.h>

enum { COUNT = 1003, TURNS = 400 };

static void check(const float *x, size_t n, double tolerance)
{
    float sines[COUNT], cosines[COUNT];
    oa_sin_floats(sines, x, n);
    memcpy(cosines, x, n * sizeof *x);
    oa_cos_floats(cosines, cosines, n);
    for (size_t i = 0; i < n; i++) {
        double sine = sin((double)x[i]), cosine = cos((double)x[i]);
        if (isnan(sine)
                ? !isnan(sines[i]) || !isnan(cosines[i])
                : !(fabs((double)sines[i] - sine) <= tolerance && fabs((double)cosines[i] - cosine) <= tolerance)) {
            fail_msg("at %a: sine %.9g, not %.9g; cosine %.9g, not %.9g", (double)x[i], (double)sines[i], sine,
                     (double)cosines[i], cosine);
        }
    }
}

/* Half a unit in the last place of 1 is 6e-8; the header promises 1e-7. */
static void sines__are_right_to_1e_7(void **state)
{
    static const double ranges[] = {1e-30, 1e-3, 1.0, 10.0, 300.0, 8192.0};
    oa_random random;
    (void)state;
    oa_random_init(&random, 5);
    for (size_t k = 0; k < TURNS; k++) {
        float x[COUNT];
        size_t n = oa_random_next(&random) % (COUNT + 1);
        double range = ranges[k % (sizeof ranges / sizeof *ranges)];
        for (size_t i = 0; i < n; i++) {
            x[i] = (float)(range * (2.0 * oa_random_uniform(&random) - 1.0));
        }
        check(x, n, 1e-7);
    }
}

/* Around multiples of pi / 4 one polynomial takes over from the other, and around those of pi / 2 the argument that is
 * left is small. */
static void sines__are_right_around_quarters(void **state)
{
    (void)state;
    for (int quarter = -2600; quarter < 2600; quarter++) {
        float x[9];
        x[4] = (float)((double)quarter * 0.785398163397448310);
        for (size_t i = 5; i < 9; i++) {
            x[i] = nextafterf(x[i - 1], INFINITY);
            x[8 - i] = nextafterf(x[9 - i], -INFINITY);
        }
        check(x, 9, 1e-7);
    }
}

/* One number out of range among others: the C library's own functions are as exact as they are. */
static void sines__of_any_float(void **state)
{
    static const float odd[] = {8192.0f, 8192.001f, -8193.0f, 1e10f, 3e38f, INFINITY, -INFINITY, NAN, 0.0f, -0.0f};
    (void)state;
    for (size_t k = 0; k < sizeof odd / sizeof *odd; k++) {
        float x[300];
        for (size_t i = 0; i < 300; i++) {
            x[i] = (float)i * 0.1f;
        }
        x[(k * 37) % 300] = odd[k];
        check(x, 300, 1e-7);
    }
    float zero = -0.0f;
    oa_sin_floats(&zero, &zero, 1);
    assert_true(zero == 0.0f);
    oa_sin_floats(&zero, &zero, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sines__are_right_to_1e_7),
        cmocka_unit_test(sines__are_right_around_quarters),
        cmocka_unit_test(sines__of_any_float),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
