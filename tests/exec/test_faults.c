/* Running with every allocation made to fail in turn, and how much memory a run holds at most. The linker sends the
 * allocations of everything but shared libraries here (--wrap). */
#include "tests/exec/net.h"

#include <stdio.h>
#include <string.h>

void *__real_malloc(size_t size);
void __real_free(void *pointer);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *pointer, size_t size);
void __wrap_free(void *pointer);

/* In front of every block. */
typedef union header {
    size_t size;
    max_align_t aligned;
} header;

static size_t failing; /* allocations until one fails: 1 is the next one, 0 is never */
static bool has_failed;
static size_t held, most_held; /* bytes */

void *__wrap_malloc(size_t size)
{
    if (failing && --failing == 0) {
        has_failed = true;
        return NULL;
    }
    header *block = size <= SIZE_MAX - sizeof *block ? __real_malloc(sizeof *block + size) : NULL;
    if (!block) {
        return NULL;
    }
    block->size = size;
    held += size;
    most_held = held > most_held ? held : most_held;
    return block + 1;
}

void __wrap_free(void *pointer)
{
    if (pointer) {
        header *block = (header *)pointer - 1;
        held -= block->size;
        __real_free(block);
    }
}

void *__wrap_calloc(size_t count, size_t size)
{
    void *pointer = __wrap_malloc(count * size); /* the callers check their products */
    if (pointer) {
        memset(pointer, 0, count * size);
    }
    return pointer;
}

void *__wrap_realloc(void *pointer, size_t size)
{
    void *moved = __wrap_malloc(size);
    if (moved && pointer) {
        size_t old = ((header *)pointer - 1)->size;
        memcpy(moved, pointer, old < size ? old : size);
        __wrap_free(pointer);
    }
    return moved;
}

enum { LARGE_OUTPUTS = 11 };

/* A net that goes through every kernel that allocates something of its own. */
typedef struct large_net {
    net made;
    oa_array arrays[24];
    size_t array_count;
    op nodes[40];
    size_t node_count;
} large_net;

static void constant(large_net *n, const char *name, oa_dtype dtype, const size_t *dims, size_t rank)
{
    oa_random random;
    oa_random_init(&random, n->array_count);
    oa_array floats = random_floats(&random, dims, rank);
    n->arrays[n->array_count] = floats_as(&floats, dtype);
    oa_array_free(&floats);
    net_constant(&n->made, name, &n->arrays[n->array_count++]);
}

static op *next_op(large_net *n, const char *type, int64_t version)
{
    n->nodes[n->node_count] = (op){.type = type, .version = version};
    return &n->nodes[n->node_count++];
}

static void plain(large_net *n, const char *type, const char *inputs, const char *outputs)
{
    net_node(&n->made, next_op(n, type, 16), inputs, outputs);
}

/* Recurrent layers, transposed convolution and what else asks for scratch. */
static void add_sequences(large_net *n)
{
    static const int64_t shape[] = {2, 1, 6}, k[] = {3};
    static const float scales[] = {1.0f, 1.0f, 1.5f, 0.5f};
    constant(n, "lw", OA_DTYPE_FLOAT, (const size_t[]){1, 8, 6}, 3);
    constant(n, "lr", OA_DTYPE_FLOAT, (const size_t[]){1, 8, 2}, 3);
    constant(n, "gw", OA_DTYPE_FLOAT, (const size_t[]){1, 6, 6}, 3);
    constant(n, "gr", OA_DTYPE_FLOAT, (const size_t[]){1, 6, 2}, 3);
    constant(n, "t", OA_DTYPE_FLOAT16, (const size_t[]){5, 2, 2, 2}, 4);
    n->arrays[n->array_count] = int64_list(shape, 3);
    net_constant(&n->made, "shape3", &n->arrays[n->array_count++]);
    n->arrays[n->array_count] = int64_list(k, 1);
    net_constant(&n->made, "k", &n->arrays[n->array_count++]);
    n->arrays[n->array_count] = float_list(scales, 4);
    net_constant(&n->made, "scales", &n->arrays[n->array_count++]);
    plain(n, "Reshape", "g1 shape3", "s1");
    op *lstm = next_op(n, "LSTM", 14), *gru = next_op(n, "GRU", 14);
    add_attribute(lstm, attribute_int("layout", 1));
    add_attribute(gru, attribute_int("linear_before_reset", 1));
    net_node(&n->made, lstm, "s1 lw lr", "s2");
    net_node(&n->made, gru, "s1 gw gr", "s3");
    net_node(&n->made, next_op(n, "TopK", 11), "g1 k", "k1 k2");
    net_node(&n->made, next_op(n, "InstanceNormalization", 6), "c5 scale scale", "u1");
    net_node(&n->made, next_op(n, "ConvTranspose", 11), "u1 t", "u2");
    op *resize = next_op(n, "Resize", 10);
    add_attribute(resize, attribute_string("mode", "linear"));
    net_node(&n->made, resize, "u2 scales", "up");
    op *einsum = next_op(n, "Einsum", 12);
    add_attribute(einsum, attribute_string("equation", "ij,ik->jk"));
    net_node(&n->made, einsum, "g1 g1", "e1");
}

static void large_net_init(large_net *n)
{
    static const int64_t two[] = {2, 2}, one[] = {1, 1, 1, 1}, shape[] = {0, -1}, pads[] = {0, 1, 0, 1};
    *n = (large_net){.made = net_create()};
    net_input(&n->made, "x", OA_DTYPE_FLOAT16);
    constant(n, "w", OA_DTYPE_FLOAT16, (const size_t[]){4, 3, 3, 3}, 4);
    constant(n, "b", OA_DTYPE_FLOAT16, (const size_t[]){4}, 1);
    constant(n, "d", OA_DTYPE_FLOAT16, (const size_t[]){4, 1, 3, 3}, 4);
    constant(n, "p", OA_DTYPE_FLOAT16, (const size_t[]){5, 4, 1, 1}, 4);
    constant(n, "scale", OA_DTYPE_FLOAT16, (const size_t[]){5}, 1);
    constant(n, "ones", OA_DTYPE_FLOAT, (const size_t[]){1}, 1);
    constant(n, "v", OA_DTYPE_FLOAT, (const size_t[]){20, 6}, 2);
    n->arrays[n->array_count] = int64_list(shape, 2);
    net_constant(&n->made, "shape", &n->arrays[n->array_count++]);
    n->arrays[n->array_count] = int64_list(pads, 4);
    net_constant(&n->made, "pads", &n->arrays[n->array_count++]);
    op *conv = next_op(n, "Conv", 11);
    add_attribute(conv, attribute_ints("pads", one, 4));
    net_node(&n->made, conv, "x w b", "c1");
    plain(n, "Relu", "c1", "c2");
    op *depthwise = next_op(n, "Conv", 11);
    add_attribute(depthwise, attribute_int("group", 4));
    net_node(&n->made, depthwise, "c2 d", "c3");
    net_node(&n->made, next_op(n, "Conv", 11), "c3 p", "c4");
    plain(n, "Abs", "scale", "positive");
    net_node(&n->made, next_op(n, "BatchNormalization", 15), "c4 scale scale scale positive", "c5");
    op *pool = next_op(n, "MaxPool", 12);
    add_attribute(pool, attribute_ints("kernel_shape", two, 2));
    add_attribute(pool, attribute_ints("strides", two, 2));
    net_node(&n->made, pool, "c5", "c6 c6i");
    op *mean = next_op(n, "AveragePool", 11);
    add_attribute(mean, attribute_ints("kernel_shape", two, 2));
    net_node(&n->made, mean, "c5", "a1");
    plain(n, "Reshape", "c6 shape", "r1");
    op *cast = next_op(n, "Cast", 13);
    add_attribute(cast, attribute_int("to", OA_DTYPE_FLOAT));
    net_node(&n->made, cast, "r1", "r2");
    net_node(&n->made, next_op(n, "Gemm", 13), "r2 v", "g1");
    net_node(&n->made, next_op(n, "Softmax", 11), "g1", "g2");
    plain(n, "Pad", "g2 pads", "g3");
    plain(n, "Pow", "c6i c6i", "p1");
    plain(n, "ReduceLogSumExp", "g3", "l1");
    op *text = next_op(n, "Cast", 13);
    add_attribute(text, attribute_int("to", OA_DTYPE_STRING));
    net_node(&n->made, text, "g3", "t1");
    plain(n, "Identity", "ones", "i1");
    add_sequences(n);
    static const char *const outputs[LARGE_OUTPUTS] = {"a1", "p1", "l1", "t1", "i1", "r1",
                                                       "s2", "s3", "k1", "up", "e1"};
    for (size_t i = 0; i < LARGE_OUTPUTS; i++) {
        net_output(&n->made, outputs[i]);
    }
    if (net_finish(&n->made) != OA_OK) {
        fail_msg("%s", n->made.error.message);
    }
}

static void large_net_free(large_net *n)
{
    net_destroy(&n->made);
    for (size_t i = 0; i < n->array_count; i++) {
        oa_array_free(&n->arrays[i]);
    }
}

static void run__survives_any_failed_allocation(void **state)
{
    (void)state;
    static const size_t dims[] = {2, 3, 7, 7};
    size_t before = held;
    large_net n;
    large_net_init(&n);
    oa_random random;
    oa_random_init(&random, 1);
    oa_array floats = random_floats(&random, dims, 4), x = floats_as(&floats, OA_DTYPE_FLOAT16);
    oa_array expected[LARGE_OUTPUTS] = {{0}};
    oa_error error = {0};
    if (net_run(expected, &n.made, &x, NULL, &error) != OA_OK) {
        fail_msg("%s", error.message);
    }
    size_t failures = 0;
    for (size_t allowed = 1;; allowed++) {
        oa_array outputs[LARGE_OUTPUTS] = {{0}};
        size_t held_before = held;
        error = (oa_error){0};
        failing = allowed;
        has_failed = false;
        oa_status status = net_run(outputs, &n.made, &x, NULL, &error);
        failing = 0;
        if (!has_failed) {
            assert_int_equal(status, OA_OK);
            for (size_t i = 0; i < LARGE_OUTPUTS; i++) {
                assert_agree(&outputs[i], &expected[i], 0.0, 0.0, "the run without a failure", allowed);
                oa_array_free(&outputs[i]);
                oa_array_free(&expected[i]);
            }
            break;
        }
        failures++;
        assert_seeded(status == OA_ERROR_MEMORY && error.status == OA_ERROR_MEMORY, "status", allowed);
        assert_seeded(held == held_before, "memory held after a failure", allowed);
        for (size_t i = 0; i < LARGE_OUTPUTS; i++) {
            assert_null(outputs[i].data);
        }
    }
    print_message("%zu allocations\n", failures);
    assert_true(failures > 40);
    oa_array_free(&floats);
    oa_array_free(&x);
    large_net_free(&n);
    assert_int_equal(held, before);
}

/* The most that is held during a run, besides what was held before. */
static size_t peak_of(const net *made, const oa_array *x)
{
    oa_array y = {0};
    oa_error error = {0};
    size_t before = held;
    most_held = held;
    if (net_run(&y, made, x, NULL, &error) != OA_OK) {
        fail_msg("%s", error.message);
    }
    oa_array_free(&y);
    return most_held - before;
}

/* Of a long chain, two values at a time are needed at most. */
static void run__frees_values_after_their_last_reader(void **state)
{
    (void)state;
    static const size_t megabyte[] = {1, 1 << 18};
    oa_array x = make_array(OA_DTYPE_FLOAT, megabyte, 2);
    op transpose = {.type = "Transpose", .version = 13}, neg = {.type = "Neg", .version = 13};
    op identity = {.type = "Identity", .version = 13};
    net made = net_create();
    net_input(&made, "v0", OA_DTYPE_FLOAT);
    for (int i = 0; i < 60; i++) {
        char from[32], to[32];
        snprintf(from, sizeof from, "v%d", i);
        snprintf(to, sizeof to, "v%d", i + 1);
        net_node(&made, i % 3 == 0 ? &transpose : i % 3 == 1 ? &neg : &identity, from, to);
    }
    net_output(&made, "v60");
    assert_int_equal(net_finish(&made), OA_OK);
    size_t peak = peak_of(&made, &x);
    print_message("peak %zu bytes for values of %zu\n", peak, x.count * sizeof(float));
    assert_true(peak < 2 * x.count * sizeof(float) + 100000);
    net_destroy(&made);
    oa_array_free(&x);
}

/* Weights of 16 bits are widened one node at a time. */
static void run__widens_weights_for_one_node_at_a_time(void **state)
{
    (void)state;
    static const size_t square[] = {300, 300}, row[] = {1, 300};
    op matmul = {.type = "MatMul", .version = 13};
    oa_array x = make_array(OA_DTYPE_BFLOAT16, row, 2), weights[20];
    net made = net_create();
    net_input(&made, "v0", OA_DTYPE_BFLOAT16);
    for (int i = 0; i < 20; i++) {
        char inputs[64], to[32], name[32];
        weights[i] = make_array(OA_DTYPE_BFLOAT16, square, 2);
        snprintf(name, sizeof name, "w%d", i);
        snprintf(inputs, sizeof inputs, "v%d w%d", i, i);
        snprintf(to, sizeof to, "v%d", i + 1);
        net_constant(&made, name, &weights[i]);
        net_node(&made, &matmul, inputs, to);
    }
    net_output(&made, "v20");
    assert_int_equal(net_finish(&made), OA_OK);
    size_t peak = peak_of(&made, &x);
    print_message("peak %zu bytes; one weight widened has %zu\n", peak, 300 * 300 * sizeof(float));
    /* Besides, what two or so threads multiply in. */
    assert_true(peak < 300 * 300 * sizeof(float) + 300000);
    net_destroy(&made);
    oa_array_free(&x);
    free_arrays(weights, 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(run__survives_any_failed_allocation),
        cmocka_unit_test(run__frees_values_after_their_last_reader),
        cmocka_unit_test(run__widens_weights_for_one_node_at_a_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
