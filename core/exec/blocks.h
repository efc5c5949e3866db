/* Memory that is used again: blocks that one value no longer needs serve the next of the same size, in this run or a
 * later one. Touching fresh memory for the first time costs more than computing what goes into it. */
#ifndef OA_EXEC_BLOCKS_H
#define OA_EXEC_BLOCKS_H

#include <stddef.h>

enum { OA_BLOCK_RUNS = 8 }; /* a block that serves nothing for so many runs goes */

/* Idle blocks. Zero-initialise and set `most`; free with oa_blocks_free. */
typedef struct oa_blocks {
    struct oa_idle_block *idle; /* used last first; each lies in the memory that it describes */
    size_t bytes;               /* of all idle blocks */
    size_t most;                /* idle bytes that are kept */
    size_t run;                 /* runs so far */
} oa_blocks;

/* count * size bytes with undefined contents: an idle block of exactly that size, the one that was used last, or a new
 * one. NULL when memory runs out. The caller owns it, and may free it with oa_free. O(idle blocks). */
void *oa_blocks_take(oa_blocks *blocks, size_t count, size_t size);
/* Takes back a block of so many bytes that oa_blocks_take made; NULL is fine. When there is too much
 * idle, what has been so longest is freed. When `bytes` is 0, which stands for unknown too, any block may be given.
 * O(1), and O(idle blocks) for each that is freed. */
void oa_blocks_give(oa_blocks *blocks, void *data, size_t bytes);
/* A run has ended: frees what has served nothing for OA_BLOCK_RUNS runs. O(idle blocks). */
void oa_blocks_age(oa_blocks *blocks);
void oa_blocks_free(oa_blocks *blocks);

#endif
