#include "tests/soft/soft_slow.h"

#include "tests/support/cmocka_all.h"

#include <string.h>

static double *read_all(const oa_tensor *tensor)
{
    double *values = oa_malloc(tensor->count, sizeof *values);
    assert_non_null(values);
    oa_floats_to_f64(values, tensor->data, tensor->dtype, tensor->count);
    for (size_t i = 0; i < tensor->count; i++) {
        values[i] = (double)(float)values[i]; /* as soft.h reads them */
    }
    return values;
}

static void contract(double *to, const double *from, const oa_layout_tensor *view, const oa_occurrence *o,
                     const double *s, size_t n)
{
    size_t outer = 1, inner = 1, size = view->view_dims[o->axis];
    for (size_t k = 0; k < view->view_rank; k++) {
        outer *= k < o->axis ? view->view_dims[k] : 1;
        inner *= k > o->axis ? view->view_dims[k] : 1;
    }
    memcpy(to, from, outer * size * inner * sizeof *to);
    for (size_t before = 0; before < outer; before++) {
        for (size_t after = 0; after < inner; after++) {
            const size_t base = before * size * inner + after;
            for (size_t at = 0; at < n * o->rest; at++) {
                double sum = 0.0;
                for (size_t j = 0; j < n; j++) {
                    sum += s[at / o->rest * n + j] * from[base + o->positions[j * o->rest + at % o->rest] * inner];
                }
                to[base + o->positions[at] * inner] = sum;
            }
        }
    }
}

/* What s [n, n] does inside of blocks of m that have moved already: in block k, the sum over all that came there. */
static double *within_blocks(const double *s, size_t n, size_t m)
{
    double *made = oa_calloc(n * n, sizeof *made);
    assert_non_null(made);
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < n; j++) {
            made[i * n + i / m * m + j % m] += s[i * n + j];
        }
    }
    return made;
}

void slow_apply(double *moved, const oa_match_problem *problem, size_t t, const double *const *s)
{
    const oa_layout *layout = problem->layout;
    const oa_tensor *shape = &problem->a->tensors[t];
    double *x = read_all(&problem->b->tensors[problem->tensor_b[t]]);
    memcpy(moved, x, shape->count * sizeof *x);
    for (size_t i = 0; i < 2 * layout->occurrence_count; i++) {
        const oa_occurrence *o = &layout->occurrences[i % layout->occurrence_count];
        if (o->tensor == t && o->is_within == (i >= layout->occurrence_count)) {
            const oa_group *group = &layout->groups[o->group];
            double *within =
                o->is_within ? within_blocks(s[o->group], group->size, group->size / group->block_count) : NULL;
            contract(moved, x, &layout->tensors[t], o, within ? within : s[o->group], group->size);
            memcpy(x, moved, shape->count * sizeof *x);
            oa_free(within);
        }
    }
    oa_free(x);
}

double slow_distance(const oa_match_problem *problem, const double *const *s, const double *factors)
{
    double sum = 0.0;
    for (size_t t = 0; t < problem->a->tensor_count; t++) {
        const oa_layout_tensor *item = &problem->layout->tensors[t];
        const oa_tensor *shape = &problem->a->tensors[t];
        if (!item->moves || item->is_statistic || !oa_dtype_is_float(shape->dtype) || !shape->count) {
            continue;
        }
        double *a = read_all(shape), *b = oa_malloc(shape->count, sizeof *b);
        assert_non_null(b);
        slow_apply(b, problem, t, s);
        for (size_t i = 0; i < shape->count; i++) {
            sum += (factors ? factors[t] : 1.0) * (a[i] - b[i]) * (a[i] - b[i]);
        }
        oa_free(a);
        oa_free(b);
    }
    return sum;
}

void make_matrices(matrices *m, const oa_layout *layout, uint64_t seed)
{
    oa_random random;
    oa_random_init(&random, seed);
    *m = (matrices){.count = layout->group_count,
                    .f = oa_calloc(layout->group_count, sizeof *m->f),
                    .d = oa_calloc(layout->group_count, sizeof *m->d),
                    .gradient = oa_calloc(layout->group_count, sizeof *m->gradient)};
    assert_true(m->f && m->d && m->gradient);
    for (size_t g = 0; g < m->count; g++) {
        size_t n = layout->groups[g].size;
        m->f[g] = oa_malloc(n * n, sizeof(float));
        m->d[g] = oa_malloc(n * n, sizeof(double));
        m->gradient[g] = oa_calloc(n * n, sizeof(float));
        assert_true(m->f[g] && m->d[g] && m->gradient[g]);
        for (size_t i = 0; i < n * n; i++) {
            m->f[g][i] = (float)(1.0 / (double)n + 0.3 * oa_random_normal(&random));
            m->d[g][i] = (double)m->f[g][i];
        }
    }
}

void free_matrices(matrices *m)
{
    for (size_t g = 0; g < m->count; g++) {
        oa_free(m->f[g]);
        oa_free(m->d[g]);
        oa_free(m->gradient[g]);
    }
    oa_free(m->f);
    oa_free(m->d);
    oa_free(m->gradient);
    *m = (matrices){0};
}
