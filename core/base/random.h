/* A small seeded generator with a state that callers own: xoshiro256** (Blackman and Vigna, 2021, "Scrambled Linear
 * Pseudorandom Number Generators", ACM TOMS 47(4)), seeded by splitmix64. The same seed gives the same stream on every
 * machine. */
#ifndef OA_BASE_RANDOM_H
#define OA_BASE_RANDOM_H

#include <stddef.h>
#include <stdint.h>

typedef struct oa_random {
    uint64_t state[4];
} oa_random;

void oa_random_init(oa_random *random, uint64_t seed);
uint64_t oa_random_next(oa_random *random);
/* Uniform in 0 .. bound-1, without modulo bias; bound > 0. */
size_t oa_random_below(oa_random *random, size_t bound);
/* Uniform in [0, 1) with 53 bits. */
double oa_random_uniform(oa_random *random);
/* Standard normal (Marsaglia's polar method). */
double oa_random_normal(oa_random *random);
/* A uniform permutation of 0 .. n-1 (Fisher-Yates). */
void oa_random_permutation(size_t *permutation, size_t n, oa_random *random);

#endif
