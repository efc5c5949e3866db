/* Einsum: products of elements with equal labels, summed over the labels that the output does not have. Two operands of
 * floats become products of matrices where there is something to multiply; all else is a walk over all labels. */
#include "core/exec/einsum.h"

#include "core/exec/kernels.h"
#include "core/exec/strided.h"
#include "core/exec/types.h"
#include "core/linalg/blas.h"

#include <string.h>

/* Sizes and steps of some of the labels, in an order. */
typedef struct walk {
    size_t rank;
    size_t dims[OA_EINSUM_LABELS];
    ptrdiff_t steps[OA_EINSUM_OPERANDS][OA_EINSUM_LABELS];
    size_t index[OA_EINSUM_LABELS];
    ptrdiff_t offsets[OA_EINSUM_OPERANDS];
    size_t operands;
} walk;

static void add_label(walk *w, const oa_einsum *e, size_t label)
{
    w->dims[w->rank] = e->sizes[label];
    for (size_t i = 0; i < e->operand_count; i++) {
        w->steps[i][w->rank] = e->steps[i][label];
    }
    w->rank++;
}

/* Goes on to the next place; false, back at the first, after the last. */
static bool walk_next(walk *w)
{
    for (size_t d = w->rank; d-- > 0;) {
        ptrdiff_t back = (ptrdiff_t)w->index[d];
        bool is_end = ++w->index[d] == w->dims[d];
        for (size_t i = 0; i < w->operands; i++) {
            w->offsets[i] += is_end ? -back * w->steps[i][d] : w->steps[i][d];
        }
        if (!is_end) {
            return true;
        }
        w->index[d] = 0;
    }
    return false;
}

/* Outer labels are the output's, inner ones are summed; integers wrap. */
#define GENERAL_LOOP(type, sum_type, tag)                                                                              \
    static void general_##tag(type *y, size_t count, walk *outer, walk *inner, const void *const *data)                \
    {                                                                                                                  \
        for (size_t at = 0; at < count; at++) {                                                                        \
            sum_type sum = 0;                                                                                          \
            do {                                                                                                       \
                sum_type product = 1;                                                                                  \
                for (size_t i = 0; i < outer->operands; i++) {                                                         \
                    product *= (sum_type)((const type *)data[i])[outer->offsets[i] + inner->offsets[i]];               \
                }                                                                                                      \
                sum += product;                                                                                        \
            } while (walk_next(inner));                                                                                \
            y[at] = (type)sum;                                                                                         \
            (void)walk_next(outer);                                                                                    \
        }                                                                                                              \
    }
#define GENERAL_REALS(dtype, type, tag) GENERAL_LOOP(type, double, tag)
#define GENERAL_INTEGERS(dtype, type, tag) GENERAL_LOOP(type, uint64_t, tag)
OA_REAL_TYPES(GENERAL_REALS)
OA_WIDE_INTEGER_TYPES(GENERAL_INTEGERS)

/* y is not empty. */
static oa_status run_general(oa_array *y, const oa_call *call, const oa_einsum *e, oa_error *error)
{
    walk outer = {.operands = e->operand_count}, inner = {.operands = e->operand_count};
    const void *data[OA_EINSUM_OPERANDS];
    bool is_empty = false;
    for (size_t i = 0; i < e->operand_count; i++) {
        data[i] = call->inputs[i]->data;
        is_empty = is_empty || call->inputs[i]->count == 0;
    }
    for (size_t d = 0; d < e->output_rank; d++) {
        add_label(&outer, e, e->output[d]);
    }
    for (size_t label = 0; label < OA_EINSUM_LABELS; label++) {
        if (e->uses[label] && !e->is_output[label]) {
            add_label(&inner, e, label);
        }
    }
    if (is_empty) { /* sums of nothing */
        memset(y->data, 0, y->count * oa_dtype_size(y->dtype));
        return OA_OK;
    }
    switch (y->dtype) {
#define GENERAL_CASE(name, type, tag)                                                                                  \
    case name:                                                                                                         \
        general_##tag(y->data, y->count, &outer, &inner, data);                                                        \
        return OA_OK;
        OA_REAL_TYPES(GENERAL_CASE)
        OA_WIDE_INTEGER_TYPES(GENERAL_CASE)
#undef GENERAL_CASE
    default:
        return oa_fail_dtype(y, error);
    }
}

/* What a label of two operands is for: c[batch, rows, columns] = a[batch, rows, depth] b[batch, columns, depth]^T. */
typedef enum role { BATCH, ROWS, COLUMNS, DEPTH, ROLES } role;

typedef struct product {
    size_t labels[ROLES][OA_EINSUM_LABELS];
    size_t counts[ROLES];
    size_t sizes[ROLES]; /* products of the labels' sizes */
} product;

/* False when only one operand has a label that is summed, or sizes overflow. */
static bool add_role(product *p, const oa_einsum *e, size_t label)
{
    bool is_a = e->uses[label] & 1, is_b = e->uses[label] & 2;
    role kind = !e->is_output[label] ? DEPTH : is_a && is_b ? BATCH : is_a ? ROWS : COLUMNS;
    p->labels[kind][p->counts[kind]++] = label;
    return (kind != DEPTH || (is_a && is_b)) && !oa_mul_overflows(&p->sizes[kind], p->sizes[kind], e->sizes[label]);
}

/* Do the operands make a product of matrices? Not when all labels are the batch's. */
static bool find_product(product *p, const oa_einsum *e)
{
    bool fits = true;
    *p = (product){.sizes = {1, 1, 1, 1}};
    for (size_t d = 0; d < e->output_rank && fits; d++) {
        fits = add_role(p, e, e->output[d]);
    }
    for (size_t label = 0; label < OA_EINSUM_LABELS && fits; label++) {
        fits = !e->uses[label] || e->is_output[label] || add_role(p, e, label);
    }
    return fits && (p->counts[BATCH] < e->output_rank || p->counts[DEPTH] > 0);
}

/* Operand i as [batch, middle, depth]: its own data where it is like that already, else a copy in `room`. */
static const void *arrange(void *room, const oa_array *array, const oa_einsum *e, size_t i, const product *p,
                           role middle)
{
    const role order[3] = {BATCH, middle, DEPTH};
    size_t dims[OA_EINSUM_LABELS], rank = 0, size = oa_dtype_size(array->dtype);
    ptrdiff_t steps[OA_EINSUM_LABELS], step = 1;
    for (size_t k = 0; k < 3; k++) {
        for (size_t n = 0; n < p->counts[order[k]]; n++, rank++) {
            size_t label = p->labels[order[k]][n];
            dims[rank] = e->sizes[label];
            steps[rank] = e->steps[i][label];
        }
    }
    bool is_packed = true;
    for (size_t d = rank; d-- > 0;) {
        is_packed = is_packed && (dims[d] == 1 || steps[d] == step);
        step *= (ptrdiff_t)dims[d];
    }
    if (is_packed) {
        return array->data;
    }
    oa_strided_copy(room, array->data, dims, steps, rank, size);
    return room;
}

/* y [output's order] from c [batch, rows, columns]. */
static void put_product(oa_array *y, const void *c, const oa_einsum *e, const product *p)
{
    static const role order[3] = {COLUMNS, ROWS, BATCH};
    ptrdiff_t steps[OA_EINSUM_LABELS] = {0}, own[OA_MAX_RANK], step = 1;
    for (size_t k = 0; k < 3; k++) {
        for (size_t n = p->counts[order[k]]; n-- > 0;) {
            steps[p->labels[order[k]][n]] = step;
            step *= (ptrdiff_t)e->sizes[p->labels[order[k]][n]];
        }
    }
    for (size_t d = 0; d < e->output_rank; d++) {
        own[d] = steps[e->output[d]];
    }
    oa_strided_copy(y->data, c, y->dims, own, y->rank, oa_dtype_size(y->dtype));
}

static oa_status run_product(oa_array *y, oa_call *call, const oa_einsum *e, const product *p, oa_error *error)
{
    size_t m = p->sizes[ROWS], n = p->sizes[COLUMNS], k = p->sizes[DEPTH], size = oa_dtype_size(y->dtype);
    size_t a_count, b_count, all;
    unsigned char *room = NULL;
    if (!oa_mul_overflows(&a_count, p->sizes[BATCH] * m, k) && !oa_mul_overflows(&b_count, p->sizes[BATCH] * n, k) &&
        !oa_add_overflows(&all, a_count, b_count) && !oa_add_overflows(&all, all, y->count)) {
        room = oa_call_scratch(call, all, size);
    }
    if (!room) {
        return oa_fail(error, OA_ERROR_MEMORY, "out of memory for matrices of %zu batches", p->sizes[BATCH]);
    }
    unsigned char *c = room + (a_count + b_count) * size;
    const unsigned char *a = arrange(room, call->inputs[0], e, 0, p, ROWS);
    const unsigned char *b = arrange(room + a_count * size, call->inputs[1], e, 1, p, COLUMNS);
    oa_status status = OA_OK;
    for (size_t i = 0; i < p->sizes[BATCH] && status == OA_OK; i++) {
        void *to = c + i * m * n * size;
        const void *left = a + i * m * k * size, *right = b + i * n * k * size;
        status = y->dtype == OA_DTYPE_FLOAT
                     ? oa_gemm((oa_matrix_view){to, m, n, n}, (oa_const_matrix_view){left, m, k, k}, false,
                               (oa_const_matrix_view){right, n, k, k}, true, 1.0f, 0.0f, error)
                     : oa_gemm_double(to, n, left, k, false, right, k, true, m, n, k, 1.0, 0.0, error);
    }
    if (status == OA_OK) {
        put_product(y, c, e, p);
    }
    return status;
}

oa_status oa_kernel_einsum(oa_call *call, oa_error *error)
{
    oa_einsum e;
    product p;
    size_t dims[OA_MAX_RANK];
    oa_array *y;
    oa_status status = oa_einsum_read(&e, call, error);
    if (status != OA_OK) {
        return status;
    }
    for (size_t d = 0; d < e.output_rank; d++) {
        dims[d] = e.sizes[e.output[d]];
    }
    const oa_array *x = call->inputs[0];
    status = oa_call_output(&y, call, 0, x->dtype, dims, e.output_rank, error);
    if (status != OA_OK || y->count == 0) {
        return status;
    }
    bool is_real = oa_is_real(x->dtype);
    return e.operand_count == 2 && is_real && find_product(&p, &e) ? run_product(y, call, &e, &p, error)
                                                                   : run_general(y, call, &e, error);
}
