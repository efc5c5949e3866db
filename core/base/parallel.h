/* Independent pieces of work, spread over threads. */
#ifndef OA_BASE_PARALLEL_H
#define OA_BASE_PARALLEL_H

#include "core/base/error.h"

/* One piece. `worker` is below the number of threads, and no two pieces run at once with the same one: it picks a
 * workspace. */
typedef oa_status (*oa_parallel_work)(void *context, size_t item, size_t worker, oa_error *error);

/* Does items 0 .. count - 1, each once, on at most `threads` threads, the caller's among them; fewer when the system
 * gives no more. Which worker does an item is a matter of timing, so results must not depend on it. After a failure no
 * new items are begun; of several failures, that of the lowest item is reported. */
oa_status oa_parallel(size_t count, size_t threads, oa_parallel_work work, void *context, oa_error *error);

#endif
