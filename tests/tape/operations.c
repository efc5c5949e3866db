#include "tests/tape/operations.h"

#include "tests/tape/operations_families.h"

#include <math.h>

size_t draw_size(oa_random *random, size_t low, size_t high)
{
    return low + oa_random_below(random, high - low + 1);
}

void draw_input(trial *t, size_t rows, size_t columns)
{
    t->rows[t->input_count] = rows;
    t->columns[t->input_count++] = columns;
}

/* Sums of a dozen products: a few roundings of 6e-8. */
#define EXACT 2e-6
/* Divided by what may be small, or functions that are themselves within 3e-7. */
#define ROUNDED 2e-5
/* Many iterations. */
#define ITERATED 1e-4

const operation OPERATIONS[] = {
    {"matmul", draw_matmul, record_matmul, compute_matmul, EXACT},
    {"sum", draw_sum, record_sum, compute_sum, EXACT},
    {"sum_of_products", draw_products, record_products, compute_products, EXACT},
    {"propagate", draw_propagate, record_propagate, compute_propagate, EXACT},
    {"multiply", draw_multiply, record_multiply, compute_multiply, EXACT},
    {"scale", draw_scale, record_scale, compute_scale, EXACT},
    {"exp", draw_number, record_exp, compute_exp, EXACT},
    {"relu", draw_matrix, record_relu, compute_relu, EXACT},
    {"gelu", draw_matrix, record_gelu, compute_gelu, EXACT},
    {"add_rows", draw_add_rows, record_add_rows, compute_add_rows, EXACT},
    {"mean_rows", draw_blocks, record_mean_rows, compute_mean_rows, EXACT},
    {"max_rows", draw_blocks, record_max_rows, compute_max_rows, EXACT},
    {"pairs", draw_pairs, record_pairs, compute_pairs, ROUNDED},
    {"layer_norm", draw_layer_norm, record_layer_norm, compute_layer_norm, ROUNDED},
    {"normalise_rows", draw_matrix, record_normalise, compute_normalise, ROUNDED},
    {"reshape", draw_reshape, record_reshape, compute_reshape, EXACT},
    {"transpose", draw_transpose, record_transpose, compute_transpose, EXACT},
    {"rows", draw_rows, record_rows, compute_rows, EXACT},
    {"stack", draw_stack, record_stack, compute_stack, EXACT},
    {"concat_columns", draw_concat, record_concat, compute_concat, EXACT},
    {"repeat_rows", draw_repeat, record_repeat, compute_repeat, EXACT},
    {"spread_taps", draw_spread, record_spread, compute_spread, EXACT},
    {"gather_taps", draw_gather, record_gather, compute_gather, EXACT},
    {"cross_entropy", draw_cross_entropy, record_cross_entropy, compute_cross_entropy, ROUNDED},
    {"sinkhorn", draw_sinkhorn, record_sinkhorn, compute_sinkhorn, ITERATED},
};
const size_t OPERATION_COUNT = sizeof OPERATIONS / sizeof *OPERATIONS;
