#include "tests/learn/small_family.h"

#include "tests/support/cmocka_all.h"

#include <string.h>

static size_t mlp(test_graph *g)
{
    size_t x = INPUT(g, "x", -1, 6);
    size_t h = NODE(g, "Relu", "", NODE(g, "Gemm", "transB=1", x, WEIGHT(g, "w1", 5, 6), WEIGHT(g, "b1", 5)));
    h = NODE(g, "Relu", "", NODE(g, "Gemm", "transB=1", h, WEIGHT(g, "w2", 7, 5), WEIGHT(g, "b2", 7)));
    return NODE(g, "Gemm", "transB=1", h, WEIGHT(g, "w3", 3, 7), WEIGHT(g, "b3", 3));
}

static size_t cnn(test_graph *g)
{
    size_t x = INPUT(g, "x", -1, 2, 6, 6);
    size_t h = NODE(g, "Conv", "pads=[1,1,1,1]", x, WEIGHT(g, "w1", 4, 2, 3, 3), WEIGHT(g, "b1", 4));
    h = NODE(g, "BatchNormalization", "", h, WEIGHT(g, "scale", 4), WEIGHT(g, "shift", 4), WEIGHT(g, "mean", 4),
             POSITIVE(g, "variance", 4));
    h = NODE(g, "MaxPool", "kernel_shape=[2,2] strides=[2,2]", NODE(g, "Relu", "", h));
    h = NODE(g, "Relu", "", NODE(g, "Conv", "", h, WEIGHT(g, "w2", 3, 4, 2, 2), WEIGHT(g, "b2", 3)));
    h = NODE(g, "Flatten", "", h);
    h = NODE(g, "Relu", "", NODE(g, "Gemm", "transB=1", h, WEIGHT(g, "w3", 5, 12), WEIGHT(g, "b3", 5)));
    return NODE(g, "Gemm", "transB=1", h, WEIGHT(g, "w4", 3, 5), WEIGHT(g, "b4", 3));
}

static size_t inr(test_graph *g)
{
    size_t x = INPUT(g, "x", -1, 1);
    size_t h = NODE(g, "Sin", "", NODE(g, "Gemm", "transB=1", x, WEIGHT(g, "w1", 6, 1), WEIGHT(g, "b1", 6)));
    h = NODE(g, "Sin", "", NODE(g, "Gemm", "transB=1", h, WEIGHT(g, "w2", 6, 6), WEIGHT(g, "b2", 6)));
    return NODE(g, "Gemm", "transB=1", h, WEIGHT(g, "w3", 1, 6), WEIGHT(g, "b3", 1));
}

static test_graph *build(const oa_graph **graph, small_kind kind, uint64_t seed)
{
    static size_t (*const builders[])(test_graph *) = {[SMALL_MLP] = mlp, [SMALL_CNN] = cnn, [SMALL_INR] = inr};
    test_graph *g = test_graph_create(seed);
    test_graph_output(g, builders[kind](g));
    *graph = test_graph_finish(g);
    return g;
}

/* Makes model `to` a reordered model `from` with noise. */
static void relate(small_family *f, size_t to, size_t from, uint64_t seed)
{
    oa_random random;
    oa_permutations p = {0};
    oa_random_init(&random, seed);
    assert_int_equal(oa_permutations_init(&p, f->layout, NULL), OA_OK);
    oa_permutations_random(&p, f->layout, &random);
    for (size_t t = 0; t < f->map.tensor_count; t++) {
        const oa_tensor *source = &f->graphs[from]->tensors[t];
        float *target = (float *)(uintptr_t)f->graphs[to]->tensors[t].data; /* the test's own copy */
        if (f->map.offset[t] == OA_NONE) {
            continue;
        }
        memcpy(target, source->data, source->count * sizeof *target);
        if (f->layout->tensors[t].moves) {
            assert_int_equal(oa_layout_reorder(target, source->data, f->layout, t, source, &p, NULL), OA_OK);
        }
        for (size_t i = 0; i < source->count; i++) {
            target[i] *= 1.0f + 0.05f * (float)oa_random_normal(&random);
        }
    }
    oa_permutations_free(&p);
}

static oa_status read_model(float *weights, void *context, size_t model, oa_error *error)
{
    small_family *f = context;
    __atomic_fetch_add(&f->reads, 1, __ATOMIC_RELAXED);
    return oa_weight_map_read(weights, &f->map, f->graphs[model], NULL, error);
}

small_family *small_family_create(small_kind kind, size_t count, uint64_t seed, bool are_related)
{
    static const char *const names[] = {"small MLPs", "small CNNs", "small INRs"};
    small_family *f = oa_calloc(1, sizeof *f);
    assert_non_null(f);
    assert_true(count <= SMALL_FAMILY_MAX);
    for (size_t i = 0; i < count; i++) {
        f->builders[i] = build(&f->graphs[i], kind, seed + i);
    }
    assert_int_equal(oa_layout_discover(&f->layout, f->graphs[0], NULL, 0, NULL), OA_OK);
    assert_int_equal(oa_weight_map_init(&f->map, f->graphs[0], f->layout, NULL), OA_OK);
    for (size_t i = 0; i + 1 < count && are_related; i += 2) {
        relate(f, i + 1, i, seed + 100 + i);
    }
    f->family = (oa_family){.name = names[kind],
                            .graph = f->graphs[0],
                            .layout = f->layout,
                            .map = &f->map,
                            .model_count = count,
                            .is_paired = are_related,
                            .weight = 1.0,
                            .read = read_model,
                            .context = f,
                            .fingerprint = seed};
    return f;
}

void small_family_add_samples(small_family *f, size_t count, small_answers answers, uint64_t seed)
{
    const oa_value *declared = &f->graphs[0]->values[f->graphs[0]->inputs[0]];
    size_t dims[OA_MAX_RANK] = {count};
    oa_random random;
    oa_random_init(&random, seed);
    for (size_t k = 1; k < declared->rank; k++) {
        dims[k] = (size_t)declared->dims[k];
    }
    assert_int_equal(oa_array_init(&f->inputs, OA_DTYPE_FLOAT, dims, declared->rank, NULL), OA_OK);
    for (size_t i = 0; i < f->inputs.count; i++) {
        ((float *)f->inputs.data)[i] = (float)oa_random_normal(&random);
    }
    f->family.samples.inputs = &f->inputs;
    if (answers == SMALL_LABELS) {
        f->labels = oa_calloc(count, sizeof *f->labels);
        assert_non_null(f->labels);
        for (size_t i = 0; i < count; i++) {
            f->labels[i] = (int64_t)oa_random_below(&random, 3);
        }
        f->family.samples.labels = f->labels;
    } else if (answers == SMALL_TARGETS) {
        size_t size = f->graphs[0]->tensors[test_graph_tensor(f->graphs[0], "b3")].count;
        f->targets = oa_calloc(count * size, sizeof *f->targets);
        assert_non_null(f->targets);
        for (size_t i = 0; i < count * size; i++) {
            f->targets[i] = (float)oa_random_normal(&random);
        }
        f->family.samples.targets = f->targets;
        f->family.samples.target_size = size;
    }
}

void small_family_destroy(small_family *f)
{
    if (f) {
        for (size_t i = 0; i < SMALL_FAMILY_MAX; i++) {
            test_graph_destroy(f->builders[i]);
        }
        oa_layout_destroy(f->layout);
        oa_weight_map_free(&f->map);
        oa_array_free(&f->inputs);
        oa_free(f->labels);
        oa_free(f->targets);
        oa_free(f);
    }
}

float *small_family_weights(small_family *f, size_t model)
{
    float *weights = oa_malloc(f->map.total, sizeof *weights);
    assert_non_null(weights);
    assert_int_equal(read_model(weights, f, model, NULL), OA_OK);
    return weights;
}
