#include "core/match/similarity.h"

#include "core/match/slices.h"

#include <math.h>

enum { PANEL_ELEMENTS = 1 << 19, PANEL_COLUMNS_MAX = 1024 };

/* One side's weights of some columns: a column is one weight of every unit. */
typedef struct panel {
    double *rows;    /* [n, width] */
    double *squares; /* [n] summed over all panels */
} panel;

typedef struct measuring {
    const oa_match_problem *problem;
    const oa_permutations *permutations;
    oa_similarity *result;
    size_t n, width;
    panel side[2];
    double *products; /* [n] of unit i with unit i */
    double *map;      /* [shown, shown] */
} measuring;

void oa_similarity_free(oa_similarity *similarity)
{
    oa_free(similarity->units);
    oa_free(similarity->map);
    *similarity = (oa_similarity){0};
}

static oa_status prepare(measuring *m, oa_error *error)
{
    size_t n = m->n;
    size_t shown = m->result->shown;
    m->width = PANEL_ELEMENTS / n < 16 ? 16 : PANEL_ELEMENTS / n;
    m->width = m->width > PANEL_COLUMNS_MAX ? PANEL_COLUMNS_MAX : m->width;
    m->result->units = oa_calloc(shown, sizeof *m->result->units);
    m->result->map = oa_calloc(shown * shown, sizeof *m->result->map);
    m->products = oa_calloc(n, sizeof *m->products);
    m->map = oa_calloc(shown * shown, sizeof *m->map);
    bool is_made = m->result->units && m->result->map && m->products && m->map;
    for (size_t s = 0; s < 2; s++) {
        m->side[s].rows = oa_calloc(n, m->width * sizeof(double));
        m->side[s].squares = oa_calloc(n, sizeof(double));
        is_made = is_made && m->side[s].rows && m->side[s].squares;
    }
    for (size_t i = 0; i < shown && is_made; i++) {
        m->result->units[i] = i * n / shown;
    }
    return is_made ? OA_OK : oa_fail(error, OA_ERROR_MEMORY, "out of memory while comparing units");
}

static void finish(measuring *m)
{
    for (size_t s = 0; s < 2; s++) {
        oa_free(m->side[s].rows);
        oa_free(m->side[s].squares);
    }
    oa_free(m->products);
    oa_free(m->map);
}

static double element(const oa_tensor *tensor, size_t at)
{
    double value;
    oa_floats_to_f64(&value, (const char *)tensor->data + at * oa_dtype_size(tensor->dtype), tensor->dtype, 1);
    return value;
}

/* Column `column` of an occurrence, counted over (before, rest, after), into column `to` of both panels. */
static void gather(measuring *m, const oa_occurrence *o, const oa_slices *slices, size_t column, size_t to)
{
    const oa_tensor *a = &m->problem->a->tensors[o->tensor];
    const oa_tensor *b = &m->problem->b->tensors[m->problem->tensor_b[o->tensor]];
    size_t after = column % slices->after_count;
    size_t rest = column / slices->after_count % o->rest;
    size_t before = column / slices->after_count / o->rest;
    for (size_t i = 0; i < m->n; i++) {
        size_t position = o->positions[i * o->rest + rest];
        size_t at = (before * slices->axis_size + position) * slices->after_count + after;
        size_t at_b = (slices->before[before] * slices->axis_size + slices->along[position]) * slices->after_count +
                      slices->after[after];
        m->side[0].rows[i * m->width + to] = element(a, at);
        m->side[1].rows[i * m->width + to] = element(b, at_b);
    }
}

/* Takes the mean over the units out of each of `width` columns. */
static void centre(const measuring *m, double *rows, size_t width)
{
    for (size_t c = 0; c < width; c++) {
        double mean = 0.0;
        for (size_t i = 0; i < m->n; i++) {
            mean += rows[i * m->width + c] / (double)m->n;
        }
        for (size_t i = 0; i < m->n; i++) {
            rows[i * m->width + c] -= mean;
        }
    }
}

static double product(const double *x, const double *y, size_t width)
{
    double sum = 0.0;
    for (size_t c = 0; c < width; c++) {
        sum += x[c] * y[c];
    }
    return sum;
}

static void add_panels(measuring *m, size_t width)
{
    const double *a = m->side[0].rows;
    const double *b = m->side[1].rows;
    size_t shown = m->result->shown;
    centre(m, m->side[0].rows, width);
    centre(m, m->side[1].rows, width);
    for (size_t i = 0; i < m->n; i++) {
        const double *x = a + i * m->width;
        const double *y = b + i * m->width;
        m->products[i] += product(x, y, width);
        m->side[0].squares[i] += product(x, x, width);
        m->side[1].squares[i] += product(y, y, width);
    }
    for (size_t i = 0; i < shown; i++) {
        for (size_t j = 0; j < shown; j++) {
            m->map[i * shown + j] +=
                product(a + m->result->units[i] * m->width, b + m->result->units[j] * m->width, width);
        }
    }
}

static oa_status add_occurrence(measuring *m, const oa_occurrence *o, oa_error *error)
{
    oa_slices slices = {0};
    oa_status status = oa_slices_init(&slices, m->problem, o->tensor, o->axis, m->permutations, error);
    if (status != OA_OK) {
        return status;
    }
    size_t columns = slices.before_count * o->rest * slices.after_count;
    for (size_t first = 0; first < columns; first += m->width) {
        size_t width = columns - first < m->width ? columns - first : m->width;
        for (size_t c = 0; c < width; c++) {
            gather(m, o, &slices, first + c, c);
        }
        add_panels(m, width);
    }
    oa_slices_free(&slices);
    return OA_OK;
}

static double correlation(double product_of, double square, double other)
{
    return square > 0.0 && other > 0.0 ? fmax(-1.0, fmin(1.0, product_of / sqrt(square * other))) : 0.0;
}

oa_status oa_similarity_measure(oa_similarity *similarity, const oa_match_problem *problem, size_t group,
                                const oa_permutations *permutations, size_t shown_max, oa_error *error)
{
    const oa_group *g = &problem->layout->groups[group];
    oa_similarity result = {.group = group, .shown = g->size < shown_max ? g->size : shown_max};
    measuring m = {.problem = problem, .permutations = permutations, .result = &result, .n = g->size};
    oa_status status = prepare(&m, error);
    for (size_t k = 0; k < g->occurrence_count && status == OA_OK; k++) {
        const oa_occurrence *o = &problem->layout->occurrences[g->first_occurrence + k];
        if (oa_counts(problem, o->tensor)) {
            status = add_occurrence(&m, o, error);
        }
    }
    for (size_t i = 0; i < m.n && status == OA_OK; i++) {
        result.mean += correlation(m.products[i], m.side[0].squares[i], m.side[1].squares[i]) / (double)m.n;
    }
    for (size_t i = 0; i < result.shown * result.shown && status == OA_OK; i++) {
        result.map[i] = (float)correlation(m.map[i], m.side[0].squares[result.units[i / result.shown]],
                                           m.side[1].squares[result.units[i % result.shown]]);
    }
    finish(&m);
    if (status != OA_OK) {
        oa_similarity_free(&result);
        return status;
    }
    *similarity = result;
    return OA_OK;
}
