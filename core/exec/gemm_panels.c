#include "core/exec/gemm_panels.h"

#include "core/linalg/panels.h"

enum {
    MOST_ROWS = 256,  /* of a piece */
    LEAST_ROWS = 64,  /* as long as there are columns to divide instead */
    BLOCK_PANELS = 6, /* of b that are laid out at a time */
    LEAST_PANELS = 2, /* of columns that a piece has */
    PIECES_A_THREAD = 4
};

typedef struct cut_products {
    const oa_matrix_triple *products;
    const oa_matrix_product *shape;
    const oa_panel_kernel *kernel;
    size_t rows, columns;             /* of a piece */
    size_t row_pieces, column_pieces; /* of a product */
    size_t packed_size;               /* floats of a worker: the last panel of a, then the workspace */
    size_t workspace_size;
    float *workspaces;
} cut_products;

typedef struct panel_source {
    const float *b;
    const oa_strides *strides;
} panel_source;

bool oa_gemm_panels_available(void)
{
    return oa_panel_kernel_find() != NULL;
}

static void fill_panel(float *panel, const oa_panel_product *product, size_t first, size_t count, size_t above,
                       size_t depth)
{
    const panel_source *source = product->context;
    size_t row_step = source->strides->row_step, step = source->strides->column_step, pieces = 0;
    const oa_panel_kernel *kernel = product->kernel;
    oa_panel_copy copies[OA_PANEL_MOST_COLUMNS];
    for (size_t to = 0; to < count; to += kernel->lanes) {
        size_t n = count - to < kernel->lanes ? count - to : kernel->lanes;
        copies[pieces++] = (oa_panel_copy){(ptrdiff_t)(to * step), (uint32_t)to, (uint32_t)((UINT64_C(1) << n) - 1)};
    }
    const float *from = source->b + above * row_step + first * step;
    for (size_t k = 0; k < depth; k++) {
        kernel->copy(panel + k * kernel->columns, from + k * row_step, copies, pieces, step);
    }
}

/* Item: some rows and columns of one product. */
static oa_status multiply_piece(void *context, size_t item, size_t worker, oa_error *error)
{
    static const float zeros[MOST_ROWS];
    const cut_products *cut = context;
    const oa_matrix_product *shape = cut->shape;
    const oa_matrix_triple *triple = &cut->products[item / cut->column_pieces / cut->row_pieces];
    size_t row = item / cut->column_pieces % cut->row_pieces * cut->rows;
    size_t column = item % cut->column_pieces * cut->columns;
    size_t rows = shape->m - row < cut->rows ? shape->m - row : cut->rows;
    size_t end = shape->n - column < cut->columns ? shape->n : column + cut->columns;
    size_t block = BLOCK_PANELS * cut->kernel->columns, panels = (rows + cut->kernel->rows - 1) / cut->kernel->rows;
    float *packed = cut->workspaces + worker * (cut->packed_size + cut->workspace_size);
    const float *a = (const float *)triple->a + row * shape->a.row_step;
    const panel_source source = {triple->b, &shape->b};
    const oa_panel_product product = {.kernel = cut->kernel,
                                      .rows = rows,
                                      .columns = shape->n,
                                      .depth = shape->k,
                                      .a = a,
                                      .row_step = shape->a.row_step,
                                      .step = shape->a.column_step,
                                      .last = packed,
                                      .start = shape->adds ? NULL : zeros,
                                      .c = (float *)triple->c + row * shape->n,
                                      .stride = shape->n,
                                      .run = shape->n,
                                      .fill = fill_panel,
                                      .context = &source};
    (void)error;
    if (rows % cut->kernel->rows) {
        oa_panel_pack(packed, cut->kernel, a, rows, shape->a.row_step, shape->a.column_step, shape->k);
    }
    for (; column < end; column += block) {
        oa_panel_multiply(&product, 0, panels, column, end - column < block ? end : column + block,
                          packed + cut->packed_size);
    }
    return OA_OK;
}

static size_t parts_of(size_t count, size_t size)
{
    return (count + size - 1) / size;
}

/* Halves pieces, rows before columns, until there are enough for the threads or they are small. */
static void cut_pieces(cut_products *cut, size_t count, size_t threads)
{
    const oa_matrix_product *shape = cut->shape;
    size_t unit = cut->kernel->rows, wanted = threads > 1 ? threads * PIECES_A_THREAD : 1;
    cut->rows = MOST_ROWS < shape->m ? MOST_ROWS : parts_of(shape->m, unit) * unit;
    cut->columns = parts_of(shape->n, cut->kernel->columns) * cut->kernel->columns;
    while (count * parts_of(shape->m, cut->rows) * parts_of(shape->n, cut->columns) < wanted) {
        if (cut->rows >= 2 * LEAST_ROWS) {
            cut->rows = parts_of(cut->rows / 2, unit) * unit;
        } else if (cut->columns >= 2 * LEAST_PANELS * cut->kernel->columns) {
            cut->columns = parts_of(cut->columns / 2, cut->kernel->columns) * cut->kernel->columns;
        } else {
            break;
        }
    }
    cut->row_pieces = parts_of(shape->m, cut->rows);
    cut->column_pieces = parts_of(shape->n, cut->columns);
}

oa_status oa_gemm_panels(const oa_matrix_triple *products, size_t count, const oa_matrix_product *shape, oa_call *call,
                         oa_error *error)
{
    size_t threads = oa_team_size(call->team), floats;
    cut_products cut = {.products = products, .shape = shape, .kernel = oa_panel_kernel_find()};
    cut_pieces(&cut, count, threads);
    size_t block = BLOCK_PANELS * cut.kernel->columns;
    cut.workspace_size = oa_panel_workspace(cut.kernel, cut.columns < block ? cut.columns : block);
    bool fits = !oa_mul_overflows(&cut.packed_size, cut.kernel->rows, shape->k) &&
                !oa_add_overflows(&floats, cut.packed_size, cut.workspace_size) &&
                !oa_mul_overflows(&floats, floats, threads);
    cut.workspaces = fits ? oa_call_scratch(call, floats, sizeof(float)) : NULL;
    if (!cut.workspaces) {
        return oa_fail(error, OA_ERROR_MEMORY, "out of memory for the panels of a matrix product");
    }
    return oa_team_run(call->team, count * cut.row_pieces * cut.column_pieces, multiply_piece, &cut, error);
}
