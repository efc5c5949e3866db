#include "core/learn/augment.h"

#include <math.h>
#include <string.h>

oa_augmentation oa_augmentation_default(void)
{
    return (oa_augmentation){.noise = 0.4, .zeroing = 0.05};
}

static double spread(const float *values, size_t count)
{
    double sum = 0.0, squares = 0.0;
    for (size_t i = 0; i < count; i++) {
        sum += (double)values[i];
        squares += (double)values[i] * (double)values[i];
    }
    double mean = sum / (double)(count ? count : 1);
    double variance = squares / (double)(count ? count : 1) - mean * mean;
    return variance > 0.0 ? sqrt(variance) : 0.0;
}

/* target = source + deviation * noise, with each element zero by a chance of share. */
static void damage(float *restrict target, const float *restrict source, size_t count, double deviation, double share,
                   oa_random *random)
{
    /* Four uniform numbers of 16 bits, centred: their sum has the variance 4 * 2^32 / 12. */
    const float unit = (float)(deviation / (65536.0 * sqrt(1.0 / 3.0)));
    for (size_t i = 0; i < count; i++) {
        uint64_t bits = oa_random_next(random);
        int32_t sum = (int32_t)(bits & 0xffff) + (int32_t)(bits >> 16 & 0xffff) + (int32_t)(bits >> 32 & 0xffff) +
                      (int32_t)(bits >> 48);
        target[i] = source[i] + unit * (float)(sum - 131070);
    }
    if (share > 0.0) {
        /* The distance to the next zero is geometric: one number for each zero, not for each weight. */
        double scale = 1.0 / log1p(-share);
        double at = floor(log1p(-oa_random_uniform(random)) * scale);
        while (at < (double)count) {
            target[(size_t)at] = 0.0f;
            at += 1.0 + floor(log1p(-oa_random_uniform(random)) * scale);
        }
    }
}

oa_status oa_augment(float *copy, float *scratch, const oa_family *family, const float *weights,
                     const oa_permutations *permutations, const oa_augmentation *augmentation, oa_random *random,
                     oa_error *error)
{
    const oa_weight_map *map = family->map;
    double level = augmentation->noise * oa_random_uniform(random);
    double share = augmentation->zeroing * oa_random_uniform(random);
    oa_status status = OA_OK;
    for (size_t t = 0; t < map->tensor_count && status == OA_OK; t++) {
        const oa_layout_tensor *place = &family->layout->tensors[t];
        if (map->offset[t] == OA_NONE) {
            continue;
        }
        size_t at = map->offset[t];
        oa_tensor shape = family->graph->tensors[t];
        shape.dtype = OA_DTYPE_FLOAT;
        if (place->is_statistic) {
            memcpy(scratch + at, weights + at, shape.count * sizeof *scratch);
        } else {
            damage(scratch + at, weights + at, shape.count, level * spread(weights + at, shape.count), share, random);
        }
        if (place->moves) {
            status = oa_layout_reorder(copy + at, scratch + at, family->layout, t, &shape, permutations, error);
        } else {
            memcpy(copy + at, scratch + at, shape.count * sizeof *copy);
        }
    }
    return status;
}
