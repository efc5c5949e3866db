/* Which subgraphs runs enter: what no run has entered is not proved by what comes out. */
#ifndef OA_CHECK_BRANCHES_H
#define OA_CHECK_BRANCHES_H

#include "core/exec/engine.h"

/* Zero-initialise. Values of the graph tell which branch of an If is taken and whether a Loop turns at all. Bodies
 * inside of others, whose values no engine shows, and those of other operators count as entered when what is around
 * them is. */
typedef struct oa_branches {
    const oa_graph *graph;
    bool *is_entered; /* [body_count] by a run so far, of the graph's own nodes */
    bool *tells;      /* [value_count] values that nodes make and that tell */
    bool shows;       /* there are any of those */
    char *known;      /* [value_count] of the run at work: whether it is zero, as far as that is known */
} oa_branches;

/* `graph` is borrowed. OA_ERROR_MEMORY. O(values + nodes). */
oa_status oa_branches_init(oa_branches *branches, const oa_graph *graph, oa_error *error);
void oa_branches_free(oa_branches *branches);

/* A run: begins with its inputs [input_count], sees the values that tell (an oa_watcher, with the branches as its
 * context), and ends. O(values + nodes). */
void oa_branches_begin(oa_branches *branches, const oa_array *inputs);
oa_watcher oa_branches_see;
void oa_branches_end(oa_branches *branches);

/* Something that weights lie in and no run has entered. */
typedef struct oa_unentered {
    size_t weights;        /* float constants that nothing else uses */
    const char *node;      /* label of the first with such a subgraph; NULL: there is none. Borrowed from the graph */
    const char *attribute; /* of that subgraph: "else_branch" */
} oa_unentered;

/* Counts of the constants that `payloads` replaces (NULL: all). OA_ERROR_MEMORY. O(edges). */
oa_status oa_branches_unentered(oa_unentered *found, const oa_branches *branches, const oa_payloads *payloads,
                                oa_error *error);

#endif
