#include "plugin/cli/sample_file.h"

#include "plugin/cli/gunzip.h"

#include <stdint.h>
#include <string.h>

/* Bytes that hold the header of any file of plain numbers. */
enum { HEADER_LIMIT = 128 * 1024 };

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

/* The header tells how much to unpack: no more than that is taken into memory. */
static oa_status unpack(oa_sample_file *file, size_t *header_size, oa_error *error)
{
    unsigned char *head = NULL;
    size_t size = 0;
    oa_status status = oa_gunzip(&head, &size, file->map.data, file->map.size, HEADER_LIMIT, error);
    if (status == OA_OK) {
        status = read_header(&file->raw, header_size, head, size, error);
    }
    if (status != OA_OK || size < HEADER_LIMIT) {
        if (status == OA_OK) {
            status = check_size(&file->raw, *header_size, size, error);
        }
        file->unpacked = head;
        return status;
    }
    oa_free(head);
    size_t wanted = *header_size + file->raw.count * oa_dtype_size(file->raw.dtype);
    status = oa_gunzip(&file->unpacked, &size, file->map.data, file->map.size, wanted + 1, error);
    return status == OA_OK ? check_size(&file->raw, *header_size, size, error) : status;
}

oa_status oa_sample_file_open(oa_sample_file *file, const char *path, oa_error *error)
{
    oa_sample_file made = {0};
    size_t header_size = 0;
    oa_status status = oa_mapped_file_open(&made.map, path, error);
    if (status != OA_OK) {
        return status;
    }
    if (oa_gzip_is(made.map.data, made.map.size)) {
        status = unpack(&made, &header_size, error);
    } else {
        status = read_header(&made.raw, &header_size, made.map.data, made.map.size, error);
        if (status == OA_OK) {
            status = check_size(&made.raw, header_size, made.map.size, error);
        }
    }
    if (status != OA_OK) {
        oa_sample_file_close(&made);
        return status;
    }
    made.raw.data = (made.unpacked ? made.unpacked : made.map.data) + header_size;
    *file = made;
    return OA_OK;
}

void oa_sample_file_close(oa_sample_file *file)
{
    if (file) {
        oa_mapped_file_close(&file->map);
        oa_free(file->unpacked);
        *file = (oa_sample_file){0};
    }
}
