/* The Mersenne Twister MT19937 (Matsumoto and Nishimura, 1998, "Mersenne Twister: a 623-dimensionally equidistributed
 * uniform pseudo-random number generator", ACM TOMACS 8(1)). ONNX leaves the generator of Dropout open; its reference
 * implementation draws from this one, so the same seeds give the same masks here. Not for anything else: see
 * core/base/random.h. */
#ifndef OA_EXEC_MERSENNE_H
#define OA_EXEC_MERSENNE_H

#include <stddef.h>
#include <stdint.h>

enum { OA_MERSENNE_SIZE = 624 };

typedef struct oa_mersenne {
    uint32_t state[OA_MERSENNE_SIZE];
    size_t next; /* word of the state to be read next */
} oa_mersenne;

void oa_mersenne_init(oa_mersenne *generator, uint32_t seed);
uint32_t oa_mersenne_next(oa_mersenne *generator);
/* Uniform in [0, 1) with 53 bits, from two words. */
double oa_mersenne_uniform(oa_mersenne *generator);

#endif
