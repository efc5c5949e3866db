/* A 4-ary heap over item numbers, ordered by keys that it does not own, with decrease-key. */
#ifndef OA_ASSIGN_HEAP_H
#define OA_ASSIGN_HEAP_H

#include <stddef.h>
#include <stdint.h>

typedef struct oa_heap {
    uint32_t *items;    /* [capacity], the heap */
    uint32_t *position; /* [capacity], by item: where it is, or UINT32_MAX */
    size_t count;
    const double *key; /* [capacity], by item */
} oa_heap;

/* Adds an item, or restores the order after its key went down. The item number is below the capacity. O(log count). */
void oa_heap_lower(oa_heap *heap, uint32_t item);

/* Removes and returns an item of the lowest key; the heap must not be empty. O(log count). */
uint32_t oa_heap_pop(oa_heap *heap);

/* Removes everything. O(count). */
void oa_heap_clear(oa_heap *heap);

#endif
