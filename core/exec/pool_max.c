#include "core/exec/kernels.h"
#include "core/exec/pool.h"
#include "core/exec/spread.h"
#include "core/exec/types.h"

#include <math.h>

enum { SQUARES = 64 }; /* outputs at a time */

typedef struct max_state {
    void *y;          /* the output row */
    int64_t *indices; /* of the maxima in the plane, -1 before the first; NULL when not wanted */
} max_state;

/* Per type: a take function without and one with indices, and the start of a row. NaN wins, and the first of equals. */
#define MAX_LOOPS(tag, type, lowest, is_nan)                                                                           \
    OA_VECTOR_CLONES                                                                                                   \
    static void take_##tag(void *state, size_t first, const void *x_, size_t n, size_t stride, size_t at)              \
    {                                                                                                                  \
        type *restrict y = (type *)((max_state *)state)->y + first;                                                    \
        const type *restrict xs = x_;                                                                                  \
        (void)at;                                                                                                      \
        if (stride == 1) {                                                                                             \
            for (size_t i = 0; i < n; i++) {                                                                           \
                const type x = xs[i];                                                                                  \
                y[i] = ((x > y[i]) | is_nan(x)) ? x : y[i];                                                            \
            }                                                                                                          \
            return;                                                                                                    \
        }                                                                                                              \
        if (stride == 2) { /* known to the compiler, which then uses vectors */                                        \
            for (size_t i = 0; i < n; i++) {                                                                           \
                const type x = xs[2 * i];                                                                              \
                y[i] = ((x > y[i]) | is_nan(x)) ? x : y[i];                                                            \
            }                                                                                                          \
            return;                                                                                                    \
        }                                                                                                              \
        for (size_t i = 0; i < n; i++) {                                                                               \
            const type x = xs[i * stride];                                                                             \
            y[i] = ((x > y[i]) | is_nan(x)) ? x : y[i];                                                                \
        }                                                                                                              \
    }                                                                                                                  \
    static void take_index_##tag(void *state, size_t first, const void *x_, size_t n, size_t stride, size_t at)        \
    {                                                                                                                  \
        type *y = (type *)((max_state *)state)->y + first;                                                             \
        int64_t *indices = ((max_state *)state)->indices + first;                                                      \
        const type *xs = x_;                                                                                           \
        for (size_t i = 0; i < n; i++) {                                                                               \
            const type x = xs[i * stride];                                                                             \
            if (indices[i] < 0 || x > y[i] || (is_nan(x) && !is_nan(y[i]))) {                                          \
                y[i] = x;                                                                                              \
                indices[i] = (int64_t)(at + i * stride);                                                               \
            }                                                                                                          \
        }                                                                                                              \
    }                                                                                                                  \
    static void start_##tag(const max_state *state, size_t n)                                                          \
    {                                                                                                                  \
        for (size_t i = 0; i < n; i++) {                                                                               \
            ((type *)state->y)[i] = (type)(lowest);                                                                    \
        }                                                                                                              \
        for (size_t i = 0; state->indices && i < n; i++) {                                                             \
            state->indices[i] = -1;                                                                                    \
        }                                                                                                              \
    }

#define REAL_IS_NAN(x) ((x) != (x))
#define NEVER_NAN(x) false

MAX_LOOPS(f32, float, -INFINITY, REAL_IS_NAN)
MAX_LOOPS(f64, double, -INFINITY, REAL_IS_NAN)
MAX_LOOPS(i8, int8_t, INT8_MIN, NEVER_NAN)
MAX_LOOPS(u8, uint8_t, 0, NEVER_NAN)

typedef struct max_row {
    oa_dtype dtype;
    oa_pool_take take;
    oa_pool_take take_index;
    void (*start)(const max_state *state, size_t n);
} max_row;

static const max_row rows[] = {
    {OA_DTYPE_FLOAT, take_f32, take_index_f32, start_f32},
    {OA_DTYPE_DOUBLE, take_f64, take_index_f64, start_f64},
    {OA_DTYPE_INT8, take_i8, take_index_i8, start_i8},
    {OA_DTYPE_UINT8, take_u8, take_index_u8, start_u8},
};

/* What the pooling of some planes needs. */
typedef struct pooling {
    void *y;
    int64_t *indices; /* or NULL: the places of the maxima in their planes */
    const void *x;
    size_t size; /* of an element */
    const oa_window *window;
    const max_row *row;
} pooling;

static void pool_planes(void *context, size_t first, size_t end)
{
    const pooling *p = context;
    const oa_window *window = p->window;
    size_t last = window->rank - 1, width = window->out[last], plane = oa_window_size(window->out, window->rank);
    size_t in_bytes = oa_window_size(window->in, window->rank) * p->size;
    max_state state = {.y = (unsigned char *)p->y + first * plane * p->size,
                       .indices = p->indices ? p->indices + first * plane : NULL};
    for (size_t i = first; i < end; i++) {
        size_t position[OA_MAX_RANK] = {0};
        do {
            p->row->start(&state, width);
            oa_pool_row(&state, (const unsigned char *)p->x + i * in_bytes, p->size, window, position,
                        p->indices ? p->row->take_index : p->row->take);
            state.y = (unsigned char *)state.y + width * p->size;
            state.indices = p->indices ? state.indices + width : NULL;
        } while (oa_window_next(position, window->out, last));
    }
}

/* Without a jump, which data would decide at random. NaN wins. */
static inline float larger(float a, float b)
{
    return ((b > a) | (b != b)) ? b : a;
}

/* Where oa_pool_is_squares: one row of outputs. Rows are short: wider vectors would be slower. */
static void pool_square_row(float *restrict y, const float *restrict upper, const float *restrict lower, size_t out)
{
    float pairs[2 * SQUARES];
    for (size_t first = 0; first < out; first += SQUARES) {
        size_t n = out - first < SQUARES ? out - first : SQUARES;
        for (size_t i = 0; i < 2 * n; i++) {
            pairs[i] = larger(upper[2 * first + i], lower[2 * first + i]);
        }
        for (size_t i = 0; i < n; i++) {
            y[first + i] = larger(pairs[2 * i], pairs[2 * i + 1]);
        }
    }
}

static void pool_squares(void *context, size_t first, size_t end)
{
    const pooling *p = context;
    size_t width = p->window->in[1], height = p->window->out[0], out = p->window->out[1];
    for (size_t i = first; i < end; i++) {
        const float *x = (const float *)p->x + i * p->window->in[0] * width;
        for (size_t r = 0; r < height; r++) {
            pool_square_row((float *)p->y + (i * height + r) * out, x + 2 * r * width, x + (2 * r + 1) * width, out);
        }
    }
}

/* From places in a plane to places in the whole tensor, whose planes are counted through column by column when
 * `is_column_major`. */
static void finish_indices(oa_array *indices, const oa_window *window, bool is_column_major)
{
    size_t in_size = oa_window_size(window->in, window->rank);
    size_t out_size = oa_window_size(window->out, window->rank);
    int64_t *data = indices->data;
    for (size_t i = 0; i < indices->count; i++) {
        size_t place = (size_t)data[i];
        if (is_column_major) {
            size_t rest = place, step = in_size;
            place = 0;
            for (size_t d = window->rank; d-- > 0;) {
                step /= window->in[d];
                place += rest % window->in[d] * step;
                rest /= window->in[d];
            }
        }
        data[i] = (int64_t)(i / out_size * in_size + place);
    }
}

oa_status oa_kernel_max_pool(oa_call *call, oa_error *error)
{
    const oa_array *x = call->inputs[0];
    const max_row *row = NULL;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        row = rows[i].dtype == x->dtype ? &rows[i] : row;
    }
    if (!row) {
        return oa_fail_dtype(x, error);
    }
    oa_window window;
    bool is_column_major = oa_call_int(call, "storage_order", 0) != 0;
    oa_array *y = NULL, *indices = NULL;
    oa_status status = oa_pool_prepare(&window, &y, call, error);
    if (status == OA_OK && oa_call_wants(call, 1)) {
        status = oa_call_output(&indices, call, 1, OA_DTYPE_INT64, y->dims, y->rank, error);
    }
    if (status != OA_OK || y->count == 0) {
        return status;
    }
    bool is_squares = x->dtype == OA_DTYPE_FLOAT && !indices && oa_pool_is_squares(&window);
    pooling work = {y->data, indices ? indices->data : NULL, x->data, oa_dtype_size(x->dtype), &window, row};
    size_t planes = x->dims[0] * x->dims[1], cost = oa_window_size(window.kernel, window.rank) * (y->count / planes);
    oa_spread(call->team, planes, cost, is_squares ? pool_squares : pool_planes, &work);
    if (indices) {
        finish_indices(indices, &window, is_column_major);
    }
    return OA_OK;
}
