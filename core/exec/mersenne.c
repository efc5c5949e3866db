#include "core/exec/mersenne.h"

enum { SHIFT_SIZE = 397 }; /* m of the recurrence */

void oa_mersenne_init(oa_mersenne *generator, uint32_t seed)
{
    uint32_t *state = generator->state;
    state[0] = seed;
    for (uint32_t i = 1; i < OA_MERSENNE_SIZE; i++) {
        state[i] = UINT32_C(1812433253) * (state[i - 1] ^ state[i - 1] >> 30) + i;
    }
    generator->next = OA_MERSENNE_SIZE;
}

/* The next 624 words: the upper bit of one word and the lower ones of its neighbour, times the matrix, added to the
 * word m further on. */
static void twist(oa_mersenne *generator)
{
    uint32_t *state = generator->state;
    for (size_t i = 0; i < OA_MERSENNE_SIZE; i++) {
        uint32_t mixed = (state[i] & UINT32_C(0x80000000)) | (state[(i + 1) % OA_MERSENNE_SIZE] & UINT32_C(0x7fffffff));
        uint32_t product = mixed >> 1 ^ (mixed & 1 ? UINT32_C(0x9908b0df) : 0);
        state[i] = state[(i + SHIFT_SIZE) % OA_MERSENNE_SIZE] ^ product;
    }
    generator->next = 0;
}

uint32_t oa_mersenne_next(oa_mersenne *generator)
{
    if (generator->next == OA_MERSENNE_SIZE) {
        twist(generator);
    }
    uint32_t word = generator->state[generator->next++];
    word ^= word >> 11;
    word ^= word << 7 & UINT32_C(0x9d2c5680);
    word ^= word << 15 & UINT32_C(0xefc60000);
    return word ^ word >> 18;
}

double oa_mersenne_uniform(oa_mersenne *generator)
{
    uint32_t high = oa_mersenne_next(generator) >> 5;
    uint32_t low = oa_mersenne_next(generator) >> 6;
    return ((double)high * 0x1p26 + (double)low) * 0x1p-53;
}
