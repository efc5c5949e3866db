/* Makes the n-th allocation from now on fail. For programs linked with --wrap for malloc, calloc and realloc. */
#ifndef OA_TESTS_SUPPORT_FAILING_ALLOCATIONS_H
#define OA_TESTS_SUPPORT_FAILING_ALLOCATIONS_H

#include <stdbool.h>
#include <stddef.h>

/* n = 1: the next one; 0: none. Later ones succeed again, so that cleaning up is tested too. */
void fail_allocation(size_t n);
/* Whether the allocation asked for has failed; switches failing off. */
bool allocation_has_failed(void);

#endif
