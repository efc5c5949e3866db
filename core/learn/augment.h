/* Labelled pairs for free: a model and a reordered, damaged copy of it, whose right alignment is known.
 *
 * Navon et al., "Equivariant Deep Weight Space Alignment", ICML 2024, section 5 (generating labelled data). */
#ifndef OA_LEARN_AUGMENT_H
#define OA_LEARN_AUGMENT_H

#include "core/base/random.h"
#include "core/learn/family.h"

typedef struct oa_augmentation {
    double noise;   /* a copy's noise has up to this share of each tensor's spread, drawn anew for every copy */
    double zeroing; /* up to this share of its weights become zero, drawn anew for every copy */
} oa_augmentation;

oa_augmentation oa_augmentation_default(void);

/* copy [total] = permutations # (weights with noise and zeros). Statistics of normalisations are reordered only: a
 * variance must stay positive. `scratch` [total]. Neither may overlap. Deviations from the source: the noise is a sum
 * of four uniform numbers (nearly normal, at a tenth of the time), and units are not rescaled. OA_ERROR_MEMORY.
 * O(total). */
oa_status oa_augment(float *copy, float *scratch, const oa_family *family, const float *weights,
                     const oa_permutations *permutations, const oa_augmentation *augmentation, oa_random *random,
                     oa_error *error);

#endif
