#include "core/assign/heap.h"

enum { ARITY = 4 }; /* shallower than a binary heap, and the children share a cache line */

static void put(oa_heap *heap, size_t place, uint32_t item)
{
    heap->items[place] = item;
    heap->position[item] = (uint32_t)place;
}

static void sift_up(oa_heap *heap, size_t place)
{
    uint32_t item = heap->items[place];
    double key = heap->key[item];
    while (place > 0) {
        size_t above = (place - 1) / ARITY;
        uint32_t other = heap->items[above];
        if (heap->key[other] <= key) {
            break;
        }
        put(heap, place, other);
        place = above;
    }
    put(heap, place, item);
}

static void sift_down(oa_heap *heap, size_t place)
{
    uint32_t item = heap->items[place];
    double key = heap->key[item];
    for (;;) {
        size_t first = ARITY * place + 1;
        if (first >= heap->count) {
            break;
        }
        size_t end = first + ARITY < heap->count ? first + ARITY : heap->count;
        size_t best = first;
        double lowest = heap->key[heap->items[first]];
        for (size_t child = first + 1; child < end; child++) {
            double other = heap->key[heap->items[child]];
            if (other < lowest) {
                lowest = other;
                best = child;
            }
        }
        if (lowest >= key) {
            break;
        }
        put(heap, place, heap->items[best]);
        place = best;
    }
    put(heap, place, item);
}

void oa_heap_lower(oa_heap *heap, uint32_t item)
{
    if (heap->position[item] == UINT32_MAX) {
        put(heap, heap->count, item);
        heap->count++;
    }
    sift_up(heap, heap->position[item]);
}

uint32_t oa_heap_pop(oa_heap *heap)
{
    uint32_t item = heap->items[0];
    heap->position[item] = UINT32_MAX;
    heap->count--;
    if (heap->count > 0) {
        put(heap, 0, heap->items[heap->count]);
        sift_down(heap, 0);
    }
    return item;
}

void oa_heap_clear(oa_heap *heap)
{
    while (heap->count > 0) {
        heap->count--;
        heap->position[heap->items[heap->count]] = UINT32_MAX;
    }
}
