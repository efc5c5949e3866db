/* What the texts of architectures mean. */
#include "models/tools/architecture.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SIZE_LIMIT = 1 << 16 };
/* Spreads of the first layer's weights from which sines up to sin(10 x) on [-pi, pi], and images of 28x28 pixels on
 * [-1, 1], are learned well: much less and some starts stay at the mean, much more and the networks are noise between
 * the points. */
static const double FREQUENCIES_OF_LINES = 3.0, FREQUENCIES_OF_IMAGES = 15.0;

typedef struct named_kind {
    const char *name;
    oa_architecture start;
} named_kind;

static const named_kind kinds[] = {
    {"mlp", {.kind = OA_NET_DENSE, .activation = OA_NET_RELU}},
    {"mlp-gelu", {.kind = OA_NET_DENSE, .activation = OA_NET_GELU}},
    {"mlp-tanh", {.kind = OA_NET_DENSE, .activation = OA_NET_TANH}},
    {"mlp-res", {.kind = OA_NET_DENSE, .activation = OA_NET_RELU, .is_residual = true}},
    {"cnn", {.kind = OA_NET_CONV, .activation = OA_NET_RELU, .stage_convs = 1}},
    {"cnn-bn", {.kind = OA_NET_CONV, .activation = OA_NET_RELU, .stage_convs = 1, .has_norm = true}},
    {"vgg", {.kind = OA_NET_CONV, .activation = OA_NET_RELU, .stage_convs = 2}},
    {"vgg-bn", {.kind = OA_NET_CONV, .activation = OA_NET_RELU, .stage_convs = 2, .has_norm = true}},
    {"resnet", {.kind = OA_NET_RESNET, .activation = OA_NET_RELU, .stage_convs = 2, .has_norm = true}},
    {"inr", {.kind = OA_NET_SINE, .activation = OA_NET_SIN}},
    {"vit", {.kind = OA_NET_VIT, .activation = OA_NET_GELU}},
    {"lstm", {.kind = OA_NET_LSTM}},
};

static oa_status refuse(oa_error *error, const char *text, const char *why)
{
    return oa_fail(error, OA_ERROR_USAGE, "architecture '%s': %s", text, why);
}

/* Reads "8-16-16" up to the end or a slash; *rest is what follows. */
static bool read_sizes(oa_architecture *architecture, const char **rest, const char *at)
{
    for (;;) {
        char *end;
        if (*at < '0' || *at > '9' || architecture->size_count == OA_NET_SIZES_MAX) {
            return false;
        }
        unsigned long size = strtoul(at, &end, 10);
        if (size == 0 || size > SIZE_LIMIT) {
            return false;
        }
        architecture->sizes[architecture->size_count++] = (size_t)size;
        if (*end != '-') {
            *rest = end;
            return true;
        }
        at = end + 1;
    }
}

/* Reads "/32" or nothing into `extra`. */
static bool read_extra(oa_architecture *architecture, const char *at)
{
    char *end;
    if (*at == '\0') {
        return true;
    }
    if (*at != '/') {
        return false;
    }
    architecture->extra = strtod(at + 1, &end);
    return end != at + 1 && *end == '\0' && isfinite(architecture->extra) && architecture->extra > 0.0;
}

/* Sizes that no network can have. */
static const char *find_fault(const oa_architecture *architecture)
{
    size_t side = OA_NET_IMAGE_SIDE;
    switch (architecture->kind) {
    case OA_NET_DENSE:
    case OA_NET_SINE:
        return architecture->size_count < 2 ? "at least an input and an output size are needed" : NULL;
    case OA_NET_CONV:
        if (architecture->extra < 1.0 || architecture->extra > SIZE_LIMIT ||
            architecture->extra != floor(architecture->extra)) {
            return "the units of the dense layer follow a slash: cnn:8-16-16/32";
        }
        break;
    case OA_NET_RESNET:
        if (architecture->extra != 0.0) {
            return "nothing follows the channels of the stages";
        }
        break;
    case OA_NET_VIT:
        if (architecture->size_count < 2 || architecture->extra < 1.0 ||
            fmod((double)architecture->sizes[0], architecture->extra) != 0.0) {
            return "heads that divide the stream's units follow a slash: vit:32-64/4";
        }
        return NULL;
    case OA_NET_LSTM:
        return architecture->extra != 0.0 ? "nothing follows the units of the layers" : NULL;
    }
    for (size_t i = 0; i < architecture->size_count; i++) {
        side /= 2; /* a residual network's first convolution halves it, not its first stage */
    }
    return side == 0 ? "too many stages for an image of 28x28" : NULL;
}

oa_status oa_architecture_parse(oa_architecture *architecture, const char *text, oa_error *error)
{
    const char *colon = strchr(text, ':');
    size_t length = colon ? (size_t)(colon - text) : 0;
    for (size_t k = 0; k < sizeof kinds / sizeof kinds[0]; k++) {
        if (!colon || strlen(kinds[k].name) != length || strncmp(kinds[k].name, text, length) != 0) {
            continue;
        }
        oa_architecture made = kinds[k].start;
        const char *rest;
        if (!read_sizes(&made, &rest, colon + 1) || !read_extra(&made, rest)) {
            return refuse(error, text, "sizes are numbers with '-' between: 784-128-10");
        }
        if (made.kind == OA_NET_DENSE && *rest) {
            return refuse(error, text, "nothing follows the sizes");
        }
        if (made.kind == OA_NET_SINE && made.extra == 0.0) {
            made.extra = made.sizes[0] == 1 ? FREQUENCIES_OF_LINES : FREQUENCIES_OF_IMAGES;
        }
        const char *fault = find_fault(&made);
        if (fault) {
            return refuse(error, text, fault);
        }
        *architecture = made;
        return OA_OK;
    }
    return refuse(error, text,
                  "known are mlp: mlp-gelu: mlp-tanh: mlp-res: cnn: cnn-bn: vgg: vgg-bn: resnet: inr: vit: and lstm:");
}

bool oa_architecture_takes_images(const oa_architecture *architecture)
{
    return architecture->kind != OA_NET_DENSE && architecture->kind != OA_NET_SINE;
}

size_t oa_architecture_inputs(const oa_architecture *architecture)
{
    return oa_architecture_takes_images(architecture) ? (size_t)OA_NET_IMAGE_SIDE * OA_NET_IMAGE_SIDE
                                                      : architecture->sizes[0];
}

size_t oa_architecture_outputs(const oa_architecture *architecture)
{
    return oa_architecture_takes_images(architecture) ? (size_t)OA_NET_CLASSES
                                                      : architecture->sizes[architecture->size_count - 1];
}
