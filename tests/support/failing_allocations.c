#include "tests/support/failing_allocations.h"

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *pointer, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *pointer, size_t size);

static size_t left;
static bool has_failed;

static bool fails(void)
{
    if (left == 0 || --left > 0) {
        return false;
    }
    has_failed = true;
    return true;
}

void fail_allocation(size_t n)
{
    left = n;
    has_failed = false;
}

bool allocation_has_failed(void)
{
    left = 0;
    return has_failed;
}

void *__wrap_malloc(size_t size)
{
    return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return fails() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *pointer, size_t size)
{
    return fails() ? NULL : __real_realloc(pointer, size);
}
