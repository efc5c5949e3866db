/* The one allocator of the project: every size is a checked product, and failure is a NULL that callers must handle. */
#ifndef OA_BASE_MEMORY_H
#define OA_BASE_MEMORY_H

#include <stdbool.h>
#include <stddef.h>

#define OA_NONE ((size_t)-1) /* "no index" */

/* True when a*b (a+b) does not fit; then *result is untouched. */
bool oa_mul_overflows(size_t *result, size_t a, size_t b);
bool oa_add_overflows(size_t *result, size_t a, size_t b);

/* count*size bytes, zeroed (oa_calloc) or not (oa_malloc); NULL on overflow or exhaustion. A zero product yields a
 * valid pointer, so that NULL always means failure. Free with oa_free. */
void *oa_calloc(size_t count, size_t size);
void *oa_malloc(size_t count, size_t size);
void *oa_realloc(void *pointer, size_t count, size_t size);
void oa_free(void *pointer);

/* A copy of `text`, or NULL. */
char *oa_strdup(const char *text);

/* Makes room for `needed` elements in a growing array: *array of *capacity elements of `size` bytes, doubled as needed.
 * False on exhaustion, with the array as it was. Amortised O(1) an element. */
bool oa_grow(void *array_pointer, size_t *capacity, size_t needed, size_t size);

/* An arena: many small blocks, freed together. Zero-initialise; blocks are zeroed and aligned for any scalar. */
typedef struct oa_arena {
    struct oa_arena_block *blocks;
} oa_arena;

void *oa_arena_alloc(oa_arena *arena, size_t count, size_t size);
char *oa_arena_strndup(oa_arena *arena, const char *text, size_t length);
char *oa_arena_strdup(oa_arena *arena, const char *text);
void oa_arena_free(oa_arena *arena);

#endif
