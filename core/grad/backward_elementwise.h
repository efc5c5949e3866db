/* Elementwise functions of one input, backwards. A loop is a pure function over a run of elements. */
#ifndef OA_GRAD_BACKWARD_ELEMENTWISE_H
#define OA_GRAD_BACKWARD_ELEMENTWISE_H

#include "core/exec/types.h"
#include "core/grad/backward.h"

/* to[i] = (or +=) the contribution, for n elements: g is the output's gradient, v the input or the output, whichever
 * the function is written in; `settings` are the operator's attributes. `to` may be g. */
typedef void (*oa_backward_loop)(float *to, const float *g, const float *v, size_t n, bool adds, const float *settings);

/* Defines a loop: `expression` is of g and v, and of the settings alpha and beta. */
#define OA_BACKWARD_LOOP(name, expression)                                                                             \
    static void name(float *to, const float *gs, const float *vs, size_t n, bool adds, const float *settings)          \
    {                                                                                                                  \
        const float alpha = settings[0], beta = settings[1];                                                           \
        (void)alpha;                                                                                                   \
        (void)beta;                                                                                                    \
        if (adds) {                                                                                                    \
            for (size_t i = 0; i < n; i++) {                                                                           \
                const float g = gs[i], v = vs[i];                                                                      \
                to[i] += (expression);                                                                                 \
            }                                                                                                          \
            return;                                                                                                    \
        }                                                                                                              \
        OA_INDEPENDENT                                                                                                 \
        for (size_t i = 0; i < n; i++) {                                                                               \
            const float g = gs[i], v = vs[i];                                                                          \
            to[i] = (expression);                                                                                      \
        }                                                                                                              \
    }

/* Input 0 gets its contribution, in place where possible; v is the input, or the output when `is_of_output`. */
oa_status oa_backward_elementwise(oa_backward_call *call, oa_backward_loop loop, bool is_of_output,
                                  const float *settings, oa_error *error);

/* Functions without attributes, by their loop, written in the input (IN) or the output (OUT). */
#define OA_BACKWARD_FUNCTION(name, is_of_output)                                                                       \
    oa_status oa_backward_##name(oa_backward_call *call, oa_error *error)                                              \
    {                                                                                                                  \
        return oa_backward_elementwise(call, name##_loop, is_of_output, (const float[2]){0.0f, 0.0f}, error);          \
    }
#define OA_BACKWARD_IN(name, expression)                                                                               \
    OA_BACKWARD_LOOP(name##_loop, expression)                                                                          \
    OA_BACKWARD_FUNCTION(name, false)
#define OA_BACKWARD_OUT(name, expression)                                                                              \
    OA_BACKWARD_LOOP(name##_loop, expression)                                                                          \
    OA_BACKWARD_FUNCTION(name, true)

#endif
