#include "tests/assign/certificate.h"

#include "core/base/memory.h"

#include <float.h>
#include <math.h>

enum { ROUNDINGS = 32 };

static bool check_permutation(const size_t *permutation, size_t n)
{
    bool *seen = oa_calloc(n, sizeof *seen);
    bool is_permutation = seen != NULL;
    for (size_t i = 0; is_permutation && i < n; i++) {
        is_permutation = permutation[i] < n && !seen[permutation[i]];
        if (is_permutation) {
            seen[permutation[i]] = true;
        }
    }
    oa_free(seen);
    return is_permutation;
}

/* The slack of an assigned pair, in roundings of it and of the cell that row i would like best. */
static double own_slack(size_t i, size_t column, const double *row_price, const double *column_price,
                        const double *profit, size_t n)
{
    const double *row = profit + i * n;
    size_t best = 0;
    for (size_t j = 1; j < n; j++) {
        best = row[j] - column_price[j] > row[best] - column_price[best] ? j : best;
    }
    double slack = (double)((long double)row_price[i] + column_price[column] - row[column]);
    double size = fabs(row[column]) + fabs(column_price[column]) + fabs(row[best]) + fabs(column_price[best]);
    return slack > 0.0 ? slack / (DBL_EPSILON * size) : 0.0;
}

certificate certificate_of(const size_t *permutation, const double *row_price, const double *column_price,
                           const double *profit, size_t n)
{
    certificate result = {.is_finite = true, .violation = -INFINITY, .slack = -INFINITY};
    result.is_permutation = check_permutation(permutation, n);
    if (!result.is_permutation) {
        return result;
    }
    long double objective = 0.0L;
    long double prices = 0.0L;
    double largest = 0.0;
    for (size_t i = 0; i < n; i++) {
        result.is_finite = result.is_finite && isfinite(row_price[i]) && isfinite(column_price[i]);
        objective += profit[i * n + permutation[i]];
        prices += (long double)row_price[i] + column_price[i];
        result.own_slack = fmax(result.own_slack, own_slack(i, permutation[i], row_price, column_price, profit, n));
        largest = fmax(largest, fmax(fabs(row_price[i]), fabs(column_price[i])));
        for (size_t j = 0; j < n; j++) {
            double excess = (double)((long double)profit[i * n + j] - row_price[i] - column_price[j]);
            largest = fmax(largest, fabs(profit[i * n + j]));
            result.violation = fmax(result.violation, excess);
            if (j == permutation[i]) {
                result.slack = fmax(result.slack, -excess);
            }
        }
    }
    result.objective = (double)objective;
    result.gap = (double)(prices - objective);
    result.rounding = largest * DBL_EPSILON;
    return result;
}

bool certificate_holds(const certificate *proof, size_t n)
{
    double allowed = ROUNDINGS * proof->rounding;
    /* Written so that NaN fails. */
    return proof->is_permutation && proof->is_finite && proof->violation <= allowed && proof->slack <= allowed &&
           fabs(proof->gap) <= (double)n * allowed;
}
