/* Elementwise functions of two inputs under broadcasting. A loop is a pure function over one run, in which each operand
 * either steps by one element or stands still; y may be a. */
#ifndef OA_EXEC_BINARY_H
#define OA_EXEC_BINARY_H

#include "core/exec/call.h"
#include "core/exec/types.h"

/* y[i] = f(a[i * step_a], b[i * step_b]) for n elements; the steps are 0 or 1. When both are 0, n is 1. */
typedef void (*oa_binary_loop)(void *y, const void *a, size_t step_a, const void *b, size_t step_b, size_t n);

typedef struct oa_binary_row {
    oa_dtype dtype; /* of a and b */
    oa_binary_loop loop;
} oa_binary_row;

/* Defines a loop: `expression` is of a and b, which are of `type`, and becomes a `result`. Three cases, each of which
 * the compiler can vectorise: same shape, b a scalar (or one value a channel), a a scalar. */
#define OA_BINARY_LOOP(name, type, result, expression)                                                                 \
    static void name(void *y_, const void *a_, size_t step_a, const void *b_, size_t step_b, size_t n)                 \
    {                                                                                                                  \
        const type *as = a_, *bs = b_;                                                                                 \
        result *y = y_;                                                                                                \
        if (step_a && step_b) {                                                                                        \
            OA_INDEPENDENT                                                                                             \
            for (size_t i = 0; i < n; i++) {                                                                           \
                const type a = as[i], b = bs[i];                                                                       \
                y[i] = (result)(expression);                                                                           \
            }                                                                                                          \
        } else if (step_a) {                                                                                           \
            const type b = *bs;                                                                                        \
            OA_INDEPENDENT                                                                                             \
            for (size_t i = 0; i < n; i++) {                                                                           \
                const type a = as[i];                                                                                  \
                y[i] = (result)(expression);                                                                           \
            }                                                                                                          \
        } else {                                                                                                       \
            const type a = *as;                                                                                        \
            OA_INDEPENDENT                                                                                             \
            for (size_t i = 0; i < n; i++) {                                                                           \
                const type b = bs[i];                                                                                  \
                y[i] = (result)(expression);                                                                           \
            }                                                                                                          \
        }                                                                                                              \
    }

/* The loop for a dtype, or NULL. */
oa_binary_loop oa_binary_find(const oa_binary_row *rows, size_t row_count, oa_dtype dtype);

/* y = f(a, b) over the whole of y, to whose shape a and b are broadcast. y may have the buffer of a when they have the
 * same shape. `team` may be NULL. O(elements of y). */
void oa_binary_apply(oa_array *y, const oa_array *a, const oa_array *b, oa_binary_loop loop, oa_team *team);

/* Runs an operator of inputs 0 and 1, which must be of one dtype; output 0 is of `result`, or of that dtype when
 * `result` is OA_DTYPE_UNDEFINED. Honours the `broadcast` and `axis` attributes of operator sets below 7. */
oa_status oa_binary_run(oa_call *call, const oa_binary_row *rows, size_t row_count, oa_dtype result, oa_error *error);

/* Input 1 as it is broadcast: up to operator set 6 shapes had to be equal, or with broadcast=1 input 1 was laid along
 * the axes of input 0 from `axis` on; the view then has trailing axes of size 1. */
oa_status oa_binary_second(oa_array *second, oa_call *call, oa_error *error);

#endif
