#include "tests/assign/matrices.h"

#include "core/base/memory.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

static const char *const names[MATRIX_KINDS] = {
    [MATRIX_UNIFORM] = "uniform",
    [MATRIX_NORMAL] = "normal",
    [MATRIX_PRODUCT_LOW] = "product-4",
    [MATRIX_PRODUCT] = "product-64",
    [MATRIX_WEIGHTS_LOW] = "weights-27",
    [MATRIX_WEIGHTS] = "weights-288",
    [MATRIX_PLANTED] = "planted",
    [MATRIX_ACTIVATIONS] = "activations",
    [MATRIX_DEAD] = "dead",
    [MATRIX_ZERO] = "zero",
    [MATRIX_DIGITS] = "digits",
    [MATRIX_INTEGERS] = "integers",
    [MATRIX_SPARSE] = "sparse",
    [MATRIX_POINTS] = "points",
    [MATRIX_DISTANCES] = "distances",
    [MATRIX_OUTER] = "outer",
    [MATRIX_REPEATED_ROWS] = "repeated-rows",
    [MATRIX_EQUAL_ROWS] = "equal-rows",
    [MATRIX_REPEATED_UNITS] = "repeated-units",
    [MATRIX_SCALES] = "scales",
    [MATRIX_HUGE] = "huge",
    [MATRIX_TINY] = "tiny",
    [MATRIX_OFFSETS] = "offsets",
    [MATRIX_SORTED] = "sorted",
};

const char *matrix_name(matrix_kind kind)
{
    return names[kind];
}

bool matrix_is_integer(matrix_kind kind, size_t n)
{
    switch (kind) {
    case MATRIX_ZERO:
    case MATRIX_DIGITS:
    case MATRIX_INTEGERS:
    case MATRIX_SPARSE:
        return true;
    case MATRIX_OUTER:
        return n < 1u << 20;
    default:
        return false;
    }
}

/* profit = a b^T for a, b [n, k]. */
static void multiply(double *profit, const double *a, const double *b, size_t n, size_t k)
{
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < n; j++) {
            double sum = 0.0;
            for (size_t l = 0; l < k; l++) {
                sum += a[i * k + l] * b[j * k + l];
            }
            profit[i * n + j] = sum;
        }
    }
}

/* Products of the rows of two matrices, as matching by weights or activations makes them. */
typedef struct product_kind {
    size_t inner;
    double related;  /* how much of a row of the second matrix is a row of the first */
    double unevenly; /* spread of the logarithm of the lengths of rows */
    double dead;     /* share of zero rows */
    size_t repeats;  /* rows in a row that are equal */
    bool rectified;
} product_kind;

static void draw_rows(double *rows, size_t n, const product_kind *product, oa_random *random)
{
    size_t k = product->inner;
    for (size_t i = 0; i < n; i++) {
        double length = exp(product->unevenly * oa_random_normal(random));
        if (oa_random_uniform(random) < product->dead) {
            length = 0.0;
        }
        for (size_t l = 0; l < k; l++) {
            double value = oa_random_normal(random);
            value = product->rectified && value < 0.0 ? 0.0 : value;
            rows[i * k + l] = i % product->repeats == 0 ? length * value : rows[(i - 1) * k + l];
        }
    }
}

static bool fill_product(double *profit, size_t n, const product_kind *product, oa_random *random)
{
    size_t k = product->inner;
    double *a = oa_malloc(n * k, sizeof *a);
    double *b = oa_malloc(n * k, sizeof *b);
    size_t *order = oa_malloc(n, sizeof *order);
    bool is_made = a && b && order;
    if (is_made) {
        product_kind plain = *product;
        plain.repeats = 1;
        draw_rows(a, n, product, random);
        draw_rows(b, n, &plain, random);
        oa_random_permutation(order, n, random);
        for (size_t i = 0; i < n; i++) {
            for (size_t l = 0; l < k; l++) {
                b[order[i] * k + l] += product->related * a[i * k + l];
            }
        }
        multiply(profit, a, b, n, k);
    }
    oa_free(order);
    oa_free(b);
    oa_free(a);
    return is_made;
}

static void fill_entries(double *profit, matrix_kind kind, size_t n, oa_random *random)
{
    for (size_t k = 0; k < n * n; k++) {
        double u = oa_random_uniform(random);
        size_t row = k / n + 1;
        size_t column = k % n + 1;
        switch (kind) {
        case MATRIX_UNIFORM:
            profit[k] = u;
            break;
        case MATRIX_NORMAL:
            profit[k] = oa_random_normal(random);
            break;
        case MATRIX_ZERO:
            profit[k] = u < 0.5 ? 0.0 : -0.0;
            break;
        case MATRIX_DIGITS:
            profit[k] = floor(10.0 * u);
            break;
        case MATRIX_INTEGERS:
            profit[k] = floor(0x1p20 * u) - 0x1p19;
            break;
        case MATRIX_SPARSE:
            profit[k] = u * (double)n < 3.0 ? 1.0 : 0.0;
            break;
        case MATRIX_HUGE:
            profit[k] = (u - 0.5) * 2e300;
            break;
        case MATRIX_TINY:
            profit[k] = floor(1000.0 * u) * 0x1p-1074;
            break;
        case MATRIX_OUTER:
            profit[k] = (double)(row * column);
            break;
        default: /* MATRIX_SORTED */
            profit[k] = (k > 0 ? profit[k - 1] : 0.0) + u;
            break;
        }
    }
}

/* Entries that depend on numbers drawn for their row and column. */
static void fill_pairs(double *profit, matrix_kind kind, size_t n, const double *x, const double *y, oa_random *random)
{
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < n; j++) {
            double dx = x[i] - x[n + j];
            double dy = y[i] - y[n + j];
            double *cell = &profit[i * n + j];
            switch (kind) {
            case MATRIX_POINTS:
                *cell = -(dx * dx + dy * dy);
                break;
            case MATRIX_DISTANCES:
                *cell = fabs(dx);
                break;
            case MATRIX_EQUAL_ROWS:
                *cell = x[j];
                break;
            case MATRIX_SCALES:
                *cell = oa_random_uniform(random) * pow(10.0, floor(13.0 * x[i]) - 6.0 + floor(13.0 * x[n + j]) - 6.0);
                break;
            case MATRIX_OFFSETS:
                *cell = oa_random_uniform(random) + 1000.0 * x[j];
                break;
            default: /* MATRIX_REPEATED_ROWS: row i is one of the first eight */
                *cell = i < 8 ? oa_random_uniform(random) : profit[(size_t)(8.0 * x[i]) * n + j];
                break;
            }
        }
    }
}

static bool fill_pair_matrix(double *profit, matrix_kind kind, size_t n, oa_random *random)
{
    double *numbers = oa_malloc(4 * n, sizeof *numbers);
    if (!numbers) {
        return false;
    }
    for (size_t k = 0; k < 4 * n; k++) {
        numbers[k] = oa_random_uniform(random);
    }
    fill_pairs(profit, kind, n, numbers, numbers + 2 * n, random);
    oa_free(numbers);
    return true;
}

bool matrix_fill(double *profit, matrix_kind kind, size_t n, oa_random *random)
{
    static const product_kind products[MATRIX_KINDS] = {
        [MATRIX_PRODUCT_LOW] = {.inner = 4, .repeats = 1},
        [MATRIX_PRODUCT] = {.inner = 64, .repeats = 1},
        [MATRIX_WEIGHTS_LOW] = {.inner = 27, .related = 0.3, .unevenly = 0.5, .repeats = 1},
        [MATRIX_WEIGHTS] = {.inner = 288, .related = 0.3, .unevenly = 0.5, .repeats = 1},
        [MATRIX_PLANTED] = {.inner = 64, .related = 2.0, .repeats = 1},
        [MATRIX_ACTIVATIONS] = {.inner = 32, .related = 0.2, .repeats = 1, .rectified = true},
        [MATRIX_DEAD] = {.inner = 64, .related = 0.2, .dead = 0.5, .repeats = 1},
        [MATRIX_REPEATED_UNITS] = {.inner = 32, .repeats = 8},
    };
    if (products[kind].inner > 0) {
        return fill_product(profit, n, &products[kind], random);
    }
    switch (kind) {
    case MATRIX_POINTS:
    case MATRIX_DISTANCES:
    case MATRIX_EQUAL_ROWS:
    case MATRIX_SCALES:
    case MATRIX_OFFSETS:
    case MATRIX_REPEATED_ROWS:
        return fill_pair_matrix(profit, kind, n, random);
    default:
        fill_entries(profit, kind, n, random);
        return true;
    }
}
