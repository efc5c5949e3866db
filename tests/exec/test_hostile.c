/* Every operator with random attributes and inputs, most of which make no sense: a run either fails with a message or
 * gives well-formed outputs, and the sanitizers see nothing. Allocations are capped through --wrap, so that absurd
 * sizes fail everywhere alike. */
#include "tests/exec/support.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_BYTES = 1 << 24, ROUNDS = 400 };

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);

void *__wrap_malloc(size_t size)
{
    return size > MOST_BYTES ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return size && count > MOST_BYTES / size ? NULL : __real_calloc(count, size);
}

static const int64_t nasty[] = {0,
                                1,
                                1,
                                2,
                                2,
                                3,
                                4,
                                -1,
                                -2,
                                -3,
                                -4,
                                17,
                                63,
                                INT64_MAX,
                                INT64_MIN,
                                INT32_MAX,
                                1 << 20,
                                65536,
                                INT64_MAX / 2,
                                INT64_MIN + 1};
static const float nasty_floats[] = {0.0f, 1.0f, -1.0f, 0.5f, 1e30f, -1e30f, NAN, INFINITY, 1e-30f};
static const char *const words[] = {"",
                                    "NOTSET",
                                    "VALID",
                                    "SAME_UPPER",
                                    "SAME_LOWER",
                                    "constant",
                                    "reflect",
                                    "edge",
                                    "wrap",
                                    "LEFT",
                                    "RIGHT",
                                    "tanh",
                                    "none",
                                    "FLOAT",
                                    "INT64",
                                    "STRING",
                                    "nonsense",
                                    "linear",
                                    "cubic",
                                    "add",
                                    "mul",
                                    "max",
                                    "reverse",
                                    "CRD",
                                    "ij,ij",
                                    "ij,jk->ik",
                                    "...i,...i",
                                    "bidirectional",
                                    "align_corners",
                                    "ii->i",
                                    "tf_crop_and_resize",
                                    "i->ii",
                                    "not_larger"};
/* What an operator takes, so that many cases get past the first check: inputs (x anything, a like the one before, r its
 * kind with other sizes, n a list of integers, s a single number like input 0, b bools like the one before) and
 * attributes with their kind: f, i, s, t, or a list l of as many integers as the input has axes (k: spatial axes, p:
 * twice that). */
static const struct {
    const char *type;
    const char *inputs;
    const char *attributes;
} known[] = {
    {"AveragePool", "x", "kernel_shape:k strides:k dilations:k pads:p ceil_mode:i auto_pad:s count_include_pad:i"},
    {"MaxPool", "x", "kernel_shape:k strides:k dilations:k pads:p ceil_mode:i auto_pad:s storage_order:i"},
    {"LpPool", "x", "kernel_shape:k strides:k dilations:k pads:p ceil_mode:i auto_pad:s p:i"},
    {"Conv", "xrr", "kernel_shape:k strides:k dilations:k pads:p auto_pad:s group:i"},
    {"BatchNormalization", "xrrrr", "epsilon:f momentum:f training_mode:i spatial:i is_test:i"},
    {"Gemm", "xar", "transA:i transB:i alpha:f beta:f"},
    {"MatMul", "xa", ""},
    {"Softmax", "x", "axis:i"},
    {"LogSoftmax", "x", "axis:i"},
    {"Hardmax", "x", "axis:i"},
    {"Reshape", "xn", "allowzero:i shape:l"},
    {"Flatten", "x", "axis:i"},
    {"Squeeze", "xn", "axes:l"},
    {"Unsqueeze", "xn", "axes:l"},
    {"Transpose", "x", "perm:l"},
    {"Concat", "xra", "axis:i"},
    {"Split", "xn", "axis:i split:l num_outputs:i"},
    {"Slice", "xnnnn", "starts:l ends:l axes:l"},
    {"Pad", "xnsn", "mode:s pads:p value:f"},
    {"Gather", "xn", "axis:i"},
    {"Expand", "xn", ""},
    {"ConstantOfShape", "n", "value:t"},
    {"Range", "sss", ""},
    {"Shape", "x", "start:i end:i"},
    {"Constant", "", "value:t"},
    {"Constant", "", "value_int:i"},
    {"Cast", "x", "to:i"},
    {"Cast", "x", "to:s"},
    {"CastLike", "xx", ""},
    {"Clip", "xss", "min:f max:f"},
    {"Where", "bra", ""},
    {"And", "bb", ""},
    {"Or", "bb", ""},
    {"Xor", "bb", ""},
    {"Not", "b", ""},
    {"BitShift", "xa", "direction:s"},
    {"Mod", "xa", "fmod:i"},
    {"Dropout", "xsb", "seed:i ratio:f is_test:i"},
    {"Gelu", "x", "approximate:s"},
    {"Max", "xrar", ""},
    {"Mean", "xrar", ""},
    {"ArgMax", "x", "axis:i keepdims:i select_last_index:i"},
    {"ArgMin", "x", "axis:i keepdims:i select_last_index:i"},
    {"IsInf", "x", "detect_negative:i"},
    {"LeakyRelu", "x", "alpha:f"},
    {"HardSigmoid", "x", "alpha:f beta:f"},
    {"Shrink", "x", "bias:f lambd:f"},
    {"Reduce", "xn", "axes:l keepdims:i noop_with_empty_axes:i"}, /* all of them */
    {"Add", "xr", "broadcast:i axis:i"},
    {"LayerNormalization", "xrr", "axis:i epsilon:f stash_type:i"},
    {"RMSNormalization", "xr", "axis:i epsilon:f"},
    {"InstanceNormalization", "xrr", "epsilon:f"},
    {"GroupNormalization", "xrr", "num_groups:i epsilon:f"},
    {"LRN", "x", "size:i alpha:f beta:f bias:f"},
    {"LpNormalization", "x", "axis:i p:i"},
    {"MeanVarianceNormalization", "x", "axes:l"},
    {"LSTM", "xrrrrrrr", "layout:i direction:s hidden_size:i input_forget:i"},
    {"GRU", "xrrrrr", "layout:i direction:s linear_before_reset:i"},
    {"RNN", "xrrrrr", "layout:i direction:s"},
    {"QuantizeLinear", "xss", "axis:i block_size:i output_dtype:i"},
    {"DequantizeLinear", "xxs", "axis:i block_size:i"},
    {"Einsum", "xa", "equation:s"},
    {"Einsum", "x", "equation:s"},
    {"ConvTranspose", "xrr",
     "kernel_shape:k strides:k dilations:k pads:p auto_pad:s group:i output_padding:k output_shape:k"},
    {"Resize", "xxxn", "mode:s coordinate_transformation_mode:s nearest_mode:s axes:l keep_aspect_ratio_policy:s"},
    {"Resize", "xx", "mode:s exclude_outside:i"},
    {"Upsample", "xx", "mode:s"},
    {"TopK", "xn", "axis:i largest:i k:i"},
    {"Tile", "xn", ""},
    {"CumSum", "xn", "exclusive:i reverse:i"},
    {"Trilu", "xn", "upper:i"},
    {"DepthToSpace", "x", "blocksize:i mode:s"},
    {"SpaceToDepth", "x", "blocksize:i"},
    {"GatherElements", "xn", "axis:i"},
    {"GatherND", "xn", "batch_dims:i"},
    {"ScatterElements", "xna", "axis:i reduction:s"},
    {"Scatter", "xna", "axis:i"},
    {"ScatterND", "xna", "reduction:s"},
    {"OneHot", "nsn", "axis:i"},
};

typedef struct hostile_case {
    op node;
    int64_t lists[MOST_SLOTS][8];
    oa_tensor tensor;
    int64_t tensor_data[4];
    oa_array inputs[MOST_SLOTS];
    const oa_array *pointers[MOST_SLOTS];
    size_t input_count;
} hostile_case;

/* Mostly a small size, sometimes anything. */
static int64_t any_integer(oa_random *random)
{
    if (oa_random_below(random, 8)) {
        return (int64_t)oa_random_below(random, 4) + (oa_random_below(random, 6) == 0 ? -2 : 0);
    }
    return nasty[oa_random_below(random, sizeof nasty / sizeof nasty[0])];
}

static void add_random_attribute(hostile_case *c, const char *name, char kind, oa_random *random)
{
    size_t slot = c->node.attribute_count, rank = c->input_count ? c->inputs[0].rank : 2, count;
    size_t spatial = rank > 2 ? rank - 2 : 1;
    switch (kind) {
    case 'f':
        add_attribute(
            &c->node,
            attribute_float(name, nasty_floats[oa_random_below(random, sizeof nasty_floats / sizeof *nasty_floats)]));
        break;
    case 'i':
        add_attribute(&c->node, attribute_int(name, any_integer(random)));
        break;
    case 's':
        add_attribute(&c->node, attribute_string(name, words[oa_random_below(random, sizeof words / sizeof words[0])]));
        break;
    case 't':
        c->tensor = (oa_tensor){.name = "t", .dtype = OA_DTYPE_INT64, .rank = 1, .data = c->tensor_data};
        c->tensor.count = c->tensor.dims[0] = oa_random_below(random, 3);
        add_attribute(&c->node, attribute_tensor(name, &c->tensor));
        break;
    default:
        count = kind == 'k' ? spatial : kind == 'p' ? 2 * spatial : random_between(random, 0, rank);
        count = oa_random_below(random, 10) ? count : oa_random_below(random, 7);
        for (size_t i = 0; i < count; i++) {
            c->lists[slot][i] = any_integer(random);
        }
        add_attribute(&c->node, attribute_ints(name, c->lists[slot], count));
        break;
    }
}

static oa_array random_elements(oa_random *random, oa_dtype dtype, const size_t *dims, size_t rank)
{
    if (dtype == OA_DTYPE_STRING) {
        oa_array strings = make_array(dtype, dims, rank);
        for (size_t i = 0; i < strings.count; i++) {
            const char *word = i % 2 ? "12" : words[oa_random_below(random, sizeof words / sizeof words[0])];
            ((oa_string_view *)strings.data)[i] = (oa_string_view){word, strlen(word)};
        }
        return strings;
    }
    return random_integers(random, dtype, dims,
                           rank); /* any bits: NaN, infinities and subnormal numbers among the floats */
}

static oa_array random_array(oa_random *random)
{
    static const oa_dtype dtypes[] = {OA_DTYPE_FLOAT,  OA_DTYPE_FLOAT,   OA_DTYPE_FLOAT,    OA_DTYPE_FLOAT,
                                      OA_DTYPE_DOUBLE, OA_DTYPE_FLOAT16, OA_DTYPE_BFLOAT16, OA_DTYPE_INT64,
                                      OA_DTYPE_INT32,  OA_DTYPE_INT8,    OA_DTYPE_UINT8,    OA_DTYPE_UINT64,
                                      OA_DTYPE_BOOL,   OA_DTYPE_STRING,  OA_DTYPE_UINT16};
    oa_dtype dtype = dtypes[oa_random_below(random, sizeof dtypes / sizeof dtypes[0])];
    size_t dims[6], rank = oa_random_below(random, 3) ? random_between(random, 2, 5) : oa_random_below(random, 3);
    for (size_t d = 0; d < rank; d++) {
        dims[d] = oa_random_below(random, 20) ? random_between(random, 1, 4) : 0;
    }
    return random_elements(random, dtype, dims, rank);
}

/* One input of the kind that a letter of the list above says. */
static oa_array input_of_kind(char kind, const hostile_case *c, oa_random *random)
{
    const oa_array *before = c->input_count ? &c->inputs[c->input_count - 1] : NULL;
    size_t dims[6], rank = before ? before->rank : oa_random_below(random, 4);
    for (size_t d = 0; d < rank; d++) {
        dims[d] = before ? before->dims[d] : random_between(random, 1, 3);
    }
    if (kind == 'n') {
        bool is_second = c->input_count > 1 && before->dtype == OA_DTYPE_INT64 && before->rank == 1;
        const size_t count = is_second && oa_random_below(random, 8) ? before->count : oa_random_below(random, 5);
        oa_array list = make_array(OA_DTYPE_INT64, &count, 1);
        for (size_t i = 0; i < count; i++) {
            ((int64_t *)list.data)[i] = any_integer(random);
        }
        return list;
    }
    if (kind == 'b') {
        return random_elements(random, OA_DTYPE_BOOL, dims, rank);
    }
    if (kind == 's') {
        return random_elements(random, before ? c->inputs[0].dtype : OA_DTYPE_INT8, NULL, 0);
    }
    if (!before || kind == 'x' || oa_random_below(random, 20) == 0) {
        return random_array(random);
    }
    for (size_t d = 0; kind == 'r' && d < rank; d++) { /* another shape that may fit: some sizes 1, or fewer axes */
        dims[d] = oa_random_below(random, 3) ? dims[d] : 1;
    }
    if (kind == 'r' && rank && oa_random_below(random, 3) == 0) {
        rank = 1;
        dims[0] = oa_random_below(random, 2) && c->inputs[0].rank > 1 ? c->inputs[0].dims[1] : dims[0];
    }
    return random_elements(random, c->inputs[0].dtype, dims, rank);
}

static void make_case(hostile_case *c, const char *type, oa_random *random)
{
    static const int64_t versions[] = {0, 1, 2, 5, 6, 7, 9, 10, 11, 12, 13, 14, 15, 18, 19, 22};
    const char *inputs = "xrr", *attributes = "";
    size_t first = oa_random_below(random, 2); /* some operators have two lines */
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        bool is_family = strcmp(known[i].type, "Reduce") == 0 && strncmp(type, "Reduce", 6) == 0;
        if ((strcmp(known[i].type, type) == 0 || is_family) && (*attributes == 0 || first)) {
            inputs = known[i].inputs;
            attributes = known[i].attributes;
        }
    }
    *c = (hostile_case){.node = {.type = type}};
    c->node.version = versions[oa_random_below(random, sizeof versions / sizeof versions[0])];
    c->node.output_count = oa_random_below(random, 3) ? 1 : random_between(random, 1, 4);
    size_t fewer = oa_random_below(random, 3);
    for (const char *kind = inputs;
         *kind && (kind == inputs || strlen(kind) > fewer || oa_random_below(random, 3) == 0); kind++) {
        c->inputs[c->input_count] = input_of_kind(*kind, c, random);
        c->pointers[c->input_count] = oa_random_below(random, 30) ? &c->inputs[c->input_count] : NULL;
        c->input_count++;
    }
    while (*attributes) {
        static char names[MOST_SLOTS][32]; /* outlives the case, as the graph wants */
        size_t length = strcspn(attributes, ":");
        snprintf(names[c->node.attribute_count], sizeof names[0], "%.*s", (int)length, attributes);
        if (oa_random_below(random, 2)) {
            add_random_attribute(c, names[c->node.attribute_count], attributes[length + 1], random);
        }
        attributes += length + 2;
        attributes += *attributes == ' ';
    }
}

/* Reads every byte of the outputs; returns a sum so that the reading is not left out. */
static uint64_t check_outputs(oa_array *outputs, size_t count, const char *type, uint64_t seed)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < count; i++) {
        size_t elements;
        assert_seeded(oa_dims_count(&elements, outputs[i].dims, outputs[i].rank, NULL) == OA_OK &&
                          elements == outputs[i].count && outputs[i].data && !outputs[i].is_view,
                      type, seed);
        for (size_t k = 0; k < outputs[i].count * oa_dtype_size(outputs[i].dtype); k++) {
            sum += ((const unsigned char *)outputs[i].data)[k];
        }
        for (size_t k = 0; outputs[i].dtype == OA_DTYPE_STRING && k < outputs[i].count; k++) {
            const oa_string_view *view = &((const oa_string_view *)outputs[i].data)[k];
            sum += view->size ? (unsigned char)view->data[view->size - 1] : 0;
        }
        oa_array_free(&outputs[i]);
    }
    return sum;
}

static void operator__survives_anything(void **state)
{
    (void)state;
    const char *domain, *type;
    size_t passed = 0, failed = 0, seed = 1;
    uint64_t sum = 0;
    for (size_t index = 0; oa_executor_operator(&domain, &type, index); index++) {
        size_t own_passed = 0;
        for (size_t round = 0; round < ROUNDS; round++, seed++) {
            oa_random random;
            oa_random_init(&random, seed);
            hostile_case c;
            oa_array outputs[MOST_SLOTS] = {{0}};
            oa_error error = {0};
            make_case(&c, type, &random);
            oa_status status = run_op(outputs, &c.node, c.pointers, c.input_count, &error);
            if (status == OA_OK) {
                sum += check_outputs(outputs, c.node.output_count, type, seed);
                own_passed++;
            } else {
                bool is_known = status == OA_ERROR_INPUT || status == OA_ERROR_UNSUPPORTED || status == OA_ERROR_MEMORY;
                assert_seeded(is_known && error.status == status && error.message[0] && !outputs[0].data, type, seed);
                failed++;
            }
            for (size_t i = 0; i < c.input_count; i++) {
                oa_array_free(&c.inputs[i]);
            }
        }
        passed += own_passed;
        if (own_passed == 0) {
            print_message("%s never ran\n", type);
        }
    }
    print_message("seeds 1 to %zu: %zu ran, %zu failed (sum of bytes %llu)\n", seed - 1, passed, failed,
                  (unsigned long long)sum);
    assert_true(passed > 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(operator__survives_anything)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
