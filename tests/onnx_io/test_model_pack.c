/* Models as bytes in memory, and with more values among their outputs. */
#include "everything.h"

#include "onnx_io/model_private.h"
#include "tests/support/failing_allocations.h"

#include <string.h>

static const int64_t PAIR[] = {2};
enum { TOO_MANY = 5000 };

static void check_packed(fixture *f, const char *path, const oa_payloads *payloads)
{
    unsigned char *bytes = NULL;
    size_t size = 0, saved_size;
    assert_int_equal(oa_model_pack(&bytes, &size, f->model, payloads, &f->error), OA_OK);
    unsigned char *saved = read_file(f, path, &saved_size);
    assert_int_equal(size, saved_size);
    assert_memory_equal(bytes, saved, size);
    oa_free(bytes);
}

static void pack__gives_the_bytes_that_saving_writes(void **state)
{
    fixture *f = *state;
    static const float changed[2] = {7, 8};
    add_sum(f);
    /* Narrow elements are written anew from another list than the message's. */
    Onnx__TensorProto *narrow = add_initializer(f, "narrow", OA_DTYPE_FLOAT16, 1, PAIR);
    int32_t halves[2] = {0x3c00, 0xc000};
    narrow->int32_data = halves;
    narrow->n_int32_data = 2;
    add_unknown(f, &f->message->base, 777, "kept");
    char *path = write_model(f, "m.onnx");
    load(f, path);
    check_packed(f, path, NULL);
    save_with(f, path_of(f, "changed.onnx"), "w", changed, sizeof changed);
    oa_payloads payloads;
    assert_int_equal(oa_payloads_init(&payloads, oa_model_graph(f->model), NULL), OA_OK);
    size_t w = tensor_index(f->model, "w");
    payloads.data[w] = oa_malloc(1, sizeof changed);
    assert_non_null(payloads.data[w]);
    memcpy(payloads.data[w], changed, sizeof changed);
    check_packed(f, path_of(f, "changed.onnx"), &payloads);
    check_packed(f, path, NULL); /* nothing stays behind */
    payloads.count--;
    unsigned char *bytes = NULL;
    size_t size = 0;
    assert_int_equal(oa_model_pack(&bytes, &size, f->model, &payloads, &f->error), OA_ERROR_INTERNAL);
    payloads.count++;
    oa_payloads_free(&payloads);
}

static void pack__refuses_what_bytes_cannot_hold(void **state)
{
    fixture *f = *state;
    unsigned char *bytes = NULL;
    size_t size = 0, whole;
    add_sum(f);
    load(f, write_model(f, "m.onnx"));
    read_file(f, path_of(f, "m.onnx"), &whole);
    assert_int_equal(oa_model_pack_limited(&bytes, &size, f->model, NULL, whole - 1, &f->error), OA_ERROR_UNSUPPORTED);
    assert_null(bytes);
    assert_int_equal(oa_model_pack_limited(&bytes, &size, f->model, NULL, whole, &f->error), OA_OK);
    assert_int_equal(size, whole);
    oa_free(bytes);
    bytes = NULL;
    static const float numbers[2] = {1, 2};
    Onnx__TensorProto *outside = add_initializer(f, "outside", OA_DTYPE_FLOAT, 1, PAIR);
    write_file(f, "data.bin", numbers, sizeof numbers);
    set_external(f, outside, "data.bin", NULL, NULL);
    load(f, write_model(f, "n.onnx"));
    assert_int_equal(oa_model_pack(&bytes, &size, f->model, NULL, &f->error), OA_ERROR_UNSUPPORTED);
    assert_non_null(strstr(f->error.message, "external data"));
    assert_null(bytes);
}

/* x -> Relu -> h -> Add(h, w) -> k -> Relu -> z */
static void add_chain(fixture *f)
{
    static const float numbers[2] = {1, 2};
    set_raw(f, add_initializer(f, "w", OA_DTYPE_FLOAT, 1, PAIR), numbers, sizeof numbers);
    add_input(f, f->graph, "x", 1, PAIR);
    add_node(f, f->graph, "Relu", "x", "h");
    add_node(f, f->graph, "Add", "h w", "k");
    add_node(f, f->graph, "Relu", "k", "z");
    add_output(f, f->graph, "z");
}

static void check_shown(fixture *f, const bool *shown, const char *outputs, size_t nodes)
{
    unsigned char *bytes = NULL;
    size_t size = 0;
    oa_model *other = NULL;
    assert_int_equal(oa_model_show(f->model, shown, &f->error), OA_OK);
    assert_int_equal(oa_model_pack(&bytes, &size, f->model, NULL, &f->error), OA_OK);
    assert_int_equal(oa_model_parse(&other, bytes, size, "shown", &f->error), OA_OK);
    oa_free(bytes);
    const oa_graph *graph = oa_model_graph(other);
    assert_int_equal(graph->output_count, strlen(outputs));
    for (size_t i = 0; i < graph->output_count; i++) {
        const char *name = graph->values[graph->outputs[i]].name;
        assert_true(strlen(name) == 1 && strchr(outputs, name[0]));
        assert_true(i == 0 ||
                    value_index(f->model, name) > value_index(f->model, graph->values[graph->outputs[i - 1]].name));
    }
    assert_int_equal(graph->node_count, nodes);
    oa_model_destroy(other);
}

static void show__gives_values_as_outputs_until_they_are_hidden(void **state)
{
    fixture *f = *state;
    add_chain(f);
    char *path = write_model(f, "m.onnx");
    load(f, path);
    const oa_graph *graph = oa_model_graph(f->model);
    bool *shown = make(f, graph->value_count, sizeof *shown);
    memset(shown, 1, graph->value_count); /* x and w are passed over */
    check_shown(f, shown, "hkz", 3);
    assert_true(oa_model_shows(f->model, value_index(f->model, "h")));
    assert_false(oa_model_shows(f->model, value_index(f->model, "w")));
    /* Showing others takes the place of these, and what they do not need is left out; hiding twice is fine. */
    memset(shown, 0, graph->value_count);
    shown[value_index(f->model, "k")] = true;
    check_shown(f, shown, "k", 2);
    oa_model_hide(f->model);
    oa_model_hide(f->model);
    check_packed(f, path, NULL);
    assert_int_equal(oa_model_show(f->model, shown, &f->error), OA_OK); /* the model may go while they are shown */
}

static void show__refuses_values_of_subgraphs(void **state)
{
    fixture *f = *state;
    build_everything(f);
    load(f, write_model(f, "m.onnx"));
    const oa_graph *graph = oa_model_graph(f->model);
    bool *shown = make(f, graph->value_count, sizeof *shown);
    size_t inside = 0;
    for (size_t v = 0; v < graph->value_count; v++) {
        if (graph->values[v].body == OA_NONE || !oa_model_shows(f->model, v)) {
            continue;
        }
        inside++;
        shown[v] = true;
        assert_int_equal(oa_model_show(f->model, shown, &f->error), OA_ERROR_INTERNAL);
        shown[v] = false;
    }
    assert_true(inside > 0);
}

/* With elements that need lists of their own, and everything shown. */
static void pack_and_show__report_every_failing_allocation(void **state)
{
    fixture *f = *state;
    add_chain(f);
    Onnx__TensorProto *narrow = add_initializer(f, "narrow", OA_DTYPE_FLOAT16, 1, PAIR);
    int32_t halves[2] = {0x3c00, 0xc000};
    narrow->int32_data = halves;
    narrow->n_int32_data = 2;
    char *path = write_model(f, "m.onnx");
    load(f, path);
    bool *shown = make(f, oa_model_graph(f->model)->value_count, sizeof *shown);
    memset(shown, 1, oa_model_graph(f->model)->value_count);
    size_t n = 1;
    for (;; n++) {
        unsigned char *bytes = NULL;
        size_t size = 0;
        oa_error error = {0};
        assert_true(n < TOO_MANY);
        fail_allocation(n);
        oa_status status = oa_model_show(f->model, shown, &error);
        if (status == OA_OK) {
            status = oa_model_pack(&bytes, &size, f->model, NULL, &error);
        }
        bool has_failed = allocation_has_failed();
        oa_free(bytes);
        oa_model_hide(f->model);
        if (!has_failed) {
            assert_int_equal(status, OA_OK);
            break;
        }
        assert_int_equal(status, OA_ERROR_MEMORY);
        assert_true(strlen(error.message) > 0);
        assert_null(bytes);
        check_packed(f, path, NULL);
    }
    assert_true(n > 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ONNX_TEST(pack__gives_the_bytes_that_saving_writes),
        ONNX_TEST(pack__refuses_what_bytes_cannot_hold),
        ONNX_TEST(show__gives_values_as_outputs_until_they_are_hidden),
        ONNX_TEST(show__refuses_values_of_subgraphs),
        ONNX_TEST(pack_and_show__report_every_failing_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
