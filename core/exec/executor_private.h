/* What the files of the executor share: its state, and how values come and go during a run. */
#ifndef OA_EXEC_EXECUTOR_PRIVATE_H
#define OA_EXEC_EXECUTOR_PRIVATE_H

#include "core/exec/finish.h"
#include "core/exec/forward.h"
#include "core/exec/table.h"

typedef struct oa_value_slot {
    oa_array array; /* always a view */
    void *buffer;   /* what array.data is in, when this slot is the root and the executor owns it */
    size_t bytes;   /* of the buffer; 0 when that is not known */
    size_t root;    /* the value whose slot holds the buffer */
    size_t holds;   /* of a root: how many values are in its buffer */
    size_t reads;   /* still to come: uses as an input of a live node and as an output of the graph */
    bool is_bound;
} oa_value_slot;

/* What runs a node in place of the table's kernel. */
typedef struct oa_override {
    oa_kernel kernel;
    void *context;
} oa_override;

struct oa_executor {
    const oa_graph *graph;
    const oa_operator **operators; /* [live_count] */
    size_t *followers;             /* [live_count], the node that may run as a step behind this one, or OA_NONE */
    bool *is_done;                 /* [live_count] of the run: as a step behind another */
    size_t *reads;                 /* [value_count] in all */
    oa_value_slot *slots;          /* [value_count] of the run */
    oa_array *results;             /* [output_count] */
    oa_call call;                  /* of the node that runs; its lists are as long as the longest of any node */
    oa_array *widened;             /* [inputs of the call] */
    oa_scratch scratch;
    oa_blocks blocks;
    oa_override *overrides;       /* [live_count], or NULL */
    const bool *keeps;            /* [value_count], borrowed, or NULL */
    oa_executor_watcher *watcher; /* or NULL */
    void *watcher_context;
};

/* Makes the slot a view of `data` with the type and shape of `array`. */
void oa_slot_bind(oa_value_slot *slot, const oa_array *array, void *data);
/* One use of a value is over; with the last one its share of the buffer goes, unless it is kept. */
void oa_executor_consume(oa_executor *executor, size_t value);
/* True when the executor owns the value's buffer, and the use that is due is the last of it. */
bool oa_executor_is_last_use(const oa_executor *executor, size_t value);

/* A node and those behind it, up to `last`, that run as its steps. */
typedef struct oa_chain {
    oa_finish finish;
    size_t last;
} oa_chain;

/* Finds the followers of all nodes. O(edges). */
void oa_executor_find_chains(oa_executor *executor);
/* The chain that node `index` can start now, as long as the values that its steps take are there: none, and `last` is
 * the node, when it can start none. Ended by oa_executor_end_chain. O(steps, channels). */
void oa_executor_plan_chain(oa_chain *chain, oa_executor *executor, size_t index);
void oa_executor_end_chain(oa_chain *chain, oa_executor *executor);
/* After the steps have been taken: their nodes are done, and what they read besides is consumed. */
void oa_executor_skip_chain(oa_executor *executor, size_t index, const oa_chain *chain);

/* Runs live node `index`, whose inputs are bound: binds its outputs and consumes its inputs. */
oa_status oa_executor_run_node(oa_executor *executor, size_t index, oa_error *error);
#endif
