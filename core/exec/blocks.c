#include "core/exec/blocks.h"

#include "core/base/memory.h"

typedef struct oa_idle_block {
    struct oa_idle_block *next;
    size_t bytes;
    size_t run; /* in which it became idle */
} idle_block;

/* Takes the block that *link points to out of the list. */
static idle_block *unlink_block(oa_blocks *blocks, idle_block **link)
{
    idle_block *block = *link;
    *link = block->next;
    blocks->bytes -= block->bytes;
    return block;
}

void *oa_blocks_take(oa_blocks *blocks, size_t count, size_t size)
{
    size_t bytes;
    if (oa_mul_overflows(&bytes, count, size)) {
        return NULL;
    }
    for (idle_block **link = &blocks->idle; *link; link = &(*link)->next) {
        if ((*link)->bytes == bytes) {
            return unlink_block(blocks, link);
        }
    }
    return oa_malloc(bytes < sizeof(idle_block) ? sizeof(idle_block) : bytes, 1);
}

static void drop_oldest(oa_blocks *blocks)
{
    idle_block **link = &blocks->idle;
    while ((*link)->next) {
        link = &(*link)->next;
    }
    oa_free(unlink_block(blocks, link));
}

void oa_blocks_give(oa_blocks *blocks, void *data, size_t bytes)
{
    if (!data || bytes == 0 || bytes > blocks->most) {
        oa_free(data);
        return;
    }
    while (blocks->bytes > blocks->most - bytes) {
        drop_oldest(blocks);
    }
    idle_block *block = data;
    *block = (idle_block){.next = blocks->idle, .bytes = bytes, .run = blocks->run};
    blocks->idle = block;
    blocks->bytes += bytes;
}

void oa_blocks_age(oa_blocks *blocks)
{
    idle_block **link = &blocks->idle;
    blocks->run++;
    while (*link) {
        if (blocks->run - (*link)->run > OA_BLOCK_RUNS) {
            oa_free(unlink_block(blocks, link));
        } else {
            link = &(*link)->next;
        }
    }
}

void oa_blocks_free(oa_blocks *blocks)
{
    while (blocks->idle) {
        oa_free(unlink_block(blocks, &blocks->idle));
    }
}
