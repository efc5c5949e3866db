/* Samples and labels: from files of whatever format to one array in a model's input type and shape. */
#include "onnx_io/tensor_file.h"
#include "plugin/cli/files.h"
#include "plugin/cli/sample_convert.h"
#include "plugin/cli/sample_file.h"
#include "plugin/cli/sample_folder.h"
#include "plugin/cli/sample_shape.h"

#include <math.h>
#include <string.h>
#include <sys/stat.h>

/* The array that grows with every file. */
typedef struct gathering {
    const oa_value *declared;
    double scale;
    oa_sample_shape shape; /* dims[0]: samples so far; rank 0 before the first file */
    unsigned char *data;
    size_t count;    /* elements so far */
    size_t capacity; /* bytes */
} gathering;

static bool same_sample(const oa_sample_shape *a, const oa_sample_shape *b)
{
    return a->rank == b->rank && memcmp(a->dims + 1, b->dims + 1, (a->rank - 1) * sizeof *a->dims) == 0;
}

/* Room for `added` more elements. A single file gets what it needs, many files grow the array by doubling. */
static oa_status make_room(gathering *all, size_t added, oa_error *error)
{
    size_t bytes;
    bool is_too_much = oa_add_overflows(&bytes, all->count, added) ||
                       oa_mul_overflows(&bytes, bytes, oa_dtype_size(all->declared->dtype));
    if (!is_too_much && !all->data) {
        all->data = oa_malloc(bytes, 1);
        all->capacity = all->data ? bytes : 0;
        is_too_much = !all->data;
    } else if (!is_too_much) {
        is_too_much = !oa_grow(&all->data, &all->capacity, bytes, 1);
    }
    return is_too_much ? oa_fail(error, OA_ERROR_MEMORY, "out of memory for %zu more elements", added) : OA_OK;
}

static oa_status append(gathering *all, const oa_raw_samples *raw, bool may_be_one, oa_error *error)
{
    oa_sample_shape shape;
    oa_status status = oa_sample_shape_fit(&shape, all->declared, raw->dims, raw->rank, may_be_one, error);
    if (status != OA_OK) {
        return status;
    }
    if (!oa_is_sample_dtype(raw->dtype)) {
        return oa_fail(error, OA_ERROR_INPUT, "holds elements of type %s, which are no numbers",
                       oa_dtype_name(raw->dtype));
    }
    if (all->shape.rank && !same_sample(&shape, &all->shape)) {
        char text[OA_DECLARED_TEXT_SIZE];
        char others[OA_DECLARED_TEXT_SIZE];
        return oa_fail(error, OA_ERROR_INPUT, "holds samples of shape %s, the files before it of shape %s",
                       oa_dims_text(text, shape.dims + 1, shape.rank - 1),
                       oa_dims_text(others, all->shape.dims + 1, all->shape.rank - 1));
    }
    status = make_room(all, raw->count, error);
    if (status != OA_OK) {
        return status;
    }
    unsigned char *end = all->data + all->count * oa_dtype_size(all->declared->dtype);
    status = oa_sample_convert(end, all->declared->dtype, raw, all->scale, error);
    if (status != OA_OK) {
        return status;
    }
    shape.dims[0] += all->shape.rank ? all->shape.dims[0] : 0;
    all->shape = shape;
    all->count += raw->count;
    return OA_OK;
}

static oa_status read_file(gathering *all, const char *path, oa_error *error)
{
    oa_sample_file file = {0};
    oa_status status = oa_sample_file_open(&file, path, error);
    if (status == OA_OK) {
        status = append(all, &file.raw, false, error);
    }
    if (status != OA_OK) {
        oa_error_context(error, "%s", path);
    }
    oa_sample_file_close(&file);
    return status;
}

static oa_status read_tensor(gathering *all, const char *path, oa_error *error)
{
    oa_array array = {0};
    oa_status status = oa_tensor_file_load(&array, NULL, path, error); /* names the file */
    if (status != OA_OK) {
        return status;
    }
    oa_raw_samples raw = {.dtype = array.dtype, .rank = array.rank, .count = array.count, .data = array.data};
    memcpy(raw.dims, array.dims, sizeof raw.dims);
    status = append(all, &raw, true, error);
    if (status != OA_OK) {
        oa_error_context(error, "%s", path);
    }
    oa_array_free(&array);
    return status;
}

static oa_status read_folder(gathering *all, const char *path, const char *prefix, oa_error *error)
{
    oa_sample_folder folder = {0};
    oa_status status = oa_sample_folder_list(&folder, path, prefix, error);
    for (size_t i = 0; i < folder.count && status == OA_OK; i++) {
        status = read_tensor(all, folder.paths[i], error);
    }
    oa_sample_folder_free(&folder);
    return status;
}

/* Reads all of `path` into an array of the declared type and shape. */
static oa_status gather(oa_array *array, const char *path, const char *prefix, const oa_value *declared, double scale,
                        oa_error *error)
{
    gathering all = {.declared = declared, .scale = scale};
    struct stat info;
    bool is_folder = stat(path, &info) == 0 && S_ISDIR(info.st_mode);
    oa_status status = is_folder ? read_folder(&all, path, prefix, error) : read_file(&all, path, error);
    if (status != OA_OK) {
        oa_free(all.data);
        return status;
    }
    *array = (oa_array){.dtype = declared->dtype, .rank = all.shape.rank, .count = all.count, .data = all.data};
    memcpy(array->dims, all.shape.dims, sizeof array->dims);
    return OA_OK;
}

oa_status oa_samples_load(oa_samples *samples, const char *path, const oa_value *declared, double scale,
                          oa_error *error)
{
    oa_array array;
    if (!isfinite(scale)) {
        return oa_fail(error, OA_ERROR_USAGE, "samples can only be scaled by a finite number");
    }
    if (!oa_is_sample_dtype(declared->dtype)) {
        return oa_fail(error, OA_ERROR_INPUT, "%s: cannot be fed to input '%s', which takes elements of type %s", path,
                       declared->name ? declared->name : "", oa_dtype_name(declared->dtype));
    }
    oa_status status = gather(&array, path, "input_", declared, scale, error);
    if (status == OA_OK) {
        oa_array_free(&samples->data);
        samples->data = array;
    }
    return status;
}

static oa_status check_labels(const oa_array *array, const char *path, oa_error *error)
{
    const int64_t *labels = array->data;
    for (size_t i = 0; i < array->count; i++) {
        if (labels[i] < 0) {
            return oa_fail(error, OA_ERROR_INPUT, "%s: label %zu is %lld; classes count from 0", path, i,
                           (long long)labels[i]);
        }
    }
    return OA_OK;
}

oa_status oa_labels_load(oa_samples *samples, const char *path, oa_error *error)
{
    const oa_value declared = {
        .name = "labels", .dtype = OA_DTYPE_INT64, .has_shape = true, .rank = 1, .dims = {-1}, .symbols = {"n"}};
    oa_array array;
    oa_status status = gather(&array, path, "label", &declared, 1.0, error);
    if (status != OA_OK) {
        return status;
    }
    status = check_labels(&array, path, error);
    if (status != OA_OK) {
        oa_array_free(&array);
        return status;
    }
    oa_free(samples->labels);
    samples->labels = array.data;
    samples->label_count = array.count;
    return OA_OK;
}
