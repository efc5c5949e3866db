#include "plugin/cli/sample_file.h"

#include "core/base/memory.h"

#include <stdint.h>
#include <string.h>

/* Bytes that hold the header of any file of plain numbers. */
enum { HEADER_LIMIT = 128 * 1024 };

/* How much of a mapping may be read before its pages are given back. */
enum { TOUCHED_LIMIT = 8 * 1024 * 1024, LARGEST_ELEMENT = 8 };

bool oa_is_little_endian(void)
{
    const uint16_t one = 1;
    unsigned char first;
    memcpy(&first, &one, sizeof first);
    return first == 1;
}

oa_status oa_raw_samples_measure(oa_raw_samples *raw, size_t header_size, oa_error *error)
{
    size_t bytes;
    oa_status status = oa_dims_count(&raw->count, raw->dims, raw->rank, error);
    if (status != OA_OK) {
        return status;
    }
    if (oa_mul_overflows(&bytes, raw->count, oa_dtype_size(raw->dtype)) ||
        oa_add_overflows(&bytes, bytes, header_size) || bytes > PTRDIFF_MAX) {
        return oa_fail(error, OA_ERROR_INPUT, "has a header that asks for more elements than fit in memory");
    }
    return OA_OK;
}

/* From the first bytes: the header of whichever format this is. */
static oa_status read_header(oa_raw_samples *raw, size_t *header_size, const unsigned char *bytes, size_t size,
                             oa_error *error)
{
    if (oa_npy_is(bytes, size)) {
        return oa_npy_read_header(raw, header_size, bytes, size, error);
    }
    if (oa_idx_is(bytes, size)) {
        return oa_idx_read_header(raw, header_size, bytes, size, error);
    }
    if (size == 0) {
        return oa_fail(error, OA_ERROR_INPUT, "is empty");
    }
    bool is_zip = size >= 2 && bytes[0] == 'P' && bytes[1] == 'K';
    return oa_fail(error, OA_ERROR_INPUT, "is %s; give a .npy or IDX file, or a folder of TensorProto .pb files",
                   is_zip ? "a zip archive (.npz?)" : "no file of samples");
}

static oa_status check_size(const oa_raw_samples *raw, size_t header_size, size_t size, oa_error *error)
{
    size_t wanted = header_size + raw->count * oa_dtype_size(raw->dtype); /* oa_raw_samples_measure has checked it */
    if (size < wanted) {
        return oa_fail(error, OA_ERROR_INPUT, "ends after %zu of the %zu bytes that its header asks for", size, wanted);
    }
    if (size > wanted) {
        return oa_fail(error, OA_ERROR_INPUT, "goes on behind the %zu bytes that its header asks for", wanted);
    }
    return OA_OK;
}

/* The beginning of a packed file shows what is in it. A file that ends there is checked at once. */
static oa_status read_packed_header(oa_sample_file *file, oa_error *error)
{
    unsigned char *head = NULL;
    size_t size = 0;
    oa_status status = oa_gunzip(&head, &size, file->map.data, file->map.size, HEADER_LIMIT, error);
    if (status == OA_OK) {
        status = read_header(&file->raw, &file->header_size, head, size, error);
    }
    if (status == OA_OK && size < HEADER_LIMIT) {
        status = check_size(&file->raw, file->header_size, size, error);
    }
    oa_free(head);
    return status;
}

/* Everything at once. The header tells how much to unpack: no more than that is taken into memory. */
static oa_status unpack_all(oa_sample_file *file, oa_error *error)
{
    size_t size = 0;
    size_t wanted = file->header_size + file->raw.count * oa_dtype_size(file->raw.dtype);
    oa_status status = oa_gunzip(&file->unpacked, &size, file->map.data, file->map.size, wanted + 1, error);
    if (status == OA_OK) {
        status = check_size(&file->raw, file->header_size, size, error);
        file->raw.data = file->unpacked + file->header_size;
    }
    return status;
}

static oa_status open_packed(oa_sample_file *file, oa_error *error)
{
    oa_status status = read_packed_header(file, error);
    if (status != OA_OK || file->raw.is_fortran) {
        return status == OA_OK ? unpack_all(file, error) : status;
    }
    file->unpacked = oa_malloc(OA_SAMPLE_CHUNK, LARGEST_ELEMENT);
    if (!file->unpacked) {
        return oa_fail(error, OA_ERROR_MEMORY, "out of memory while unpacking");
    }
    file->raw.data = file->unpacked;
    return oa_unpacker_create(&file->unpacker, file->map.data, file->map.size, error);
}

static oa_status open_plain(oa_sample_file *file, oa_error *error)
{
    oa_status status = read_header(&file->raw, &file->header_size, file->map.data, file->map.size, error);
    if (status == OA_OK) {
        status = check_size(&file->raw, file->header_size, file->map.size, error);
        file->raw.data = file->map.data + file->header_size;
    }
    return status;
}

oa_status oa_sample_file_open(oa_sample_file *file, const char *path, oa_error *error)
{
    oa_sample_file made = {0};
    oa_status status = oa_mapped_file_open(&made.map, path, error);
    if (status != OA_OK) {
        return status;
    }
    bool is_packed = oa_gzip_is(made.map.data, made.map.size);
    status = is_packed ? open_packed(&made, error) : open_plain(&made, error);
    if (status != OA_OK) {
        oa_sample_file_close(&made);
        return status;
    }
    *file = made;
    return OA_OK;
}

void oa_sample_file_close(oa_sample_file *file)
{
    if (file) {
        oa_mapped_file_close(&file->map);
        oa_unpacker_destroy(file->unpacker);
        oa_free(file->unpacked);
        *file = (oa_sample_file){0};
    }
}

/* The next n bytes, which the header has promised. */
static oa_status unpack_bytes(oa_sample_file *file, size_t n, size_t before, oa_error *error)
{
    size_t size = 0;
    oa_status status = oa_unpacker_read(&size, file->unpacker, file->unpacked, n, error);
    if (status == OA_OK && size < n) {
        status = check_size(&file->raw, file->header_size, before + size, error);
    }
    return status;
}

/* The chunk behind the one at hand. */
static oa_status unpack_next(oa_sample_file *file, oa_error *error)
{
    size_t element = oa_dtype_size(file->raw.dtype);
    size_t first = file->unpacked_end;
    size_t left = file->raw.count - first;
    size_t n = left < OA_SAMPLE_CHUNK ? left : OA_SAMPLE_CHUNK;
    oa_status status = unpack_bytes(file, n * element, file->header_size + first * element, error);
    if (status == OA_OK) {
        file->raw.first = first;
        file->unpacked_end = first + n;
    }
    return status;
}

static oa_status unpack_until(oa_sample_file *file, size_t first, oa_error *error)
{
    oa_status status = OA_OK;
    if (first < file->raw.first || file->unpacked_end == 0) {
        oa_unpacker_rewind(file->unpacker);
        file->raw.first = file->unpacked_end = 0;
        for (size_t done = 0; done < file->header_size && status == OA_OK;) {
            size_t left = file->header_size - done;
            size_t n = left < OA_SAMPLE_CHUNK ? left : OA_SAMPLE_CHUNK;
            status = unpack_bytes(file, n, done, error);
            done += n;
        }
    }
    while (status == OA_OK && first >= file->unpacked_end) {
        status = unpack_next(file, error);
    }
    if (status != OA_OK) {
        file->raw.first = file->unpacked_end = 0; /* the next call starts anew */
    }
    return status;
}

oa_status oa_sample_file_fetch(size_t *count, oa_sample_file *file, size_t first, size_t wanted, oa_error *error)
{
    size_t left = file->raw.count - first;
    size_t n = left < wanted ? left : wanted;
    if (file->unpacker) {
        oa_status status = unpack_until(file, first, error);
        if (status != OA_OK) {
            return status;
        }
        n = n < file->unpacked_end - first ? n : file->unpacked_end - first;
    } else {
        file->touched += n * oa_dtype_size(file->raw.dtype);
        if (file->touched > TOUCHED_LIMIT) {
            oa_mapped_file_forget_pages(&file->map);
            file->touched = 0;
        }
    }
    *count = n;
    return OA_OK;
}

oa_status oa_sample_file_finish(oa_sample_file *file, oa_error *error)
{
    if (!file->unpacker) {
        return OA_OK; /* seen when it was opened */
    }
    size_t size = 0;
    unsigned char more;
    oa_status status = oa_unpacker_read(&size, file->unpacker, &more, 1, error);
    if (status == OA_OK) {
        size_t wanted = file->header_size + file->raw.count * oa_dtype_size(file->raw.dtype);
        status = check_size(&file->raw, file->header_size, wanted + size, error);
    }
    file->raw.first = file->unpacked_end = 0;
    return status;
}
