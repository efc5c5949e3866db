/* Adam and AdamW (Kingma and Ba, ICLR 2015; Loshchilov and Hutter, ICLR 2019) over flat parameter vectors. */
#ifndef OA_SOFT_ADAM_H
#define OA_SOFT_ADAM_H

#include <stddef.h>

typedef struct oa_adam {
    float rate;         /* step size of this step; callers schedule it */
    float beta1, beta2; /* 0.9, 0.999 */
    float epsilon;      /* 1e-8 */
    float decay;        /* decoupled weight decay: parameters shrink by rate * decay a step; 0: plain Adam */
} oa_adam;

oa_adam oa_adam_default(float rate);

/* One step. `first` and `second` [count] are the moments, zero before the first step; `step` counts from 1.
 * Elementwise, vectorised. O(count). */
void oa_adam_step(float *parameters, const float *gradients, float *first, float *second, size_t count, size_t step,
                  const oa_adam *adam);

#endif
