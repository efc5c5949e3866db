/* What the files of the executor share: its state, and how values come and go during a run. */
#ifndef OA_EXEC_EXECUTOR_PRIVATE_H
#define OA_EXEC_EXECUTOR_PRIVATE_H

#include "core/exec/execution.h"
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

struct oa_execution {
    oa_executor *executor;
    oa_value_slot *slots;   /* [value_count] */
    bool *is_done;          /* [live_count] */
    const bool *nodes;      /* [live_count] those that run now; NULL: all */
    const oa_array *inputs; /* as long as they are borrowed; else NULL */
};

struct oa_executor {
    const oa_graph *graph;
    const oa_operator **operators; /* [live_count] */
    size_t *followers;             /* [live_count], the node that may run as a step behind this one, or OA_NONE */
    size_t *reads;                 /* [value_count] in all */
    oa_execution whole;            /* runs of everything at once */
    oa_execution *run;             /* the one that is going on, or was last */
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

/* Room for the state of a run. OA_ERROR_MEMORY. */
oa_status oa_execution_init(oa_execution *run, oa_executor *executor, oa_error *error);
/* Gives back what the run holds. */
void oa_execution_release(oa_execution *run);
void oa_execution_free(oa_execution *run);
/* Makes `run` the one that is going on, a fresh one on these inputs. */
oa_status oa_execution_start(oa_execution *run, const oa_array *inputs, oa_error *error);
/* Runs those of run->nodes that are not done yet. Constants are read as they are now. */
oa_status oa_execution_run_nodes(oa_execution *run, const oa_payloads *payloads, oa_error *error);
/* Gives up a value's share of its buffer. */
void oa_executor_forget(oa_executor *executor, size_t value);

#endif
