#include "core/exec/conv_panels.h"

#include "core/exec/conv_panels_plan.h"

enum { PIECES_A_THREAD = 4 }; /* at least, so that none waits long for another */

/* A product of all groups, and how that of each is cut into pieces. */
typedef struct cut_product {
    const oa_conv_panels_plan *plan;
    const float *x;
    oa_panel_product product; /* of the first group */
    const oa_finish *finish;  /* or NULL */
    size_t panels_a_piece;
    size_t column_pieces, row_pieces;
} cut_product;

/* What the columns of a piece are made from. */
typedef struct piece {
    const oa_conv_panels_plan *plan;
    const float *source; /* of the group */
    size_t first;        /* column */
    oa_panel_copy *copies;
    size_t *counts; /* of each panel, for one tap */
    const oa_finish *finish;
    const float *y; /* the whole output */
    size_t channel; /* the group's first */
} piece;

bool oa_conv_panels_fits(const oa_conv *conv)
{
    oa_conv_panels_plan plan;
    return oa_conv_panels_make(&plan, conv);
}

static void fill_panel(float *panel, const oa_panel_product *product, size_t first, size_t count, size_t above,
                       size_t depth)
{
    const piece *p = product->context;
    const oa_conv_panels_plan *plan = p->plan;
    size_t taps = plan->taps, unit = plan->kernel->columns, index = (first - p->first) / unit;
    oa_panel_copy *copies = p->copies + index * taps * plan->most_copies;
    if (above == 0) { /* the first of the depths: the others copy alike */
        p->counts[index] = oa_conv_panels_copies(copies, plan, first, count);
    }
    const float *channel = p->source + above / taps * plan->plane;
    for (size_t k = 0, tap = above % taps; k < depth; k++) {
        plan->kernel->copy(panel + k * unit, channel, copies + tap * p->counts[index], p->counts[index], plan->step);
        if (++tap == taps) {
            tap = 0;
            channel += plan->plane;
        }
    }
}

static void finish_run(float *c, const oa_panel_product *product, size_t row, size_t first, size_t n)
{
    const piece *p = product->context;
    (void)first;
    oa_finish_apply(p->finish, c, p->channel + row, (size_t)(c - p->y), n);
}

/* Item: a piece of one group's product. */
static oa_status multiply_piece(void *context, size_t item, size_t worker, oa_error *error)
{
    const cut_product *c = context;
    const oa_conv_panels_plan *plan = c->plan;
    size_t row_piece = item % c->row_pieces, column_piece = item / c->row_pieces % c->column_pieces;
    size_t group = item / c->row_pieces / c->column_pieces, counts[OA_CONV_BLOCK_PANELS];
    size_t panels = plan->padded_rows / plan->kernel->rows, columns = c->panels_a_piece * plan->kernel->columns;
    size_t first = column_piece * columns, left = c->product.columns - first;
    const piece made = {plan,         c->x + group * plan->conv->in_channels * plan->plane,
                        first,        plan->copies + worker * OA_CONV_BLOCK_PANELS * plan->taps * plan->most_copies,
                        counts,       c->finish,
                        c->product.c, group * plan->conv->out_channels};
    oa_panel_product product = c->product;
    (void)error;
    product.a += group * plan->conv->out_channels * plan->depth;
    product.last += group * plan->last_size;
    product.start += group * plan->padded_rows;
    product.c += group * plan->conv->out_channels * plan->positions;
    product.context = &made;
    oa_panel_multiply(&product, row_piece * panels / c->row_pieces, (row_piece + 1) * panels / c->row_pieces, first,
                      first + (columns < left ? columns : left), plan->workspaces + worker * plan->workspace_size);
    return OA_OK;
}

static void cut(cut_product *c, size_t threads)
{
    const oa_conv_panels_plan *plan = c->plan;
    size_t panels = (c->product.columns + plan->kernel->columns - 1) / plan->kernel->columns;
    size_t wanted = threads > 1 ? threads * PIECES_A_THREAD : 1, groups = plan->conv->groups;
    size_t share = groups * panels / wanted;
    c->panels_a_piece = share < 1 ? 1 : share < OA_CONV_BLOCK_PANELS ? share : OA_CONV_BLOCK_PANELS;
    c->column_pieces = (panels + c->panels_a_piece - 1) / c->panels_a_piece;
    size_t pieces = groups * c->column_pieces, row_panels = plan->padded_rows / plan->kernel->rows;
    c->row_pieces = pieces < wanted ? (wanted + pieces - 1) / pieces : 1;
    c->row_pieces = c->row_pieces < row_panels ? c->row_pieces : row_panels;
}

oa_status oa_conv_panels(float *y, const float *x, const float *w, const float *bias, const oa_conv *conv,
                         oa_call *call, oa_error *error)
{
    oa_conv_panels_plan plan;
    if (!oa_conv_panels_make(&plan, conv) || !oa_conv_panels_place(&plan, call)) {
        return oa_fail(error, OA_ERROR_MEMORY, "out of memory for the panels of a convolution");
    }
    for (size_t i = 0; i < conv->groups * plan.padded_rows; i++) {
        size_t group = i / plan.padded_rows, row = i % plan.padded_rows;
        plan.start[i] = bias && row < conv->out_channels ? bias[group * conv->out_channels + row] : 0.0f;
    }
    for (size_t group = 0; group < conv->groups && plan.last_size; group++) {
        oa_panel_pack(plan.last + group * plan.last_size, plan.kernel, w + group * conv->out_channels * plan.depth,
                      conv->out_channels, plan.depth, 1, plan.depth);
    }
    cut_product c = {.plan = &plan,
                     .x = x,
                     .product = {.kernel = plan.kernel,
                                 .rows = conv->out_channels,
                                 .columns = conv->batch * plan.positions,
                                 .depth = plan.depth,
                                 .a = w,
                                 .row_step = plan.depth,
                                 .step = 1,
                                 .last = plan.last,
                                 .start = plan.start,
                                 .c = y,
                                 .stride = plan.positions,
                                 .run = plan.positions,
                                 .run_step = conv->groups * conv->out_channels * plan.positions,
                                 .fill = fill_panel,
                                 .finish = call->finish ? finish_run : NULL},
                     .finish = call->finish};
    cut(&c, oa_team_size(call->team));
    return oa_team_run(call->team, conv->groups * c.column_pieces * c.row_pieces, multiply_piece, &c, error);
}
