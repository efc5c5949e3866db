#include "models/tools/fashion.h"

#include "core/base/memory.h"
#include "plugin/cli/files.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Of the pixels of the training set, as fractions of 255. */
#define OA_FASHION_MEAN 0.2860f
#define OA_FASHION_DEVIATION 0.3530f

static char *path_of(const char *folder, bool is_training, const char *what)
{
    size_t size = strlen(folder) + strlen(what) + 32;
    char *path = oa_malloc(size, 1);
    if (path) {
        snprintf(path, size, "%s/%s-%s-ubyte.gz", folder, is_training ? "train" : "t10k", what);
    }
    return path;
}

static oa_status read_images(oa_fashion *fashion, const char *path, oa_error *error)
{
    const oa_value declared = {
        .name = "images", .dtype = OA_DTYPE_UINT8, .has_shape = true, .rank = 2, .dims = {-1, OA_FASHION_PIXELS}};
    oa_batches batches = {0};
    oa_status status = oa_data_open(&batches, path, &declared, 1.0, SIZE_MAX, error);
    if (status == OA_OK) {
        fashion->count = batches.count;
        fashion->pixels = oa_malloc(batches.count, OA_FASHION_PIXELS);
        status = fashion->pixels ? batches.read(fashion->pixels, batches.context, 0, batches.count, error)
                                 : oa_fail(error, OA_ERROR_MEMORY, "out of memory for %zu images", batches.count);
    }
    oa_batches_close(&batches);
    return status;
}

static oa_status read_labels(oa_fashion *fashion, const char *path, oa_error *error)
{
    oa_batches batches = {0};
    oa_status status = oa_labels_open(&batches, path, NULL, SIZE_MAX, error);
    if (status == OA_OK && batches.count != fashion->count) {
        status = oa_fail(error, OA_ERROR_INPUT, "%s: %zu labels for %zu images", path, batches.count, fashion->count);
    }
    if (status == OA_OK) {
        fashion->labels = oa_calloc(batches.count, sizeof *fashion->labels);
        fashion->order = oa_calloc(batches.count, sizeof *fashion->order);
        status = fashion->labels && fashion->order
                     ? batches.read(fashion->labels, batches.context, 0, batches.count, error)
                     : oa_fail(error, OA_ERROR_MEMORY, "out of memory for %zu labels", batches.count);
    }
    oa_batches_close(&batches);
    return status;
}

static oa_status sort_by_class(oa_fashion *fashion, const char *path, oa_error *error)
{
    size_t used = 0;
    for (size_t c = 0; c < OA_FASHION_CLASSES; c++) {
        fashion->starts[c] = used;
        for (size_t i = 0; i < fashion->count; i++) {
            if (fashion->labels[i] == (int64_t)c) {
                fashion->order[used++] = i;
            }
        }
        if (used == fashion->starts[c]) {
            return oa_fail(error, OA_ERROR_INPUT, "%s: has no images of class %zu", path, c);
        }
    }
    fashion->starts[OA_FASHION_CLASSES] = used;
    return used == fashion->count
               ? OA_OK
               : oa_fail(error, OA_ERROR_INPUT, "%s: has more than %d classes", path, OA_FASHION_CLASSES);
}

oa_status oa_fashion_load(oa_fashion *fashion, const char *folder, bool is_training, oa_error *error)
{
    oa_fashion made = {0};
    char *images = path_of(folder, is_training, "images-idx3");
    char *labels = path_of(folder, is_training, "labels-idx1");
    oa_status status = images && labels ? OA_OK : oa_fail(error, OA_ERROR_MEMORY, "out of memory");
    if (status == OA_OK) {
        status = read_images(&made, images, error);
    }
    if (status == OA_OK) {
        status = read_labels(&made, labels, error);
    }
    if (status == OA_OK) {
        status = sort_by_class(&made, labels, error);
    }
    oa_free(images);
    oa_free(labels);
    if (status != OA_OK) {
        oa_fashion_free(&made);
        return status;
    }
    *fashion = made;
    return OA_OK;
}

void oa_fashion_free(oa_fashion *fashion)
{
    oa_free(fashion->pixels);
    oa_free(fashion->labels);
    oa_free(fashion->order);
    *fashion = (oa_fashion){0};
}

static double pixel_at(const unsigned char *image, double row, double column)
{
    bool is_inside = row >= 0.0 && row < OA_FASHION_SIDE && column >= 0.0 && column < OA_FASHION_SIDE;
    return is_inside ? image[(size_t)row * OA_FASHION_SIDE + (size_t)column] : 0.0;
}

static void rotate(unsigned char *turned, const unsigned char *image, double cosine, double sine)
{
    const double center = (OA_FASHION_SIDE - 1) / 2.0;
    for (size_t i = 0; i < OA_FASHION_SIDE; i++) {
        for (size_t j = 0; j < OA_FASHION_SIDE; j++) {
            double y = (double)i - center;
            double x = (double)j - center;
            double row = center + cosine * y - sine * x;
            double column = center + sine * y + cosine * x;
            double r = floor(row);
            double c = floor(column);
            double down = row - r;
            double right = column - c;
            double value =
                (1.0 - down) * ((1.0 - right) * pixel_at(image, r, c) + right * pixel_at(image, r, c + 1.0)) +
                down * ((1.0 - right) * pixel_at(image, r + 1.0, c) + right * pixel_at(image, r + 1.0, c + 1.0));
            turned[i * OA_FASHION_SIDE + j] = (unsigned char)(value + 0.5);
        }
    }
}

oa_status oa_fashion_rotate(oa_fashion *fashion, double degrees, oa_error *error)
{
    unsigned char *turned = oa_malloc(fashion->count, OA_FASHION_PIXELS);
    if (!turned) {
        return oa_fail(error, OA_ERROR_MEMORY, "out of memory for %zu images", fashion->count);
    }
    double angle = degrees * 3.14159265358979323846 / 180.0;
    for (size_t i = 0; i < fashion->count; i++) {
        rotate(turned + i * OA_FASHION_PIXELS, fashion->pixels + i * OA_FASHION_PIXELS, cos(angle), sin(angle));
    }
    oa_free(fashion->pixels);
    fashion->pixels = turned;
    return OA_OK;
}

void oa_fashion_normalise(float *floats, const oa_fashion *fashion, size_t image)
{
    const unsigned char *restrict pixels = fashion->pixels + image * OA_FASHION_PIXELS;
    float *restrict made = floats;
    const float scale = 1.0f / (255.0f * OA_FASHION_DEVIATION);
    const float shift = OA_FASHION_MEAN / OA_FASHION_DEVIATION;
    for (size_t i = 0; i < OA_FASHION_PIXELS; i++) {
        made[i] = (float)pixels[i] * scale - shift;
    }
}
