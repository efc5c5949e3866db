/* Watching what the units of a repair's places do while a model runs on the batches. Private to this folder.
 *
 * A merge is repaired level after level. On the built-in engine, the runs of all batches stand still between levels:
 * what a level's repair changes is read behind it only, so that everything up to there stays true, and no node runs
 * more than twice (once to be seen, once more with its new weights). Runs whose values take too much memory are given
 * up and start over at the next level. Other engines start over each time, up to what is wanted. */
#ifndef OA_MERGE_REPAIR_WATCH_H
#define OA_MERGE_REPAIR_WATCH_H

#include "core/exec/engine.h"
#include "core/exec/execution.h"
#include "core/merge/repair_batches.h"
#include "core/merge/repair_plan.h"
#include "core/merge/unit_statistics.h"

/* Zeroed: nothing. Free with oa_repair_watch_free. */
typedef struct oa_repair_watch {
    const oa_graph *graph;
    const oa_engine *engine;
    const oa_repair_plan *plan;
    oa_repair_batches *batches;
    bool *is_wanted;                /* [places] what to look at: set before oa_repair_watch_all */
    oa_unit_statistics *statistics; /* [places] of those, afterwards */
    bool *values;                   /* [value_count] what they look at */
    size_t size;                    /* samples in the batch that runs */
    /* Runs that stand still: */
    oa_executor *executor; /* NULL without */
    oa_execution **runs;   /* [batches used] NULL where there is none */
    size_t *bytes;         /* [batches used] that each holds */
    size_t held, most;     /* bytes of all, and what they may be */
    bool *before, *own;    /* [live_count] the nodes that lead to what is wanted, and those that are repaired there */
} oa_repair_watch;

/* Everything is borrowed. `most` bytes of values may be kept from level to level. OA_ERROR_MEMORY; free in any case. */
oa_status oa_repair_watch_init(oa_repair_watch *watch, const oa_graph *graph, const oa_engine *engine,
                               const oa_repair_plan *plan, oa_repair_batches *batches, size_t most, oa_error *error);
void oa_repair_watch_free(oa_repair_watch *watch);

/* Runs the graph with these constants on all batches, from their inputs on, and makes the statistics of the places that
 * are wanted. OA_ERROR_INPUT when the data do not fit; errors of the engine. */
oa_status oa_repair_watch_all(oa_repair_watch *watch, const oa_payloads *payloads, oa_error *error);

/* The same for the places of one level after the other, from 0 on, of one merge, of which only the constants of places
 * that have been watched have changed since the last call. Ended by oa_repair_watch_end, whether it fails or not. */
oa_status oa_repair_watch_level(oa_repair_watch *watch, size_t level, const oa_payloads *payloads, oa_error *error);
void oa_repair_watch_end(oa_repair_watch *watch);

/* Forgets the statistics. */
void oa_repair_watch_forget(oa_repair_watch *watch);

#endif
