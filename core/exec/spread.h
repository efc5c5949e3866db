/* Elementwise and row by row work over the executor's threads. */
#ifndef OA_EXEC_SPREAD_H
#define OA_EXEC_SPREAD_H

#include "core/base/parallel.h"

/* Does items first .. end - 1. */
typedef void (*oa_spread_work)(void *context, size_t first, size_t end);

/* Does `count` items, in parts on several threads where that pays. `cost` is what an item costs, in units of adding up
 * two floats. What comes out must not depend on where parts begin. */
void oa_spread(oa_team *team, size_t count, size_t cost, oa_spread_work work, void *context);

#endif
