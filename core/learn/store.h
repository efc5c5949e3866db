/* The models of families, kept in memory as far as a budget allows: as blocks of weights, and packed for the encoder.
 */
#ifndef OA_LEARN_STORE_H
#define OA_LEARN_STORE_H

#include "core/learn/objective.h"

typedef struct oa_store oa_store;

/* plans [family_count]; all borrowed. OA_ERROR_MEMORY. */
oa_status oa_store_create(oa_store **store, const oa_family *families, oa_aligner_plan *const *plans,
                          size_t family_count, size_t budget, oa_error *error);
void oa_store_destroy(oa_store *store);

/* Reads and packs what is not at hand of these models of a family (repetitions allowed), on several threads. They stay
 * until oa_store_trim. `packs` false: weights alone. Errors of the family's read, naming the family; OA_ERROR_MEMORY.
 */
oa_status oa_store_fetch(oa_store *store, size_t family, const size_t *models, size_t count, bool packs, size_t threads,
                         oa_error *error);
/* A model that has been fetched. */
oa_objective_model oa_store_model(const oa_store *store, size_t family, size_t model);
/* Lets go of models until the budget holds: packed forms first, which take no file to make again. */
void oa_store_trim(oa_store *store);
size_t oa_store_bytes(const oa_store *store);

#endif
