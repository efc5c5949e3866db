/* Graphs of several nodes, by name. */
#ifndef OA_TESTS_EXEC_NET_H
#define OA_TESTS_EXEC_NET_H

#include "tests/exec/support.h"

typedef struct net {
    oa_graph *graph;
    oa_status status; /* of the first call that failed */
    oa_error error;
} net;

net net_create(void);
void net_destroy(net *made);
void net_input(net *made, const char *name, oa_dtype dtype);
void net_output(net *made, const char *name);
/* The array must outlive the net. Returns the index of the tensor. */
size_t net_constant(net *made, const char *name, const oa_array *array);
/* `inputs` and `outputs` are names separated by spaces; "-" is an omitted one. `node` must outlive the net. */
void net_node(net *made, const op *node, const char *inputs, const char *outputs);
/* Closes the graph; the status of everything so far. */
oa_status net_finish(net *made);

/* Runs the finished net; the outputs are the caller's on success. */
oa_status net_run(oa_array *outputs, const net *made, const oa_array *inputs, const oa_payloads *payloads,
                  oa_error *error);

#endif
