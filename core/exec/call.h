/* What a kernel sees: one node with its inputs, and where its outputs go.
 *
 * A kernel reads the attributes, finds the shape of its outputs, asks for them with oa_call_output (or takes over or
 * passes on an input's buffer) and then calls a pure function over those buffers. It trusts that the inputs its row of
 * the table requires are there; it checks everything else. The caller adds the node and the operator to its errors, and
 * refuses a node with an attribute that the kernel did not ask for: a newer operator set may mean something by it. */
#ifndef OA_EXEC_CALL_H
#define OA_EXEC_CALL_H

#include "core/base/parallel.h"
#include "core/exec/array.h"
#include "core/exec/blocks.h"
#include "core/exec/finish.h"

typedef struct oa_call oa_call;

typedef oa_status (*oa_kernel)(oa_call *call, oa_error *error);

/* Memory that one kernel after the other uses, so that large temporaries are not mapped and faulted in for each. */
typedef struct oa_scratch {
    void *data;
    size_t size;
} oa_scratch;

struct oa_call {
    const oa_graph *graph;
    const oa_node *node;
    const oa_array **inputs; /* [input_count], NULL where omitted; float16 and bfloat16 arrive as float32 for operators
                                whose row says so */
    oa_dtype *dtypes;        /* [input_count], what the inputs were before */
    size_t input_count;
    oa_array *outputs; /* [output_count], zeroed; the kernel fills those that are wanted */
    bool *is_wanted;   /* [output_count], something reads it */
    size_t output_count;
    oa_dtype *narrow; /* [output_count], what a float32 output is rounded to afterwards when inputs were widened: preset
                         to the dtype of input 0 */
    oa_scratch *scratch;
    oa_blocks *blocks;
    oa_team *team;           /* threads that a kernel may spread its work over; NULL: none but the caller's */
    const oa_finish *finish; /* steps that a convolution may take on output 0 when they fit it, or NULL */
    bool is_finished;        /* it did */
    void *context;           /* of a kernel that stands in for the table's (core/exec/forward.h); else NULL */

    /* For call.c and the executor. */
    bool *is_takeable; /* [input_count], the input's buffer is the executor's and nothing reads it after this node */
    bool *is_taken;    /* [input_count] */
    size_t *passed;    /* [output_count], the input whose buffer the output is, or OA_NONE */
    uint64_t attributes_read;
    const char *bad_attribute; /* one that is of another kind than the operator's */
};

/* The input in a slot, or NULL when it is omitted. */
const oa_array *oa_call_input(const oa_call *call, size_t slot);
/* True when the output exists and something reads it. */
bool oa_call_wants(const oa_call *call, size_t index);

/* Attributes; the fallback (or NULL) when absent. One of another kind makes the call fail after the kernel has run. */
const oa_attribute *oa_call_attribute(oa_call *call, const char *name); /* of any kind */
int64_t oa_call_int(oa_call *call, const char *name, int64_t fallback);
float oa_call_float(oa_call *call, const char *name, float fallback);
void oa_call_ints(const int64_t **ints, size_t *count, oa_call *call, const char *name);
const oa_string_view *oa_call_string(oa_call *call, const char *name);
/* An attribute, known to the operator, that has no effect on what is computed here. */
void oa_call_ignore(oa_call *call, const char *name);
bool oa_string_is(const oa_string_view *string, const char *text);

/* Makes output `index` with undefined elements. OA_ERROR_MEMORY, OA_ERROR_INPUT (overflow), OA_ERROR_UNSUPPORTED
 * (rank). */
oa_status oa_call_output(oa_array **output, oa_call *call, size_t index, oa_dtype dtype, const size_t *dims,
                         size_t rank, oa_error *error);
/* Makes output `index` like input `slot` in dtype and shape, in the input's own buffer when nothing else needs it: then
 * both have the same data, and a kernel must read each element before it writes it. */
oa_status oa_call_output_like(oa_array **output, oa_call *call, size_t index, size_t slot, oa_error *error);
/* Makes output `index` the unchanged elements of input `slot` under another shape of the same count, without copying.
 */
oa_status oa_call_pass(oa_call *call, size_t index, size_t slot, const size_t *dims, size_t rank, oa_error *error);
/* Makes output `index` a view of memory that lives as long as the graph. */
oa_status oa_call_borrow(oa_call *call, size_t index, const oa_tensor *tensor, oa_error *error);

/* count * size bytes that stay until the kernel returns, with undefined contents; NULL when memory runs out. Only one
 * block at a time: a second request ends the first. */
void *oa_call_scratch(oa_call *call, size_t count, size_t size);

/* An axis as the attribute gives it, resolved against a rank; OA_ERROR_INPUT when out of range. */
oa_status oa_call_axis(size_t *axis, int64_t given, size_t rank, oa_error *error);
/* OA_ERROR_INPUT unless the array is of int32 or int64; `what` names it in messages. */
oa_status oa_check_indices(const oa_array *array, const char *what, oa_error *error);
/* Element i of such an array. */
static inline int64_t oa_index_at(const oa_array *array, size_t i)
{
    return array->dtype == OA_DTYPE_INT64 ? ((const int64_t *)array->data)[i] : ((const int32_t *)array->data)[i];
}
/* The integers of a 0-D or 1-D int32 or int64 array, at most `limit`. OA_ERROR_INPUT otherwise. `what` names it in
 * messages. */
oa_status oa_read_ints(int64_t *values, size_t *count, size_t limit, const oa_array *array, const char *what,
                       oa_error *error);
/* The `axes` of an operator as a mask over [rank]: attribute before operator set `since`, input `slot` from then on.
 * *is_given is false when there are none, and the mask is then all false. An axis may be named once only. */
oa_status oa_call_axes(bool *mask, bool *is_given, oa_call *call, size_t slot, int64_t since, size_t rank,
                       oa_error *error);
/* OA_ERROR_INPUT unless both inputs have one dtype, as they were before widening. */
oa_status oa_call_same_dtype(const oa_call *call, size_t slot, size_t other, oa_error *error);
/* OA_ERROR_UNSUPPORTED: what a kernel answers to an element type that it has no loop for. */
oa_status oa_fail_dtype(const oa_array *array, oa_error *error);

#endif
