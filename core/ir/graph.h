/* The graph of a model, free of protobuf: values, constant tensors and nodes, all by index.
 *
 * A graph is built with the oa_graph_add_* calls and closed with oa_graph_finish, which resolves which node produces
 * which value, rejects cycles and undefined names, and renumbers the nodes into a canonical topological order that does
 * not depend on their order or names in the file. After that it is read-only.
 *
 * Constants are values with a tensor: initializers and the outputs of Constant nodes look the same here (the reader
 * turns Constant nodes into tensors; they do not appear among the nodes).
 *
 * The subgraphs of If, Loop and Scan are bodies: their values and constants are among the graph's, under names that are
 * unique there, but their nodes are their own, so that whoever walks over the graph's nodes never meets them. */
#ifndef OA_IR_GRAPH_H
#define OA_IR_GRAPH_H

#include "core/base/error.h"
#include "core/base/memory.h"
#include "core/base/names.h"
#include "core/ir/dtype.h"

enum { OA_MAX_RANK = 16 };

/* A constant. Everything is borrowed from the graph's arena or from the model that the graph was read from. */
typedef struct oa_tensor {
    const char *name;
    oa_dtype dtype;
    size_t rank;
    size_t dims[OA_MAX_RANK];
    size_t count;     /* elements: the product of dims, checked */
    const void *data; /* packed elements, native byte order, aligned to the element; NULL when the payload is of a dtype
                         with element size 0 (then it can only be carried along) */
    size_t value;     /* the value that stands for it */
    bool is_initializer; /* false: a Constant node's */
} oa_tensor;

/* Something that edges carry. */
typedef struct oa_value {
    const char *name;
    size_t tensor;   /* index of the constant, or OA_NONE */
    size_t producer; /* index of the node, or OA_NONE (inputs, constants) */
    bool is_input;   /* a true graph input: one without an initializer */
    bool is_output;
    bool is_opaque;       /* something that the IR cannot look into (sparse initializer, sequence, map, ...) */
    size_t body;          /* the body that defines it, or OA_NONE: the graph itself */
    size_t body_producer; /* index among that body's nodes, or OA_NONE (its inputs, constants) */
    /* Declared type, from graph inputs and outputs. */
    oa_dtype dtype;
    bool has_shape;
    size_t rank;
    int64_t dims[OA_MAX_RANK];        /* >= 0, or -1 when symbolic or unknown */
    const char *symbols[OA_MAX_RANK]; /* name of a symbolic dimension, or NULL */
} oa_value;

typedef enum oa_attribute_kind {
    OA_ATTRIBUTE_OTHER = 0, /* sparse tensors, types, references, most graphs: present, but not readable here */
    OA_ATTRIBUTE_INT,
    OA_ATTRIBUTE_FLOAT,
    OA_ATTRIBUTE_STRING,
    OA_ATTRIBUTE_INTS,
    OA_ATTRIBUTE_FLOATS,
    OA_ATTRIBUTE_STRINGS,
    OA_ATTRIBUTE_TENSOR,
    OA_ATTRIBUTE_BODY /* a graph that is one of the node's bodies */
} oa_attribute_kind;

typedef struct oa_attribute {
    const char *name;
    oa_attribute_kind kind;
    int64_t i;
    float f;
    oa_string_view s;
    size_t count; /* of ints, floats or strings */
    const int64_t *ints;
    const float *floats;
    const oa_string_view *strings;
    const oa_tensor *tensor; /* not among the graph's tensors */
    uint64_t hash;           /* of the serialised attribute when kind is OTHER: equality of subgraphs */
} oa_attribute;

enum { OA_BODIES_MAX = 2 /* of one node */ };

typedef struct oa_node {
    const char *name; /* may be empty */
    const char *op_type;
    const char *domain; /* "" for the standard operators ("ai.onnx" is normalised to "") */
    int64_t version;    /* of the domain's operator set that the model imports; 0 when it imports none */
    size_t *inputs;     /* value indices, OA_NONE for an omitted optional input */
    size_t input_count;
    size_t *outputs; /* value indices, OA_NONE for an omitted optional output */
    size_t output_count;
    size_t *captures; /* values around the node that its subgraphs use, besides the inputs */
    size_t capture_count;
    size_t bodies[OA_BODIES_MAX]; /* in graph->bodies; then_branch comes before else_branch */
    size_t body_count;            /* 0 also for subgraphs that could not be read as bodies */
    oa_attribute *attributes;
    size_t attribute_count;
    bool is_live; /* a graph output depends on it */
} oa_node;

/* A subgraph of a node. */
typedef struct oa_body {
    const char *attribute; /* of the node that it belongs to: "then_branch", "body" */
    size_t *inputs;        /* values of its own, that the node fills */
    size_t input_count;
    size_t *outputs; /* values of its own, or of what is around it */
    size_t output_count;
    oa_node *nodes; /* those that the outputs depend on, in canonical topological order */
    size_t node_count;
    size_t step_count; /* of these nodes and those of the bodies inside */
} oa_body;

typedef struct oa_graph {
    const char *name;
    oa_value *values;
    size_t value_count;
    oa_tensor *tensors;
    size_t tensor_count;
    oa_node *nodes; /* after finish: live nodes first, in canonical topological order, then dead ones */
    size_t node_count;
    size_t live_count;
    size_t *inputs; /* values, true inputs only, in the model's order */
    size_t input_count;
    size_t *outputs; /* values */
    size_t output_count;
    oa_body *bodies;
    size_t body_count;
    const oa_node **steps; /* after finish: the live nodes in their order, each followed by those of its bodies, first
                              body first; without bodies, step i is node i */
    size_t step_count;

    oa_arena arena; /* owns the names, dims, attributes and lists above */
    oa_names value_names;
    size_t value_capacity, tensor_capacity, node_capacity, input_capacity, output_capacity, body_capacity;
} oa_graph;

/* A new empty graph, or NULL. Free with oa_graph_destroy. */
oa_graph *oa_graph_create(void);
void oa_graph_destroy(oa_graph *graph);

/* The index of the value called `name` (copied), made when it does not exist yet. OA_ERROR_MEMORY, OA_ERROR_INPUT (an
 * empty name). O(length). */
oa_status oa_graph_value(size_t *index, oa_graph *graph, const char *name, oa_error *error);

/* Adds a constant called `tensor->name` and gives its value that tensor. `tensor` is copied, its name too, its payload
 * is borrowed and must outlive the graph; dims and count are checked against each other. OA_ERROR_INPUT when the value
 * already is a constant, a true input or a node's output: add constants before inputs. */
oa_status oa_graph_add_tensor(size_t *index, oa_graph *graph, const oa_tensor *tensor, oa_error *error);

/* Declares an input or output of the graph. The declaration fields (dtype, has_shape, rank, dims, symbols) are copied
 * from `declared`; an input that is a constant already only gets its declaration (it is an initializer with a default).
 */
oa_status oa_graph_add_input(oa_graph *graph, const char *name, const oa_value *declared, oa_error *error);
oa_status oa_graph_add_output(oa_graph *graph, const char *name, const oa_value *declared, oa_error *error);

/* Adds a node. The lists are copied into the arena; the strings of `node` and `attributes` with what they point at are
 * borrowed (allocate them from graph->arena). Sets producer of the outputs. OA_ERROR_INPUT when a value is produced
 * twice. */
oa_status oa_graph_add_node(oa_graph *graph, const oa_node *node, oa_error *error);

/* The three steps of adding a body, before the node that it belongs to or before that node's own body is closed. Names
 * may coincide with those of other bodies: a value is called after `owner` and the attribute too, if its plain name is
 * taken. Closing copies the lists of `parts` (inputs, outputs and nodes, of which the strings and attributes are
 * borrowed as by oa_graph_add_node), sorts the nodes and drops those that no output depends on. OA_ERROR_MEMORY,
 * OA_ERROR_INPUT (a cycle, a value that is produced twice). O(edges). */
oa_status oa_graph_open_body(size_t *body, oa_graph *graph, const char *attribute, oa_error *error);
oa_status oa_graph_body_value(size_t *index, oa_graph *graph, size_t body, const char *owner, const char *name,
                              oa_error *error);
oa_status oa_graph_close_body(oa_graph *graph, size_t body, const oa_body *parts, oa_error *error);

/* Closes the graph: see the top of this file. OA_ERROR_INPUT: a cycle, or a value that nothing produces. O(edges). */
oa_status oa_graph_finish(oa_graph *graph, oa_error *error);

/* Checks that the product of dims fits and sets *count. */
oa_status oa_dims_count(size_t *count, const size_t *dims, size_t rank, oa_error *error);

/* Are the slices of a readable tensor along the axis not all the same? Strings count as different. O(bytes). */
bool oa_tensor_varies_along(const oa_tensor *tensor, size_t axis);

/* Attributes by name: NULL or the fallback when absent or of another kind. */
const oa_attribute *oa_node_attribute(const oa_node *node, const char *name);
int64_t oa_node_int(const oa_node *node, const char *name, int64_t fallback);
float oa_node_float(const oa_node *node, const char *name, float fallback);
bool oa_node_string_is(const oa_node *node, const char *name, const char *text); /* false when absent */
/* Sets *ints and *count (NULL and 0 when absent). */
void oa_node_ints(const int64_t **ints, size_t *count, const oa_node *node, const char *name);

/* True for an operator of the standard domain with this type. */
bool oa_node_is(const oa_node *node, const char *op_type);
/* The value in an input slot, or OA_NONE when the slot is absent or empty. */
size_t oa_node_input(const oa_node *node, size_t slot);
/* What a node reads: its inputs, then what its bodies put out, body after body; or, when its subgraphs are no bodies,
 * what these capture. OA_NONE for an omitted input. */
size_t oa_node_use_count(const oa_graph *graph, const oa_node *node);
size_t oa_node_use(const oa_graph *graph, const oa_node *node, size_t k);
/* What must be there before a node runs: its inputs, then what its subgraphs capture; k < input_count + capture_count.
 * OA_NONE for an omitted input. */
size_t oa_node_source(const oa_node *node, size_t k);
/* The steps that the bodies of a node take, which follow its own. */
size_t oa_node_inner_steps(const oa_graph *graph, const oa_node *node);
/* The node that makes a value, in the graph or in a body; NULL for inputs and constants. */
const oa_node *oa_value_node(const oa_graph *graph, size_t value);
/* Flags the live nodes that values depend on, and no others.
 *
 * - nodes [live_count], output.
 * - values [value_count], flags.
 *
 * O(edges). */
void oa_graph_needs(bool *nodes, const oa_graph *graph, const bool *values);
/* The constant in an input slot, or NULL. */
const oa_tensor *oa_node_constant(const oa_graph *graph, const oa_node *node, size_t slot);
/* A name for messages: the node's own, else the name of its first output. Never NULL. */
const char *oa_node_label(const oa_graph *graph, const oa_node *node);
/* Normalises an axis of a rank (negative counts from the end); false when out of range. */
bool oa_axis_normalise(size_t *axis, int64_t given, size_t rank);

/* The constants of a model with some payloads replaced: what permuting and merging make, the executor runs and the
 * writer writes. data[t] is NULL (the tensor's own payload stands) or owned memory of count * element size bytes in the
 * tensor's dtype. */
typedef struct oa_payloads {
    void **data; /* [count] */
    size_t count;
} oa_payloads;

oa_status oa_payloads_init(oa_payloads *payloads, const oa_graph *graph, oa_error *error);
void oa_payloads_free(oa_payloads *payloads);
/* The payload of tensor t: the replacement or the tensor's own. `payloads` may be NULL. */
const void *oa_payload(const oa_payloads *payloads, const oa_graph *graph, size_t t);

#endif
