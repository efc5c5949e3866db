/* Products on panels, with every kernel that the processor can run, against sums in double precision. */
#include "core/linalg/panels.h"

#include "tests/exec/support.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SEEDS = 200, GUARD = 64 };
static const float guard = 12345.0f;

typedef struct matrices {
    size_t m, n, k;
    float *a, *b, *c, *start; /* packed [m, k], [k, n], [m, n], [m in whole panels] */
} matrices;

static float *random_row(oa_random *random, size_t count)
{
    float *made = malloc((count + GUARD) * sizeof *made);
    assert_non_null(made);
    for (size_t i = 0; i < count + GUARD; i++) {
        made[i] = i < count ? (float)oa_random_normal(random) : guard;
    }
    return made;
}

static void fill(float *panel, const oa_panel_product *product, size_t first, size_t count, size_t above, size_t depth)
{
    const matrices *all = product->context;
    for (size_t k = 0; k < depth; k++) {
        memcpy(panel + k * product->kernel->columns, all->b + (above + k) * all->n + first, count * sizeof *panel);
    }
}

static void negate(float *c, const oa_panel_product *product, size_t row, size_t first, size_t n)
{
    assert_true(row < product->rows && first + n <= product->columns);
    for (size_t i = 0; i < n; i++) {
        c[i] = -c[i];
    }
}

/* c is [images, m, run]: column j is place j % run of image j / run. */
static void check_product(const oa_panel_kernel *kernel, uint64_t seed)
{
    oa_random random;
    oa_random_init(&random, seed);
    matrices all = {.m = random_between(&random, 1, 20), .k = random_between(&random, 0, 450)};
    size_t run = random_between(&random, 1, 120), images = random_between(&random, 1, 4);
    all.n = run * images;
    all.a = random_row(&random, all.m * all.k);
    all.b = random_row(&random, all.k * all.n);
    all.c = random_row(&random, all.m * all.n);
    all.start = random_row(&random, all.m + OA_PANEL_MOST_ROWS);
    float *old = malloc(all.m * all.n * sizeof *old), *last = malloc((all.k * kernel->rows + 1) * sizeof *last);
    float *workspace = malloc(oa_panel_workspace(kernel, all.n) * sizeof *workspace);
    assert_true(old && last && workspace);
    memcpy(old, all.c, all.m * all.n * sizeof *old);
    bool adds = oa_random_below(&random, 2), negates = oa_random_below(&random, 2);
    const oa_panel_product product = {.kernel = kernel,
                                      .rows = all.m,
                                      .columns = all.n,
                                      .depth = all.k,
                                      .a = all.a,
                                      .row_step = all.k,
                                      .step = 1,
                                      .last = last,
                                      .start = adds ? NULL : all.start,
                                      .c = all.c,
                                      .stride = run,
                                      .run = run,
                                      .run_step = all.m * run,
                                      .fill = fill,
                                      .finish = negates ? negate : NULL,
                                      .context = &all};
    oa_panel_pack(last, kernel, all.a, all.m, all.k, 1, all.k);
    size_t panels = (all.m + kernel->rows - 1) / kernel->rows, half = panels / 2;
    size_t middle = all.n / 2 / kernel->columns * kernel->columns; /* in four parts, of which some are empty */
    for (size_t part = 0; part < 4; part++) {
        size_t first = part & 1 ? middle : 0, end = part & 1 ? all.n : middle;
        if (first < end) {
            oa_panel_multiply(&product, part & 2 ? half : 0, part & 2 ? panels : half, first, end, workspace);
        }
    }
    for (size_t i = 0; i < all.m * all.n; i++) {
        size_t row = i / run % all.m, column = i / run / all.m * run + i % run;
        double sum = adds ? (double)old[i] : (double)all.start[row], size = fabs(sum);
        for (size_t k = 0; k < all.k; k++) {
            double term = (double)all.a[row * all.k + k] * (double)all.b[k * all.n + column];
            sum += term;
            size += fabs(term);
        }
        /* Each of the sums, some of them of three blocks, rounds by 2^-24 of what it has. */
        assert_seeded(fabs((double)all.c[i] - (negates ? -sum : sum)) <= size * (double)(all.k + 4) * 0x1p-24,
                      "an element of the product", seed);
    }
    for (size_t i = all.m * all.n; i < all.m * all.n + GUARD; i++) {
        assert_seeded(all.c[i] == guard, "nothing is written past the end", seed);
    }
    free(all.a);
    free(all.b);
    free(all.c);
    free(all.start);
    free(old);
    free(last);
    free(workspace);
}

static void panels__multiply_like_sums(void **state)
{
    (void)state;
    const oa_panel_kernel *kernel;
    for (size_t i = 0; (kernel = oa_panel_kernel_at(i)) != NULL; i++) {
        for (uint64_t seed = 1; seed <= SEEDS; seed++) {
            check_product(kernel, seed);
        }
        print_message("kernel of %zu by %zu: seeds 1 to %d\n", kernel->rows, kernel->columns, SEEDS);
    }
}

/* Lanes that the mask leaves out are zero, and not read: they lie outside of the block, whose ends sanitizers watch. */
static void panels__copy_what_the_mask_names(void **state)
{
    (void)state;
    const oa_panel_kernel *kernel;
    for (size_t i = 0; (kernel = oa_panel_kernel_at(i)) != NULL; i++) {
        for (size_t step = 1; step <= 5; step++) {
            for (size_t skip = 0; skip <= kernel->lanes; skip++) {
                for (size_t n = 0; n + skip <= kernel->lanes; n++) {
                    size_t count = n ? (n - 1) * step + 1 : 1;
                    float *from = malloc(count * sizeof *from), row[OA_PANEL_MOST_LANES + 2];
                    assert_non_null(from);
                    for (size_t k = 0; k < count; k++) {
                        from[k] = (float)(k + 1);
                    }
                    row[0] = row[kernel->lanes + 1] = guard;
                    const oa_panel_copy copy = {-(ptrdiff_t)(skip * step), 1, ((1u << n) - 1) << skip};
                    kernel->copy(row, from, &copy, 1, step);
                    assert_true(row[0] == guard && row[kernel->lanes + 1] == guard);
                    for (size_t l = 0; l < kernel->lanes; l++) {
                        assert_true(row[1 + l] == (l >= skip && l < skip + n ? (float)((l - skip) * step + 1) : 0.0f));
                    }
                    free(from);
                }
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(panels__multiply_like_sums),
        cmocka_unit_test(panels__copy_what_the_mask_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
