#include "core/base/random.h"

#include <math.h>

static uint64_t rotate_left(uint64_t x, int k)
{
    return (x << k) | (x >> (64 - k));
}

void oa_random_init(oa_random *random, uint64_t seed)
{
    for (size_t i = 0; i < 4; i++) {
        seed += UINT64_C(0x9e3779b97f4a7c15);
        uint64_t z = seed;
        z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
        z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
        random->state[i] = z ^ (z >> 31);
    }
}

uint64_t oa_random_next(oa_random *random)
{
    uint64_t *s = random->state;
    uint64_t result = rotate_left(s[1] * 5, 7) * 9;
    uint64_t t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotate_left(s[3], 45);
    return result;
}

size_t oa_random_below(oa_random *random, size_t bound)
{
    uint64_t n = (uint64_t)bound;
    uint64_t limit = UINT64_MAX - UINT64_MAX % n;
    uint64_t x;
    do {
        x = oa_random_next(random);
    } while (x >= limit);
    return (size_t)(x % n);
}

double oa_random_uniform(oa_random *random)
{
    return (double)(oa_random_next(random) >> 11) * 0x1.0p-53;
}

double oa_random_normal(oa_random *random)
{
    for (;;) {
        double u = 2.0 * oa_random_uniform(random) - 1.0;
        double v = 2.0 * oa_random_uniform(random) - 1.0;
        double s = u * u + v * v;
        if (s > 0.0 && s < 1.0) {
            return u * sqrt(-2.0 * log(s) / s);
        }
    }
}

void oa_random_permutation(size_t *permutation, size_t n, oa_random *random)
{
    for (size_t i = 0; i < n; i++) {
        permutation[i] = i;
    }
    for (size_t i = n; i > 1; i--) {
        size_t j = oa_random_below(random, i);
        size_t swap = permutation[i - 1];
        permutation[i - 1] = permutation[j];
        permutation[j] = swap;
    }
}
