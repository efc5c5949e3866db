#include "core/match/slices.h"

#include "core/linalg/blas.h"

#include <string.h>

enum {
    OA_PIECE_ELEMENTS = 1 << 20, /* floats in one matrix of a piece: 4 MiB, so that both stay in cache */
    OA_PIECE_COLUMNS_MAX = 4096  /* bounds the length of float32 sums */
};

bool oa_counts(const oa_match_problem *problem, size_t tensor)
{
    const oa_layout_tensor *layout = &problem->layout->tensors[tensor];
    return layout->is_used && !layout->is_statistic && oa_dtype_is_float(problem->a->tensors[tensor].dtype) &&
           problem->tensor_b[tensor] != OA_NONE;
}

static oa_status no_memory(const oa_match_problem *problem, size_t tensor, oa_error *error)
{
    return oa_fail(error, OA_ERROR_MEMORY, "out of memory while matching '%s'", problem->a->tensors[tensor].name);
}

/* The map over a run of axes of the view as one flat index, first axis outermost. */
static oa_status flat_map(size_t **flat, size_t *count, const oa_match_problem *problem, size_t tensor, size_t first,
                          size_t last, const oa_permutations *permutations, oa_error *error)
{
    const oa_layout_tensor *view = &problem->layout->tensors[tensor];
    *count = 1;
    for (size_t k = first; k < last; k++) {
        *count *= view->view_dims[k];
    }
    size_t *map = oa_calloc(*count, sizeof *map);
    size_t *axis = NULL;
    if (!map) {
        return no_memory(problem, tensor, error);
    }
    size_t done = 1;
    for (size_t k = first; k < last && *count; k++) {
        size_t size = view->view_dims[k];
        axis = oa_malloc(size, sizeof *axis);
        if (!axis) {
            oa_free(map);
            return no_memory(problem, tensor, error);
        }
        if (permutations) {
            oa_layout_axis_map(axis, problem->layout, tensor, k, size, permutations);
        }
        for (size_t i = done; i > 0; i--) {
            for (size_t j = size; j > 0; j--) {
                map[(i - 1) * size + j - 1] = map[i - 1] * size + (permutations ? axis[j - 1] : j - 1);
            }
        }
        done *= size;
        oa_free(axis);
    }
    *flat = map;
    return OA_OK;
}

oa_status oa_slices_init(oa_slices *slices, const oa_match_problem *problem, size_t tensor, size_t axis,
                         const oa_permutations *permutations, oa_error *error)
{
    const oa_layout_tensor *view = &problem->layout->tensors[tensor];
    *slices = (oa_slices){.axis_size = view->view_dims[axis]};
    oa_status status = flat_map(&slices->before, &slices->before_count, problem, tensor, 0, axis, permutations, error);
    if (status == OA_OK) {
        status = flat_map(&slices->after, &slices->after_count, problem, tensor, axis + 1, view->view_rank,
                          permutations, error);
    }
    if (status == OA_OK) {
        slices->along = oa_malloc(slices->axis_size, sizeof *slices->along);
        status = slices->along ? OA_OK : no_memory(problem, tensor, error);
    }
    if (status != OA_OK) {
        oa_slices_free(slices);
        return status;
    }
    if (permutations) {
        oa_layout_axis_map(slices->along, problem->layout, tensor, axis, slices->axis_size, permutations);
    }
    for (size_t i = 0; i < slices->axis_size && !permutations; i++) {
        slices->along[i] = i;
    }
    slices->after_is_identity = true;
    for (size_t i = 0; i < slices->after_count; i++) {
        slices->after_is_identity = slices->after_is_identity && slices->after[i] == i;
    }
    return OA_OK;
}

void oa_slices_free(oa_slices *slices)
{
    oa_free(slices->before);
    oa_free(slices->along);
    oa_free(slices->after);
    *slices = (oa_slices){0};
}

/* Weights are compared with 11 significant bits, the precision of float16, rounded to nearest even: far finer than any
 * match depends on, and a model answers the same whether it is stored in float32 or in float16. Infinities and NaN have
 * been refused before. */
static float comparable(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    uint32_t to_even = bits >> 13 & 1u;
    bits = (bits + 0x0fffu + to_even) & ~UINT32_C(0x1fff);
    memcpy(&value, &bits, sizeof value);
    return value;
}

void oa_comparable_floats(float *to, const void *from, oa_dtype dtype, size_t count)
{
    oa_floats_to_f32(to, from, dtype, count);
    for (size_t i = 0; i < count; i++) {
        to[i] = comparable(to[i]);
    }
}

/* Copies `count` elements that start at element `offset`, through `map` when given, as comparable float32. */
static void copy_run(float *target, size_t target_stride, const oa_tensor *tensor, size_t offset, const size_t *map,
                     size_t count)
{
    size_t size = oa_dtype_size(tensor->dtype);
    const char *source = (const char *)tensor->data + offset * size;
    if (!map && target_stride == 1) {
        oa_comparable_floats(target, source, tensor->dtype, count);
        return;
    }
    if (tensor->dtype == OA_DTYPE_FLOAT) {
        const float *floats = (const float *)(const void *)source;
        for (size_t i = 0; i < count; i++) {
            target[i * target_stride] = comparable(floats[map ? map[i] : i]);
        }
        return;
    }
    for (size_t i = 0; i < count; i++) {
        float value;
        oa_floats_to_f32(&value, source + (map ? map[i] : i) * size, tensor->dtype, 1);
        target[i * target_stride] = comparable(value);
    }
}

/* A range of columns of the matrix [units, columns] of an occurrence. Its columns are (before, rest, after), a run
 * being the `after` elements of one (before, rest); piece and start count columns. Row i of the result is unit i,
 * stored with stride `unit_stride` between units and `column_stride` between columns. */
typedef struct piece {
    size_t first_run, run_count;
    size_t first_after, after_count;
    size_t unit_stride, column_stride;
} piece;

/* `places` NULL: a itself. Otherwise b: unit i is read through the maps from places[i], where the permutation of its
 * group puts it now. So all that is beside it stands as the permutations say. */
static void fill_piece(float *target, const piece *p, const oa_tensor *tensor, const oa_occurrence *occurrence,
                       size_t units, const oa_slices *slices, const size_t *places)
{
    for (size_t run = 0; run < p->run_count; run++) {
        size_t before = (p->first_run + run) / occurrence->rest;
        size_t rest = (p->first_run + run) % occurrence->rest;
        size_t from = places ? slices->before[before] : before;
        for (size_t i = 0; i < units; i++) {
            size_t position = occurrence->positions[(places ? places[i] : i) * occurrence->rest + rest];
            position = places ? slices->along[position] : position;
            size_t offset = (from * slices->axis_size + position) * slices->after_count;
            const size_t *map = places && !slices->after_is_identity ? slices->after + p->first_after : NULL;
            copy_run(target + i * p->unit_stride + run * p->after_count * p->column_stride, p->column_stride, tensor,
                     map ? offset : offset + p->first_after, map, p->after_count);
        }
    }
}

/* One product of pieces, added to the profit. Runs of one element are stored by column: then both reading the tensor
 * and writing the piece are contiguous. */
static oa_status add_piece(double *profit, float *scratch, piece *p, const oa_match_problem *problem,
                           const oa_occurrence *occurrence, size_t n, const oa_slices *slices, const size_t *places,
                           oa_error *error)
{
    size_t columns = p->run_count * p->after_count;
    bool by_column = slices->after_count == 1;
    p->unit_stride = by_column ? 1 : columns;
    p->column_stride = by_column ? n : 1;
    float *rows_a = scratch;
    float *rows_b = rows_a + n * columns;
    float *product = rows_b + n * columns;
    fill_piece(rows_a, p, &problem->a->tensors[occurrence->tensor], occurrence, n, slices, NULL);
    fill_piece(rows_b, p, &problem->b->tensors[problem->tensor_b[occurrence->tensor]], occurrence, n, slices, places);
    oa_const_matrix_view a = {rows_a, by_column ? columns : n, by_column ? n : columns, by_column ? n : columns};
    oa_const_matrix_view b = {rows_b, a.rows, a.columns, a.stride};
    oa_status status = oa_gemm((oa_matrix_view){product, n, n, n}, a, by_column, b, !by_column, 1.0f, 0.0f, error);
    for (size_t i = 0; i < n * n && status == OA_OK; i++) {
        profit[i] += (double)product[i];
    }
    return status;
}

oa_status oa_add_profit(double *profit, const oa_match_problem *problem, const oa_occurrence *occurrence,
                        const oa_permutations *permutations, oa_error *error)
{
    size_t n = problem->layout->groups[occurrence->group].size;
    oa_slices slices = {0};
    float *scratch = NULL;
    size_t *places = oa_malloc(n, sizeof *places);
    oa_status status = places
                           ? oa_slices_init(&slices, problem, occurrence->tensor, occurrence->axis, permutations, error)
                           : no_memory(problem, occurrence->tensor, error);
    if (status != OA_OK) {
        goto done;
    }
    for (size_t i = 0; i < n; i++) {
        places[permutations->of[occurrence->group][i]] = i;
    }
    size_t limit = OA_PIECE_ELEMENTS / n < 64 ? 64 : OA_PIECE_ELEMENTS / n;
    limit = limit > OA_PIECE_COLUMNS_MAX ? OA_PIECE_COLUMNS_MAX : limit;
    size_t after_step = slices.after_count < limit ? slices.after_count : limit;
    size_t run_step = after_step == slices.after_count && after_step ? limit / after_step : 1;
    size_t runs = slices.before_count * occurrence->rest;
    run_step = run_step > runs ? runs : run_step;
    scratch = oa_malloc(2 * n * run_step * after_step + n * n, sizeof *scratch);
    if (!scratch) {
        status = no_memory(problem, occurrence->tensor, error);
        goto done;
    }
    for (size_t run = 0; run < runs && status == OA_OK; run += run_step) {
        for (size_t after = 0; after < slices.after_count && status == OA_OK; after += after_step) {
            piece p = {.first_run = run,
                       .run_count = runs - run < run_step ? runs - run : run_step,
                       .first_after = after,
                       .after_count =
                           slices.after_count - after < after_step ? slices.after_count - after : after_step};
            status = add_piece(profit, scratch, &p, problem, occurrence, n, &slices, places, error);
        }
    }
done:
    oa_free(places);
    oa_free(scratch);
    oa_slices_free(&slices);
    return status;
}

static double row_distance(const char *a, oa_dtype dtype_a, const char *b, oa_dtype dtype_b, const size_t *map,
                           size_t n)
{
    double sum = 0.0;
    if (dtype_a == OA_DTYPE_FLOAT && dtype_b == OA_DTYPE_FLOAT) {
        const float *x = (const float *)(const void *)a;
        const float *y = (const float *)(const void *)b;
        for (size_t j = 0; j < n; j++) {
            double difference = (double)x[j] - (double)y[map[j]];
            sum += x[j] == y[map[j]] ? 0.0 : difference * difference; /* two infinities have no difference */
        }
        return sum;
    }
    for (size_t j = 0; j < n; j++) {
        double x;
        double y;
        oa_floats_to_f64(&x, a + j * oa_dtype_size(dtype_a), dtype_a, 1);
        oa_floats_to_f64(&y, b + map[j] * oa_dtype_size(dtype_b), dtype_b, 1);
        sum += x == y ? 0.0 : (x - y) * (x - y);
    }
    return sum;
}

static double row_inner(const char *a, oa_dtype dtype_a, const char *b, oa_dtype dtype_b, const size_t *map, size_t n)
{
    double sum = 0.0;
    if (dtype_a == OA_DTYPE_FLOAT && dtype_b == OA_DTYPE_FLOAT) {
        const float *x = (const float *)(const void *)a;
        const float *y = (const float *)(const void *)b;
        for (size_t j = 0; j < n; j++) {
            sum += (double)comparable(x[j]) * (double)comparable(y[map[j]]);
        }
        return sum;
    }
    for (size_t j = 0; j < n; j++) {
        float x;
        float y;
        oa_floats_to_f32(&x, a + j * oa_dtype_size(dtype_a), dtype_a, 1);
        oa_floats_to_f32(&y, b + map[j] * oa_dtype_size(dtype_b), dtype_b, 1);
        sum += (double)comparable(x) * (double)comparable(y);
    }
    return sum;
}

oa_status oa_add_inner(double *sum, const oa_match_problem *problem, size_t tensor, const oa_permutations *permutations,
                       bool squared, oa_error *error)
{
    const oa_tensor *a = &problem->a->tensors[tensor];
    const oa_tensor *b = &problem->b->tensors[problem->tensor_b[tensor]];
    size_t size_a = oa_dtype_size(a->dtype);
    size_t size_b = oa_dtype_size(b->dtype);
    size_t *map = NULL;
    size_t count = 0;
    double total = 0.0;
    if (a->count == 0) {
        return OA_OK;
    }
    /* All axes but the last as one map, the last as another: two short tables instead of one as long as the tensor. */
    size_t rank = problem->layout->tensors[tensor].view_rank, last = rank ? rank - 1 : 0;
    size_t *inner = NULL;
    size_t inner_count = 0;
    oa_status status = flat_map(&map, &count, problem, tensor, 0, last, permutations, error);
    if (status == OA_OK) {
        status = flat_map(&inner, &inner_count, problem, tensor, last, rank, permutations, error);
    }
    for (size_t i = 0; i < count && status == OA_OK; i++) {
        const char *from_a = (const char *)a->data + i * inner_count * size_a;
        const char *from_b = (const char *)b->data + map[i] * inner_count * size_b;
        total += squared ? row_distance(from_a, a->dtype, from_b, b->dtype, inner, inner_count)
                         : row_inner(from_a, a->dtype, from_b, b->dtype, inner, inner_count);
    }
    oa_free(map);
    oa_free(inner);
    if (status == OA_OK) {
        *sum += total;
    }
    return status;
}
