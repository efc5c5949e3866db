#include "tests/support/random_graph.h"

#include "tests/support/cmocka_all.h"
#include "tests/support/random_steps.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const int64_t SIZES[] = {2, 3, 4, 6, 8, 12};

size_t below(generator *r, size_t n)
{
    return oa_random_below(&r->random, n);
}

bool chance(generator *r, size_t percent)
{
    return below(r, 100) < percent;
}

size_t any_axis(generator *r, const made *x)
{
    return 1 + below(r, x->rank - 1);
}

int64_t elements(const made *x)
{
    int64_t count = 1;
    for (size_t i = 1; i < x->rank; i++) {
        count *= x->dims[i];
    }
    return count;
}

static bool is_like(const made *x, size_t rank, const int64_t *dims, size_t except)
{
    for (size_t i = 0; i < rank && x->rank == rank; i++) {
        if (i != except && x->dims[i] != dims[i]) {
            return false;
        }
    }
    return x->rank == rank;
}

size_t weight_for(generator *r, double fan_in, size_t rank, const int64_t *dims)
{
    if (r->weight_count && chance(r, 10)) {
        const made *old = &r->weights[below(r, r->weight_count)];
        if (is_like(old, rank, dims, OA_NONE)) {
            return old->value;
        }
    }
    r->g->scale = 1.0 / sqrt(fan_in);
    made *new = &r->weights[r->weight_count];
    new->value = test_graph_weight(r->g, NULL, rank, dims);
    new->rank = rank;
    if (rank) {
        memcpy(new->dims, dims, rank * sizeof *dims);
    }
    r->weight_count += r->weight_count + 1 < RANDOM_VALUES_MAX;
    return new->value;
}

const made *partner(generator *r, const made *x, size_t except)
{
    size_t first = below(r, r->count);
    for (size_t i = 0; i < r->count; i++) {
        const made *other = &r->values[(first + i) % r->count];
        if (other->value != x->value && is_like(other, x->rank, x->dims, except)) {
            return other;
        }
    }
    return x;
}

size_t list_operand(char text[static RANDOM_TEXT_SIZE], generator *r, const char *name, const int64_t *list,
                    size_t count)
{
    text[0] = '\0';
    if (!r->is_old) {
        return test_graph_ints(r->g, NULL, count, list);
    }
    int length = snprintf(text, RANDOM_TEXT_SIZE, "%s=[", name);
    for (size_t i = 0; i < count; i++) {
        length +=
            snprintf(text + length, RANDOM_TEXT_SIZE - (size_t)length, "%s%lld", i ? "," : "", (long long)list[i]);
    }
    snprintf(text + length, RANDOM_TEXT_SIZE - (size_t)length, "]");
    return OA_NONE;
}

static void keep(generator *r, const made *x)
{
    assert_true(r->count < RANDOM_VALUES_MAX);
    r->values[r->count++] = *x;
}

static int64_t any_size(generator *r)
{
    return SIZES[below(r, TEST_COUNT(SIZES))];
}

/* Numbers of rank 2 to 5, or the rows of a table for a matrix of indices. */
static void add_input(generator *r, const char *name)
{
    /* The symbols "7" and "9" are 3 when the model runs, which is known of one of them only by its name. */
    int64_t batch = !r->is_batch_open ? RANDOM_BATCH : r->count && chance(r, 50) ? -9 : -7;
    made x = {.rank = 2 + below(r, RANDOM_RANK_MAX - 1), .dims = {RANDOM_BATCH}};
    if (x.rank == 3 && chance(r, 50)) {
        x.dims[1] = 4;
        x.dims[2] = any_size(r);
        int64_t declared[] = {batch, 4};
        size_t indices = test_graph_input(r->g, name, OA_DTYPE_INT64, 2, declared);
        size_t table = weight_for(r, 1.0, 2, TEST_DIMS(5, x.dims[2]));
        x.value = NODE(r->g, "Gather", "", table, indices);
        keep(r, &x);
        return;
    }
    for (size_t i = 1; i < x.rank; i++) {
        x.dims[i] = x.rank == 5 ? 3 : i == 1 ? any_size(r) : x.rank == 4 ? 5 : 4 + (int64_t)below(r, 3);
    }
    int64_t declared[RANDOM_RANK_MAX + 1];
    memcpy(declared, x.dims, sizeof declared);
    declared[0] = batch;
    x.value = test_graph_input(r->g, name, r->g->float_type, x.rank, declared);
    keep(r, &x);
    /* What follows an input directly has fixed axes: give most models something to reorder at once. */
    if (chance(r, 80)) {
        made y = x;
        size_t last = x.rank - 1;
        y.dims[last] = any_size(r);
        y.value = NODE(r->g, "MatMul", "", x.value,
                       weight_for(r, (double)x.dims[last], 2, TEST_DIMS(x.dims[last], y.dims[last])));
        keep(r, &y);
    }
}

static random_step *any_step(generator *r)
{
    const random_steps families[] = {random_steps_elementwise(), random_steps_linear(), random_steps_linear(),
                                     random_steps_shape(), random_steps_select()};
    const random_steps *family = &families[below(r, TEST_COUNT(families))];
    return family->steps[below(r, family->count)];
}

/* An output of three numbers a sample; now and then the value itself, which fixes its axes. */
static void add_output(generator *r, const made *x)
{
    if (chance(r, 10)) {
        test_graph_output(r->g, NODE(r->g, "Identity", "", x->value));
        return;
    }
    made flat = {.rank = 2, .dims = {RANDOM_BATCH, elements(x)}, .value = x->value};
    if (x->rank > 2) {
        flat.value = NODE(r->g, "Flatten", "", x->value);
    }
    size_t w = weight_for(r, (double)flat.dims[1], 2, TEST_DIMS(flat.dims[1], 3));
    test_graph_output(r->g, NODE(r->g, "Gemm", "", flat.value, w, WEIGHT(r->g, NULL, 3)));
}

const oa_graph *random_graph_build(test_graph *g, uint64_t seed, size_t steps)
{
    generator *r = oa_calloc(1, sizeof *r);
    assert_non_null(r);
    r->g = g;
    oa_random_init(&r->random, seed);
    r->is_old = chance(r, 40);
    r->is_batch_open = chance(r, 70);
    g->version = r->is_old ? 11 : 18;
    add_input(r, "x");
    if (chance(r, 30)) {
        add_input(r, "y");
    }
    for (size_t i = 0; i < steps; i++) {
        /* Mostly onwards from the newest value, else from any: branches. */
        const made x = r->values[chance(r, 75) ? r->count - 1 : below(r, r->count)];
        made y = {0};
        if (x.rank > 1 && any_step(r)(&y, r, &x)) {
            assert_true(elements(&y) > 0 && y.rank <= RANDOM_RANK_MAX);
            if (elements(&y) <= RANDOM_ELEMENTS_MAX) {
                keep(r, &y);
            }
        }
    }
    size_t outputs = 1 + below(r, 3);
    for (size_t i = 0; i < outputs; i++) {
        made x = r->values[i ? below(r, r->count) : r->count - 1];
        if (x.rank > 1) {
            add_output(r, &x);
        } else {
            test_graph_output(g, NODE(g, "Identity", "", x.value));
        }
    }
    oa_free(r);
    return test_graph_finish(g);
}
