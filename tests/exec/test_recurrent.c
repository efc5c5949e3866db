/* LSTM, GRU and RNN against their definitions, computed one number after the other in double precision. */
#include "tests/exec/support.h"

#include <math.h>
#include <string.h>

enum { MOST = 9 }; /* of every size */

typedef struct layer {
    size_t steps, batch, inputs, units, directions, gates;
    bool is_batch_first, is_linear, is_relu;
    const char *direction;
    const oa_array *in[8];
} layer;

static double sigmoid(double x)
{
    return 1.0 / (1.0 + exp(-x));
}

/* Element `k` of the state at the start (slot 5 or 6) or, as an index, of a last state. */
static size_t state_at(const layer *l, size_t d, size_t b, size_t k)
{
    return (l->is_batch_first ? b * l->directions + d : d * l->batch + b) * l->units + k;
}

static size_t output_at(const layer *l, size_t t, size_t d, size_t b, size_t k)
{
    size_t row = l->is_batch_first ? (b * l->steps + t) * l->directions + d : (t * l->directions + d) * l->batch + b;
    return row * l->units + k;
}

static double bias(const layer *l, size_t d, size_t at)
{
    return l->in[3] ? number_at(l->in[3], d * 2 * l->gates * l->units + at) : 0.0;
}

static double peephole(const layer *l, size_t d, size_t at)
{
    return l->in[7] ? number_at(l->in[7], d * 3 * l->units + at) : 0.0;
}

/* Row `row` of the weights times x, with its bias. */
static double input_part(const layer *l, size_t d, size_t t, size_t b, size_t row)
{
    size_t at = (l->is_batch_first ? b * l->steps + t : t * l->batch + b) * l->inputs;
    double sum = bias(l, d, row);
    for (size_t i = 0; i < l->inputs; i++) {
        sum += number_at(l->in[0], at + i) * number_at(l->in[1], (d * l->gates * l->units + row) * l->inputs + i);
    }
    return sum;
}

static double state_part(const layer *l, size_t d, const double *h, size_t row)
{
    double sum = bias(l, d, l->gates * l->units + row);
    for (size_t i = 0; i < l->units; i++) {
        sum += h[i] * number_at(l->in[2], (d * l->gates * l->units + row) * l->units + i);
    }
    return sum;
}

/* h and c [units] after a step of one row. */
static void lstm(double *h, double *c, const layer *l, size_t d, size_t t, size_t b)
{
    double next[MOST];
    size_t n = l->units;
    for (size_t k = 0; k < n; k++) {
        double a[4];
        for (size_t g = 0; g < 4; g++) {
            a[g] = input_part(l, d, t, b, g * n + k) + state_part(l, d, h, g * n + k);
        }
        double i = sigmoid(a[0] + peephole(l, d, k) * c[k]), f = sigmoid(a[2] + peephole(l, d, 2 * n + k) * c[k]);
        c[k] = f * c[k] + i * tanh(a[3]);
        next[k] = sigmoid(a[1] + peephole(l, d, n + k) * c[k]) * tanh(c[k]);
    }
    memcpy(h, next, n * sizeof *h);
}

static void gru(double *h, const layer *l, size_t d, size_t t, size_t b)
{
    double next[MOST], reset[MOST], part[MOST];
    size_t n = l->units;
    for (size_t k = 0; k < n; k++) {
        reset[k] = sigmoid(input_part(l, d, t, b, n + k) + state_part(l, d, h, n + k));
        part[k] = reset[k] * h[k];
    }
    for (size_t k = 0; k < n; k++) {
        double z = sigmoid(input_part(l, d, t, b, k) + state_part(l, d, h, k));
        double state = l->is_linear ? reset[k] * state_part(l, d, h, 2 * n + k) : state_part(l, d, part, 2 * n + k);
        next[k] = (1.0 - z) * tanh(input_part(l, d, t, b, 2 * n + k) + state) + z * h[k];
    }
    memcpy(h, next, n * sizeof *h);
}

static void rnn(double *h, const layer *l, size_t d, size_t t, size_t b)
{
    double next[MOST];
    for (size_t k = 0; k < l->units; k++) {
        double sum = input_part(l, d, t, b, k) + state_part(l, d, h, k);
        next[k] = !l->is_relu ? tanh(sum) : sum < 0.0 ? 0.0 : sum;
    }
    memcpy(h, next, l->units * sizeof *h);
}

static void step(double *h, double *c, const layer *l, size_t d, size_t t, size_t b)
{
    if (l->gates == 4) {
        lstm(h, c, l, d, t, b);
    } else if (l->gates == 3) {
        gru(h, l, d, t, b);
    } else {
        rnn(h, l, d, t, b);
    }
}

/* The three outputs. */
static void reference(oa_array *exact, const layer *l)
{
    for (size_t d = 0; d < l->directions; d++) {
        for (size_t b = 0; b < l->batch; b++) {
            bool is_reversed = d == 1 || strcmp(l->direction, "reverse") == 0;
            size_t length = l->in[4] ? (size_t)((int32_t *)l->in[4]->data)[b] : l->steps;
            double h[MOST], c[MOST];
            for (size_t k = 0; k < l->units; k++) {
                h[k] = l->in[5] ? number_at(l->in[5], state_at(l, d, b, k)) : 0.0;
                c[k] = l->in[6] ? number_at(l->in[6], state_at(l, d, b, k)) : 0.0;
            }
            for (size_t s = 0; s < length; s++) {
                size_t t = is_reversed ? length - 1 - s : s;
                step(h, c, l, d, t, b);
                for (size_t k = 0; k < l->units; k++) {
                    ((double *)exact[0].data)[output_at(l, t, d, b, k)] = h[k];
                }
            }
            for (size_t k = 0; k < l->units; k++) {
                ((double *)exact[1].data)[state_at(l, d, b, k)] = h[k];
                ((double *)exact[2].data)[state_at(l, d, b, k)] = c[k];
            }
        }
    }
}

static layer random_layer(oa_random *random, const char *type)
{
    static const char *const directions[] = {"forward", "reverse", "bidirectional"};
    layer l = {.steps = random_between(random, 1, 6), .batch = random_between(random, 1, 4)};
    l.gates = strcmp(type, "LSTM") == 0 ? 4 : strcmp(type, "GRU") == 0 ? 3 : 1;
    l.inputs = random_between(random, 1, 5);
    l.units = random_between(random, 1, MOST);
    l.direction = directions[oa_random_below(random, 3)];
    l.directions = strcmp(l.direction, "bidirectional") == 0 ? 2 : 1;
    l.is_batch_first = oa_random_below(random, 2);
    l.is_linear = l.gates == 3 && oa_random_below(random, 2);
    l.is_relu = l.gates == 1 && oa_random_below(random, 2);
    return l;
}

/* The inputs in `made`, of which optional ones may be absent. */
static void random_inputs(oa_array *made, layer *l, oa_random *random, oa_dtype dtype)
{
    size_t d = l->directions, all = l->gates * l->units, batch_first = l->is_batch_first;
    const size_t dims[8][3] = {{batch_first ? l->batch : l->steps, batch_first ? l->steps : l->batch, l->inputs},
                               {d, all, l->inputs},
                               {d, all, l->units},
                               {d, 2 * all},
                               {l->batch},
                               {batch_first ? l->batch : d, batch_first ? d : l->batch, l->units},
                               {batch_first ? l->batch : d, batch_first ? d : l->batch, l->units},
                               {d, 3 * l->units}};
    static const size_t ranks[8] = {3, 3, 3, 2, 1, 3, 3, 2};
    for (size_t i = 0; i < 8; i++) {
        made[i] = (oa_array){0};
        if ((i >= 6 && l->gates != 4) || (i >= 3 && oa_random_below(random, 3) == 0)) {
            continue;
        }
        if (i == 4) {
            made[i] = make_array(OA_DTYPE_INT32, dims[i], 1);
            for (size_t b = 0; b < l->batch; b++) {
                ((int32_t *)made[i].data)[b] = (int32_t)oa_random_below(random, l->steps + 1);
            }
        } else {
            oa_array floats = random_floats(random, dims[i], ranks[i]);
            made[i] = floats_as(&floats, dtype);
            oa_array_free(&floats);
        }
        l->in[i] = &made[i];
    }
}

static void check_type(const char *type)
{
    static const oa_dtype dtypes[] = {OA_DTYPE_FLOAT, OA_DTYPE_DOUBLE, OA_DTYPE_FLOAT16};
    for (uint64_t seed = 1; seed <= 90; seed++) {
        oa_random random;
        oa_random_init(&random, seed);
        oa_dtype dtype = dtypes[seed % 3];
        oa_array made[8], outputs[3] = {{0}}, exact[3];
        layer l = random_layer(&random, type);
        random_inputs(made, &l, &random, dtype);
        const size_t all[2][4] = {{l.steps, l.directions, l.batch, l.units}, {l.batch, l.steps, l.directions, l.units}};
        const size_t last[2][3] = {{l.directions, l.batch, l.units}, {l.batch, l.directions, l.units}};
        for (size_t i = 0; i < 3; i++) {
            exact[i] = make_array(OA_DTYPE_DOUBLE, i ? last[l.is_batch_first] : all[l.is_batch_first], i ? 3 : 4);
        }
        reference(exact, &l);
        op node = {.type = type, .version = 14, .output_count = l.gates == 4 ? 3 : 2};
        add_attribute(&node, attribute_string("direction", l.direction));
        add_attribute(&node, attribute_int("layout", l.is_batch_first));
        add_attribute(&node, attribute_int("hidden_size", (int64_t)l.units));
        if (l.is_linear) {
            add_attribute(&node, attribute_int("linear_before_reset", 1));
        }
        static const oa_string_view relu[2] = {{"Relu", 4}, {"Relu", 4}};
        if (l.is_relu) {
            add_attribute(&node, (oa_attribute){.name = "activations",
                                                .kind = OA_ATTRIBUTE_STRINGS,
                                                .strings = relu,
                                                .count = l.directions});
        }
        oa_error error = {0};
        if (run_op(outputs, &node, l.in, l.gates == 4 ? 8 : 6, &error) != OA_OK) {
            fail_msg("%s", error.message);
        }
        for (size_t i = 0; i < node.output_count; i++) {
            oa_array expected = floats_as(&exact[i], dtype);
            double tolerance = dtype == OA_DTYPE_FLOAT16 ? 2e-3 : dtype == OA_DTYPE_DOUBLE ? 1e-12 : 5e-6;
            assert_agree(&outputs[i], &expected, tolerance, tolerance, type, seed);
            oa_array_free(&expected);
        }
        free_arrays(made, 8);
        free_arrays(outputs, 3);
        free_arrays(exact, 3);
    }
    print_message("seeds 1 to 90\n");
}

static void lstm__equals_the_definition(void **state)
{
    (void)state;
    check_type("LSTM");
}

static void gru__equals_the_definition(void **state)
{
    (void)state;
    check_type("GRU");
}

static void rnn__equals_the_definition(void **state)
{
    (void)state;
    check_type("RNN");
}

/* Every input in turn with an axis too many or too long, or of another type. */
static void recurrent__refuses_shapes_that_do_not_fit(void **state)
{
    (void)state;
    static const size_t dims[8][3] = {{4, 3, 2}, {1, 20, 2}, {1, 20, 5}, {1, 40}, {3}, {1, 3, 5}, {1, 3, 5}, {1, 15}};
    static const size_t ranks[8] = {3, 3, 3, 2, 1, 3, 3, 2};
    oa_random random;
    oa_random_init(&random, 1);
    oa_array good[8];
    const oa_array *pointers[8];
    op node = {.type = "LSTM", .version = 14, .output_count = 3};
    for (size_t i = 0; i < 8; i++) {
        good[i] = i == 4 ? make_array(OA_DTYPE_INT32, dims[i], 1) : random_floats(&random, dims[i], ranks[i]);
        pointers[i] = &good[i];
    }
    oa_array outputs[3] = {{0}};
    oa_error error = {0};
    assert_int_equal(run_op(outputs, &node, pointers, 8, &error), OA_OK);
    free_arrays(outputs, 3);
    for (size_t i = 0; i < 8; i++) {
        for (size_t axis = 0; axis < ranks[i]; axis++) {
            size_t changed[3] = {dims[i][0], dims[i][1], dims[i][2]};
            changed[axis]++;
            oa_array bad = make_array(good[i].dtype, changed, ranks[i]);
            pointers[i] = &bad;
            if (i > 0 || axis > 0) { /* another number of steps would be fine */
                expect_failure(&node, pointers, 8, OA_ERROR_INPUT);
            }
            oa_array_free(&bad);
        }
        oa_array flat = make_array(good[i].dtype, dims[i], ranks[i] - 1);
        oa_array wide = make_array(i == 4 ? OA_DTYPE_INT64 : OA_DTYPE_DOUBLE, dims[i], ranks[i]);
        pointers[i] = &flat;
        expect_failure(&node, pointers, 8, OA_ERROR_INPUT);
        pointers[i] = &wide;
        expect_failure(&node, pointers, 8, OA_ERROR_INPUT);
        pointers[i] = &good[i];
        oa_array_free(&flat);
        oa_array_free(&wide);
    }
    ((int32_t *)good[4].data)[1] = 5;
    expect_failure(&node, pointers, 8, OA_ERROR_INPUT);
    ((int32_t *)good[4].data)[1] = -1;
    expect_failure(&node, pointers, 8, OA_ERROR_INPUT);
    free_arrays(good, 8);
}

static void recurrent__names_what_it_cannot_do(void **state)
{
    (void)state;
    static const size_t x_dims[] = {4, 3, 2}, w_dims[] = {1, 20, 2}, r_dims[] = {1, 20, 5};
    static const oa_string_view names[] = {{"Sigmoid", 7}, {"Affine", 6}, {"Tanh", 4}};
    oa_random random;
    oa_random_init(&random, 1);
    oa_array x = random_floats(&random, x_dims, 3), w = random_floats(&random, w_dims, 3);
    oa_array r = random_floats(&random, r_dims, 3);
    const oa_array *pointers[] = {&x, &w, &r};
    oa_attribute attributes[] = {attribute_float("clip", 1.0f),
                                 attribute_int("input_forget", 1),
                                 {.name = "activations", .kind = OA_ATTRIBUTE_STRINGS, .strings = names, .count = 3},
                                 {.name = "activations", .kind = OA_ATTRIBUTE_STRINGS, .strings = names, .count = 2},
                                 attribute_string("direction", "sideways"),
                                 attribute_int("hidden_size", 6)};
    for (size_t i = 0; i < sizeof attributes / sizeof attributes[0]; i++) {
        op node = {.type = "LSTM", .version = 14};
        add_attribute(&node, attributes[i]);
        expect_failure(&node, pointers, 3, i < 3 ? OA_ERROR_UNSUPPORTED : OA_ERROR_INPUT);
    }
    oa_array_free(&x);
    oa_array_free(&w);
    oa_array_free(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lstm__equals_the_definition),
        cmocka_unit_test(gru__equals_the_definition),
        cmocka_unit_test(rnn__equals_the_definition),
        cmocka_unit_test(recurrent__refuses_shapes_that_do_not_fit),
        cmocka_unit_test(recurrent__names_what_it_cannot_do),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
