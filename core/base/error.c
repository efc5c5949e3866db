#include "core/base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

oa_status oa_fail(oa_error *error, oa_status status, const char *format, ...)
{
    if (error) {
        va_list arguments;
        va_start(arguments, format);
        error->status = status;
        vsnprintf(error->message, sizeof error->message, format, arguments);
        va_end(arguments);
    }
    return status;
}

void oa_error_context(oa_error *error, const char *format, ...)
{
    if (!error || error->status == OA_OK) {
        return;
    }
    char context[OA_ERROR_MESSAGE_SIZE];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(context, sizeof context, format, arguments);
    va_end(arguments);

    size_t length = strlen(context);
    if (length + 2 >= sizeof error->message) {
        return;
    }
    size_t kept = strlen(error->message);
    if (kept > sizeof error->message - length - 3) {
        kept = sizeof error->message - length - 3;
    }
    memmove(error->message + length + 2, error->message, kept);
    memcpy(error->message, context, length);
    memcpy(error->message + length, ": ", 2);
    error->message[length + 2 + kept] = '\0';
}

const char *oa_status_text(oa_status status)
{
    static const char *const texts[] = {
#define OA_STATUS_TEXT(name, exit_status, text) [name] = text,
        OA_STATUS_LIST(OA_STATUS_TEXT)
#undef OA_STATUS_TEXT
    };
    return (size_t)status < sizeof texts / sizeof texts[0] ? texts[status] : "unknown status";
}

int oa_status_exit(oa_status status)
{
    static const int exits[] = {
#define OA_STATUS_EXIT(name, exit_status, text) [name] = exit_status,
        OA_STATUS_LIST(OA_STATUS_EXIT)
#undef OA_STATUS_EXIT
    };
    return (size_t)status < sizeof exits / sizeof exits[0] ? exits[status] : 7;
}
