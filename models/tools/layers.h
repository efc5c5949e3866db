/* Layers of a network that is being written: each takes the value that is current and makes its own result current. */
#ifndef OA_TOOLS_LAYERS_H
#define OA_TOOLS_LAYERS_H

#include "models/tools/architecture.h"

enum { OA_LAYER_NAME_SIZE = 48 };

/* Zero-initialise but for builder, random, current and the shape. Free with oa_layers_free. */
typedef struct oa_layers {
    oa_builder *builder;
    oa_random *random;
    char current[OA_LAYER_NAME_SIZE]; /* the value that the next layer takes */
    size_t channels;                  /* of it: units of a dense layer */
    size_t side;                      /* of its images; 0: it is [batch, channels] */
    const char *output;               /* what the next layer's result is to be called, or NULL: any name */
    size_t value_count;               /* values named so far */
    size_t weight_count;              /* layers with weights so far */
    float *numbers;                   /* [number_capacity] workspace */
    size_t number_capacity;
    oa_status status; /* OA_ERROR_MEMORY when the workspace failed */
} oa_layers;

void oa_layers_free(oa_layers *layers);

/* How weights and biases start: uniform between minus and plus these. */
typedef struct oa_spread {
    double weight;
    double bias;
} oa_spread;

/* 1 / sqrt(fan-in) for both. */
oa_spread oa_spread_default(size_t fan_in);

/* Adds a node of the current value and `more` others; its result becomes current. */
void oa_layers_node(oa_layers *layers, const char *op_type, const char *const *more, size_t more_count,
                    const oa_attribute *attributes, size_t attribute_count);
/* Adds a tensor "KIND<n>.PART" of numbers uniform in center -+ spread; `name` receives what it is called. */
void oa_layers_weights(char name[OA_LAYER_NAME_SIZE], oa_layers *layers, const char *kind, const char *part,
                       const size_t *dims, size_t rank, double center, double spread);

void oa_layers_dense(oa_layers *layers, size_t units, oa_spread spread);
/* 2-D convolution of an odd window with padding that keeps the size at stride 1. */
void oa_layers_conv(oa_layers *layers, size_t channels, size_t window, size_t stride, bool has_bias);
void oa_layers_norm(oa_layers *layers);
void oa_layers_activation(oa_layers *layers, oa_net_activation activation);
void oa_layers_max_pool(oa_layers *layers);  /* 2x2, odd rows and columns at the end are dropped */
void oa_layers_mean_pool(oa_layers *layers); /* over the whole image; the result is flat */
void oa_layers_flatten(oa_layers *layers);
void oa_layers_add(oa_layers *layers, const char *other);

/* On sequences [batch, steps, channels], in the operators that exporters write. */
void oa_layers_patches(oa_layers *layers, size_t units, size_t window); /* of an image, with learned positions */
void oa_layers_rows(oa_layers *layers);                                 /* of an image, [steps, batch, side] */
void oa_layers_project(oa_layers *layers, size_t units);
void oa_layers_layer_norm(oa_layers *layers);
void oa_layers_attention(oa_layers *layers, size_t heads); /* with the projections before and behind it */
void oa_layers_mean_step(oa_layers *layers);               /* [batch, channels] */
/* Of [steps, batch, channels]; the result is that, or only the last step. */
void oa_layers_lstm(oa_layers *layers, size_t units, bool last_only);

#endif
