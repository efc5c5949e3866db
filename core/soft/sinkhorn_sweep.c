#include "core/soft/sinkhorn_sweep.h"

#include "core/linalg/vector_math.h"

enum { LANES = 8, ROWS = 4 };

/* Products of ROWS rows with x. Each sum runs in LANES lanes, which are added from left to right. */
static inline void multiply(float *restrict result, const float *restrict rows, const float *restrict x, size_t n)
{
    float sums[ROWS][LANES] = {{0}};
    size_t j = 0;
    for (; j + LANES <= n; j += LANES) {
        for (size_t k = 0; k < LANES; k++) {
            sums[0][k] += rows[j + k] * x[j + k];
            sums[1][k] += rows[n + j + k] * x[j + k];
            sums[2][k] += rows[2 * n + j + k] * x[j + k];
            sums[3][k] += rows[3 * n + j + k] * x[j + k];
        }
    }
    for (size_t r = 0; r < ROWS; r++) {
        float sum = 0.0f;
        for (size_t k = j; k < n; k++) {
            sum += rows[r * n + k] * x[k];
        }
        for (size_t k = 0; k < LANES; k++) {
            sum += sums[r][k];
        }
        result[r] = sum;
    }
}

/* sums += ROWS rows, each times its factor. */
static inline void add(float *restrict sums, const float *restrict rows, const float *restrict by, size_t n)
{
    float b0 = by[0], b1 = by[1], b2 = by[2], b3 = by[3];
    for (size_t j = 0; j < n; j++) {
        sums[j] += (b0 * rows[j] + b1 * rows[n + j]) + (b2 * rows[2 * n + j] + b3 * rows[3 * n + j]);
    }
}

/* The rows that are left over: fewer than ROWS. */
static inline float multiply_one(const float *restrict row, const float *restrict x, size_t n)
{
    float sum = 0.0f;
    for (size_t j = 0; j < n; j++) {
        sum += row[j] * x[j];
    }
    return sum;
}

static inline void add_one(float *restrict sums, const float *restrict row, float by, size_t n)
{
    for (size_t j = 0; j < n; j++) {
        sums[j] += by * row[j];
    }
}

static inline void clear(float *x, size_t n)
{
    for (size_t j = 0; j < n; j++) {
        x[j] = 0.0f;
    }
}

OA_VECTOR_CLONES
void oa_sinkhorn_sweep(float *u, float *sums, const float *kernel, const float *v, size_t n)
{
    size_t i = 0;
    clear(sums, n);
    for (; i + ROWS <= n; i += ROWS) {
        multiply(u + i, kernel + i * n, v, n);
        for (size_t r = 0; r < ROWS; r++) {
            u[i + r] = 1.0f / u[i + r];
        }
        add(sums, kernel + i * n, u + i, n);
    }
    for (; i < n; i++) {
        u[i] = 1.0f / multiply_one(kernel + i * n, v, n);
        add_one(sums, kernel + i * n, u[i], n);
    }
}

OA_VECTOR_CLONES
void oa_sinkhorn_sweep_back(float *change, float *sums, const float *kernel, const float *u, const float *dv, size_t n)
{
    size_t i = 0;
    float products[ROWS];
    clear(sums, n);
    for (; i + ROWS <= n; i += ROWS) {
        multiply(products, kernel + i * n, dv, n);
        for (size_t r = 0; r < ROWS; r++) {
            change[i + r] = (change[i + r] - u[i + r] * products[r]) * u[i + r];
        }
        add(sums, kernel + i * n, change + i, n);
    }
    for (; i < n; i++) {
        change[i] = (change[i] - u[i] * multiply_one(kernel + i * n, dv, n)) * u[i];
        add_one(sums, kernel + i * n, change[i], n);
    }
}
