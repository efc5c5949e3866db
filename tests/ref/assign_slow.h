/* Optimal assignments the slow way: references that share nothing with the solver. */
#ifndef OA_TESTS_REF_ASSIGN_SLOW_H
#define OA_TESTS_REF_ASSIGN_SLOW_H

#include <stddef.h>
#include <stdint.h>

enum { ASSIGN_ALL_LIMIT = 9, ASSIGN_CYCLES_LIMIT = 64 };

/* The largest sum of profit[i, p[i]] over all n! permutations, n <= ASSIGN_ALL_LIMIT. */
double assign_try_all(const double *profit, size_t n);

/* The same for integers, n <= ASSIGN_CYCLES_LIMIT: starts from the identity and exchanges along cycles that gain
 * (Klein's cycle cancelling, cycles found by Bellman and Ford) until there is none. Exact. O(n^3) a cycle. */
int64_t assign_cancel_cycles(const int64_t *profit, size_t n);

#endif
