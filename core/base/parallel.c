#include "core/base/parallel.h"

#include "core/base/memory.h"

#include <pthread.h>
#include <stdatomic.h>

typedef struct job {
    oa_parallel_work work;
    void *context;
    size_t count;
    atomic_size_t next;
    atomic_bool has_failed;
    pthread_mutex_t lock; /* of what follows */
    size_t failed_item;
    oa_error failure;
} job;

typedef struct worker {
    job *job;
    size_t index;
    pthread_t thread;
} worker;

static void note_failure(job *j, size_t item, const oa_error *error)
{
    pthread_mutex_lock(&j->lock);
    if (!atomic_load(&j->has_failed) || item < j->failed_item) {
        j->failed_item = item;
        j->failure = *error;
    }
    atomic_store(&j->has_failed, true);
    pthread_mutex_unlock(&j->lock);
}

static void *run(void *argument)
{
    const worker *w = argument;
    job *j = w->job;
    while (!atomic_load(&j->has_failed)) {
        oa_error error = {.status = OA_OK};
        size_t item = atomic_fetch_add(&j->next, 1);
        if (item >= j->count) {
            break;
        }
        oa_status status = j->work(j->context, item, w->index, &error);
        if (status != OA_OK) {
            error.status = status;
            note_failure(j, item, &error);
        }
    }
    return NULL;
}

oa_status oa_parallel(size_t count, size_t threads, oa_parallel_work work, void *context, oa_error *error)
{
    size_t wanted = threads < count ? threads : count;
    size_t started = 0;
    job j = {.work = work, .context = context, .count = count};
    worker own = {.job = &j};
    worker *others = wanted > 1 ? oa_calloc(wanted - 1, sizeof *others) : NULL;
    if (wanted > 1 && !others) {
        return oa_fail(error, OA_ERROR_MEMORY, "out of memory for threads");
    }
    if (pthread_mutex_init(&j.lock, NULL) != 0) {
        oa_free(others);
        return oa_fail(error, OA_ERROR_MEMORY, "out of memory for threads");
    }
    for (size_t i = 0; i + 1 < wanted; i++) {
        others[i] = (worker){.job = &j, .index = i + 1};
        if (pthread_create(&others[i].thread, NULL, run, &others[i]) != 0) {
            break;
        }
        started++;
    }
    (void)run(&own);
    for (size_t i = 0; i < started; i++) {
        pthread_join(others[i].thread, NULL);
    }
    pthread_mutex_destroy(&j.lock);
    oa_free(others);
    if (!atomic_load(&j.has_failed)) {
        return OA_OK;
    }
    return oa_fail(error, j.failure.status, "%s", j.failure.message);
}
