#include "core/base/error.h"

#include "tests/support/cmocka_all.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static const oa_status ALL[] = {
#define STATUS_NAME(name, exit_status, text) name,
    OA_STATUS_LIST(STATUS_NAME)
#undef STATUS_NAME
};

static void fail__records_and_returns_the_status(void **state)
{
    (void)state;
    oa_error error = {0};
    assert_int_equal(oa_fail(&error, OA_ERROR_INPUT, "%s has %d axes", "w", 3), OA_ERROR_INPUT);
    assert_int_equal(error.status, OA_ERROR_INPUT);
    assert_string_equal(error.message, "w has 3 axes");
    assert_int_equal(oa_fail(NULL, OA_ERROR_MEMORY, "%d", 1), OA_ERROR_MEMORY);
}

static void fail__cuts_long_messages(void **state)
{
    (void)state;
    char text[3 * OA_ERROR_MESSAGE_SIZE];
    memset(text, 'a', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    struct {
        oa_error error;
        char guard[16];
    } box;
    memset(&box, 'g', sizeof box);
    oa_fail(&box.error, OA_ERROR_INPUT, "%s", text);
    assert_int_equal(strlen(box.error.message), OA_ERROR_MESSAGE_SIZE - 1);
    assert_memory_equal(box.guard, "gggggggggggggggg", 16);
}

static void context__goes_in_front(void **state)
{
    (void)state;
    oa_error error = {0};
    oa_fail(&error, OA_ERROR_INPUT, "is empty");
    oa_error_context(&error, "tensor '%s'", "w");
    oa_error_context(&error, "m.onnx");
    assert_string_equal(error.message, "m.onnx: tensor 'w': is empty");
    assert_int_equal(error.status, OA_ERROR_INPUT);
}

static void context__needs_an_error(void **state)
{
    (void)state;
    oa_error error = {0};
    oa_error_context(&error, "m.onnx");
    assert_string_equal(error.message, "");
    oa_error_context(NULL, "m.onnx");
}

/* Against a straightforward concatenation, for all lengths of context and message around the size of the buffer. */
static void context__cuts_the_end_of_the_message(void **state)
{
    (void)state;
    for (size_t length = 1; length < OA_ERROR_MESSAGE_SIZE + 5; length += length < 5 || length > 1010 ? 1 : 97) {
        for (size_t kept = 0; kept < OA_ERROR_MESSAGE_SIZE; kept += kept < 5 || kept > 1015 ? 1 : 101) {
            char context[2 * OA_ERROR_MESSAGE_SIZE];
            char message[2 * OA_ERROR_MESSAGE_SIZE];
            char expected[5 * OA_ERROR_MESSAGE_SIZE];
            struct {
                oa_error error;
                char guard[16];
            } box;
            memset(&box, 'g', sizeof box);
            for (size_t i = 0; i < length; i++) {
                context[i] = (char)('a' + i % 26);
            }
            for (size_t i = 0; i < kept; i++) {
                message[i] = (char)('A' + i % 26);
            }
            context[length] = '\0';
            message[kept] = '\0';
            oa_fail(&box.error, OA_ERROR_INPUT, "%s", message);
            oa_error_context(&box.error, "%s", context);
            snprintf(expected, sizeof expected, "%s: %s", context, message);
            expected[OA_ERROR_MESSAGE_SIZE - 1] = '\0';
            /* A context that leaves no room at all is dropped: the message is worth more. */
            bool has_room = length + 2 < OA_ERROR_MESSAGE_SIZE;
            assert_string_equal(box.error.message, has_room ? expected : message);
            assert_memory_equal(box.guard, "gggggggggggggggg", 16);
        }
    }
}

static void status__has_text_and_exit_for_each(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof ALL / sizeof ALL[0]; i++) {
        assert_int_equal(ALL[i], i); /* the table of texts is indexed by the status */
        assert_true(strlen(oa_status_text(ALL[i])) > 0);
        for (size_t j = 0; j < i; j++) {
            assert_string_not_equal(oa_status_text(ALL[i]), oa_status_text(ALL[j]));
        }
    }
    /* The contract of the command line. */
    assert_int_equal(oa_status_exit(OA_OK), 0);
    assert_int_equal(oa_status_exit(OA_ERROR_DIFFERENT), 1);
    assert_int_equal(oa_status_exit(OA_ERROR_USAGE), 2);
    assert_int_equal(oa_status_exit(OA_ERROR_INPUT), 3);
    assert_int_equal(oa_status_exit(OA_ERROR_ARCHITECTURE), 4);
    assert_int_equal(oa_status_exit(OA_ERROR_OUTPUT), 5);
}

static void status__survives_unknown_values(void **state)
{
    (void)state;
    assert_string_equal(oa_status_text((oa_status)99), "unknown status");
    assert_string_equal(oa_status_text((oa_status)-1), "unknown status");
    assert_int_equal(oa_status_exit((oa_status)99), 7);
    assert_int_equal(oa_status_exit((oa_status)-1), 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fail__records_and_returns_the_status),
        cmocka_unit_test(fail__cuts_long_messages),
        cmocka_unit_test(context__goes_in_front),
        cmocka_unit_test(context__needs_an_error),
        cmocka_unit_test(context__cuts_the_end_of_the_message),
        cmocka_unit_test(status__has_text_and_exit_for_each),
        cmocka_unit_test(status__survives_unknown_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
