/* Solves assignment problems from a file, for the comparison with SciPy in tests/python/check_assign.py.
 *
 *     assign_driver IN OUT [REPEATS]
 *
 * IN: any number of times n (uint64) and profit [n, n] (float64). OUT: for each the permutation [n] (uint64), row and
 * column prices [n] each (float64), the objective (float64) and the median processor seconds of REPEATS runs (float64).
 * All in native byte order. */
#include "core/assign/assign.h"
#include "core/base/memory.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { MOST_REPEATS = 1000 };

typedef struct driver_buffers {
    double *profit;
    size_t *permutation;
    uint64_t *written;
    double *prices; /* [2, n] */
} driver_buffers;

static bool buffers_init(driver_buffers *buffers, uint64_t n)
{
    size_t cells;
    *buffers = (driver_buffers){0};
    if (n > SIZE_MAX / 2 || oa_mul_overflows(&cells, (size_t)n, (size_t)n)) {
        return false;
    }
    buffers->profit = oa_malloc(cells, sizeof *buffers->profit);
    buffers->permutation = oa_malloc((size_t)n, sizeof *buffers->permutation);
    buffers->written = oa_malloc((size_t)n, sizeof *buffers->written);
    buffers->prices = oa_malloc(2 * (size_t)n, sizeof *buffers->prices);
    return buffers->profit && buffers->permutation && buffers->written && buffers->prices;
}

static void buffers_free(driver_buffers *buffers)
{
    oa_free(buffers->profit);
    oa_free(buffers->permutation);
    oa_free(buffers->written);
    oa_free(buffers->prices);
}

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static int compare_doubles(const void *left, const void *right)
{
    double a = *(const double *)left;
    double b = *(const double *)right;
    return (a > b) - (a < b);
}

/* Solves one problem `repeats` times and writes what came out. */
static bool solve(FILE *out, driver_buffers *buffers, size_t n, size_t repeats)
{
    double times[MOST_REPEATS];
    double *row_price = buffers->prices;
    double *column_price = buffers->prices + n;
    for (size_t repeat = 0; repeat < repeats; repeat++) {
        oa_error error = {0};
        double start = seconds();
        if (oa_assign_maximise(buffers->permutation, buffers->profit, n, NULL, row_price, column_price, &error) !=
            OA_OK) {
            fprintf(stderr, "n = %zu: %s\n", n, error.message);
            return false;
        }
        times[repeat] = seconds() - start;
    }
    qsort(times, repeats, sizeof *times, compare_doubles);
    double objective = 0.0;
    for (size_t i = 0; i < n; i++) {
        objective += buffers->profit[i * n + buffers->permutation[i]];
        buffers->written[i] = buffers->permutation[i];
    }
    return fwrite(buffers->written, sizeof *buffers->written, n, out) == n &&
           fwrite(buffers->prices, sizeof *buffers->prices, 2 * n, out) == 2 * n &&
           fwrite(&objective, sizeof objective, 1, out) == 1 &&
           fwrite(&times[repeats / 2], sizeof times[0], 1, out) == 1;
}

static bool solve_all(FILE *out, FILE *in, size_t repeats)
{
    uint64_t n;
    while (fread(&n, sizeof n, 1, in) == 1) {
        driver_buffers buffers;
        bool is_solved = buffers_init(&buffers, n) &&
                         fread(buffers.profit, sizeof *buffers.profit, (size_t)(n * n), in) == n * n &&
                         solve(out, &buffers, (size_t)n, repeats);
        buffers_free(&buffers);
        if (!is_solved) {
            return false;
        }
    }
    return feof(in) && !ferror(in);
}

int main(int argc, char **argv)
{
    if (argc < 3) {
        fprintf(stderr, "usage: assign_driver IN OUT [REPEATS]\n");
        return EXIT_FAILURE;
    }
    unsigned long repeats = argc > 3 ? strtoul(argv[3], NULL, 10) : 1;
    repeats = repeats < 1 ? 1 : repeats > MOST_REPEATS ? MOST_REPEATS : repeats;
    FILE *in = fopen(argv[1], "rb");
    FILE *out = fopen(argv[2], "wb");
    bool is_done = in && out && solve_all(out, in, repeats);
    if (out && fclose(out) != 0) {
        is_done = false;
    }
    if (in) {
        fclose(in);
    }
    if (!is_done) {
        fprintf(stderr, "assign_driver: %s could not be solved into %s\n", argv[1], argv[2]);
    }
    return is_done ? EXIT_SUCCESS : EXIT_FAILURE;
}
