/* Conv by shifts, backwards. On the grid (core/exec/conv_grid.h) output p of channel m reads the inputs of channel c at
 * offset(c, t) + p for every tap t, so that with the output's gradient g laid out on the grid, zero elsewhere,
 *   dw[m, c, t] = sum over p of g[m, p] x[offset(c, t) + p]
 *   dx[c, phase, q] = sum over m and the taps t of that phase of w[m, c, t] g[m, q - cell(t)]
 * which are the two products of core/linalg/shift.h. */
#include "core/exec/conv_shifted.h"
#include "core/grad/backward_conv.h"
#include "core/linalg/shift.h"

#include <string.h>

enum { CHUNK_CELLS = 1024 }; /* of the images that go together: long enough for sums, short enough for the cache */

typedef struct workspace {
    const oa_conv *conv;
    const oa_conv_grid *grid;
    size_t images; /* that go together */
    size_t depth;  /* in_channels * taps */

    float *x;        /* [in_channels, phases, images, cells] */
    ptrdiff_t *x_at; /* [depth]: offset(c, t) */
    float *g;        /* [out_channels, g_stride]: zeros, images * cells, zeros */
    size_t g_stride;
    size_t margin; /* zeros in front: the most cells a tap reads on */
    float *dx;     /* [in_channels, phases, dx_plane] of one image */
    size_t dx_plane;
    float *packed;      /* w by phases: [in_channels / 4, out_channels * taps of the phase, 4] one after the other */
    ptrdiff_t *g_at;    /* [out_channels * taps] by phases: where (m, t) reads g */
    size_t *phase_taps; /* [phases + 1]: taps of the phases before each */
    size_t *order;      /* [taps] by phases */
    size_t *cell;       /* [taps]: cell(t) */
    size_t x_size, g_size;
} workspace;

/* Adds `count` elements of `size` to *bytes. */
static bool add_room(size_t *bytes, size_t count, size_t size)
{
    size_t more;
    return !oa_mul_overflows(&more, count, size) && !oa_add_overflows(bytes, *bytes, more);
}

static bool multiply(size_t *product, size_t a, size_t b, size_t c)
{
    return !oa_mul_overflows(product, a, b) && !oa_mul_overflows(product, *product, c);
}

static bool make_workspace(workspace *w, const oa_conv *conv, const oa_conv_grid *grid, oa_call *call)
{
    size_t rows_m = oa_shift_round(conv->out_channels, OA_SHIFT_ROWS);
    size_t rows_c = oa_shift_round(conv->in_channels, OA_SHIFT_ROWS), bytes = 0, dx_size, packed, pairs;
    *w = (workspace){.conv = conv, .grid = grid, .images = CHUNK_CELLS / grid->cells};
    w->images = w->images < 1 ? 1 : w->images < conv->batch ? w->images : conv->batch;
    w->margin = grid->cells - grid->width;
    w->dx_plane = oa_shift_round(grid->cells, OA_SHIFT_LANES) + OA_SHIFT_LANES;
    if (!multiply(&w->depth, conv->in_channels, grid->taps, 1) ||
        !multiply(&w->x_size, conv->in_channels * grid->phases, w->images, grid->cells) ||
        !multiply(&w->g_stride, w->images, grid->cells, 1) || !add_room(&w->x_size, 2 * OA_SHIFT_LANES, 1) ||
        !add_room(&w->g_stride, w->margin + 2 * OA_SHIFT_LANES, 1) || !multiply(&w->g_size, rows_m, w->g_stride, 1) ||
        !multiply(&dx_size, rows_c, grid->phases, w->dx_plane) ||
        !multiply(&packed, rows_c, conv->out_channels, grid->taps) ||
        !multiply(&pairs, conv->out_channels, grid->taps, 1) || !add_room(&bytes, w->depth, sizeof *w->x_at) ||
        !add_room(&bytes, pairs, sizeof *w->g_at) || !add_room(&bytes, grid->phases + 1, sizeof(size_t)) ||
        !add_room(&bytes, grid->taps, 2 * sizeof(size_t)) || !add_room(&bytes, w->x_size, sizeof(float)) ||
        !add_room(&bytes, w->g_size, sizeof(float)) || !add_room(&bytes, dx_size, sizeof(float)) ||
        !add_room(&bytes, packed, sizeof(float))) {
        return false;
    }
    w->x_at = oa_call_scratch(call, bytes, 1);
    if (!w->x_at) {
        return false;
    }
    w->g_at = w->x_at + w->depth;
    w->phase_taps = (size_t *)(w->g_at + pairs);
    w->order = w->phase_taps + grid->phases + 1;
    w->cell = w->order + grid->taps;
    w->x = (float *)(w->cell + grid->taps);
    w->g = w->x + w->x_size;
    w->dx = w->g + w->g_size;
    w->packed = w->dx + dx_size;
    return true;
}

/* Where the taps read. */
static void find_offsets(workspace *w)
{
    const oa_conv_grid *grid = w->grid;
    const oa_window *window = &w->conv->window;
    size_t plane = w->images * grid->cells, at = 0, phase, cell;
    for (size_t k = 0; k < w->depth; k++) {
        oa_conv_grid_tap(&phase, &cell, grid, window, k % grid->taps);
        w->x_at[k] = (ptrdiff_t)((k / grid->taps * grid->phases + phase) * plane + cell);
    }
    for (size_t p = 0; p < grid->phases; p++) {
        w->phase_taps[p] = at;
        for (size_t t = 0; t < grid->taps; t++) {
            oa_conv_grid_tap(&phase, &cell, grid, window, t);
            w->cell[t] = cell;
            if (phase == p) {
                w->order[at++] = t;
            }
        }
    }
    w->phase_taps[grid->phases] = at;
}

/* The weights of a group for the input's gradient, and where (m, t) reads g. */
static void pack(workspace *w, const float *weight)
{
    size_t channels = w->conv->in_channels, rows = oa_shift_round(channels, OA_SHIFT_ROWS), taps = w->grid->taps;
    size_t outs = w->conv->out_channels;
    for (size_t p = 0; p < w->grid->phases; p++) {
        size_t first = w->phase_taps[p], count = w->phase_taps[p + 1] - first, depth = outs * count;
        float *packed = w->packed + first * outs * rows;
        for (size_t k = 0; k < depth; k++) {
            size_t m = k / count, t = w->order[first + k % count];
            w->g_at[first * outs + k] = (ptrdiff_t)(m * w->g_stride) - (ptrdiff_t)w->cell[t];
            for (size_t c = 0; c < rows; c++) {
                packed[(c / OA_SHIFT_ROWS * depth + k) * OA_SHIFT_ROWS + c % OA_SHIFT_ROWS] =
                    c < channels ? weight[(m * channels + c) * taps + t] : 0.0f;
            }
        }
    }
}

/* The cells first .. end - 1 of any phase hold all inputs. */
static void find_span(size_t *first, size_t *end, const oa_conv_grid *grid, const oa_window *window)
{
    size_t last = 0;
    *first = 0;
    for (size_t d = 0; d < window->rank; d++) {
        size_t from = window->pad[d] / window->stride[d], to = (window->in[d] - 1 + window->pad[d]) / window->stride[d];
        size_t most = grid->sizes[d] - 1;
        *first += (from < most ? from : most) * grid->steps[d];
        last += (to < most ? to : most) * grid->steps[d];
    }
    *end = last + 1;
}

/* The input's gradient of image n of those in g. */
static void give_input(float *to, bool adds, workspace *w, size_t n)
{
    const oa_conv *conv = w->conv;
    const oa_conv_grid *grid = w->grid;
    size_t in_size = oa_window_size(conv->window.in, conv->window.rank), first, end;
    size_t rows = oa_shift_round(conv->in_channels, OA_SHIFT_ROWS);
    find_span(&first, &end, grid, &conv->window);
    for (size_t p = 0; p < grid->phases; p++) {
        size_t before = w->phase_taps[p] * conv->out_channels;
        size_t depth = w->phase_taps[p + 1] * conv->out_channels - before;
        oa_shift_product(w->dx + p * w->dx_plane + first, grid->phases * w->dx_plane, w->packed + before * rows,
                         conv->in_channels, w->g + w->margin + n * grid->cells + first, w->g_at + before, depth,
                         end - first);
    }
    for (size_t c = 0; c < conv->in_channels; c++) {
        oa_conv_grid_take_input(to + c * in_size, w->dx + c * grid->phases * w->dx_plane, w->dx_plane, adds, grid,
                                &conv->window);
    }
}

/* Lays out images first .. first + count - 1 of a group; x is NULL when it is not needed. */
static void put_images(workspace *w, const float *x, const float *g, size_t count)
{
    const oa_conv *conv = w->conv;
    const oa_conv_grid *grid = w->grid;
    const oa_window *window = &conv->window;
    size_t in_size = oa_window_size(window->in, window->rank), out_size = oa_window_size(window->out, window->rank);
    size_t plane = w->images * grid->cells;
    for (size_t n = 0; n < count; n++) {
        for (size_t c = 0; c < conv->in_channels && x; c++) {
            oa_conv_grid_put_input(w->x + c * grid->phases * plane + n * grid->cells,
                                   x + (n * conv->groups * conv->in_channels + c) * in_size, plane, grid, window);
        }
        for (size_t m = 0; m < conv->out_channels; m++) {
            oa_conv_grid_put_output(w->g + m * w->g_stride + w->margin + n * grid->cells,
                                    g + (n * conv->groups * conv->out_channels + m) * out_size, grid, window);
        }
    }
    for (size_t m = 0; m < conv->out_channels && count < w->images; m++) { /* what earlier images have left */
        memset(w->g + m * w->g_stride + w->margin + count * grid->cells, 0,
               (w->images - count) * grid->cells * sizeof(float));
    }
}

oa_status oa_backward_conv_shifted(const oa_conv_sinks *sinks, oa_backward_call *call, const oa_conv *conv,
                                   const oa_conv_grid *grid, oa_error *error)
{
    const float *x = call->forward->inputs[0]->data, *weight = call->forward->inputs[1]->data;
    const float *g = oa_backward_output(call, 0);
    size_t in_size = conv->in_channels * oa_window_size(conv->window.in, conv->window.rank);
    size_t out_size = conv->out_channels * oa_window_size(conv->window.out, conv->window.rank);
    oa_sink to_w = sinks->w;
    workspace w;
    if (!make_workspace(&w, conv, grid, call->forward)) {
        return oa_fail(error, OA_ERROR_MEMORY, "out of memory for the grid of a convolution");
    }
    size_t weight_size = conv->out_channels * w.depth;
    find_offsets(&w);
    memset(w.x, 0, w.x_size * sizeof *w.x);
    memset(w.g, 0, w.g_size * sizeof *w.g);
    if (to_w.data) {
        oa_sink_clear(&to_w, conv->groups * weight_size);
    }
    for (size_t group = 0; group < conv->groups; group++) {
        if (sinks->x.data) {
            pack(&w, weight + group * weight_size);
        }
        for (size_t first = 0; first < conv->batch; first += w.images) {
            size_t count = conv->batch - first < w.images ? conv->batch - first : w.images;
            put_images(&w, to_w.data ? x + (first * conv->groups + group) * in_size : NULL,
                       g + (first * conv->groups + group) * out_size, count);
            if (to_w.data) {
                oa_shift_correlate(to_w.data + group * weight_size, conv->out_channels, w.depth, w.g + w.margin,
                                   w.g_stride, w.x, w.x_at, oa_shift_round(count * grid->cells, OA_SHIFT_LANES));
            }
            for (size_t n = 0; n < count && sinks->x.data; n++) {
                give_input(sinks->x.data + ((first + n) * conv->groups + group) * in_size, sinks->x.adds, &w, n);
            }
        }
    }
    return OA_OK;
}
