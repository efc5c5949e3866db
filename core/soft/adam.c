#include "core/soft/adam.h"

#include "core/linalg/vector_math.h"

#include <math.h>

oa_adam oa_adam_default(float rate)
{
    return (oa_adam){.rate = rate, .beta1 = 0.9f, .beta2 = 0.999f, .epsilon = 1e-8f};
}

OA_VECTOR_CLONES
void oa_adam_step(float *parameters, const float *gradients, float *first, float *second, size_t count, size_t step,
                  const oa_adam *adam)
{
    float *restrict x = parameters, *restrict m = first, *restrict v = second;
    const float *restrict g = gradients;
    double t = (double)step;
    float b1 = adam->beta1, b2 = adam->beta2, epsilon = adam->epsilon;
    float rate = adam->rate / (float)(1.0 - pow((double)b1, t));
    float unbias = 1.0f / sqrtf((float)(1.0 - pow((double)b2, t)));
    float keep = 1.0f - adam->rate * adam->decay;
    for (size_t i = 0; i < count; i++) {
        m[i] = b1 * m[i] + (1.0f - b1) * g[i];
        v[i] = b2 * v[i] + (1.0f - b2) * g[i] * g[i];
        x[i] = keep * x[i] - rate * m[i] / (sqrtf(v[i]) * unbias + epsilon);
    }
}
