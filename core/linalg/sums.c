#include "core/linalg/sums.h"

#include "core/linalg/vector_math.h"

/* Sums that do not wait for each other. */
enum { LANES = 16 };

#define SUM(name, expression)                                                                                          \
    OA_VECTOR_CLONES                                                                                                   \
    double name(const float *xs, size_t n)                                                                             \
    {                                                                                                                  \
        double lanes[LANES] = {0.0}, sum = 0.0;                                                                        \
        size_t whole = n - n % LANES;                                                                                  \
        for (size_t i = 0; i < whole; i += LANES) {                                                                    \
            for (size_t k = 0; k < LANES; k++) {                                                                       \
                const double x = (double)xs[i + k];                                                                    \
                lanes[k] += (expression);                                                                              \
            }                                                                                                          \
        }                                                                                                              \
        for (size_t i = whole; i < n; i++) {                                                                           \
            const double x = (double)xs[i];                                                                            \
            lanes[i - whole] += (expression);                                                                          \
        }                                                                                                              \
        for (size_t k = 0; k < LANES; k++) {                                                                           \
            sum += lanes[k];                                                                                           \
        }                                                                                                              \
        return sum;                                                                                                    \
    }

SUM(oa_sum, x)
SUM(oa_sum_of_squares, x *x)

OA_VECTOR_CLONES
bool oa_all_finite(const float *x, size_t n)
{
    const uint32_t exponent = UINT32_C(0x7f800000); /* all ones in infinity and NaN alone */
    uint32_t found = 0;
    for (size_t i = 0; i < n; i++) {
        uint32_t bits;
        memcpy(&bits, &x[i], sizeof bits);
        found |= (bits & exponent) == exponent;
    }
    return !found;
}
