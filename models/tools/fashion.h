/* Fashion-MNIST: the images as bytes, and as the floats that networks take. */
#ifndef OA_TOOLS_FASHION_H
#define OA_TOOLS_FASHION_H

#include "core/base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { OA_FASHION_SIDE = 28, OA_FASHION_PIXELS = OA_FASHION_SIDE * OA_FASHION_SIDE, OA_FASHION_CLASSES = 10 };

/* One of its two sets. Zero-initialise; free with oa_fashion_free. */
typedef struct oa_fashion {
    unsigned char *pixels;                 /* [count, OA_FASHION_PIXELS] */
    int64_t *labels;                       /* [count] */
    size_t *order;                         /* [count] images sorted by class */
    size_t starts[OA_FASHION_CLASSES + 1]; /* where each class starts in `order` */
    size_t count;
} oa_fashion;

/* Reads the training or the test set from a folder with the files' usual names (train-images-idx3-ubyte.gz, ...).
 * OA_ERROR_INPUT, OA_ERROR_MEMORY; *fashion is then untouched. */
oa_status oa_fashion_load(oa_fashion *fashion, const char *folder, bool is_training, oa_error *error);
void oa_fashion_free(oa_fashion *fashion);

/* Turns all images about their centres by degrees, bilinear between pixels, black outside. OA_ERROR_MEMORY. */
oa_status oa_fashion_rotate(oa_fashion *fashion, double degrees, oa_error *error);

/* floats [OA_FASHION_PIXELS]: (x / 255 - mean) / deviation with mean and deviation of the training set. */
void oa_fashion_normalise(float *floats, const oa_fashion *fashion, size_t image);

#endif
