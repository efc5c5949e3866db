#include "tests/ref/dws_slow.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* [rows, columns] of doubles. */
typedef struct table {
    size_t rows, columns;
    double *at;
} table;

static table make(size_t rows, size_t columns)
{
    table t = {rows, columns, calloc(rows * columns + 1, sizeof(double))};
    if (!t.at) {
        abort();
    }
    return t;
}

static double get(const table *t, size_t i, size_t j)
{
    return t->at[i * t->columns + j];
}

typedef struct state {
    const dws_slow_model *model;
    const oa_aligner *aligner;
    const double *values;
    size_t hidden;                       /* groups */
    table vectors[DWS_SLOW_LAYERS_MAX];  /* of each group [n, c] */
    table first, last;                   /* weights of the first group to inputs, of the last to outputs */
    size_t first_name, last_name;        /* how their parameters are numbered */
    table matrices[DWS_SLOW_LAYERS_MAX]; /* [l] between groups l and l + 1: [n_{l+1} * n_l, c] */
    table units[DWS_SLOW_LAYERS_MAX], pools[DWS_SLOW_LAYERS_MAX];
} state;

static size_t size_of(const state *s, size_t group)
{
    return s->model->sizes[group + 1];
}

/* parameter `name` element (i, j) */
static double parameter(const state *s, const oa_parameter *p, size_t i, size_t j)
{
    return s->values[p->offset + i * p->columns + j];
}

static const oa_parameter *find(const state *s, const char *name)
{
    for (size_t i = 0; i < s->aligner->parameter_count; i++) {
        if (strcmp(s->aligner->parameters[i].name, name) == 0) {
            return &s->aligner->parameters[i];
        }
    }
    abort();
}

static void scale(table *t)
{
    double sum = 0.0;
    size_t count = t->rows * t->columns;
    for (size_t i = 0; i < count; i++) {
        sum += t->at[i] * t->at[i];
    }
    for (size_t i = 0; i < count && sum > 0.0; i++) {
        t->at[i] *= sqrt((double)count / sum);
    }
}

/* weights [units, places] of root mean square 1, times the reducing matrix */
static table reduced(const state *s, const float *weights, size_t units, size_t places, bool is_transposed, size_t name)
{
    char text[48];
    (void)snprintf(text, sizeof text, "reduce.fixed%zu", name);
    const oa_parameter *p = find(s, text);
    table w = make(units, places), out = make(units, p->columns);
    for (size_t i = 0; i < units * places; i++) {
        w.at[i] = (double)(is_transposed ? weights[i % places * units + i / places] : weights[i]);
    }
    scale(&w);
    for (size_t i = 0; i < units; i++) {
        for (size_t k = 0; k < p->columns; k++) {
            for (size_t j = 0; j < places; j++) {
                out.at[i * p->columns + k] += get(&w, i, j) * parameter(s, p, j, k);
            }
        }
    }
    free(w.at);
    return out;
}

static void start(state *s)
{
    const dws_slow_model *m = s->model;
    size_t names[2] = {0, 0}, count = 0;
    for (size_t i = 0; i < s->aligner->parameter_count && count < 2; i++) {
        count += sscanf(s->aligner->parameters[i].name, "reduce.fixed%zu", &names[count]) == 1;
    }
    s->hidden = m->layer_count - 1;
    s->first_name = names[0];
    s->last_name = names[1];
    for (size_t l = 0; l < s->hidden; l++) {
        s->vectors[l] = make(size_of(s, l), m->biases[l] ? 1 : 0);
        for (size_t i = 0; i < size_of(s, l) && m->biases[l]; i++) {
            s->vectors[l].at[i] = (double)m->biases[l][i];
        }
        scale(&s->vectors[l]);
    }
    s->first = reduced(s, m->weights[0], m->sizes[1], m->sizes[0], false, names[0]);
    s->last = reduced(s, m->weights[s->hidden], m->sizes[s->hidden], m->sizes[s->hidden + 1], true, names[1]);
    for (size_t l = 0; l + 1 < s->hidden; l++) {
        s->matrices[l] = make(size_of(s, l + 1) * size_of(s, l), 1);
        for (size_t i = 0; i < s->matrices[l].rows; i++) {
            s->matrices[l].at[i] = (double)m->weights[l + 1][i];
        }
        scale(&s->matrices[l]);
    }
}

static void put_column(table *to, size_t *column, const table *from, size_t k)
{
    for (size_t i = 0; i < to->rows; i++) {
        to->at[i * to->columns + *column] = get(from, i, k);
    }
    (*column)++;
}

/* The maximum of channel k of matrix l over the other axis than group g. */
static double matrix_pool(const state *s, size_t l, size_t g, size_t unit, size_t k)
{
    double most = -INFINITY;
    size_t rows = size_of(s, l + 1), columns = size_of(s, l);
    for (size_t other = 0; other < (g == l ? rows : columns); other++) {
        size_t pair = g == l ? other * columns + unit : unit * columns + other;
        most = fmax(most, get(&s->matrices[l], pair, k));
    }
    return most;
}

static void collect(state *s)
{
    for (size_t g = 0; g < s->hidden; g++) {
        size_t width = s->vectors[g].columns + (g == 0 ? s->first.columns : 0) +
                       (g + 1 == s->hidden ? s->last.columns : 0) + (g > 0 ? s->matrices[g - 1].columns : 0) +
                       (g + 1 < s->hidden ? s->matrices[g].columns : 0);
        table *u = &s->units[g];
        size_t column = 0;
        free(u->at);
        *u = make(size_of(s, g), width);
        for (size_t k = 0; k < s->vectors[g].columns; k++) {
            put_column(u, &column, &s->vectors[g], k);
        }
        for (size_t k = 0; k < s->first.columns && g == 0; k++) {
            put_column(u, &column, &s->first, k);
        }
        for (size_t k = 0; k < s->last.columns && g + 1 == s->hidden; k++) {
            put_column(u, &column, &s->last, k);
        }
        for (size_t l = g ? g - 1 : g; l <= g && l + 1 < s->hidden; l++) {
            for (size_t k = 0; k < s->matrices[l].columns; k++, column++) {
                for (size_t i = 0; i < u->rows; i++) {
                    u->at[i * u->columns + column] = matrix_pool(s, l, g, i, k);
                }
            }
        }
        free(s->pools[g].at);
        s->pools[g] = make(1, width);
        for (size_t k = 0; k < width; k++) {
            s->pools[g].at[k] = -INFINITY;
            for (size_t i = 0; i < u->rows; i++) {
                s->pools[g].at[k] = fmax(s->pools[g].at[k], get(u, i, k));
            }
        }
    }
}

static const oa_parameter *find_part(const state *s, size_t layer, const char *kind, size_t number, const char *part)
{
    char text[64];
    (void)snprintf(text, sizeof text, "layer%zu.%s%zu.%s", layer, kind, number, part);
    return find(s, text);
}

/* What `pooled` makes of the pools of groups from .. to (both included), side by side. */
static double from_pools(const state *s, const oa_parameter *pooled, size_t from, size_t to, size_t k)
{
    double sum = 0.0;
    size_t row = 0;
    for (size_t g = from; g <= to; g++) {
        for (size_t j = 0; j < s->pools[g].columns; j++) {
            sum += s->pools[g].at[j] * parameter(s, pooled, row++, k);
        }
    }
    return sum;
}

static double from_unit(const state *s, const oa_parameter *p, size_t g, size_t unit, size_t k)
{
    double sum = 0.0;
    for (size_t j = 0; j < s->units[g].columns; j++) {
        sum += get(&s->units[g], unit, j) * parameter(s, p, j, k);
    }
    return sum;
}

static table mix_units(const state *s, size_t layer, const char *kind, size_t number, size_t g)
{
    const oa_parameter *own = find_part(s, layer, kind, number, "units");
    const oa_parameter *pooled = find_part(s, layer, kind, number, "pooled");
    const oa_parameter *bias = find_part(s, layer, kind, number, "bias");
    table out = make(size_of(s, g), own->columns);
    for (size_t i = 0; i < out.rows; i++) {
        for (size_t k = 0; k < out.columns; k++) {
            out.at[i * out.columns + k] = from_unit(s, own, g, i, k) +
                                          from_pools(s, pooled, g ? g - 1 : 0, g + 1 < s->hidden ? g + 1 : g, k) +
                                          parameter(s, bias, 0, k);
        }
    }
    return out;
}

static table mix_matrix(const state *s, size_t layer, size_t l)
{
    const oa_parameter *pairs = find_part(s, layer, "matrix", l, "pairs");
    const oa_parameter *rows = find_part(s, layer, "matrix", l, "rows");
    const oa_parameter *columns = find_part(s, layer, "matrix", l, "columns");
    const oa_parameter *pooled = find_part(s, layer, "matrix", l, "pooled");
    const oa_parameter *bias = find_part(s, layer, "matrix", l, "bias");
    table out = make(s->matrices[l].rows, pairs->columns);
    for (size_t pair = 0; pair < out.rows; pair++) {
        size_t i = pair / size_of(s, l), j = pair % size_of(s, l);
        for (size_t k = 0; k < out.columns; k++) {
            double z = from_unit(s, rows, l + 1, i, k) + from_unit(s, columns, l, j, k) + parameter(s, bias, 0, k);
            for (size_t c = 0; c < s->matrices[l].columns; c++) {
                z += get(&s->matrices[l], pair, c) * parameter(s, pairs, c, k);
            }
            size_t row = 0; /* the rows' pool, then the columns' */
            for (size_t side = 0; side < 2; side++) {
                const table *pool = &s->pools[side ? l : l + 1];
                for (size_t c = 0; c < pool->columns; c++) {
                    z += pool->at[c] * parameter(s, pooled, row++, k);
                }
            }
            out.at[pair * out.columns + k] = z;
        }
    }
    return out;
}

static void rectify_and_normalise(table *t)
{
    for (size_t i = 0; i < t->rows; i++) {
        double *x = t->at + i * t->columns, mean = 0.0, variance = 0.0;
        for (size_t k = 0; k < t->columns; k++) {
            x[k] = x[k] > 0.0 ? x[k] : 0.0;
            mean += x[k] / (double)t->columns;
        }
        for (size_t k = 0; k < t->columns; k++) {
            variance += (x[k] - mean) * (x[k] - mean) / (double)t->columns;
        }
        for (size_t k = 0; k < t->columns; k++) {
            x[k] = (x[k] - mean) / sqrt(variance + 1e-5);
        }
    }
}

static void replace(table *old, table new)
{
    rectify_and_normalise(&new);
    free(old->at);
    *old = new;
}

void dws_slow_encode(double *const *features, const dws_slow_model *model, const oa_aligner *aligner,
                     const double *values)
{
    state s = {.model = model, .aligner = aligner, .values = values};
    start(&s);
    for (size_t layer = 0; layer < aligner->config.rounds; layer++) {
        collect(&s);
        for (size_t g = 0; g < s.hidden; g++) {
            replace(&s.vectors[g], mix_units(&s, layer, "vectors", g, g));
        }
        replace(&s.first, mix_units(&s, layer, "fixed", s.first_name, 0));
        replace(&s.last, mix_units(&s, layer, "fixed", s.last_name, s.hidden - 1));
        for (size_t l = 0; l + 1 < s.hidden; l++) {
            replace(&s.matrices[l], mix_matrix(&s, layer, l));
        }
    }
    collect(&s);
    for (size_t g = 0; g < s.hidden; g++) {
        table f = mix_units(&s, aligner->config.rounds, "features", g, g);
        for (size_t i = 0; i < f.rows; i++) {
            double square = 0.0;
            for (size_t k = 0; k < f.columns; k++) {
                square += get(&f, i, k) * get(&f, i, k);
            }
            for (size_t k = 0; k < f.columns; k++) {
                features[g][i * f.columns + k] = get(&f, i, k) / sqrt(square);
            }
        }
        free(f.at);
    }
    for (size_t g = 0; g < s.hidden; g++) {
        free(s.vectors[g].at);
        free(s.matrices[g].at);
        free(s.units[g].at);
        free(s.pools[g].at);
    }
    free(s.first.at);
    free(s.last.at);
}
