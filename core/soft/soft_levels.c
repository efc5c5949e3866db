#include "core/soft/soft_levels.h"

#include "core/soft/sinkhorn.h"

#include <string.h>

/* Blocks that go together with less than this have units that go nowhere there. */
static const float SHARE_MIN = 1e-6f;

struct oa_level {
    size_t blocks, inside;  /* blocks is 1 for a group by itself, which is all inside then */
    oa_sinkhorn **sinkhorn; /* [blocks, blocks] */
    float *soft;            /* [blocks, blocks][inside, inside] the units of each two blocks; NULL by itself */
    float *scratch[2];      /* [inside, inside] */
};

oa_status oa_level_create(oa_level **result, const oa_group *group, size_t iterations, oa_error *error)
{
    size_t n = group->block_count, m = group->size / n, pairs, cells, all = 0;
    oa_status status = OA_OK;
    oa_level *level = oa_calloc(1, sizeof *level);
    bool fits =
        !oa_mul_overflows(&pairs, n, n) && !oa_mul_overflows(&cells, m, m) && !oa_mul_overflows(&all, pairs, cells);
    if (level && fits) {
        level->blocks = n;
        level->inside = m;
        level->sinkhorn = oa_calloc(pairs, sizeof *level->sinkhorn);
        level->soft = n > 1 ? oa_malloc(all, sizeof *level->soft) : NULL;
        level->scratch[0] = n > 1 ? oa_malloc(cells, sizeof *level->scratch[0]) : NULL;
        level->scratch[1] = n > 1 ? oa_malloc(cells, sizeof *level->scratch[1]) : NULL;
    }
    if (!level || !level->sinkhorn || (n > 1 && (!level->soft || !level->scratch[0] || !level->scratch[1]))) {
        oa_level_destroy(level);
        return oa_fail(error, OA_ERROR_MEMORY, "out of memory for soft permutations of %zu units", group->size);
    }
    for (size_t k = 0; k < pairs && status == OA_OK; k++) {
        status = oa_sinkhorn_create(&level->sinkhorn[k], m, iterations, error);
    }
    if (status != OA_OK) {
        oa_level_destroy(level);
        return status;
    }
    *result = level;
    return OA_OK;
}

void oa_level_destroy(oa_level *level)
{
    if (!level) {
        return;
    }
    for (size_t k = 0; k < level->blocks * level->blocks && level->sinkhorn; k++) {
        oa_sinkhorn_destroy(level->sinkhorn[k]);
    }
    oa_free(level->sinkhorn);
    oa_free(level->soft);
    oa_free(level->scratch[0]);
    oa_free(level->scratch[1]);
    oa_free(level);
}

/* Where the units of two blocks begin in a matrix of all units. */
static size_t place_of(const oa_level *level, size_t pair)
{
    size_t m = level->inside, n = level->blocks;
    return pair / n * m * n * m + pair % n * m;
}

oa_status oa_level_forward(float *s, oa_level *level, const float *scores, const float *blocks, oa_error *error)
{
    size_t m = level->inside, stride = level->blocks * m;
    oa_status status = OA_OK;
    if (level->blocks == 1) {
        return oa_sinkhorn_forward(s, level->sinkhorn[0], scores, error);
    }
    for (size_t k = 0; k < level->blocks * level->blocks && status == OA_OK; k++) {
        float *soft = level->soft + k * m * m;
        const float *from = scores + place_of(level, k);
        float *to = s + place_of(level, k);
        bool is_met = blocks[k] >= SHARE_MIN;
        for (size_t i = 0; i < m && is_met; i++) {
            memcpy(soft + i * m, from + i * stride, m * sizeof *soft);
        }
        status = is_met ? oa_sinkhorn_forward(soft, level->sinkhorn[k], soft, error) : OA_OK;
        for (size_t i = 0; i < m && status == OA_OK; i++) {
            for (size_t j = 0; j < m; j++) {
                to[i * stride + j] = is_met ? blocks[k] * soft[i * m + j] : blocks[k] / (float)m;
            }
        }
    }
    return status;
}

void oa_level_backward(float *score_gradients, float *block_gradients, oa_level *level, const float *s_gradients,
                       const float *blocks)
{
    size_t m = level->inside, stride = level->blocks * m;
    if (level->blocks == 1) {
        oa_sinkhorn_backward(score_gradients, level->sinkhorn[0], s_gradients);
        return;
    }
    for (size_t k = 0; k < level->blocks * level->blocks; k++) {
        const float *soft = level->soft + k * m * m;
        const float *from = s_gradients + place_of(level, k);
        float *to = score_gradients + place_of(level, k);
        bool is_met = blocks[k] >= SHARE_MIN;
        double share = 0.0;
        for (size_t i = 0; i < m; i++) {
            for (size_t j = 0; j < m; j++) {
                float gradient = from[i * stride + j];
                share += (double)gradient * (double)(is_met ? soft[i * m + j] : 1.0f / (float)m);
                level->scratch[0][i * m + j] = blocks[k] * gradient;
            }
        }
        block_gradients[k] += (float)share;
        if (!is_met) {
            continue;
        }
        memset(level->scratch[1], 0, m * m * sizeof *level->scratch[1]);
        oa_sinkhorn_backward(level->scratch[1], level->sinkhorn[k], level->scratch[0]);
        for (size_t i = 0; i < m; i++) {
            for (size_t j = 0; j < m; j++) {
                to[i * stride + j] += level->scratch[1][i * m + j];
            }
        }
    }
}
