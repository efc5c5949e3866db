/* Architectures of small networks by a short text, and new networks of them with random weights. */
#ifndef OA_TOOLS_ARCHITECTURE_H
#define OA_TOOLS_ARCHITECTURE_H

#include "core/base/random.h"
#include "onnx_io/builder.h"

typedef enum oa_net_kind {
    OA_NET_DENSE,  /* fully connected layers */
    OA_NET_CONV,   /* stages of 3x3 convolutions with pooling, then dense layers; 28x28 images in, 10 classes out */
    OA_NET_RESNET, /* residual blocks of 3x3 convolutions; the same images and classes */
    OA_NET_SINE,   /* fully connected with sines between, of coordinates: implicit neural representations */
    OA_NET_VIT,    /* a transformer over 16 patches of 7x7 pixels; the same images and classes */
    OA_NET_LSTM    /* recurrent layers over the 28 rows of the image; the same images and classes */
} oa_net_kind;

typedef enum oa_net_activation { OA_NET_RELU, OA_NET_GELU, OA_NET_TANH, OA_NET_SIN } oa_net_activation;

enum { OA_NET_SIZES_MAX = 16, OA_NET_CLASSES = 10, OA_NET_IMAGE_SIDE = 28 };

typedef struct oa_architecture {
    oa_net_kind kind;
    oa_net_activation activation;
    bool has_norm;                  /* BatchNormalization behind convolutions */
    bool is_residual;               /* dense layers of equal width are added to what they get */
    size_t stage_convs;             /* convolutions before each pooling */
    size_t sizes[OA_NET_SIZES_MAX]; /* dense, sine: units from input to output; transformer: of the stream, then inside
                                       each block; recurrent: of each layer; others: channels of each stage */
    size_t size_count;
    double extra; /* conv: units of the dense layer; sine: spread of the first layer's weights (frequencies);
                     transformer: heads */
} oa_architecture;

/* Reads
 *     mlp:784-128-128-10    units of each layer; also mlp-gelu, mlp-tanh, and mlp-res with residual layers
 *     cnn:8-16-16/32        channels of each stage (convolution, ReLU, 2x2 pooling), units of the dense layer
 *     vgg:8-16/32           the same with two convolutions a stage; cnn-bn, vgg-bn: with batch normalisation
 *     resnet:8-16           channels of each stage of two residual blocks; the first convolution halves the
 *                           image, and so does each stage from the second on
 *     inr:1-32-32-1/3       units of each layer, spread of the first layer's weights (a default fits)
 *     vit:32-64-64/4        units of the stream, of the dense layers in each block, heads
 *     lstm:32-32            units of each recurrent layer
 * OA_ERROR_USAGE for anything else. */
oa_status oa_architecture_parse(oa_architecture *architecture, const char *text, oa_error *error);

/* Are samples images [1, 28, 28], not vectors? */
bool oa_architecture_takes_images(const oa_architecture *architecture);
/* Numbers a sample takes and gives. */
size_t oa_architecture_inputs(const oa_architecture *architecture);
size_t oa_architecture_outputs(const oa_architecture *architecture);

/* Adds a network with input "input" and output "output" to an empty builder, whose errors are sticky. Weights and
 * biases are uniform between -+1 / sqrt(fan-in), as PyTorch's layers start; sine networks start as Sitzmann et al.
 * ("Implicit Neural Representations with Periodic Activation Functions", NeurIPS 2020, section 3.2) say, with the
 * frequency factor multiplied into the weights. OA_ERROR_MEMORY. */
oa_status oa_architecture_build(oa_builder *builder, const oa_architecture *architecture, oa_random *random,
                                oa_error *error);

#endif
