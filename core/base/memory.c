#include "core/base/memory.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { OA_ARENA_BLOCK_SIZE = 64 * 1024 };

struct oa_arena_block {
    struct oa_arena_block *next;
    size_t used;
    size_t size;
    max_align_t data[];
};

bool oa_mul_overflows(size_t *result, size_t a, size_t b)
{
    if (b != 0 && a > SIZE_MAX / b) {
        return true;
    }
    *result = a * b;
    return false;
}

bool oa_add_overflows(size_t *result, size_t a, size_t b)
{
    if (a > SIZE_MAX - b) {
        return true;
    }
    *result = a + b;
    return false;
}

void *oa_calloc(size_t count, size_t size)
{
    size_t bytes;
    if (oa_mul_overflows(&bytes, count, size) || bytes > PTRDIFF_MAX) {
        return NULL;
    }
    return calloc(bytes ? bytes : 1, 1);
}

void *oa_malloc(size_t count, size_t size)
{
    size_t bytes;
    if (oa_mul_overflows(&bytes, count, size) || bytes > PTRDIFF_MAX) {
        return NULL;
    }
    return malloc(bytes ? bytes : 1);
}

void *oa_realloc(void *pointer, size_t count, size_t size)
{
    size_t bytes;
    if (oa_mul_overflows(&bytes, count, size) || bytes > PTRDIFF_MAX) {
        return NULL;
    }
    return realloc(pointer, bytes ? bytes : 1);
}

void oa_free(void *pointer)
{
    free(pointer);
}

char *oa_strdup(const char *text)
{
    size_t length = strlen(text) + 1;
    char *copy = oa_malloc(length, 1);
    if (copy) {
        memcpy(copy, text, length);
    }
    return copy;
}

bool oa_grow(void *array_pointer, size_t *capacity, size_t needed, size_t size)
{
    if (needed <= *capacity) {
        return true;
    }
    size_t wanted = *capacity < 8 ? 8 : *capacity;
    while (wanted < needed) {
        if (wanted > SIZE_MAX / 2) {
            return false;
        }
        wanted *= 2;
    }
    void *array;
    memcpy(&array, array_pointer, sizeof array); /* the caller's pointer may be of any object type */
    array = oa_realloc(array, wanted, size);
    if (!array) {
        return false;
    }
    memcpy(array_pointer, &array, sizeof array);
    *capacity = wanted;
    return true;
}

void *oa_arena_alloc(oa_arena *arena, size_t count, size_t size)
{
    size_t bytes;
    if (oa_mul_overflows(&bytes, count, size) || bytes > PTRDIFF_MAX - sizeof(max_align_t) - OA_ARENA_BLOCK_SIZE) {
        return NULL;
    }
    bytes = (bytes + sizeof(max_align_t) - 1) / sizeof(max_align_t) * sizeof(max_align_t);
    if (bytes == 0) {
        bytes = sizeof(max_align_t);
    }
    struct oa_arena_block *block = arena->blocks;
    if (!block || block->size - block->used < bytes) {
        size_t room = bytes > OA_ARENA_BLOCK_SIZE ? bytes : OA_ARENA_BLOCK_SIZE;
        block = calloc(1, sizeof *block + room);
        if (!block) {
            return NULL;
        }
        block->size = room;
        block->next = arena->blocks;
        arena->blocks = block;
    }
    void *memory = (char *)block->data + block->used;
    block->used += bytes;
    return memory;
}

char *oa_arena_strndup(oa_arena *arena, const char *text, size_t length)
{
    char *copy = length < SIZE_MAX ? oa_arena_alloc(arena, length + 1, 1) : NULL;
    if (copy && length) {
        memcpy(copy, text, length);
    }
    return copy;
}

char *oa_arena_strdup(oa_arena *arena, const char *text)
{
    return oa_arena_strndup(arena, text, strlen(text));
}

void oa_arena_free(oa_arena *arena)
{
    if (!arena) {
        return;
    }
    struct oa_arena_block *block = arena->blocks;
    while (block) {
        struct oa_arena_block *next = block->next;
        free(block);
        block = next;
    }
    arena->blocks = NULL;
}
