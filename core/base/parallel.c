#include "core/base/parallel.h"

#include "core/base/memory.h"

#include <pthread.h>
#include <stdatomic.h>

/* How often a thread looks before it sleeps: for some tens of microseconds, which is what being woken takes. */
enum { SPINS = 2000 };

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

typedef struct member {
    oa_team *team;
    size_t index;
    pthread_t thread;
} member;

struct oa_team {
    size_t threads;  /* wanted, the caller's among them */
    size_t started;  /* besides the caller's */
    bool is_started; /* as many as the system gave */
    member *members; /* [threads - 1] */
    pthread_mutex_t lock;
    pthread_cond_t has_job;
    pthread_cond_t is_done;
    job *job;             /* that may be joined, or NULL */
    atomic_size_t rounds; /* jobs so far; written under the lock, as is the next */
    atomic_size_t joined; /* members that are at work on the job */
    bool ends;
};

static inline void pause_briefly(void)
{
#if defined(__GNUC__) && defined(__x86_64__)
    __builtin_ia32_pause();
#endif
}

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

static void do_items(job *j, size_t worker)
{
    while (!atomic_load(&j->has_failed)) {
        oa_error error = {.status = OA_OK};
        size_t item = atomic_fetch_add(&j->next, 1);
        if (item >= j->count) {
            break;
        }
        oa_status status = j->work(j->context, item, worker, &error);
        if (status != OA_OK) {
            error.status = status;
            note_failure(j, item, &error);
        }
    }
}

static void leave(oa_team *team)
{
    pthread_mutex_lock(&team->lock);
    if (atomic_fetch_sub(&team->joined, 1) == 1) {
        pthread_cond_signal(&team->is_done);
    }
    pthread_mutex_unlock(&team->lock);
}

/* A member's thread: one job after the other. */
static void *serve(void *argument)
{
    const member *m = argument;
    oa_team *team = m->team;
    size_t round = 0;
    for (;;) {
        for (size_t i = 0; i < SPINS && atomic_load(&team->rounds) == round; i++) {
            pause_briefly();
        }
        pthread_mutex_lock(&team->lock);
        while (atomic_load(&team->rounds) == round && !team->ends) {
            pthread_cond_wait(&team->has_job, &team->lock);
        }
        bool ends = team->ends;
        job *j = ends ? NULL : team->job;
        round = atomic_load(&team->rounds);
        atomic_fetch_add(&team->joined, j != NULL);
        pthread_mutex_unlock(&team->lock);
        if (ends) {
            return NULL;
        }
        if (j) {
            do_items(j, m->index);
            leave(team);
        }
    }
}

static void start(oa_team *team)
{
    team->is_started = true;
    for (size_t i = 0; i + 1 < team->threads; i++) {
        team->members[i] = (member){.team = team, .index = i + 1};
        if (pthread_create(&team->members[i].thread, NULL, serve, &team->members[i]) != 0) {
            return;
        }
        team->started++;
    }
}

oa_status oa_team_create(oa_team **team, size_t threads, oa_error *error)
{
    oa_team *made = oa_calloc(1, sizeof *made);
    size_t ready = 0;
    if (!made) {
        goto fail;
    }
    made->threads = threads ? threads : 1;
    made->members = oa_calloc(made->threads, sizeof *made->members);
    if (!made->members || pthread_mutex_init(&made->lock, NULL) != 0) {
        goto fail;
    }
    ready++;
    if (pthread_cond_init(&made->has_job, NULL) != 0) {
        goto fail;
    }
    ready++;
    if (pthread_cond_init(&made->is_done, NULL) != 0) {
        goto fail;
    }
    *team = made;
    return OA_OK;
fail:
    if (ready > 1) {
        pthread_cond_destroy(&made->has_job);
    }
    if (ready > 0) {
        pthread_mutex_destroy(&made->lock);
    }
    oa_free(made ? made->members : NULL);
    oa_free(made);
    return oa_fail(error, OA_ERROR_MEMORY, "out of memory for threads");
}

void oa_team_destroy(oa_team *team)
{
    if (!team) {
        return;
    }
    pthread_mutex_lock(&team->lock);
    team->ends = true;
    pthread_cond_broadcast(&team->has_job);
    pthread_mutex_unlock(&team->lock);
    for (size_t i = 0; i < team->started; i++) {
        pthread_join(team->members[i].thread, NULL);
    }
    pthread_cond_destroy(&team->is_done);
    pthread_cond_destroy(&team->has_job);
    pthread_mutex_destroy(&team->lock);
    oa_free(team->members);
    oa_free(team);
}

size_t oa_team_size(const oa_team *team)
{
    return team ? team->threads : 1;
}

/* Lets members join the job, takes part in it, and waits for those that did: on a busy machine, one that was asleep may
 * come too late, when there is nothing left to wait for. */
static void run_round(oa_team *team, job *j)
{
    pthread_mutex_lock(&team->lock);
    team->job = j;
    atomic_fetch_add(&team->rounds, 1);
    pthread_cond_broadcast(&team->has_job);
    pthread_mutex_unlock(&team->lock);
    do_items(j, 0);
    for (size_t i = 0; i < SPINS && atomic_load(&team->joined); i++) {
        pause_briefly();
    }
    pthread_mutex_lock(&team->lock);
    team->job = NULL;
    while (atomic_load(&team->joined)) {
        pthread_cond_wait(&team->is_done, &team->lock);
    }
    pthread_mutex_unlock(&team->lock);
}

oa_status oa_team_run(oa_team *team, size_t count, oa_parallel_work work, void *context, oa_error *error)
{
    job j = {.work = work, .context = context, .count = count};
    if (pthread_mutex_init(&j.lock, NULL) != 0) {
        return oa_fail(error, OA_ERROR_MEMORY, "out of memory for threads");
    }
    if (team && count > 1 && team->threads > 1) {
        if (!team->is_started) {
            start(team);
        }
        run_round(team, &j);
    } else {
        do_items(&j, 0);
    }
    pthread_mutex_destroy(&j.lock);
    if (!atomic_load(&j.has_failed)) {
        return OA_OK;
    }
    return oa_fail(error, j.failure.status, "%s", j.failure.message);
}

oa_status oa_parallel(size_t count, size_t threads, oa_parallel_work work, void *context, oa_error *error)
{
    oa_team *team = NULL;
    size_t wanted = threads < count ? threads : count;
    oa_status status = wanted > 1 ? oa_team_create(&team, wanted, error) : OA_OK;
    if (status == OA_OK) {
        status = oa_team_run(team, count, work, context, error);
    }
    oa_team_destroy(team);
    return status;
}
