/* Status codes and the error record that travels with every call that can fail. */
#ifndef OA_BASE_ERROR_H
#define OA_BASE_ERROR_H

#include <stddef.h>

/* One list of every status: name, exit status of the command line, short text. */
#define OA_STATUS_LIST(X)                                                                                              \
    X(OA_OK, 0, "done")                                                                                                \
    X(OA_ERROR_DIFFERENT, 1, "the models compute different functions")                                                 \
    X(OA_ERROR_USAGE, 2, "wrong usage")                                                                                \
    X(OA_ERROR_INPUT, 3, "an input cannot be read or is malformed")                                                    \
    X(OA_ERROR_ARCHITECTURE, 4, "the models do not share an architecture")                                             \
    X(OA_ERROR_OUTPUT, 5, "the output cannot be written")                                                              \
    X(OA_ERROR_MEMORY, 6, "out of memory")                                                                             \
    X(OA_ERROR_UNSUPPORTED, 3, "no engine at hand can run this")                                                       \
    X(OA_ERROR_INTERNAL, 7, "internal error")

typedef enum oa_status {
#define OA_STATUS_ENUM(name, exit_status, text) name,
    OA_STATUS_LIST(OA_STATUS_ENUM)
#undef OA_STATUS_ENUM
} oa_status;

enum { OA_ERROR_MESSAGE_SIZE = 1024 };

/* Caller-owned; every function that takes one accepts NULL. The innermost failure writes it, callers add context. */
typedef struct oa_error {
    oa_status status;
    char message[OA_ERROR_MESSAGE_SIZE]; /* what failed, where, and what to do; no newline */
} oa_error;

#if defined(__GNUC__)
#define OA_PRINTF(format_index, first_index) __attribute__((format(printf, format_index, first_index)))
#else
#define OA_PRINTF(format_index, first_index)
#endif

/* Records a failure and returns `status`, so that callers write `return oa_fail(error, ...)`. `error` may be NULL. */
oa_status oa_fail(oa_error *error, oa_status status, const char *format, ...) OA_PRINTF(3, 4);

/* Puts "context: " before the message of an error already recorded. Does nothing without one. */
void oa_error_context(oa_error *error, const char *format, ...) OA_PRINTF(2, 3);

/* The short text of a status, and the exit status that the command line returns for it. Never NULL. */
const char *oa_status_text(oa_status status);
int oa_status_exit(oa_status status);

#endif
