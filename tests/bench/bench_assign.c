/* Times the assignment solver: median processor time over repeats, after the result has been proved optimal.
 *
 *     bench_assign [SIZE ...]      default 256 1024 2048
 *
 * tests/python/check_assign.py --time prints the same beside SciPy. */
#include "core/assign/assign.h"
#include "core/base/memory.h"
#include "core/base/random.h"

#include "tests/assign/certificate.h"
#include "tests/assign/matrices.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { SEED = 1, REPEATS = 5 };

typedef struct workspace {
    double *profit;
    double *prices; /* [2, n] */
    size_t *permutation;
} workspace;

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

/* Times one kind of matrix; the first, untimed run warms up and is verified. */
static bool time_kind(workspace *work, matrix_kind kind, size_t n)
{
    oa_random random;
    oa_random_init(&random, SEED);
    if (!matrix_fill(work->profit, kind, n, &random)) {
        fprintf(stderr, "out of memory\n");
        return false;
    }
    double times[REPEATS];
    for (size_t repeat = 0; repeat <= REPEATS; repeat++) {
        oa_error error = {0};
        double start = seconds();
        if (oa_assign_maximise(work->permutation, work->profit, n, NULL, work->prices, work->prices + n, &error) !=
            OA_OK) {
            fprintf(stderr, "%s\n", error.message);
            return false;
        }
        if (repeat > 0) {
            times[repeat - 1] = seconds() - start;
            continue;
        }
        certificate proof = certificate_of(work->permutation, work->prices, work->prices + n, work->profit, n);
        if (!certificate_holds(&proof, n)) {
            fprintf(stderr, "%s, n = %zu: not optimal, gap %g\n", matrix_name(kind), n, proof.gap);
            return false;
        }
    }
    qsort(times, REPEATS, sizeof *times, compare_doubles);
    printf("%6zu  %-16s %10.3f ms  (%.3f .. %.3f)\n", n, matrix_name(kind), 1e3 * times[REPEATS / 2], 1e3 * times[0],
           1e3 * times[REPEATS - 1]);
    fflush(stdout);
    return true;
}

static bool time_size(size_t n)
{
    size_t cells;
    if (n == 0 || oa_mul_overflows(&cells, n, n)) {
        fprintf(stderr, "a size must be a positive number\n");
        return false;
    }
    workspace work = {
        .profit = oa_malloc(cells, sizeof *work.profit),
        .prices = oa_calloc(n, 2 * sizeof *work.prices),
        .permutation = oa_malloc(n, sizeof *work.permutation),
    };
    bool is_done = work.profit && work.prices && work.permutation;
    for (int kind = 0; is_done && kind < MATRIX_KINDS; kind++) {
        is_done = time_kind(&work, (matrix_kind)kind, n);
    }
    oa_free(work.permutation);
    oa_free(work.prices);
    oa_free(work.profit);
    return is_done;
}

int main(int argc, char **argv)
{
    static const size_t usual[] = {256, 1024, 2048};
    bool is_done = true;
    printf("seed %d, median processor time of %d runs, each result proved optimal first\n", SEED, REPEATS);
    if (argc < 2) {
        for (size_t k = 0; is_done && k < sizeof usual / sizeof usual[0]; k++) {
            is_done = time_size(usual[k]);
        }
    }
    for (int k = 1; is_done && k < argc; k++) {
        is_done = time_size(strtoull(argv[k], NULL, 10));
    }
    return is_done ? EXIT_SUCCESS : EXIT_FAILURE;
}
