/* Gemm and MatMul: products of matrices, by the BLAS for floats. */
#include "core/exec/broadcast.h"
#include "core/exec/gemm_panels.h"
#include "core/exec/kernels.h"
#include "core/exec/strided.h"
#include "core/exec/types.h"
#include "core/linalg/blas.h"

enum {
    MOST_STEP = 1 << 26, /* of panels */
    TRIPLES = 64         /* products handed on at a time */
};

/* The product of packed matrices op(a) [m, k] and op(b) [k, n]. */
typedef struct product {
    size_t m, n, k;
    bool transpose_a;
    bool transpose_b;
    float alpha;
    float beta;
} product;

/* Integers wrap around. alpha and beta are whole numbers. */
#define INTEGER_PRODUCT(dtype, type, tag)                                                                              \
    static void product_##tag(type *c, const type *a, const type *b, const product *p)                                 \
    {                                                                                                                  \
        size_t a_row = p->transpose_a ? 1 : p->k, a_column = p->transpose_a ? p->m : 1;                                \
        size_t b_row = p->transpose_b ? 1 : p->n, b_column = p->transpose_b ? p->k : 1;                                \
        uint64_t alpha = (uint64_t)(int64_t)p->alpha, beta = (uint64_t)(int64_t)p->beta;                               \
        for (size_t i = 0; i < p->m; i++) {                                                                            \
            for (size_t j = 0; j < p->n; j++) {                                                                        \
                uint64_t sum = 0;                                                                                      \
                for (size_t l = 0; l < p->k; l++) {                                                                    \
                    sum += (uint64_t)a[i * a_row + l * a_column] * (uint64_t)b[l * b_row + j * b_column];              \
                }                                                                                                      \
                uint64_t old = beta ? beta * (uint64_t)c[i * p->n + j] : 0;                                            \
                c[i * p->n + j] = (type)(alpha * sum + old);                                                           \
            }                                                                                                          \
        }                                                                                                              \
    }

OA_WIDE_INTEGER_TYPES(INTEGER_PRODUCT)

/* c = alpha op(a) op(b) + beta c, of a dtype that has_product. */
static oa_status multiply(void *c, const void *a, const void *b, const product *p, oa_dtype dtype, oa_error *error)
{
    size_t a_rows = p->transpose_a ? p->k : p->m, a_columns = p->transpose_a ? p->m : p->k;
    size_t b_rows = p->transpose_b ? p->n : p->k, b_columns = p->transpose_b ? p->k : p->n;
    switch (dtype) {
    case OA_DTYPE_FLOAT:
        return oa_gemm((oa_matrix_view){c, p->m, p->n, p->n}, (oa_const_matrix_view){a, a_rows, a_columns, a_columns},
                       p->transpose_a, (oa_const_matrix_view){b, b_rows, b_columns, b_columns}, p->transpose_b,
                       p->alpha, p->beta, error);
    case OA_DTYPE_DOUBLE:
        return oa_gemm_double(c, p->n, a, a_columns, p->transpose_a, b, b_columns, p->transpose_b, p->m, p->n, p->k,
                              (double)p->alpha, (double)p->beta, error);
#define PRODUCT_CASE(name, type, tag)                                                                                  \
    case name:                                                                                                         \
        product_##tag(c, a, b, p);                                                                                     \
        return OA_OK;
        OA_WIDE_INTEGER_TYPES(PRODUCT_CASE)
#undef PRODUCT_CASE
    default:
        return oa_fail(error, OA_ERROR_UNSUPPORTED, "no matrix product for elements of type %s", oa_dtype_name(dtype));
    }
}

/* `count` products of one shape, on the executor's threads where the processor has the instructions. */
static oa_status multiply_all(const oa_matrix_triple *triples, size_t count, const product *p, oa_dtype dtype,
                              oa_call *call, oa_error *error)
{
    const oa_matrix_product shape = {.m = p->m,
                                     .n = p->n,
                                     .k = p->k,
                                     .a = p->transpose_a ? (oa_strides){1, p->m} : (oa_strides){p->k, 1},
                                     .b = p->transpose_b ? (oa_strides){1, p->k} : (oa_strides){p->n, 1},
                                     .adds = p->beta == 1.0f};
    bool is_plain = p->alpha == 1.0f && (p->beta == 0.0f || p->beta == 1.0f) && shape.b.column_step < MOST_STEP;
    oa_status status = OA_OK;
    if (dtype == OA_DTYPE_FLOAT && is_plain && count && p->m && p->n && oa_gemm_panels_available()) {
        return oa_gemm_panels(triples, count, &shape, call, error);
    }
    for (size_t i = 0; i < count && status == OA_OK; i++) {
        status = multiply(triples[i].c, triples[i].a, triples[i].b, p, dtype, error);
    }
    return status;
}

/* y [m, n] = c, which must broadcast to that shape. */
static oa_status fill_with(oa_array *y, const oa_array *c, oa_error *error)
{
    size_t rows = c->rank == 2 ? c->dims[0] : 1;
    size_t columns = c->rank ? c->dims[c->rank - 1] : 1;
    if (c->rank > 2 || (rows != 1 && rows != y->dims[0]) || (columns != 1 && columns != y->dims[1])) {
        char text[OA_SHAPE_TEXT_SIZE];
        return oa_fail(error, OA_ERROR_INPUT, "C of shape %s cannot be broadcast to [%zu, %zu]",
                       oa_shape_text(text, c->dims, c->rank), y->dims[0], y->dims[1]);
    }
    const ptrdiff_t steps[2] = {rows == 1 ? 0 : (ptrdiff_t)columns, columns == 1 ? 0 : 1};
    oa_strided_copy(y->data, c->data, y->dims, steps, 2, oa_dtype_size(y->dtype));
    return OA_OK;
}

static bool is_whole(float value)
{
    return value >= -0x1p24f && value <= 0x1p24f && (float)(int32_t)value == value;
}

oa_status oa_kernel_gemm(oa_call *call, oa_error *error)
{
    const oa_array *a = call->inputs[0], *b = call->inputs[1], *c = oa_call_input(call, 2);
    product p = {.transpose_a = oa_call_int(call, "transA", 0) != 0,
                 .transpose_b = oa_call_int(call, "transB", 0) != 0,
                 .alpha = oa_call_float(call, "alpha", 1.0f),
                 .beta = c ? oa_call_float(call, "beta", 1.0f) : 0.0f};
    oa_call_ignore(call, "beta");
    if (call->node->version < 7) {
        oa_call_ignore(call, "broadcast"); /* without it shapes had to be equal, which broadcasting includes */
    }
    oa_status status = oa_call_same_dtype(call, 0, 1, error);
    if (status == OA_OK && c) {
        status = oa_call_same_dtype(call, 0, 2, error);
    }
    if (status != OA_OK) {
        return status;
    }
    size_t inner = b->rank == 2 ? b->dims[p.transpose_b ? 1 : 0] : 0;
    p.k = a->rank == 2 ? a->dims[p.transpose_a ? 0 : 1] : 0;
    if (a->rank != 2 || b->rank != 2 || p.k != inner) {
        char text[2][OA_SHAPE_TEXT_SIZE];
        return oa_fail(error, OA_ERROR_INPUT, "matrices of shapes %s and %s cannot be multiplied",
                       oa_shape_text(text[0], a->dims, a->rank), oa_shape_text(text[1], b->dims, b->rank));
    }
    bool is_real = oa_is_real(a->dtype);
    if (!is_real && (!is_whole(p.alpha) || !is_whole(p.beta))) {
        return oa_fail(error, OA_ERROR_UNSUPPORTED, "alpha and beta must be whole numbers for integer matrices");
    }
    p.m = a->dims[p.transpose_a ? 1 : 0];
    p.n = b->dims[p.transpose_b ? 0 : 1];
    oa_array *y;
    status = oa_call_output(&y, call, 0, a->dtype, (const size_t[]){p.m, p.n}, 2, error);
    if (status == OA_OK && c) {
        status = fill_with(y, c, error);
    }
    if (status != OA_OK) {
        return status;
    }
    const oa_matrix_triple triple = {y->data, a->data, b->data};
    return multiply_all(&triple, 1, &p, a->dtype, call, error);
}

/* The axes of a MatMul operand before its matrix, as an array without data for the walk. */
static oa_array batch_of(const oa_array *array)
{
    oa_array batch = {.count = 1};
    batch.rank = array->rank > 2 ? array->rank - 2 : 0;
    for (size_t d = 0; d < batch.rank; d++) {
        batch.dims[d] = array->dims[d];
        batch.count *= array->dims[d];
    }
    return batch;
}

/* One product for each pair of matrices, the batches being broadcast together. */
static oa_status multiply_batches(oa_array *y, const oa_array *a, const oa_array *b, const size_t *dims, size_t rank,
                                  const product *p, oa_call *call, oa_error *error)
{
    oa_matrix_triple triples[TRIPLES];
    size_t held = 0;
    oa_status status = OA_OK;
    oa_array batch_a = batch_of(a), batch_b = batch_of(b);
    size_t size = oa_dtype_size(a->dtype);
    unsigned char *c = y->data;
    oa_broadcast walk;
    oa_broadcast_start(&walk, dims, rank, (const oa_array *const[]){&batch_a, &batch_b}, 2);
    do {
        for (size_t i = 0; i < walk.run; i++) {
            size_t at_a = walk.offsets[0] + i * walk.run_step[0], at_b = walk.offsets[1] + i * walk.run_step[1];
            triples[held++] = (oa_matrix_triple){c, (const unsigned char *)a->data + at_a * p->m * p->k * size,
                                                 (const unsigned char *)b->data + at_b * p->k * p->n * size};
            if (held == TRIPLES) {
                status = multiply_all(triples, held, p, a->dtype, call, error);
                held = 0;
            }
            if (status != OA_OK) {
                return status;
            }
            c += p->m * p->n * size;
        }
    } while (oa_broadcast_next(&walk));
    return multiply_all(triples, held, p, a->dtype, call, error);
}

oa_status oa_kernel_matmul(oa_call *call, oa_error *error)
{
    const oa_array *a = call->inputs[0], *b = call->inputs[1];
    size_t dims[OA_MAX_RANK], rank;
    oa_status status = oa_call_same_dtype(call, 0, 1, error);
    if (status != OA_OK) {
        return status;
    }
    /* A vector on the left is a row, one on the right a column; the result then has no such axis. */
    product p = {.alpha = 1.0f};
    p.m = a->rank >= 2 ? a->dims[a->rank - 2] : 1;
    p.k = a->rank >= 1 ? a->dims[a->rank - 1] : 0;
    p.n = b->rank >= 2 ? b->dims[b->rank - 1] : 1;
    size_t inner = b->rank >= 2 ? b->dims[b->rank - 2] : b->rank ? b->dims[0] : 0;
    if (a->rank == 0 || b->rank == 0 || inner != p.k) {
        char text[2][OA_SHAPE_TEXT_SIZE];
        return oa_fail(error, OA_ERROR_INPUT, "arrays of shapes %s and %s cannot be multiplied",
                       oa_shape_text(text[0], a->dims, a->rank), oa_shape_text(text[1], b->dims, b->rank));
    }
    oa_array batch_a = batch_of(a), batch_b = batch_of(b);
    status = oa_broadcast_shape(dims, &rank, (const oa_array *const[]){&batch_a, &batch_b}, 2, error);
    if (status != OA_OK) {
        return status;
    }
    size_t batch_rank = rank;
    if (a->rank >= 2) {
        dims[rank++] = p.m;
    }
    if (b->rank >= 2) {
        dims[rank++] = p.n;
    }
    oa_array *y = NULL;
    status = oa_call_output(&y, call, 0, a->dtype, dims, rank, error);
    if (status != OA_OK || y->count == 0) {
        return status;
    }
    if (batch_b.count == 1) { /* one matrix on the right: the whole batch is one tall matrix */
        p.m = y->count / p.n;
        const oa_matrix_triple triple = {y->data, a->data, b->data};
        return multiply_all(&triple, 1, &p, a->dtype, call, error);
    }
    return multiply_batches(y, a, b, dims, batch_rank, &p, call, error);
}
