/* Samples, labels and targets: from files of whatever format to batches of the type and shape that is wanted. */
#include "plugin/cli/files.h"
#include "plugin/cli/sample_convert.h"
#include "plugin/cli/sample_source.h"

#include <math.h>

oa_status oa_data_open(oa_batches *batches, const char *path, const oa_value *declared, double scale, size_t keep,
                       oa_error *error)
{
    if (!isfinite(scale)) {
        return oa_fail(error, OA_ERROR_USAGE, "samples can only be scaled by a finite number");
    }
    if (!oa_is_sample_dtype(declared->dtype)) {
        return oa_fail(error, OA_ERROR_INPUT, "%s: cannot be fed to input '%s', which takes elements of type %s", path,
                       declared->name ? declared->name : "", oa_dtype_name(declared->dtype));
    }
    const oa_sample_form form = {.declared = declared, .prefix = "input_", .scale = scale, .keep = keep};
    return oa_sample_source_open(batches, path, &form, error);
}

static oa_status check_labels(const void *elements, size_t first, size_t count, oa_error *error)
{
    const int64_t *labels = elements;
    for (size_t i = 0; i < count; i++) {
        if (labels[i] < 0) {
            return oa_fail(error, OA_ERROR_INPUT, "label %zu is %lld; classes count from 0", first + i,
                           (long long)labels[i]);
        }
    }
    return OA_OK;
}

/* The axes of an output before its last one, that of the classes; what is of size 1 behind that does not count. */
static oa_value labels_of(const oa_value *output)
{
    oa_value labels = {.name = "labels", .dtype = OA_DTYPE_INT64, .has_shape = true, .rank = 1, .dims = {-1}};
    if (output && output->has_shape) {
        size_t rank = output->rank;
        while (rank > 2 && output->dims[rank - 1] == 1) {
            rank--;
        }
        for (; labels.rank + 1 < rank; labels.rank++) {
            labels.dims[labels.rank] = output->dims[labels.rank];
            labels.symbols[labels.rank] = output->symbols[labels.rank];
        }
    }
    labels.symbols[0] = "n";
    return labels;
}

oa_status oa_labels_open(oa_batches *batches, const char *path, const oa_value *output, size_t keep, oa_error *error)
{
    const oa_value declared = labels_of(output);
    const oa_sample_form form = {
        .declared = &declared, .prefix = "label", .scale = 1.0, .keep = keep, .check = check_labels};
    return oa_sample_source_open(batches, path, &form, error);
}

oa_status oa_targets_open(oa_batches *batches, const char *path, size_t keep, oa_error *error)
{
    const oa_value declared = {.name = "targets", .dtype = OA_DTYPE_FLOAT};
    const oa_sample_form form = {.declared = &declared, .prefix = "output_", .scale = 1.0, .keep = keep};
    return oa_sample_source_open(batches, path, &form, error);
}
