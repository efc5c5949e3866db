/* Layouts by themselves: what they say about where units lie agrees with how they reorder, and reordering is exact. */
#include "tests/support/cmocka_all.h"
#include "tests/support/layout_text.h"
#include "tests/support/random_graph.h"
#include "tests/support/random_layout.h"

#include <stdio.h>
#include <string.h>

enum { LAYOUTS = 3000, MODELS = 500 };

/* Integers do not get groups of their own: only what floats carry moves. */
static const oa_dtype TYPES[] = {OA_DTYPE_FLOAT,     OA_DTYPE_UINT8,      OA_DTYPE_INT8,    OA_DTYPE_UINT16,
                                 OA_DTYPE_INT16,     OA_DTYPE_INT32,      OA_DTYPE_INT64,   OA_DTYPE_BOOL,
                                 OA_DTYPE_FLOAT16,   OA_DTYPE_DOUBLE,     OA_DTYPE_UINT32,  OA_DTYPE_UINT64,
                                 OA_DTYPE_COMPLEX64, OA_DTYPE_COMPLEX128, OA_DTYPE_BFLOAT16};

static void permutations_for(oa_permutations *permutations, const oa_layout *layout, uint64_t seed)
{
    oa_random random;
    oa_random_init(&random, seed);
    assert_int_equal(oa_permutations_init(permutations, layout, NULL), OA_OK);
    oa_permutations_random(permutations, layout, &random);
}

/* The map of one axis from the list of occurrences alone: one group after the other sends what was at positions[p(i)]
 * to positions[i]. Groups on one axis act on different digits of the index, so the order does not matter; but those
 * that count within blocks come when these are in their places. */
static void map_by_occurrences(size_t *map, const oa_layout *layout, size_t tensor, size_t axis, size_t size,
                               const oa_permutations *permutations)
{
    size_t moved[64];
    assert_true(size <= 64);
    for (size_t i = 0; i < size; i++) {
        map[i] = i;
    }
    for (size_t n = 0; n < 2 * layout->occurrence_count; n++) {
        const oa_occurrence *o = &layout->occurrences[n % layout->occurrence_count];
        const oa_group *group = &layout->groups[o->group];
        size_t inside = group->size / group->block_count;
        if (o->tensor != tensor || o->axis != axis || o->is_within != (n >= layout->occurrence_count)) {
            continue;
        }
        memcpy(moved, map, size * sizeof *map);
        for (size_t i = 0; i < group->size; i++) {
            size_t from = permutations->of[o->group][i];
            from = o->is_within ? i / inside * inside + from % inside : from;
            for (size_t r = 0; r < o->rest; r++) {
                moved[o->positions[i * o->rest + r]] = map[o->positions[from * o->rest + r]];
            }
        }
        memcpy(map, moved, size * sizeof *map);
    }
}

static void check_axes(const oa_layout *layout, const oa_graph *graph, uint64_t seed)
{
    oa_permutations permutations;
    size_t expected[64];
    size_t map[64];
    permutations_for(&permutations, layout, seed);
    for (size_t t = 0; t < graph->tensor_count; t++) {
        for (size_t k = 0; k < layout->tensors[t].view_rank && layout->tensors[t].is_used; k++) {
            size_t size = layout->tensors[t].view_dims[k];
            if (size > 64) {
                continue;
            }
            map_by_occurrences(expected, layout, t, k, size, &permutations);
            oa_layout_axis_map(map, layout, t, k, size, &permutations);
            if (memcmp(map, expected, size * sizeof *map) != 0) {
                fail_msg("seed %llu: axis %zu of tensor %zu", (unsigned long long)seed, k, t);
            }
        }
    }
    oa_permutations_free(&permutations);
}

static void axis_map__agrees_with_the_positions(void **state)
{
    (void)state;
    print_message("seeds 1 to %d\n", LAYOUTS);
    for (uint64_t seed = 1; seed <= LAYOUTS; seed++) {
        random_layout r;
        random_layout_create(&r, seed, seed, OA_DTYPE_UNDEFINED);
        check_axes(r.layout, r.graph, seed);
        random_layout_free(&r);
    }
    for (uint64_t seed = 1; seed <= MODELS; seed++) {
        test_graph *g = test_graph_create(seed);
        const oa_graph *graph = random_graph_build(g, seed, 8);
        oa_layout *layout = discover(graph);
        check_axes(layout, graph, seed);
        oa_layout_destroy(layout);
        test_graph_destroy(g);
    }
}

static void occurrences__are_sorted_and_complete(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= LAYOUTS; seed++) {
        random_layout r;
        random_layout_create(&r, seed, seed, OA_DTYPE_UNDEFINED);
        const oa_layout *layout = r.layout;
        size_t at = 0;
        for (size_t g = 0; g < layout->group_count; g++) {
            assert_int_equal(layout->groups[g].first_occurrence, at);
            /* Blocks may be seen with their insides only, whose occurrences they share. */
            assert_true(oa_moved_by(layout, g, 0) != NULL && layout->groups[g].size > 1);
            for (size_t i = 0; i < layout->groups[g].occurrence_count; i++, at++) {
                const oa_occurrence *o = &layout->occurrences[at];
                assert_int_equal(o->group, g);
                assert_true(layout->tensors[o->tensor].moves);
                /* Constants are numbered in the order of their first use here. */
                bool is_after =
                    i == 0 || o[-1].tensor < o->tensor || (o[-1].tensor == o->tensor && o[-1].axis <= o->axis);
                assert_true(is_after);
            }
            size_t parent = layout->groups[g].parent;
            assert_true((layout->groups[g].kind == OA_GROUP_INSIDE) == (parent != OA_NONE) ||
                        layout->groups[g].kind == OA_GROUP_BLOCKS);
        }
        assert_int_equal(layout->occurrence_count, at);
        random_layout_free(&r);
    }
}

/* target[i0, i1, ...] = source[map0[i0], map1[i1], ...], one element at a time. */
static void reorder_plainly(char *target, const char *source, const oa_layout *layout, size_t tensor,
                            const oa_tensor *shape, const oa_permutations *permutations)
{
    size_t size = oa_dtype_size(shape->dtype);
    for (size_t i = 0; i < shape->count; i++) {
        size_t rest = i;
        size_t from = 0;
        size_t stride = 1;
        const oa_layout_tensor *view = &layout->tensors[tensor];
        for (size_t k = view->view_rank; k > 0; k--) {
            size_t map[4096];
            assert_true(view->view_dims[k - 1] <= 4096);
            oa_layout_axis_map(map, layout, tensor, k - 1, view->view_dims[k - 1], permutations);
            from += map[rest % view->view_dims[k - 1]] * stride;
            rest /= view->view_dims[k - 1];
            stride *= view->view_dims[k - 1];
        }
        memcpy(target + i * size, source + from * size, size);
    }
}

static void reorder__is_a_gather_along_every_axis(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= LAYOUTS; seed++) {
        random_layout r;
        oa_permutations permutations;
        random_layout_create(&r, seed, seed, OA_DTYPE_UNDEFINED);
        permutations_for(&permutations, r.layout, seed);
        for (size_t t = 0; t < r.graph->tensor_count; t++) {
            const oa_tensor *tensor = &r.graph->tensors[t];
            size_t bytes = tensor->count * oa_dtype_size(tensor->dtype);
            char *target = oa_calloc(2, bytes);
            assert_non_null(target);
            assert_int_equal(oa_layout_reorder(target, tensor->data, r.layout, t, tensor, &permutations, NULL), OA_OK);
            reorder_plainly(target + bytes, tensor->data, r.layout, t, tensor, &permutations);
            assert_memory_equal(target, target + bytes, bytes);
            oa_free(target);
        }
        oa_permutations_free(&permutations);
        random_layout_free(&r);
    }
}

/* The convention of files and code: new[i] = old[p[i]]. */
static void reorder__gathers(void **state)
{
    (void)state;
    test_graph *g = test_graph_create(1);
    size_t h = NODE(g, "Gemm", "", INPUT(g, "x", 1, 2), WEIGHT(g, "w1", 2, 3));
    test_graph_output(g, NODE(g, "Gemm", "", h, WEIGHT(g, "w2", 3, 2)));
    const oa_graph *graph = test_graph_finish(g);
    oa_layout *layout = discover(graph);
    oa_permutations permutations;
    oa_payloads payloads;
    assert_int_equal(oa_permutations_init(&permutations, layout, NULL), OA_OK);
    assert_int_equal(oa_payloads_init(&payloads, graph, NULL), OA_OK);
    memcpy(permutations.of[0], (size_t[]){2, 0, 1}, 3 * sizeof(size_t));
    assert_int_equal(oa_permutations_moved(&permutations, layout, 0), 3);
    assert_int_equal(oa_layout_apply(&payloads, layout, graph, NULL, &permutations, NULL), OA_OK);
    const float *old = graph->tensors[test_graph_tensor(graph, "w1")].data;
    const float *new = payloads.data[test_graph_tensor(graph, "w1")];
    assert_true(new[0] == old[2] && new[1] == old[0] && new[2] == old[1]);
    old = graph->tensors[test_graph_tensor(graph, "w2")].data;
    new = payloads.data[test_graph_tensor(graph, "w2")];
    assert_true(new[0] == old[4] && new[1] == old[5] && new[2] == old[0] && new[5] == old[3]);
    oa_payloads_free(&payloads);
    oa_permutations_free(&permutations);
    oa_layout_destroy(layout);
    test_graph_destroy(g);
}

static void reorder__and_back_restores_every_byte_of_every_type(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= LAYOUTS; seed++) {
        random_layout r;
        oa_permutations there, back;
        random_layout_create(&r, seed, seed, OA_DTYPE_UNDEFINED);
        permutations_for(&there, r.layout, seed);
        permutations_for(&back, r.layout, seed);
        oa_permutations_invert(&back, r.layout);
        for (size_t t = 0; t < r.graph->tensor_count; t++) {
            oa_tensor shape = r.graph->tensors[t];
            shape.dtype = TYPES[(seed + t) % TEST_COUNT(TYPES)];
            size_t bytes = shape.count * oa_dtype_size(shape.dtype);
            char *data = oa_calloc(3, bytes);
            assert_non_null(data);
            for (size_t i = 0; i < bytes; i++) {
                data[i] = (char)(i * 7 + seed);
            }
            assert_int_equal(oa_layout_reorder(data + bytes, data, r.layout, t, &shape, &there, NULL), OA_OK);
            assert_int_equal(oa_layout_reorder(data + 2 * bytes, data + bytes, r.layout, t, &shape, &back, NULL),
                             OA_OK);
            assert_memory_equal(data, data + 2 * bytes, bytes);
            oa_free(data);
        }
        oa_permutations_free(&there);
        oa_permutations_free(&back);
        random_layout_free(&r);
    }
}

static void apply__and_back_restores_a_model(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 200; seed++) {
        test_graph *g = test_graph_create(seed);
        const oa_graph *graph = random_graph_build(g, seed, 8);
        oa_layout *layout = discover(graph);
        oa_permutations permutations;
        oa_payloads payloads;
        permutations_for(&permutations, layout, seed);
        assert_int_equal(oa_payloads_init(&payloads, graph, NULL), OA_OK);
        assert_int_equal(oa_layout_apply(&payloads, layout, graph, NULL, &permutations, NULL), OA_OK);
        oa_permutations_invert(&permutations, layout);
        for (size_t t = 0; t < graph->tensor_count; t++) {
            const oa_tensor *tensor = &graph->tensors[t];
            size_t bytes = tensor->count * oa_dtype_size(tensor->dtype);
            assert_int_equal(payloads.data[t] != NULL, layout->tensors[t].moves);
            char *restored = oa_malloc(bytes, 1);
            assert_non_null(restored);
            assert_int_equal(
                oa_layout_reorder(restored, oa_payload(&payloads, graph, t), layout, t, tensor, &permutations, NULL),
                OA_OK);
            assert_memory_equal(restored, tensor->data, bytes);
            oa_free(restored);
        }
        oa_payloads_free(&payloads);
        oa_permutations_free(&permutations);
        oa_layout_destroy(layout);
        test_graph_destroy(g);
    }
}

static void invert__undoes(void **state)
{
    (void)state;
    random_layout r;
    for (uint64_t seed = 1; seed <= 300; seed++) {
        oa_permutations permutations, inverse;
        random_layout_create(&r, seed, seed, OA_DTYPE_UNDEFINED);
        permutations_for(&permutations, r.layout, seed);
        assert_int_equal(oa_permutations_init(&inverse, r.layout, NULL), OA_OK);
        oa_permutations_copy(&inverse, &permutations, r.layout);
        oa_permutations_invert(&inverse, r.layout);
        for (size_t g = 0; g < r.layout->group_count; g++) {
            for (size_t i = 0; i < r.layout->groups[g].size; i++) {
                assert_int_equal(inverse.of[g][permutations.of[g][i]], i);
            }
        }
        oa_permutations_free(&permutations);
        oa_permutations_free(&inverse);
        random_layout_free(&r);
    }
}

/* Integer constants move with float ones, but make no group by themselves. */
static void groups__come_from_floats_only(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 300; seed++) {
        random_layout r;
        random_layout_create(&r, seed, seed, OA_DTYPE_INT64);
        assert_int_equal(r.layout->group_count, 0);
        random_layout_free(&r);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(axis_map__agrees_with_the_positions),
        cmocka_unit_test(occurrences__are_sorted_and_complete),
        cmocka_unit_test(reorder__is_a_gather_along_every_axis),
        cmocka_unit_test(reorder__gathers),
        cmocka_unit_test(reorder__and_back_restores_every_byte_of_every_type),
        cmocka_unit_test(apply__and_back_restores_a_model),
        cmocka_unit_test(invert__undoes),
        cmocka_unit_test(groups__come_from_floats_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
