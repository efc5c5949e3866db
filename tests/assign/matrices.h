/* Seeded profit matrices for the tests and the benchmark of the assignment solver. */
#ifndef OA_TESTS_ASSIGN_MATRICES_H
#define OA_TESTS_ASSIGN_MATRICES_H

#include "core/base/random.h"

#include <stdbool.h>
#include <stddef.h>

typedef enum matrix_kind {
    MATRIX_UNIFORM,        /* in [0, 1) */
    MATRIX_NORMAL,         /* standard normal */
    MATRIX_PRODUCT_LOW,    /* of two normal matrices, inner dimension 4 */
    MATRIX_PRODUCT,        /* the same, 64 */
    MATRIX_WEIGHTS_LOW,    /* weight matching: rows of uneven length, weakly related, 27 inputs */
    MATRIX_WEIGHTS,        /* the same, 288 inputs */
    MATRIX_PLANTED,        /* two noisy copies of the same rows */
    MATRIX_ACTIVATIONS,    /* products of rectified features: positive, of low rank */
    MATRIX_DEAD,           /* weights with half of the rows and columns zero */
    MATRIX_ZERO,           /* nothing but zeros of either sign */
    MATRIX_DIGITS,         /* integers 0 .. 9 */
    MATRIX_INTEGERS,       /* integers of up to 20 bits */
    MATRIX_SPARSE,         /* three ones a row */
    MATRIX_POINTS,         /* minus squared distances in the unit square */
    MATRIX_DISTANCES,      /* distances on the line: all matchings that cross are optimal */
    MATRIX_OUTER,          /* i * j, hard for path searches */
    MATRIX_REPEATED_ROWS,  /* eight different rows */
    MATRIX_EQUAL_ROWS,     /* one */
    MATRIX_REPEATED_UNITS, /* products of which eight rows each are equal */
    MATRIX_SCALES,         /* rows and columns scaled by 10^-6 .. 10^6 */
    MATRIX_HUGE,           /* up to 10^300, of either sign */
    MATRIX_TINY,           /* subnormal */
    MATRIX_OFFSETS,        /* uniform plus large constants on columns */
    MATRIX_SORTED,         /* increasing along the whole matrix */
    MATRIX_KINDS
} matrix_kind;

const char *matrix_name(matrix_kind kind);

/* Whether all entries are integers of at most 40 bits, so that sums of them are exact. */
bool matrix_is_integer(matrix_kind kind, size_t n);

/* Fills profit [n, n]. The same kind, n and state of the generator give the same matrix. False when memory runs out. */
bool matrix_fill(double *profit, matrix_kind kind, size_t n, oa_random *random);

#endif
