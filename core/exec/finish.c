#include "core/exec/finish.h"

#include "core/linalg/vector_math.h"

bool oa_finish_fits(const oa_finish *finish, const oa_array *y)
{
    for (size_t i = 0; i < finish->count; i++) {
        const oa_finish_step *step = &finish->steps[i];
        if ((step->kind == OA_FINISH_NORMALISE && (y->rank < 2 || step->channels != y->dims[1])) ||
            (step->kind == OA_FINISH_ADD && !oa_same_shape(step->other, y))) {
            return false;
        }
    }
    return true;
}

OA_VECTOR_CLONES
static void normalise(float *y, size_t n, float mean, float factor, float bias)
{
    for (size_t i = 0; i < n; i++) {
        y[i] = (y[i] - mean) * factor + bias;
    }
}

OA_VECTOR_CLONES
static void relu(float *y, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        y[i] = y[i] < 0 ? 0 : y[i];
    }
}

OA_VECTOR_CLONES
static void clip(float *y, size_t n, float least, float most)
{
    for (size_t i = 0; i < n; i++) {
        const float raised = y[i] < least ? least : y[i];
        y[i] = raised > most ? most : raised;
    }
}

OA_VECTOR_CLONES
static void hard_swish(float *y, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const float x = y[i];
        y[i] = x * (x <= -3 ? 0 : x >= 3 ? 1 : x / 6 + 0.5f);
    }
}

OA_VECTOR_CLONES
static void add(float *restrict y, const float *restrict other, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        y[i] += other[i];
    }
}

void oa_finish_apply(const oa_finish *finish, float *y, size_t channel, size_t at, size_t n)
{
    for (size_t i = 0; i < finish->count; i++) {
        const oa_finish_step *step = &finish->steps[i];
        switch (step->kind) {
        case OA_FINISH_NORMALISE:
            normalise(y, n, step->mean[channel], step->factor[channel], step->bias[channel]);
            break;
        case OA_FINISH_RELU:
            relu(y, n);
            break;
        case OA_FINISH_CLIP:
            clip(y, n, step->least, step->most);
            break;
        case OA_FINISH_HARD_SWISH:
            hard_swish(y, n);
            break;
        case OA_FINISH_ADD:
            add(y, (const float *)step->other->data + at, n);
            break;
        }
    }
}
