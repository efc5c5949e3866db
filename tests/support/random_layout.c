#include "tests/support/random_layout.h"

#include "core/symmetry/layout_build.h"
#include "tests/support/cmocka_all.h"

#include <stdio.h>
#include <string.h>

enum { TENSORS_MAX = 5, RANK_MAX = 4, POOL_MAX = 64, ELEMENTS_MAX = 3000, DEPTH = 3 };

static const oa_pin PIN = {.node = OA_NONE, .why = "the test"};

typedef struct maker {
    oa_discovery discovery;
    oa_random random;
    size_t pool[POOL_MAX];
    size_t pool_count;
} maker;

static size_t below(maker *m, size_t n)
{
    return oa_random_below(&m->random, n);
}

static size_t known(maker *m, oa_dim size)
{
    size_t first = m->pool_count ? below(m, m->pool_count) : 0;
    for (size_t i = 0; i < m->pool_count; i++) {
        size_t space = m->pool[(first + i) % m->pool_count];
        if (oa_space_size(&m->discovery.spaces, space) == size) {
            return space;
        }
    }
    return OA_NONE;
}

static size_t tree(maker *m, oa_dim size, size_t depth)
{
    oa_spaces *spaces = &m->discovery.spaces;
    size_t shape = below(m, 10);
    size_t space = below(m, 2) ? known(m, size) : OA_NONE;
    if (space != OA_NONE) {
        return space;
    }
    oa_dim outer = 2 + (oa_dim)below(m, 3);
    if (depth && shape < 3 && size % outer == 0 && size > outer) {
        size_t parts[] = {tree(m, outer, depth - 1), tree(m, size / outer, depth - 1)};
        space = oa_space_product(spaces, parts, 2);
    } else if (depth && shape < 5 && size > 1) {
        oa_dim first = size % 2 == 0 && below(m, 2) ? size / 2 : 1 + (oa_dim)below(m, (size_t)size - 1);
        size_t parts[] = {tree(m, first, depth - 1), tree(m, size - first, depth - 1)};
        space = oa_space_concat(spaces, parts, 2, PIN);
    } else {
        space = shape == 9 ? oa_space_pinned(spaces, size, PIN) : oa_space_leaf(spaces, size);
    }
    if (m->pool_count < POOL_MAX) {
        m->pool[m->pool_count++] = space;
    }
    return space;
}

static oa_dtype float_type(oa_random *random)
{
    static const oa_dtype types[] = {OA_DTYPE_FLOAT, OA_DTYPE_FLOAT, OA_DTYPE_DOUBLE, OA_DTYPE_FLOAT16,
                                     OA_DTYPE_BFLOAT16};
    return types[oa_random_below(random, sizeof types / sizeof *types)];
}

/* A payload of random bytes: reordering must not care what they mean. */
static size_t add_bytes(random_layout *r, const char *name, oa_dtype type, size_t rank, const int64_t *dims)
{
    size_t count = oa_dtype_size(type);
    for (size_t i = 0; i < rank; i++) {
        count *= (size_t)dims[i];
    }
    unsigned char *bytes = oa_malloc(count, 1);
    assert_non_null(bytes);
    for (size_t i = 0; i < count; i++) {
        bytes[i] = (unsigned char)oa_random_below(&r->g->random, 256);
    }
    size_t value = test_graph_constant(r->g, name, type, rank, dims, bytes);
    oa_free(bytes);
    return value;
}

/* One constant with the spaces of its axes; its shape follows from them. */
static size_t add_tensor(random_layout *r, maker *m, size_t *spaces, size_t *rank, size_t index, oa_dtype type)
{
    static const oa_dim sizes[] = {1, 2, 3, 4, 4, 6, 6, 8, 12};
    int64_t dims[RANK_MAX];
    int64_t count = 1;
    char name[32];
    size_t wanted = below(m, RANK_MAX + 1);
    snprintf(name, sizeof name, "t%zu", index);
    *rank = 0;
    for (size_t k = 0; k < wanted; k++) {
        oa_dim size = sizes[below(m, sizeof sizes / sizeof *sizes)];
        if (count * size > ELEMENTS_MAX) {
            break;
        }
        spaces[*rank] = tree(m, size, DEPTH);
        dims[(*rank)++] = size;
        count *= size;
    }
    if (type != OA_DTYPE_UNDEFINED) {
        return add_bytes(r, name, type, *rank, dims);
    }
    r->g->float_type = float_type(&r->g->random);
    return test_graph_weight(r->g, name, *rank, dims);
}

void random_layout_create(random_layout *r, uint64_t seed, uint64_t payload_seed, oa_dtype type)
{
    size_t values[TENSORS_MAX];
    size_t spaces[TENSORS_MAX][OA_MAX_RANK];
    size_t ranks[TENSORS_MAX];
    oa_error error = {0};
    maker *m = oa_calloc(1, sizeof *m);
    assert_non_null(m);
    *r = (random_layout){.g = test_graph_create(payload_seed)};
    oa_random_init(&m->random, seed);
    assert_true(oa_spaces_init(&m->discovery.spaces));
    size_t count = 1 + below(m, TENSORS_MAX);
    for (size_t i = 0; i < count; i++) {
        values[i] = add_tensor(r, m, spaces[i], &ranks[i], i, type);
    }
    test_graph_output(r->g, test_graph_node(r->g, "Mystery", "", values, count));
    r->graph = test_graph_finish(r->g);
    m->discovery.graph = r->graph;
    m->discovery.axes = oa_calloc(r->graph->value_count, sizeof *m->discovery.axes);
    assert_non_null(m->discovery.axes);
    for (size_t i = 0; i < count; i++) {
        oa_axes *axes = &m->discovery.axes[values[i]];
        axes->has_rank = true;
        axes->rank = ranks[i];
        memcpy(axes->space, spaces[i], ranks[i] * sizeof *spaces[i]);
    }
    assert_false(oa_spaces_failed(&m->discovery.spaces));
    assert_int_equal(oa_layout_build(&r->layout, &m->discovery, &error), OA_OK);
    oa_free(m->discovery.axes);
    oa_spaces_free(&m->discovery.spaces);
    oa_free(m);
}

void random_layout_free(random_layout *r)
{
    oa_layout_destroy(r->layout);
    test_graph_destroy(r->g);
    *r = (random_layout){0};
}
