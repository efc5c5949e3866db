#include "models/tools/exercise.h"

#include <math.h>
#include <string.h>

#define OA_PI 3.14159265358979323846

static const char *const names[] = {
    [OA_EXERCISE_FASHION] = "fashion",
    [OA_EXERCISE_DISJOINT_A] = "disjoint-a",
    [OA_EXERCISE_DISJOINT_B] = "disjoint-b",
    [OA_EXERCISE_ROTATED] = "rotated",
    [OA_EXERCISE_SINE] = "sine",
    [OA_EXERCISE_IMAGE] = "image",
};

bool oa_exercise_find(oa_exercise_kind *kind, const char *name)
{
    for (size_t k = 0; k < sizeof names / sizeof names[0]; k++) {
        if (strcmp(names[k], name) == 0) {
            *kind = (oa_exercise_kind)k;
            return true;
        }
    }
    return false;
}

const char *oa_exercise_name(oa_exercise_kind kind)
{
    return names[kind];
}

oa_status oa_exercise_open(oa_exercise *exercise, oa_exercise_kind kind, const char *folder, oa_error *error)
{
    oa_exercise made = {.kind = kind,
                        .loss = OA_LOSS_CROSS_ENTROPY,
                        .inputs = OA_FASHION_PIXELS,
                        .outputs = OA_FASHION_CLASSES,
                        .has_signals = kind == OA_EXERCISE_SINE || kind == OA_EXERCISE_IMAGE};
    oa_status status = OA_OK;
    if (made.has_signals) {
        made.loss = OA_LOSS_MSE;
        made.inputs = kind == OA_EXERCISE_SINE ? 1 : 2;
        made.outputs = 1;
    }
    if (kind != OA_EXERCISE_SINE) {
        status = oa_fashion_load(&made.training, folder, true, error);
    }
    if (status == OA_OK && !made.has_signals) {
        status = oa_fashion_load(&made.test, folder, false, error);
    }
    if (status == OA_OK && kind == OA_EXERCISE_ROTATED) {
        status = oa_fashion_rotate(&made.training, 45.0, error);
        status = status == OA_OK ? oa_fashion_rotate(&made.test, 45.0, error) : status;
    }
    if (status != OA_OK) {
        oa_exercise_close(&made);
        return status;
    }
    *exercise = made;
    return OA_OK;
}

void oa_exercise_close(oa_exercise *exercise)
{
    oa_fashion_free(&exercise->training);
    oa_fashion_free(&exercise->test);
}

oa_signal oa_exercise_signal(const oa_exercise *exercise, uint64_t seed, size_t number)
{
    oa_random random;
    oa_signal signal = {0};
    if (exercise->kind == OA_EXERCISE_SINE) {
        oa_random_init(&random, seed * UINT64_C(0x9e3779b97f4a7c15) + number);
        signal.frequency = 0.5 + 9.5 * oa_random_uniform(&random);
    } else if (exercise->kind == OA_EXERCISE_IMAGE) {
        signal.image = number % exercise->training.count;
    }
    return signal;
}

/* A training image: any, or as the disjoint kinds share them out. */
static size_t draw_image(const oa_exercise *exercise, oa_random *random)
{
    const oa_fashion *set = &exercise->training;
    if (exercise->kind != OA_EXERCISE_DISJOINT_A && exercise->kind != OA_EXERCISE_DISJOINT_B) {
        return oa_random_below(random, set->count);
    }
    bool is_low = (oa_random_uniform(random) < 0.95) == (exercise->kind == OA_EXERCISE_DISJOINT_A);
    size_t first = is_low ? 0 : set->starts[OA_FASHION_CLASSES / 2];
    size_t end = is_low ? set->starts[OA_FASHION_CLASSES / 2] : set->count;
    return set->order[first + oa_random_below(random, end - first)];
}

/* Sample i of `count` evenly spaced points of a signal, or of its pixels. */
static void signal_point(float *input, float *target, const oa_exercise *exercise, const oa_signal *signal, size_t i,
                         size_t count)
{
    if (exercise->kind == OA_EXERCISE_SINE) {
        double x = OA_PI * (2.0 * (double)i / (double)(count - 1) - 1.0);
        input[0] = (float)x;
        target[0] = (float)sin(signal->frequency * x);
        return;
    }
    const double half = (OA_FASHION_SIDE - 1) / 2.0;
    input[0] = (float)((double)(i / OA_FASHION_SIDE) / half - 1.0);
    input[1] = (float)((double)(i % OA_FASHION_SIDE) / half - 1.0);
    target[0] = (float)exercise->training.pixels[signal->image * OA_FASHION_PIXELS + i] / 255.0f;
}

static size_t signal_points(const oa_exercise *exercise)
{
    return exercise->kind == OA_EXERCISE_SINE ? OA_SINE_POINTS : OA_FASHION_PIXELS;
}

void oa_exercise_draw(float *inputs, int64_t *labels, float *targets, const oa_exercise *exercise,
                      const oa_signal *signal, oa_random *random, size_t batch)
{
    for (size_t i = 0; i < batch; i++) {
        float *input = inputs + i * exercise->inputs;
        if (exercise->kind == OA_EXERCISE_SINE) {
            double x = OA_PI * (2.0 * oa_random_uniform(random) - 1.0);
            input[0] = (float)x;
            targets[i] = (float)sin(signal->frequency * x);
        } else if (exercise->kind == OA_EXERCISE_IMAGE) {
            size_t pixel = oa_random_below(random, OA_FASHION_PIXELS);
            signal_point(input, &targets[i], exercise, signal, pixel, OA_FASHION_PIXELS);
        } else {
            size_t image = draw_image(exercise, random);
            oa_fashion_normalise(input, &exercise->training, image);
            labels[i] = exercise->training.labels[image];
        }
    }
}

oa_status oa_exercise_make_set(oa_exercise_set *set, const oa_exercise *exercise, const oa_signal *signal,
                               bool from_training, size_t limit, const size_t *dims, size_t rank, oa_error *error)
{
    oa_exercise_set made = {0};
    const oa_fashion *images = from_training ? &exercise->training : &exercise->test;
    size_t count = exercise->has_signals ? signal_points(exercise) : images->count;
    count = count < limit ? count : limit;
    size_t shape[OA_MAX_RANK];
    memcpy(shape, dims, rank * sizeof *dims);
    shape[0] = count;
    oa_status status = oa_array_init(&made.inputs, OA_DTYPE_FLOAT, shape, rank, error);
    if (status == OA_OK && made.inputs.count != count * exercise->inputs) {
        status = oa_fail(error, OA_ERROR_USAGE, "networks of this input do not fit this task");
    }
    if (status == OA_OK) {
        status = exercise->loss == OA_LOSS_MSE
                     ? oa_array_init(&made.truth, OA_DTYPE_FLOAT, (size_t[]){count, exercise->outputs}, 2, error)
                     : oa_array_init(&made.truth, OA_DTYPE_INT64, &count, 1, error);
    }
    for (size_t i = 0; i < count && status == OA_OK; i++) {
        float *input = (float *)made.inputs.data + i * exercise->inputs;
        if (exercise->has_signals) {
            signal_point(input, (float *)made.truth.data + i, exercise, signal, i, count);
        } else {
            oa_fashion_normalise(input, images, i);
            ((int64_t *)made.truth.data)[i] = images->labels[i];
        }
    }
    if (status != OA_OK) {
        oa_exercise_set_free(&made);
        return status;
    }
    *set = made;
    return OA_OK;
}

void oa_exercise_set_free(oa_exercise_set *set)
{
    oa_array_free(&set->inputs);
    oa_array_free(&set->truth);
    *set = (oa_exercise_set){0};
}

oa_samples oa_exercise_samples(const oa_exercise *exercise, const oa_exercise_set *set)
{
    return (oa_samples){
        .data = oa_batches_of_array(&set->inputs), .targets = oa_batches_of_array(&set->truth), .loss = exercise->loss};
}
