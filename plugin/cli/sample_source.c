#include "plugin/cli/sample_source.h"

#include "onnx_io/tensor_file.h"
#include "plugin/cli/sample_convert.h"
#include "plugin/cli/sample_file.h"
#include "plugin/cli/sample_folder.h"
#include "plugin/cli/sample_shape.h"

#include <string.h>
#include <sys/stat.h>

typedef struct source {
    char *path;
    oa_dtype dtype;
    oa_value declared; /* of a folder, whose files are fitted when they are read */
    char *name;        /* of it */
    double scale;
    oa_sample_shape shape; /* of all samples; rank 0: not known yet */
    size_t elements;       /* of a sample */
    /* One of: */
    unsigned char *kept; /* all elements */
    oa_sample_file file;
    oa_sample_folder folder;
    /* Of a folder: */
    size_t *first_of;    /* [folder.count + 1] the first sample of each file, and how many there are in all */
    size_t current;      /* the file that is in memory, or OA_NONE */
    unsigned char *read; /* its elements */
} source;

static void destroy(source *s)
{
    oa_free(s->path);
    oa_free(s->name);
    oa_free(s->kept);
    oa_sample_file_close(&s->file);
    oa_sample_folder_free(&s->folder);
    oa_free(s->first_of);
    oa_free(s->read);
    oa_free(s);
}

static void close_source(void *context)
{
    destroy(context);
}

static oa_status no_memory(oa_error *error, size_t count)
{
    return oa_fail(error, OA_ERROR_MEMORY, "out of memory for %zu elements", count);
}

static bool same_sample(const oa_sample_shape *a, const oa_sample_shape *b)
{
    return a->rank == b->rank && memcmp(a->dims + 1, b->dims + 1, (a->rank - 1) * sizeof *a->dims) == 0;
}

/* Sees how an array is samples of what is declared, and like those before. */
static oa_status fit(oa_sample_shape *shape, const source *s, const oa_raw_samples *raw, bool may_be_one,
                     oa_error *error)
{
    oa_status status = oa_sample_shape_fit(shape, &s->declared, raw->dims, raw->rank, may_be_one, error);
    if (status != OA_OK) {
        return status;
    }
    if (!oa_is_sample_dtype(raw->dtype)) {
        return oa_fail(error, OA_ERROR_INPUT, "holds elements of type %s, which are no numbers",
                       oa_dtype_name(raw->dtype));
    }
    if (s->shape.rank && !same_sample(shape, &s->shape)) {
        char text[OA_DECLARED_TEXT_SIZE];
        char others[OA_DECLARED_TEXT_SIZE];
        return oa_fail(error, OA_ERROR_INPUT, "holds samples of shape %s, the files before it of shape %s",
                       oa_dims_text(text, shape->dims + 1, shape->rank - 1),
                       oa_dims_text(others, s->shape.dims + 1, s->shape.rank - 1));
    }
    return OA_OK;
}

/* Elements first .. first + count - 1 of the file. */
static oa_status read_file(unsigned char *elements, source *s, size_t first, size_t count, oa_error *error)
{
    oa_status status = OA_OK;
    size_t size = oa_dtype_size(s->dtype);
    for (size_t done = 0; done < count && status == OA_OK;) {
        size_t n = 0;
        status = oa_sample_file_fetch(&n, &s->file, first + done, count - done, error);
        if (status == OA_OK) {
            status =
                oa_sample_convert(elements + done * size, s->dtype, &s->file.raw, first + done, n, s->scale, error);
        }
        done += n;
    }
    return status;
}

/* Reads file `index` of the folder into s->read; *samples tells how many it holds. */
static oa_status load_tensor(size_t *samples, source *s, size_t index, oa_error *error)
{
    oa_array array = {0};
    oa_sample_shape shape;
    oa_status status = oa_tensor_file_load(&array, NULL, s->folder.paths[index], error); /* names the file */
    if (status != OA_OK) {
        return status;
    }
    oa_raw_samples raw = {.dtype = array.dtype, .rank = array.rank, .count = array.count, .data = array.data};
    memcpy(raw.dims, array.dims, sizeof raw.dims);
    s->current = OA_NONE;
    status = fit(&shape, s, &raw, true, error);
    if (status == OA_OK) {
        unsigned char *read = oa_realloc(s->read, raw.count, oa_dtype_size(s->dtype));
        s->read = read ? read : s->read;
        status =
            read ? oa_sample_convert(read, s->dtype, &raw, 0, raw.count, s->scale, error) : no_memory(error, raw.count);
    }
    oa_array_free(&array);
    if (status != OA_OK) {
        oa_error_context(error, "%s", s->folder.paths[index]);
        return status;
    }
    if (s->shape.rank == 0) {
        s->shape = shape;
        s->elements = raw.count / shape.dims[0];
    }
    s->current = index;
    *samples = shape.dims[0];
    return OA_OK;
}

/* Samples first .. first + n - 1, n >= 1, out of the files of the folder that hold them. */
static oa_status read_folder(unsigned char *elements, source *s, size_t first, size_t n, oa_error *error)
{
    size_t bytes = s->elements * oa_dtype_size(s->dtype);
    size_t low = 0;
    size_t high = s->folder.count;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (s->first_of[middle] <= first) {
            low = middle;
        } else {
            high = middle;
        }
    }
    for (size_t done = 0; done < n; low++) {
        size_t samples = s->first_of[low + 1] - s->first_of[low];
        size_t skip = first + done - s->first_of[low];
        size_t take = samples - skip < n - done ? samples - skip : n - done;
        size_t now = samples;
        oa_status status = s->current == low ? OA_OK : load_tensor(&now, s, low, error);
        if (status == OA_OK && now != samples) {
            s->current = OA_NONE;
            status = oa_fail(error, OA_ERROR_INPUT, "%s: has changed while it was read", s->folder.paths[low]);
        }
        if (status != OA_OK) {
            return status;
        }
        memcpy(elements + done * bytes, s->read + skip * bytes, take * bytes);
        done += take;
    }
    return OA_OK;
}

static oa_status read_source(void *elements, void *context, size_t first, size_t n, oa_error *error)
{
    source *s = context;
    size_t bytes = s->elements * oa_dtype_size(s->dtype);
    if (s->kept) {
        memcpy(elements, s->kept + first * bytes, n * bytes);
        return OA_OK;
    }
    if (s->folder.count) {
        return read_folder(elements, s, first, n, error);
    }
    oa_status status = read_file(elements, s, first * s->elements, n * s->elements, error);
    if (status != OA_OK) {
        oa_error_context(error, "%s", s->path);
    }
    return status;
}

static oa_status check(const oa_sample_form *form, const void *elements, size_t first, size_t count, oa_error *error)
{
    return form->check ? form->check(elements, first, count, error) : OA_OK;
}

/* One reading of the whole file: into memory when it may stay there, else through one chunk. */
static oa_status survey_elements(source *s, const oa_sample_form *form, oa_error *error)
{
    size_t size = oa_dtype_size(s->dtype);
    size_t total = s->file.raw.count;
    size_t bytes;
    bool is_kept = !oa_mul_overflows(&bytes, total, size) && bytes <= form->keep;
    unsigned char *memory = oa_malloc(is_kept ? total : OA_SAMPLE_CHUNK, size);
    oa_status status = memory ? OA_OK : no_memory(error, is_kept ? total : OA_SAMPLE_CHUNK);
    for (size_t first = 0; first < total && status == OA_OK; first += OA_SAMPLE_CHUNK) {
        size_t n = total - first < OA_SAMPLE_CHUNK ? total - first : OA_SAMPLE_CHUNK;
        unsigned char *at = is_kept ? memory + first * size : memory;
        status = read_file(at, s, first, n, error);
        if (status == OA_OK) {
            status = check(form, at, first, n, error);
        }
    }
    if (status == OA_OK) {
        status = oa_sample_file_finish(&s->file, error);
    }
    if (status == OA_OK && is_kept) {
        oa_sample_file_close(&s->file);
        s->kept = memory;
        memory = NULL;
    }
    oa_free(memory);
    return status;
}

static oa_status survey_file(source *s, const oa_sample_form *form, oa_error *error)
{
    oa_status status = oa_sample_file_open(&s->file, s->path, error);
    if (status == OA_OK) {
        status = fit(&s->shape, s, &s->file.raw, false, error);
    }
    if (status == OA_OK) {
        s->elements = s->file.raw.count / s->shape.dims[0];
        status = survey_elements(s, form, error);
    }
    if (status != OA_OK) {
        oa_error_context(error, "%s", s->path);
    }
    return status;
}

/* All files of the folder into memory. */
static oa_status keep_folder(source *s, oa_error *error)
{
    size_t total = s->shape.dims[0];
    unsigned char *kept = oa_malloc(total * s->elements, oa_dtype_size(s->dtype)); /* no more than form->keep bytes */
    if (!kept) {
        no_memory(error, total * s->elements);
        oa_error_context(error, "%s", s->path);
        return OA_ERROR_MEMORY;
    }
    oa_status status = read_folder(kept, s, 0, total, error);
    if (status != OA_OK) {
        oa_free(kept);
        return status;
    }
    s->kept = kept;
    oa_free(s->read);
    s->read = NULL;
    return OA_OK;
}

static oa_status survey_folder(source *s, const oa_sample_form *form, oa_error *error)
{
    oa_status status = oa_sample_folder_list(&s->folder, s->path, form->prefix, error);
    if (status != OA_OK) {
        return status;
    }
    size_t total = 0;
    s->first_of = oa_calloc(s->folder.count + 1, sizeof *s->first_of);
    if (!s->first_of) {
        status = no_memory(error, s->folder.count);
        oa_error_context(error, "%s", s->path);
        return status;
    }
    for (size_t i = 0; i < s->folder.count && status == OA_OK; i++) {
        size_t samples = 0;
        status = load_tensor(&samples, s, i, error);
        if (status != OA_OK) {
            break;
        }
        status = check(form, s->read, total * s->elements, samples * s->elements, error);
        if (status != OA_OK) {
            oa_error_context(error, "%s", s->path);
        }
        total += samples;
        s->first_of[i + 1] = total;
    }
    s->shape.dims[0] = total;
    size_t bytes;
    bool is_small = status == OA_OK && !oa_mul_overflows(&bytes, s->elements * oa_dtype_size(s->dtype), total) &&
                    bytes <= form->keep;
    if (is_small) {
        status = keep_folder(s, error);
    }
    return status;
}

oa_status oa_sample_source_open(oa_batches *batches, const char *path, const oa_sample_form *form, oa_error *error)
{
    struct stat info;
    bool is_folder = stat(path, &info) == 0 && S_ISDIR(info.st_mode);
    source *s = oa_calloc(1, sizeof *s);
    if (s) {
        *s = (source){.path = oa_strdup(path),
                      .dtype = form->declared->dtype,
                      .declared = *form->declared,
                      .scale = form->scale,
                      .current = OA_NONE};
        s->name = oa_strdup(form->declared->name ? form->declared->name : "");
        s->declared.name = s->name;
    }
    oa_status status = OA_OK;
    if (!s || !s->path || !s->name) {
        status = oa_fail(error, OA_ERROR_MEMORY, "%s: out of memory for the samples", path);
    } else {
        status = is_folder ? survey_folder(s, form, error) : survey_file(s, form, error);
    }
    if (status != OA_OK) {
        if (s) {
            destroy(s);
        }
        return status;
    }
    /* Names of sizes were for messages about what does not fit; all of it has been fitted once. */
    memset(s->declared.symbols, 0, sizeof s->declared.symbols);
    oa_batches made = {.count = s->shape.dims[0],
                       .dtype = s->dtype,
                       .rank = s->shape.rank,
                       .context = s,
                       .read = read_source,
                       .close = close_source};
    memcpy(made.dims, s->shape.dims, sizeof made.dims);
    *batches = made;
    return OA_OK;
}
