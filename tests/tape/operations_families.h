/* The functions of the table in operations.c, a family a file. */
#ifndef OA_TESTS_TAPE_OPERATIONS_FAMILIES_H
#define OA_TESTS_TAPE_OPERATIONS_FAMILIES_H

#include "tests/tape/operations.h"

size_t draw_size(oa_random *random, size_t low, size_t high); /* both included */
void draw_input(trial *t, size_t rows, size_t columns);

#define OPERATION_DRAW(name) void draw_##name(trial *t, oa_random *random)
#define OPERATION_RECORD(name) oa_var record_##name(oa_tape *tape, const oa_var *inputs, const trial *t)
#define OPERATION_COMPUTE(name) void compute_##name(double *out, const double *const *in, const trial *t)

#define OPERATION(name)                                                                                                \
    OPERATION_DRAW(name);                                                                                              \
    OPERATION_RECORD(name);                                                                                            \
    OPERATION_COMPUTE(name)

/* operations_products.c */
OPERATION(matmul);
OPERATION(sum);
OPERATION(products);
OPERATION(propagate);
OPERATION(multiply);
OPERATION(scale);
/* operations_rows.c: those on one matrix share how they are drawn */
OPERATION_DRAW(number);
OPERATION_DRAW(matrix);
OPERATION_DRAW(blocks);
OPERATION_RECORD(exp);
OPERATION_COMPUTE(exp);
OPERATION_RECORD(relu);
OPERATION_COMPUTE(relu);
OPERATION_RECORD(gelu);
OPERATION_COMPUTE(gelu);
OPERATION_RECORD(mean_rows);
OPERATION_COMPUTE(mean_rows);
OPERATION_RECORD(max_rows);
OPERATION_COMPUTE(max_rows);
OPERATION(layer_norm);
OPERATION_RECORD(normalise);
OPERATION_COMPUTE(normalise);
OPERATION(add_rows);
OPERATION(pairs);
OPERATION(cross_entropy);
OPERATION(sinkhorn);
/* operations_shapes.c */
OPERATION(reshape);
OPERATION(transpose);
OPERATION(rows);
OPERATION(stack);
OPERATION(concat);
OPERATION(repeat);
OPERATION(spread);
OPERATION(gather);

#endif
