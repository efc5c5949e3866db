/* Training while the n-th allocation fails, for every n: a clean failure, and no leaks. */
#include "core/learn/train.h"
#include "tests/learn/small_family.h"
#include "tests/support/cmocka_all.h"
#include "tests/support/failing_allocations.h"

#include <string.h>

enum { TOO_MANY = 20000 };

static oa_train_settings two_steps(void)
{
    oa_train_settings settings = oa_train_settings_default();
    settings.steps = 2;
    settings.batch = 2;
    settings.objective.batch = 4;
    settings.objective.sinkhorn_iterations = 2;
    settings.held_out = 0.25;
    settings.check_every = 2;
    settings.check_samples = 4;
    settings.budget = 1; /* models are read again, so that reading fails too */
    return settings;
}

/* Everything from a new aligner to the state as bytes and back. */
static oa_status run(const oa_family *family, oa_error *error)
{
    const oa_train_settings settings = two_steps();
    oa_aligner_config config = oa_aligner_config_default(OA_ENCODER_MESSAGES);
    oa_aligner *aligner = NULL;
    oa_trainer *trainer = NULL;
    unsigned char *bytes = NULL;
    size_t size = 0;
    oa_train_state state = {0};
    config.channels = 4;
    config.rounds = 1;
    config.features = 4;
    config.probes = 4;
    oa_status status = oa_aligner_create(&aligner, &config, NULL, 3, error);
    status = status == OA_OK ? oa_trainer_create(&trainer, aligner, family, 1, &settings, error) : status;
    status = status == OA_OK ? oa_trainer_run(trainer, NULL, NULL, error) : status;
    status = status == OA_OK ? oa_train_state_write(&bytes, &size, oa_trainer_state(trainer), error) : status;
    status = status == OA_OK ? oa_train_state_read(&state, bytes, size, error) : status;
    oa_train_state_free(&state);
    oa_free(bytes);
    oa_trainer_destroy(trainer);
    oa_aligner_destroy(aligner);
    return status;
}

static void train__reports_every_failing_allocation(void **state)
{
    (void)state;
    small_family *f = small_family_create(SMALL_MLP, 4, 11, false);
    size_t failures = 0;
    small_family_add_samples(f, 8, SMALL_OWN, 5);
    for (size_t n = 1; n < TOO_MANY; n += n < 300 ? 1 : 7) {
        oa_error error = {.status = OA_OK};
        fail_allocation(n);
        oa_status status = run(&f->family, &error);
        bool has_failed = allocation_has_failed();
        if (status != (has_failed ? OA_ERROR_MEMORY : OA_OK)) {
            fail_msg("allocation %zu: status %d, %s", n, (int)status, error.message);
        }
        if (!has_failed) {
            break;
        }
        failures++;
        assert_true(strlen(error.message) > 0);
    }
    print_message("%zu failing allocations\n", failures);
    assert_true(failures > 300 && failures < TOO_MANY / 7);
    small_family_destroy(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(train__reports_every_failing_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
