/* What proves an assignment optimal, recomputed from its definition. */
#ifndef OA_TESTS_ASSIGN_CERTIFICATE_H
#define OA_TESTS_ASSIGN_CERTIFICATE_H

#include <stdbool.h>
#include <stddef.h>

typedef struct certificate {
    bool is_permutation;
    bool is_finite;   /* the prices */
    double objective; /* sum of profit[i, p[i]] */
    double violation; /* the most by which a profit exceeds the sum of its prices; <= 0 when none does */
    double slack;     /* the most by which the prices of an assigned pair exceed its profit */
    double own_slack; /* the same in roundings of that pair and of the best pair of the row, not of the largest */
    double gap;       /* sum of all prices minus the objective: what a better assignment could gain at most */
    double rounding;  /* the rounding error of a reduced cost: the scale for violation and slack */
} certificate;

/* Sums are taken in long double. O(n^2). */
certificate certificate_of(const size_t *permutation, const double *row_price, const double *column_price,
                           const double *profit, size_t n);

/* Whether it proves optimality up to rounding.
 *
 * The solver takes a row for settled when the reduced cost of its pair is within eight roundings of the row's lowest,
 * counted for the two profits and two prices that make these up. Each is at most M, the largest absolute value among
 * profits and prices, so violation and slack may be 32 roundings of M, and the gap n times as much. */
bool certificate_holds(const certificate *proof, size_t n);

#endif
