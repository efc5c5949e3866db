#include "made_models.h"

const float made_matrix[6] = {1.0f, -2.0f, 3.5f, 0.0f, 1e-30f, 1e30f};
const int64_t made_scalar = -7;

static const oa_value input = {
    .dtype = OA_DTYPE_FLOAT, .has_shape = true, .rank = 4, .dims = {-1, 1, 4, 4}, .symbols = {"batch"}};
static const oa_value output = {.dtype = OA_DTYPE_FLOAT, .has_shape = true, .rank = 2, .dims = {-1, 2}};

static void add_weights(oa_builder *builder)
{
    float numbers[2 * 32];
    for (size_t i = 0; i < 64; i++) {
        numbers[i] = (float)((int)(i * 37 % 19) - 9) / 8.0f;
    }
    oa_builder_add_tensor(builder, "kernel", OA_DTYPE_FLOAT, (size_t[]){2, 1, 3, 3}, 4, numbers);
    oa_builder_add_tensor(builder, "shift", OA_DTYPE_FLOAT, (size_t[]){2}, 1, numbers + 20);
    oa_builder_add_tensor(builder, "dense", OA_DTYPE_FLOAT, (size_t[]){2, 32}, 2, numbers);
}

static void add_nodes(oa_builder *builder)
{
    static const int64_t window[] = {3, 3};
    static const int64_t pads[] = {1, 1, 1, 1};
    oa_builder_add_node(
        builder,
        &(oa_builder_node){
            .op_type = "Conv",
            .name = "conv",
            .inputs = (const char *[]){"x", "kernel", "shift"},
            .input_count = 3,
            .outputs = (const char *[]){"h"},
            .output_count = 1,
            .attributes =
                (oa_attribute[]){{.name = "kernel_shape", .kind = OA_ATTRIBUTE_INTS, .count = 2, .ints = window},
                                 {.name = "pads", .kind = OA_ATTRIBUTE_INTS, .count = 4, .ints = pads},
                                 {.name = "auto_pad", .kind = OA_ATTRIBUTE_STRING, .s = {"NOTSET", 6}}},
            .attribute_count = 3});
    oa_builder_add_node(
        builder,
        &(oa_builder_node){.op_type = "LeakyRelu",
                           .inputs = (const char *[]){"h"},
                           .input_count = 1,
                           .outputs = (const char *[]){"r"},
                           .output_count = 1,
                           .attributes = (oa_attribute[]){{.name = "alpha", .kind = OA_ATTRIBUTE_FLOAT, .f = 0.25f}},
                           .attribute_count = 1});
    oa_builder_add_node(builder, &(oa_builder_node){.op_type = "Flatten",
                                                    .name = "flatten",
                                                    .inputs = (const char *[]){"r"},
                                                    .input_count = 1,
                                                    .outputs = (const char *[]){"f"},
                                                    .output_count = 1});
    oa_builder_add_node(
        builder,
        &(oa_builder_node){.op_type = "Gemm",
                           .name = "gemm",
                           .inputs = (const char *[]){"f", "dense", ""},
                           .input_count = 3,
                           .outputs = (const char *[]){"y"},
                           .output_count = 1,
                           .attributes = (oa_attribute[]){{.name = "transB", .kind = OA_ATTRIBUTE_INT, .i = 1}},
                           .attribute_count = 1});
}

oa_status make_network(oa_model **model, oa_error *error)
{
    oa_builder *builder = NULL;
    oa_status status = oa_builder_create(&builder, "network", 13, error);
    if (status != OA_OK) {
        return status;
    }
    add_weights(builder);
    oa_builder_add_input(builder, "x", &input);
    add_nodes(builder);
    oa_builder_add_output(builder, "y", &output);
    oa_builder_add_metadata(builder, "purpose", "a test");
    oa_builder_add_metadata(builder, "empty", "");
    status = oa_builder_finish(model, builder, error);
    oa_builder_destroy(builder);
    return status;
}

oa_status make_tensors(oa_model **model, oa_error *error)
{
    oa_builder *builder = NULL;
    oa_status status = oa_builder_create(&builder, "tensors", 13, error);
    if (status != OA_OK) {
        return status;
    }
    oa_builder_add_tensor(builder, "matrix", OA_DTYPE_FLOAT, (size_t[]){2, 3}, 2, made_matrix);
    oa_builder_add_tensor(builder, "scalar", OA_DTYPE_INT64, NULL, 0, &made_scalar);
    oa_builder_add_metadata(builder, "kind", "numbers");
    status = oa_builder_finish(model, builder, error);
    oa_builder_destroy(builder);
    return status;
}
