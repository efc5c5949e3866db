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

/* Threads that stay between one job and the next, for jobs of milliseconds or less. */
typedef struct oa_team oa_team;

/* A team of so many threads, its caller's among them; the others start with the first job. OA_ERROR_MEMORY. */
oa_status oa_team_create(oa_team **team, size_t threads, oa_error *error);
void oa_team_destroy(oa_team *team); /* NULL is fine */
/* How many threads it may use; 1 for NULL. */
size_t oa_team_size(const oa_team *team);
/* As oa_parallel, on the team; one job at a time. Workers that have nothing to do look for the next job for some
 * microseconds before they sleep. NULL does everything on the caller's thread. */
oa_status oa_team_run(oa_team *team, size_t count, oa_parallel_work work, void *context, oa_error *error);

#endif
