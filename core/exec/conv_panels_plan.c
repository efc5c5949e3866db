#include "core/exec/conv_panels_plan.h"

enum { MOST_COPIES = 1 << 14 }; /* of all taps of a panel */
enum { MOST_STEP = 1 << 20 };
enum { ALIGNMENT = 64 };

static bool is_flat(const oa_window *window)
{
    for (size_t d = 0; d < window->rank; d++) {
        if (window->kernel[d] != 1 || window->stride[d] != 1 || window->pad[d] || window->pad_end[d]) {
            return false;
        }
    }
    return true;
}

bool oa_conv_panels_make(oa_conv_panels_plan *plan, const oa_conv *conv)
{
    const oa_window *window = &conv->window;
    const oa_panel_kernel *kernel = oa_panel_kernel_find();
    size_t copies, last = window->rank - 1;
    if (!kernel) {
        return false;
    }
    *plan = (oa_conv_panels_plan){.conv = conv, .kernel = kernel, .is_flat = is_flat(window)};
    plan->taps = oa_window_size(window->kernel, window->rank);
    plan->positions = oa_window_size(window->out, window->rank);
    plan->row_length = plan->is_flat ? plan->positions : window->out[last];
    plan->step = window->stride[last];
    plan->plane = oa_window_size(window->in, window->rank);
    plan->most_copies = kernel->columns / plan->row_length + 2 + kernel->columns / kernel->lanes;
    plan->most_copies = plan->most_copies < kernel->columns ? plan->most_copies : kernel->columns;
    plan->padded_rows = conv->out_channels + (kernel->rows - conv->out_channels % kernel->rows) % kernel->rows;
    plan->workspace_size = oa_panel_workspace(kernel, OA_CONV_BLOCK_PANELS * kernel->columns);
    return plan->step <= MOST_STEP && !oa_mul_overflows(&copies, plan->taps, plan->most_copies) &&
           copies <= MOST_COPIES && !oa_mul_overflows(&plan->depth, conv->in_channels, plan->taps) &&
           !oa_mul_overflows(&plan->last_size, conv->out_channels % kernel->rows ? kernel->rows : 0, plan->depth);
}

bool oa_conv_panels_place(oa_conv_panels_plan *plan, oa_call *call)
{
    size_t threads = oa_team_size(call->team), groups = plan->conv->groups, bytes[4], all = ALIGNMENT;
    const size_t parts[4][3] = {
        {groups, plan->last_size, sizeof(float)},
        {groups, plan->padded_rows, sizeof(float)},
        {threads, plan->workspace_size, sizeof(float)},
        {threads * OA_CONV_BLOCK_PANELS, plan->taps * plan->most_copies, sizeof(oa_panel_copy)},
    };
    for (size_t i = 0; i < 4; i++) {
        if (oa_mul_overflows(&bytes[i], parts[i][0], parts[i][1]) ||
            oa_mul_overflows(&bytes[i], bytes[i], parts[i][2]) ||
            oa_add_overflows(&bytes[i], bytes[i], ALIGNMENT - 1)) {
            return false;
        }
        bytes[i] -= bytes[i] % ALIGNMENT;
        if (oa_add_overflows(&all, all, bytes[i])) {
            return false;
        }
    }
    unsigned char *at = oa_call_scratch(call, all, 1);
    if (!at) {
        return false;
    }
    at += (ALIGNMENT - (uintptr_t)at % ALIGNMENT) % ALIGNMENT;
    plan->last = (float *)(void *)at;
    plan->start = (float *)(void *)(at += bytes[0]);
    plan->workspaces = (float *)(void *)(at += bytes[1]);
    plan->copies = (oa_panel_copy *)(void *)(at + bytes[2]);
    return true;
}

/* Neighbouring columns of a panel, no more than a vector has lanes. */
typedef struct segment {
    size_t to;
    size_t n;
    size_t image;
    size_t column;             /* along the last axis */
    size_t outer[OA_MAX_RANK]; /* the output row that it is of */
} segment;

static segment segment_at(const oa_conv_panels_plan *plan, size_t first, size_t to, size_t count)
{
    const oa_window *window = &plan->conv->window;
    size_t at = (first + to) % plan->positions, row = at / plan->row_length;
    segment s = {.to = to, .image = (first + to) / plan->positions, .column = at % plan->row_length};
    s.n = plan->row_length - s.column < count - to ? plan->row_length - s.column : count - to;
    s.n = s.n < plan->kernel->lanes ? s.n : plan->kernel->lanes;
    for (size_t d = window->rank - 1; d-- > 0 && !plan->is_flat;) {
        s.outer[d] = row % window->out[d];
        row /= window->out[d];
    }
    return s;
}

static uint32_t lanes_between(size_t first, size_t end)
{
    return first < end ? (uint32_t)(((UINT64_C(1) << end) - 1) & ~((UINT64_C(1) << first) - 1)) : 0;
}

/* What a tap reads for a segment, counted from the channel in its image. */
static oa_panel_copy copy_of(const oa_window *window, const segment *s, const size_t *tap)
{
    size_t last = window->rank - 1, row = 0, step = window->stride[last], pad = window->pad[last];
    size_t shift = s->column * step + tap[last] * window->dilation[last], end = window->in[last] + pad;
    oa_panel_copy copy = {.to = (uint32_t)s->to};
    if (oa_window_row(&row, window, s->outer, tap)) { /* lane i reads shift + i * step - pad */
        size_t first_lane = pad > shift ? (pad - shift + step - 1) / step : 0;
        size_t end_lane = end > shift ? (end - shift + step - 1) / step : 0;
        copy.mask = lanes_between(first_lane, end_lane < s->n ? end_lane : s->n);
        copy.from = (ptrdiff_t)(row * window->in[last] + shift) - (ptrdiff_t)pad;
    }
    return copy;
}

size_t oa_conv_panels_copies(oa_panel_copy *copies, const oa_conv_panels_plan *plan, size_t first, size_t count)
{
    const oa_conv *conv = plan->conv;
    segment segments[OA_PANEL_MOST_COLUMNS];
    size_t found = 0, tap[OA_MAX_RANK] = {0}, image_size = conv->groups * conv->in_channels * plan->plane;
    for (size_t to = 0; to < count; to += segments[found++].n) {
        segments[found] = segment_at(plan, first, to, count);
    }
    for (size_t t = 0; t < plan->taps; t++) {
        for (size_t i = 0; i < found; i++) {
            const segment *s = &segments[i];
            oa_panel_copy *copy = &copies[t * found + i];
            *copy = plan->is_flat ? (oa_panel_copy){(ptrdiff_t)s->column, (uint32_t)s->to, lanes_between(0, s->n)}
                                  : copy_of(&conv->window, s, tap);
            copy->from += (ptrdiff_t)(s->image * image_size);
        }
        (void)oa_window_next(tap, conv->window.kernel, conv->window.rank);
    }
    return found;
}
