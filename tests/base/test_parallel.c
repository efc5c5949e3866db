/* Work spread over threads. */
#include "core/base/parallel.h"
#include "tests/support/cmocka_all.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>

enum { ITEMS = 1000, WORKERS = 4 };

typedef struct tally {
    atomic_int done[ITEMS];
    atomic_bool busy[WORKERS];
    atomic_int clashes;
    atomic_int strangers;
    size_t first_failure; /* items from here on fail */
} tally;

static oa_status count_item(void *context, size_t item, size_t worker, oa_error *error)
{
    tally *t = context;
    if (worker >= WORKERS || item >= ITEMS) {
        atomic_fetch_add(&t->strangers, 1);
        return OA_OK;
    }
    if (atomic_exchange(&t->busy[worker], true)) {
        atomic_fetch_add(&t->clashes, 1);
    }
    atomic_fetch_add(&t->done[item], 1);
    atomic_store(&t->busy[worker], false);
    return item < t->first_failure ? OA_OK : oa_fail(error, OA_ERROR_INPUT, "item %zu", item);
}

static void parallel__does_every_item_once_and_no_worker_twice_at_a_time(void **state)
{
    (void)state;
    for (size_t threads = 1; threads <= WORKERS; threads++) {
        tally t = {.first_failure = ITEMS};
        assert_int_equal(oa_parallel(ITEMS, threads, count_item, &t, NULL), OA_OK);
        for (size_t i = 0; i < ITEMS; i++) {
            assert_int_equal(atomic_load(&t.done[i]), 1);
        }
        assert_int_equal(atomic_load(&t.clashes), 0);
        assert_int_equal(atomic_load(&t.strangers), 0);
    }
}

static void parallel__has_nothing_to_do_without_items_and_no_more_workers_than_items(void **state)
{
    (void)state;
    tally t = {.first_failure = ITEMS};
    assert_int_equal(oa_parallel(0, WORKERS, count_item, &t, NULL), OA_OK);
    assert_int_equal(atomic_load(&t.done[0]), 0);
    assert_int_equal(oa_parallel(2, WORKERS, count_item, &t, NULL), OA_OK);
    assert_int_equal(atomic_load(&t.done[0]) + atomic_load(&t.done[1]), 2);
}

static void parallel__reports_the_lowest_failure_and_begins_no_more(void **state)
{
    (void)state;
    for (size_t threads = 1; threads <= WORKERS; threads++) {
        tally t = {.first_failure = 100};
        oa_error error = {.status = OA_OK};
        size_t begun = 0;
        assert_int_equal(oa_parallel(ITEMS, threads, count_item, &t, &error), OA_ERROR_INPUT);
        /* Items are begun in order, and item 100 is begun before anything after it has failed. */
        assert_string_equal(error.message, "item 100");
        for (size_t i = 0; i < ITEMS; i++) {
            begun += (size_t)atomic_load(&t.done[i]);
        }
        assert_true(begun >= 101 && begun <= 101 + threads * 100);
        if (threads == 1) {
            assert_int_equal(begun, 101);
        }
    }
}

/* One team, job after job, long and short ones, with pauses in which its members fall asleep. */
static void team__does_job_after_job(void **state)
{
    (void)state;
    for (size_t threads = 1; threads <= WORKERS; threads++) {
        oa_team *team = NULL;
        assert_int_equal(oa_team_create(&team, threads, NULL), OA_OK);
        assert_int_equal(oa_team_size(team), threads);
        for (size_t round = 0; round < 300; round++) {
            tally t = {.first_failure = round % 10 == 3 ? 7 : ITEMS};
            size_t count = round % 7 == 0 ? ITEMS : round % 5;
            bool fails = t.first_failure < count;
            assert_int_equal(oa_team_run(team, count, count_item, &t, NULL), fails ? OA_ERROR_INPUT : OA_OK);
            for (size_t i = 0; i < ITEMS && !fails; i++) {
                assert_int_equal(atomic_load(&t.done[i]), i < count);
            }
            assert_int_equal(atomic_load(&t.clashes) + atomic_load(&t.strangers), 0);
            if (round % 60 == 0) {
                nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
            }
        }
        oa_team_destroy(team);
    }
    tally alone = {.first_failure = ITEMS};
    assert_int_equal(oa_team_run(NULL, 3, count_item, &alone, NULL), OA_OK);
    assert_int_equal(atomic_load(&alone.done[2]), 1);
    assert_int_equal(oa_team_size(NULL), 1);
    oa_team_destroy(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parallel__does_every_item_once_and_no_worker_twice_at_a_time),
        cmocka_unit_test(parallel__has_nothing_to_do_without_items_and_no_more_workers_than_items),
        cmocka_unit_test(parallel__reports_the_lowest_failure_and_begins_no_more),
        cmocka_unit_test(team__does_job_after_job),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
