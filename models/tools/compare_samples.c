#include "models/tools/compare_samples.h"

#include "plugin/cli/files.h"

#include <stdlib.h>
#include <string.h>

/* The first `count` elements of an open row of samples, as an array. Closes the row. */
static oa_status take(oa_array *array, oa_batches *batches, size_t count, oa_error *error)
{
    size_t dims[OA_MAX_RANK];
    memcpy(dims, batches->dims, sizeof dims);
    dims[0] = count;
    oa_status status = oa_array_init(array, batches->dtype, dims, batches->rank, error);
    if (status == OA_OK) {
        status = batches->read(array->data, batches->context, 0, count, error);
    }
    oa_batches_close(batches);
    return status;
}

oa_status oa_compare_set_load(oa_compare_set *set, const char *data, const char *labels, const oa_graph *graph,
                              size_t limit, oa_error *error)
{
    oa_compare_set made = {.loss = OA_LOSS_CROSS_ENTROPY};
    oa_batches batches = {0};
    if (graph->input_count != 1) {
        return oa_fail(error, OA_ERROR_INPUT, "only networks with one input can be compared");
    }
    oa_status status = oa_data_open(&batches, data, &graph->values[graph->inputs[0]], -1.0, SIZE_MAX, error);
    size_t total = batches.count;
    size_t count = total < limit ? total : limit;
    if (status == OA_OK) {
        status = take(&made.arrays.inputs, &batches, count, error);
    }
    if (status == OA_OK && labels) {
        status = oa_labels_open(&batches, labels, NULL, SIZE_MAX, error);
        if (status == OA_OK && batches.count != total) {
            status = oa_fail(error, OA_ERROR_INPUT, "%s: %zu labels for %zu samples", labels, batches.count, total);
            oa_batches_close(&batches);
        }
        if (status == OA_OK) {
            status = take(&made.arrays.truth, &batches, count, error);
        }
    }
    if (status != OA_OK) {
        oa_compare_set_free(&made);
        return status;
    }
    *set = made;
    return OA_OK;
}

/* The value of a key, the same in both models; NULL when one has none or they differ. */
static const char *common(const oa_model *a, const oa_model *b, const char *key)
{
    const char *of_a = oa_model_metadata(a, key);
    const char *of_b = oa_model_metadata(b, key);
    return of_a && of_b && strcmp(of_a, of_b) == 0 ? of_a : NULL;
}

oa_status oa_compare_set_signal(oa_compare_set *set, bool *is_signal, oa_exercise *exercise, const oa_model *a,
                                const oa_model *b, const char *images, oa_error *error)
{
    const char *task = oa_model_metadata(a, "task");
    oa_exercise_kind kind;
    *is_signal = task && oa_exercise_find(&kind, task) && (kind == OA_EXERCISE_SINE || kind == OA_EXERCISE_IMAGE);
    if (!*is_signal) {
        return OA_OK;
    }
    const char *which = common(a, b, kind == OA_EXERCISE_SINE ? "frequency" : "image");
    if (!which) {
        return oa_fail(error, OA_ERROR_INPUT, "%s and %s: are not of one signal", oa_model_path(a), oa_model_path(b));
    }
    oa_status status = OA_OK;
    if (!exercise->has_signals || exercise->kind != kind) {
        oa_exercise_close(exercise);
        *exercise = (oa_exercise){0};
        status = oa_exercise_open(exercise, kind, images, error);
    }
    if (status != OA_OK) {
        return status;
    }
    oa_signal signal = {.frequency = strtod(which, NULL), .image = strtoul(which, NULL, 10)};
    if (kind == OA_EXERCISE_IMAGE && signal.image >= exercise->training.count) {
        return oa_fail(error, OA_ERROR_INPUT, "%s: there is no image %s", oa_model_path(a), which);
    }
    oa_compare_set made = {.loss = OA_LOSS_MSE};
    status = oa_exercise_make_set(&made.arrays, exercise, &signal, false, SIZE_MAX, (size_t[]){0, exercise->inputs}, 2,
                                  error);
    if (status == OA_OK) {
        *set = made;
    }
    return status;
}

void oa_compare_set_free(oa_compare_set *set)
{
    oa_exercise_set_free(&set->arrays);
}

oa_samples oa_compare_set_samples(const oa_compare_set *set)
{
    oa_samples samples = {.data = oa_batches_of_array(&set->arrays.inputs), .loss = set->loss};
    if (set->arrays.truth.data) {
        samples.targets = oa_batches_of_array(&set->arrays.truth);
    }
    return samples;
}
