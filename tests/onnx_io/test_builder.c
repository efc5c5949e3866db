/* New models: what is put in comes out of the file again, and no failure passes unseen. ONNX's checker and ONNX Runtime
 * judge the same models in tests/python/test_builder.py. */
#include "made_models.h"
#include "support.h"
#include "tests/support/failing_allocations.h"

#include <string.h>

/* Saves a model of make_*, and loads it into f->model. */
static void save_and_load(fixture *f, oa_status (*make_model)(oa_model **model, oa_error *error))
{
    oa_model *model = NULL;
    char *path = path_of(f, "made.onnx");
    assert_int_equal(make_model(&model, &f->error), OA_OK);
    assert_string_equal(oa_model_path(model), "");
    assert_int_equal(oa_model_save(path, model, NULL, &f->error), OA_OK);
    oa_model_destroy(model);
    load(f, path);
}

static const oa_node *node_called(const oa_graph *graph, const char *op_type)
{
    for (size_t n = 0; n < graph->node_count; n++) {
        if (strcmp(graph->nodes[n].op_type, op_type) == 0) {
            return &graph->nodes[n];
        }
    }
    fail_msg("there is no node %s", op_type);
    return NULL;
}

static void finish__makes_the_network_that_was_described(void **state)
{
    fixture *f = *state;
    save_and_load(f, make_network);
    const oa_graph *graph = oa_model_graph(f->model);
    assert_string_equal(graph->name, "network");
    assert_int_equal(graph->node_count, 4);
    assert_int_equal(graph->tensor_count, 3);
    assert_int_equal(graph->input_count, 1);
    const oa_value *x = &graph->values[graph->inputs[0]];
    assert_int_equal(x->rank, 4);
    assert_int_equal(x->dims[0], -1);
    assert_string_equal(x->symbols[0], "batch");
    assert_int_equal(x->dims[2], 4);
    const oa_value *y = &graph->values[graph->outputs[0]];
    assert_int_equal(y->dims[0], -1);
    assert_null(y->symbols[0]);

    const oa_node *conv = node_called(graph, "Conv");
    const int64_t *ints;
    size_t count;
    assert_int_equal(conv->version, 13);
    assert_string_equal(conv->name, "conv");
    assert_int_equal(conv->attribute_count, 3);
    oa_node_ints(&ints, &count, conv, "pads");
    assert_int_equal(count, 4);
    assert_int_equal(ints[3], 1);
    assert_true(oa_node_string_is(conv, "auto_pad", "NOTSET"));
    assert_true(oa_node_float(node_called(graph, "LeakyRelu"), "alpha", 0.0f) == 0.25f);
    const oa_node *gemm = node_called(graph, "Gemm");
    assert_int_equal(oa_node_int(gemm, "transB", 0), 1);
    assert_int_equal(gemm->input_count, 3);
    assert_int_equal(oa_node_input(gemm, 2), OA_NONE);
    assert_int_equal(tensor_of(f->model, "dense")->dims[1], 32);
}

static void finish__gives_a_set_of_tensors_outputs(void **state)
{
    fixture *f = *state;
    save_and_load(f, make_tensors);
    const oa_graph *graph = oa_model_graph(f->model);
    check_bytes(f->model, "matrix", made_matrix, sizeof made_matrix);
    check_bytes(f->model, "scalar", &made_scalar, sizeof made_scalar);
    assert_int_equal(tensor_of(f->model, "scalar")->rank, 0);
    assert_int_equal(graph->output_count, 2);
    assert_string_equal(graph->values[graph->outputs[0]].name, "matrix.value");
    assert_int_equal(graph->values[graph->outputs[1]].dtype, OA_DTYPE_INT64);
}

static void metadata__is_found_by_its_key(void **state)
{
    fixture *f = *state;
    save_and_load(f, make_network);
    assert_string_equal(oa_model_metadata(f->model, "purpose"), "a test");
    assert_string_equal(oa_model_metadata(f->model, "empty"), "");
    assert_null(oa_model_metadata(f->model, "Purpose"));
    assert_null(oa_model_metadata(f->model, ""));
}

static void payloads__of_a_new_model_are_written_in_the_place_of_its_own(void **state)
{
    fixture *f = *state;
    oa_model *model = NULL;
    float other[6] = {6.0f, 5.0f, 4.0f, 3.0f, 2.0f, 1.0f};
    void *data[2] = {other, NULL};
    oa_payloads payloads = {.data = data, .count = 2};
    char *path = path_of(f, "other.onnx");
    assert_int_equal(make_tensors(&model, &f->error), OA_OK);
    assert_int_equal(oa_model_save(path, model, &payloads, &f->error), OA_OK);
    oa_model_destroy(model);
    load(f, path);
    check_bytes(f->model, "matrix", other, sizeof other);
    check_bytes(f->model, "scalar", &made_scalar, sizeof made_scalar);
}

/* Calls `spoil` between good calls; finishing must then report `status` with this text. */
static void spoiled(void (*spoil)(oa_builder *builder), oa_status status, const char *text)
{
    oa_builder *builder = NULL;
    oa_model *model = NULL;
    oa_error error = {0};
    assert_int_equal(oa_builder_create(&builder, "g", 13, &error), OA_OK);
    oa_builder_add_tensor(builder, "first", OA_DTYPE_FLOAT, (size_t[]){6}, 1, made_matrix);
    spoil(builder);
    oa_builder_add_tensor(builder, "last", OA_DTYPE_FLOAT, (size_t[]){6}, 1, made_matrix);
    assert_int_equal(oa_builder_finish(&model, builder, &error), status);
    assert_int_equal(error.status, status);
    if (!strstr(error.message, text)) {
        fail_msg("'%s' does not say '%s'", error.message, text);
    }
    assert_null(model);
    oa_builder_destroy(builder);
}

static void add_string_tensor(oa_builder *builder)
{
    oa_builder_add_tensor(builder, "words", OA_DTYPE_STRING, (size_t[]){1}, 1, made_matrix);
    oa_builder_add_tensor(builder, "later", OA_DTYPE_UNDEFINED, (size_t[]){1}, 1, made_matrix);
}

static void add_huge_tensor(oa_builder *builder)
{
    oa_builder_add_tensor(builder, "huge", OA_DTYPE_FLOAT, (size_t[]){SIZE_MAX / 2, 4}, 2, made_matrix);
}

static void add_tensor_of_bytes_that_overflow(oa_builder *builder)
{
    oa_builder_add_tensor(builder, "wide", OA_DTYPE_FLOAT, (size_t[]){SIZE_MAX / 2}, 1, made_matrix);
}

static void add_deep_tensor(oa_builder *builder)
{
    static const size_t dims[OA_MAX_RANK + 1] = {0};
    oa_builder_add_tensor(builder, "deep", OA_DTYPE_FLOAT, dims, OA_MAX_RANK + 1, made_matrix);
}

static void add_subgraph(oa_builder *builder)
{
    oa_builder_add_node(builder, &(oa_builder_node){.op_type = "If",
                                                    .outputs = (const char *[]){"y"},
                                                    .output_count = 1,
                                                    .attributes = (oa_attribute[]){{.name = "then_branch"}},
                                                    .attribute_count = 1});
}

static void add_dangling_node(oa_builder *builder)
{
    oa_builder_add_node(builder, &(oa_builder_node){.op_type = "Relu",
                                                    .inputs = (const char *[]){"nowhere"},
                                                    .input_count = 1,
                                                    .outputs = (const char *[]){"y"},
                                                    .output_count = 1});
}

static void add_first_again(oa_builder *builder)
{
    oa_builder_add_tensor(builder, "first", OA_DTYPE_FLOAT, (size_t[]){1}, 1, made_matrix);
}

static void finish__reports_the_first_failure(void **state)
{
    (void)state;
    spoiled(add_string_tensor, OA_ERROR_USAGE, "words");
    spoiled(add_huge_tensor, OA_ERROR_INPUT, "huge");
    spoiled(add_tensor_of_bytes_that_overflow, OA_ERROR_INPUT, "wide");
    spoiled(add_deep_tensor, OA_ERROR_INPUT, "deep");
    spoiled(add_subgraph, OA_ERROR_USAGE, "then_branch");
    spoiled(add_dangling_node, OA_ERROR_INPUT, "nowhere");
    spoiled(add_first_again, OA_ERROR_INPUT, "first");
}

static void finish__uses_the_builder_up(void **state)
{
    (void)state;
    oa_builder *builder = NULL;
    oa_model *model = NULL;
    oa_model *again = NULL;
    assert_int_equal(oa_builder_create(&builder, "g", 13, NULL), OA_OK);
    oa_builder_add_tensor(builder, "t", OA_DTYPE_FLOAT, (size_t[]){6}, 1, made_matrix);
    assert_int_equal(oa_builder_finish(&model, builder, NULL), OA_OK);
    assert_int_equal(oa_builder_finish(&again, builder, NULL), OA_ERROR_INTERNAL);
    assert_null(again);
    oa_builder_destroy(builder);
    oa_model_destroy(model);
}

static void finish__reports_every_failing_allocation(void **state)
{
    fixture *f = *state;
    size_t failures = 0;
    for (size_t n = 1;; n++) {
        oa_model *model = NULL;
        fail_allocation(n);
        oa_status status = n % 2 ? make_network(&model, &f->error) : make_tensors(&model, &f->error);
        if (!allocation_has_failed()) {
            assert_int_equal(status, OA_OK);
            oa_model_destroy(model);
            if (n % 2) {
                break; /* the larger of the two takes no more than this */
            }
            continue;
        }
        failures++;
        assert_int_equal(status, OA_ERROR_MEMORY);
        assert_int_equal(f->error.status, OA_ERROR_MEMORY);
        assert_null(model);
    }
    assert_true(failures > 40);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ONNX_TEST(finish__makes_the_network_that_was_described),
        ONNX_TEST(finish__gives_a_set_of_tensors_outputs),
        ONNX_TEST(metadata__is_found_by_its_key),
        ONNX_TEST(payloads__of_a_new_model_are_written_in_the_place_of_its_own),
        ONNX_TEST(finish__reports_the_first_failure),
        ONNX_TEST(finish__uses_the_builder_up),
        ONNX_TEST(finish__reports_every_failing_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
