#include "core/exec/conv_shifted.h"

#include "core/linalg/shift.h"

#include <string.h>

/* A matrix product reaches half of its speed at about so many rows (measured on 3 x 3 kernels: at 16, 64 and 128
 * channels it does a quarter, a half and two thirds of what shifts do on full cells). */
static const double half_speed_rows = 64.0;
/* What is left of the speed when elements are dealt out to phases one by one. */
static const double phase_speed = 0.8;

bool oa_conv_shifted_pays(oa_conv_grid *grid, const oa_conv *conv)
{
    const oa_window *window = &conv->window;
    if (!oa_shift_is_available() || !oa_conv_grid_plan(grid, window) || grid->taps == 1) {
        return false;
    }
    double positions = (double)oa_window_size(window->out, window->rank), rows = (double)conv->out_channels;
    double used = positions / (double)oa_shift_round(grid->width, OA_SHIFT_LANES);
    return used * (grid->phases > 1 ? phase_speed : 1.0) > rows / (rows + half_speed_rows);
}

/* The scratch, in floats but for the offsets. */
typedef struct workspace {
    float *input;  /* [threads, input_size]: [in_channels, phases, cells] of one group of one image */
    float *output; /* [threads, output_size]: [out_channels, stride] */
    float *packed; /* the weights of all groups, as oa_shift_product wants them */
    ptrdiff_t *offsets;
    size_t stride;
    size_t depth;
    size_t packed_size; /* of one group */
    size_t input_size;
    size_t output_size;
} workspace;

static bool make_workspace(workspace *w, const oa_conv *conv, const oa_conv_grid *grid, oa_call *call)
{
    size_t rows = oa_shift_round(conv->out_channels, OA_SHIFT_ROWS), planes, packed, total, offsets, bytes;
    size_t threads = oa_team_size(call->team);
    w->stride = oa_shift_round(grid->width, OA_SHIFT_LANES);
    if (oa_mul_overflows(&w->depth, conv->in_channels, grid->taps) ||
        oa_mul_overflows(&planes, conv->in_channels, grid->phases) ||
        oa_mul_overflows(&w->input_size, planes, grid->cells) ||
        oa_add_overflows(&w->input_size, w->input_size, 2 * OA_SHIFT_LANES) || /* read past the end */
        oa_mul_overflows(&w->output_size, rows, w->stride) || oa_mul_overflows(&w->packed_size, rows, w->depth) ||
        oa_mul_overflows(&packed, w->packed_size, conv->groups) ||
        oa_add_overflows(&total, w->input_size, w->output_size) || oa_mul_overflows(&total, total, threads) ||
        oa_add_overflows(&total, total, packed) || oa_mul_overflows(&bytes, total, sizeof(float)) ||
        oa_mul_overflows(&offsets, w->depth, sizeof(ptrdiff_t)) || oa_add_overflows(&bytes, bytes, offsets)) {
        return false;
    }
    w->offsets = oa_call_scratch(call, bytes, 1);
    if (!w->offsets) {
        return false;
    }
    w->input = (float *)(w->offsets + w->depth);
    w->output = w->input + threads * w->input_size;
    w->packed = w->output + threads * w->output_size;
    return true;
}

/* Weights [out_channels, depth] by blocks of rows. */
static void pack(float *packed, const float *w, size_t rows, size_t depth)
{
    size_t all = oa_shift_round(rows, OA_SHIFT_ROWS);
    for (size_t r = 0; r < all; r++) {
        float *to = packed + r / OA_SHIFT_ROWS * depth * OA_SHIFT_ROWS + r % OA_SHIFT_ROWS;
        for (size_t k = 0; k < depth; k++) {
            to[k * OA_SHIFT_ROWS] = r < rows ? w[r * depth + k] : 0.0f;
        }
    }
}

typedef struct shifted {
    float *y;
    const float *x, *bias;
    const oa_conv *conv;
    const oa_conv_grid *grid;
    const workspace *work;
    const oa_finish *finish; /* or NULL */
} shifted;

/* Item: a group of an image. */
static oa_status convolve_group(void *context, size_t item, size_t worker, oa_error *error)
{
    const shifted *s = context;
    const oa_conv *conv = s->conv;
    const oa_window *window = &conv->window;
    const workspace *work = s->work;
    size_t in_size = oa_window_size(window->in, window->rank), out_size = oa_window_size(window->out, window->rank);
    size_t g = item % conv->groups, planes = s->grid->phases * s->grid->cells;
    float *input = work->input + worker * work->input_size, *output = work->output + worker * work->output_size;
    (void)error;
    for (size_t c = 0; c < conv->in_channels; c++) {
        oa_conv_grid_put_input(input + c * planes, s->x + (item * conv->in_channels + c) * in_size, s->grid->cells,
                               s->grid, window);
    }
    oa_shift_product(output, work->stride, work->packed + g * work->packed_size, conv->out_channels, input,
                     work->offsets, work->depth, s->grid->width);
    for (size_t m = 0; m < conv->out_channels; m++) {
        size_t channel = g * conv->out_channels + m, at = (item * conv->out_channels + m) * out_size;
        oa_conv_grid_take_output(s->y + at, output + m * work->stride, s->bias ? s->bias[channel] : 0.0f, s->grid,
                                 window);
        if (s->finish) {
            oa_finish_apply(s->finish, s->y + at, channel, at, out_size);
        }
    }
    return OA_OK;
}

oa_status oa_conv_shifted(float *y, const float *x, const float *w, const float *bias, const oa_conv *conv,
                          const oa_conv_grid *grid, oa_call *call, oa_error *error)
{
    const oa_window *window = &conv->window;
    workspace work;
    if (!make_workspace(&work, conv, grid, call)) {
        return oa_fail(error, OA_ERROR_MEMORY, "out of memory for the grid of a convolution");
    }
    for (size_t k = 0; k < work.depth; k++) {
        size_t phase, cell;
        oa_conv_grid_tap(&phase, &cell, grid, window, k % grid->taps);
        work.offsets[k] = (ptrdiff_t)((k / grid->taps * grid->phases + phase) * grid->cells + cell);
    }
    for (size_t g = 0; g < conv->groups; g++) {
        pack(work.packed + g * work.packed_size, w + g * conv->out_channels * work.depth, conv->out_channels,
             work.depth);
    }
    /* The padding stays so. */
    memset(work.input, 0, oa_team_size(call->team) * work.input_size * sizeof *work.input);
    shifted all = {y, x, bias, conv, grid, &work, call->finish};
    return oa_team_run(call->team, conv->batch * conv->groups, convolve_group, &all, error);
}
