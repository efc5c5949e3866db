/* Networks of each kind of architecture, layer by layer. */
#include "models/tools/layers.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static void build_dense(oa_layers *layers, const oa_architecture *architecture)
{
    size_t last = architecture->size_count - 1;
    for (size_t i = 1; i <= last; i++) {
        char before[OA_LAYER_NAME_SIZE];
        memcpy(before, layers->current, sizeof before);
        bool skips = architecture->is_residual && i > 1 && i < last && layers->channels == architecture->sizes[i];
        layers->output = i == last ? "output" : NULL;
        oa_layers_dense(layers, architecture->sizes[i], oa_spread_default(layers->channels));
        if (i < last) {
            oa_layers_activation(layers, architecture->activation);
        }
        if (skips) {
            oa_layers_add(layers, before);
        }
    }
}

static void build_sine(oa_layers *layers, const oa_architecture *architecture)
{
    size_t last = architecture->size_count - 1;
    for (size_t i = 1; i <= last; i++) {
        oa_spread spread = oa_spread_default(layers->channels);
        if (i == 1) {
            spread = (oa_spread){.weight = architecture->extra, .bias = 3.14159265358979};
        } else if (i < last) {
            spread.weight = sqrt(6.0 / (double)layers->channels);
        }
        layers->output = i == last ? "output" : NULL;
        oa_layers_dense(layers, architecture->sizes[i], spread);
        if (i < last) {
            oa_layers_activation(layers, OA_NET_SIN);
        }
    }
}

static void conv_unit(oa_layers *layers, const oa_architecture *architecture, size_t channels, size_t stride)
{
    oa_layers_conv(layers, channels, 3, stride, !architecture->has_norm);
    if (architecture->has_norm) {
        oa_layers_norm(layers);
    }
}

static void build_conv(oa_layers *layers, const oa_architecture *architecture)
{
    for (size_t i = 0; i < architecture->size_count; i++) {
        for (size_t k = 0; k < architecture->stage_convs; k++) {
            conv_unit(layers, architecture, architecture->sizes[i], 1);
            oa_layers_activation(layers, architecture->activation);
        }
        oa_layers_max_pool(layers);
    }
    oa_layers_flatten(layers);
    oa_layers_dense(layers, (size_t)architecture->extra, oa_spread_default(layers->channels));
    oa_layers_activation(layers, architecture->activation);
    layers->output = "output";
    oa_layers_dense(layers, OA_NET_CLASSES, oa_spread_default(layers->channels));
}

/* He et al., "Deep Residual Learning for Image Recognition", CVPR 2016, figure 2, with projections where the width or
 * the size changes. */
static void build_block(oa_layers *layers, const oa_architecture *architecture, size_t channels, size_t stride)
{
    oa_layers before = *layers;
    conv_unit(layers, architecture, channels, stride);
    oa_layers_activation(layers, architecture->activation);
    conv_unit(layers, architecture, channels, 1);
    if (before.channels == channels && stride == 1) {
        oa_layers_add(layers, before.current);
    } else {
        char main_path[OA_LAYER_NAME_SIZE];
        memcpy(main_path, layers->current, sizeof main_path);
        memcpy(layers->current, before.current, sizeof layers->current);
        layers->channels = before.channels;
        layers->side = before.side;
        oa_layers_conv(layers, channels, 1, stride, false);
        oa_layers_norm(layers);
        oa_layers_add(layers, main_path);
    }
    oa_layers_activation(layers, architecture->activation);
}

static void build_resnet(oa_layers *layers, const oa_architecture *architecture)
{
    conv_unit(layers, architecture, architecture->sizes[0], 2);
    oa_layers_activation(layers, architecture->activation);
    for (size_t i = 0; i < architecture->size_count; i++) {
        build_block(layers, architecture, architecture->sizes[i], i ? 2 : 1);
        build_block(layers, architecture, architecture->sizes[i], 1);
    }
    oa_layers_mean_pool(layers);
    layers->output = "output";
    oa_layers_dense(layers, OA_NET_CLASSES, oa_spread_default(layers->channels));
}

/* Dosovitskiy et al., "An Image is Worth 16x16 Words", ICLR 2021, section 3.1, with the mean over patches in place of a
 * class token. */
static void build_vit(oa_layers *layers, const oa_architecture *architecture)
{
    enum { WINDOW = 7 };
    char before[OA_LAYER_NAME_SIZE];
    size_t units = architecture->sizes[0];
    oa_layers_patches(layers, units, WINDOW);
    for (size_t i = 1; i < architecture->size_count; i++) {
        memcpy(before, layers->current, sizeof before);
        oa_layers_layer_norm(layers);
        oa_layers_attention(layers, (size_t)architecture->extra);
        oa_layers_add(layers, before);
        memcpy(before, layers->current, sizeof before);
        oa_layers_layer_norm(layers);
        oa_layers_project(layers, architecture->sizes[i]);
        oa_layers_activation(layers, architecture->activation);
        oa_layers_project(layers, units);
        oa_layers_add(layers, before);
    }
    oa_layers_layer_norm(layers);
    oa_layers_mean_step(layers);
    layers->output = "output";
    oa_layers_dense(layers, OA_NET_CLASSES, oa_spread_default(layers->channels));
}

static void build_lstm(oa_layers *layers, const oa_architecture *architecture)
{
    oa_layers_rows(layers);
    for (size_t i = 0; i < architecture->size_count; i++) {
        oa_layers_lstm(layers, architecture->sizes[i], i + 1 == architecture->size_count);
    }
    layers->output = "output";
    oa_layers_dense(layers, OA_NET_CLASSES, oa_spread_default(layers->channels));
}

oa_status oa_architecture_build(oa_builder *builder, const oa_architecture *architecture, oa_random *random,
                                oa_error *error)
{
    bool is_flat = !oa_architecture_takes_images(architecture);
    oa_value input = {.dtype = OA_DTYPE_FLOAT,
                      .has_shape = true,
                      .rank = 4,
                      .dims = {-1, 1, OA_NET_IMAGE_SIDE, OA_NET_IMAGE_SIDE},
                      .symbols = {"batch"}};
    oa_value output = {.dtype = OA_DTYPE_FLOAT,
                       .has_shape = true,
                       .rank = 2,
                       .dims = {-1, (int64_t)oa_architecture_outputs(architecture)},
                       .symbols = {"batch"}};
    oa_layers layers = {.builder = builder,
                        .random = random,
                        .current = "input",
                        .channels = is_flat ? architecture->sizes[0] : 1,
                        .side = is_flat ? 0 : OA_NET_IMAGE_SIDE};
    if (is_flat) {
        input.rank = 2;
        input.dims[1] = (int64_t)architecture->sizes[0];
    }
    oa_builder_add_input(builder, "input", &input);
    switch (architecture->kind) {
    case OA_NET_DENSE:
        build_dense(&layers, architecture);
        break;
    case OA_NET_CONV:
        build_conv(&layers, architecture);
        break;
    case OA_NET_RESNET:
        build_resnet(&layers, architecture);
        break;
    case OA_NET_SINE:
        build_sine(&layers, architecture);
        break;
    case OA_NET_VIT:
        build_vit(&layers, architecture);
        break;
    case OA_NET_LSTM:
        build_lstm(&layers, architecture);
        break;
    }
    oa_builder_add_output(builder, "output", &output);
    oa_status status =
        layers.status == OA_OK ? OA_OK : oa_fail(error, OA_ERROR_MEMORY, "out of memory for the weights of a network");
    oa_layers_free(&layers);
    return status;
}
