/* Features of all pairs of two sets of units: the one operation whose operands are large enough for memory traffic to
 * matter, so that it works on a tile of pairs while that is in the cache. */
#include "core/linalg/vector_math.h"
#include "core/tape/tape_private.h"

#include <math.h>

/* Pairs in a tile: at 64 channels, operand, result and gradient of a tile are 128 KB each. */
enum { TILE_PAIRS = 512 };

static const float VARIANCE_MIN = 1e-5f; /* as in oa_op_layer_norm */

typedef struct pairs {
    size_t models, n, k; /* n rows and k columns of units a model */
    size_t tile_rows;    /* rows of units in a tile */
    float *inverse;      /* [models * n * k] 1 / deviation of each pair's features */
    float *floor;        /* [models * n * k] what zero became: features above it passed the rectifier */
    float *tile;         /* [tile_rows * k, d] for the backward pass */
} pairs;

enum { X, MIX, ROWS, COLUMNS };

/* y = layer_norm(relu(y + row + column)). */
static inline void finish_pair(float *restrict y, float *inverse, float *floor, const float *restrict row,
                               const float *restrict column, size_t d)
{
    for (size_t c = 0; c < d; c++) {
        float z = y[c] + row[c] + column[c];
        y[c] = z > 0.0f ? z : 0.0f;
    }
    float mean = oa_total(y, d) / (float)d;
    for (size_t c = 0; c < d; c++) {
        y[c] -= mean;
    }
    float by = 1.0f / sqrtf(oa_dot(y, y, d) / (float)d + VARIANCE_MIN);
    for (size_t c = 0; c < d; c++) {
        y[c] *= by;
    }
    *inverse = by;
    *floor = (0.0f - mean) * by; /* computed as the elements are, so that equality is exact */
}

static inline void differentiate_pair(float *restrict dz, const float *restrict dy, const float *restrict y,
                                      float inverse, float floor, size_t d)
{
    float mean = oa_total(dy, d) / (float)d, along = oa_dot(dy, y, d) / (float)d;
    for (size_t c = 0; c < d; c++) {
        float slope = inverse * (dy[c] - mean - y[c] * along);
        dz[c] = y[c] > floor ? slope : 0.0f;
    }
}

/* Rows of units first .. first + count - 1 of all models' are one block of pairs from first * k on. */
typedef struct tile {
    size_t first, count, cell, cells;
} tile;

static bool next_tile(tile *t, const pairs *p)
{
    size_t rows = p->models * p->n;
    t->first += t->count;
    t->count = rows - t->first < p->tile_rows ? rows - t->first : p->tile_rows;
    t->cell = t->first * p->k;
    t->cells = t->count * p->k;
    return t->count > 0;
}

/* dz of a tile, and what it adds to the gradients of rows and columns. */
OA_VECTOR_CLONES static void differentiate_tile(float *drows, float *dcolumns, const tile *t, const pairs *p,
                                                const oa_tape_entry *entry)
{
    size_t d = entry->columns;
    for (size_t r = t->first; r < t->first + t->count; r++) {
        for (size_t j = 0; j < p->k; j++) {
            size_t cell = r * p->k + j;
            float *dz = p->tile + (cell - t->cell) * d;
            differentiate_pair(dz, entry->gradient + cell * d, entry->data + cell * d, p->inverse[cell], p->floor[cell],
                               d);
            if (drows) {
                oa_add_to(drows + r * d, dz, d);
            }
            if (dcolumns) {
                oa_add_to(dcolumns + (r / p->n * p->k + j) * d, dz, d);
            }
        }
    }
}

static oa_status pairs_backward(oa_tape *tape, const oa_tape_entry *entry, oa_error *error)
{
    const pairs *p = entry->state;
    const oa_tape_entry *x = oa_tape_entry_at(tape, entry->inputs[X]);
    const oa_tape_entry *mix = oa_tape_entry_at(tape, entry->inputs[MIX]);
    size_t d = entry->columns, width = x->columns;
    float beta_x = 0.0f, beta_mix = 0.0f;
    float *drows = oa_tape_add_gradient(tape, entry, ROWS), *dcolumns = oa_tape_add_gradient(tape, entry, COLUMNS);
    float *dx = oa_tape_input_gradient(&beta_x, tape, entry, X);
    float *dmix = oa_tape_input_gradient(&beta_mix, tape, entry, MIX);
    oa_status status = oa_tape_status(tape, error);
    tile t = {0};
    while (status == OA_OK && next_tile(&t, p)) {
        differentiate_tile(drows, dcolumns, &t, p, entry);
        oa_const_matrix_view dz = {p->tile, t.cells, d, d};
        oa_const_matrix_view in = {x->data + t.cell * width, t.cells, width, width};
        if (dx) {
            status = oa_gemm((oa_matrix_view){dx + t.cell * width, t.cells, width, width}, dz, false, oa_view_of(mix),
                             true, 1.0f, beta_x, error);
        }
        if (dmix && status == OA_OK) {
            status = oa_gemm((oa_matrix_view){dmix, width, d, d}, in, true, dz, false, 1.0f, beta_mix, error);
            beta_mix = 1.0f;
        }
    }
    return status;
}

OA_VECTOR_CLONES static void finish_tile(const tile *t, const pairs *p, float *data, const float *rows,
                                         const float *columns, size_t d)
{
    for (size_t r = t->first; r < t->first + t->count; r++) {
        for (size_t j = 0; j < p->k; j++) {
            size_t cell = r * p->k + j;
            finish_pair(data + cell * d, &p->inverse[cell], &p->floor[cell], rows + r * d,
                        columns + (r / p->n * p->k + j) * d, d);
        }
    }
}

static oa_status pairs_forward(oa_tape_entry *entry, const pairs *p, oa_const_matrix_view x, oa_const_matrix_view mix,
                               const float *rows, const float *columns, oa_error *error)
{
    size_t d = entry->columns;
    oa_status status = OA_OK;
    tile t = {0};
    while (status == OA_OK && next_tile(&t, p)) {
        oa_const_matrix_view in = {x.data + t.cell * x.columns, t.cells, x.columns, x.columns};
        status = oa_gemm((oa_matrix_view){entry->data + t.cell * d, t.cells, d, d}, in, false, mix, false, 1.0f, 0.0f,
                         error);
        if (status == OA_OK) {
            finish_tile(&t, p, entry->data, rows, columns, d);
        }
    }
    return status;
}

oa_var oa_op_pairs(oa_tape *tape, oa_var x, oa_var mix, oa_var rows, oa_var columns, size_t models)
{
    const oa_tape_entry *xs = oa_tape_entry_at(tape, x), *a = oa_tape_entry_at(tape, mix);
    const oa_tape_entry *r = oa_tape_entry_at(tape, rows), *c = oa_tape_entry_at(tape, columns);
    oa_const_matrix_view x_view = oa_view_of(xs), mix_view = oa_view_of(a);
    const float *row_data = r->data, *column_data = c->data;
    size_t d = a->columns, cells;
    if (!models || !d || !r->rows || !c->rows || r->rows % models != 0 || c->rows % models != 0 || r->columns != d ||
        c->columns != d || xs->columns != a->rows || oa_mul_overflows(&cells, r->rows, c->rows / models) ||
        xs->rows != cells) {
        return oa_tape_misfit(tape, "pairs");
    }
    pairs p = {.models = models, .n = r->rows / models, .k = c->rows / models};
    p.tile_rows = p.k < TILE_PAIRS ? TILE_PAIRS / p.k : 1;
    oa_tape_entry *entry = oa_tape_make(tape, cells, d, (oa_var[]){x, mix, rows, columns}, 4, pairs_backward);
    pairs *state = entry ? oa_tape_state(tape, sizeof *state) : NULL;
    p.inverse = state ? oa_tape_buffer(tape, cells) : NULL;
    p.floor = p.inverse ? oa_tape_buffer(tape, cells) : NULL;
    /* At most as large as the data, whose size has been checked. */
    size_t rows_in_tile = p.tile_rows < models * p.n ? p.tile_rows : models * p.n;
    p.tile = p.floor ? oa_tape_buffer(tape, entry->needs_gradient ? rows_in_tile * p.k * d : 0) : NULL;
    if (!p.tile) {
        return 0;
    }
    *state = p;
    entry->state = state;
    oa_error error;
    if (pairs_forward(entry, state, x_view, mix_view, row_data, column_data, &error) != OA_OK) {
        oa_tape_fail(tape, &error);
    }
    return oa_tape_last(tape);
}
