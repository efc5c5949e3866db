#include "plugin/cli/raw_samples.h"

#include <stdint.h>

enum { MAGIC_SIZE = 4, DIMENSION_SIZE = 4 };

/* The element types of the format; OA_DTYPE_UNDEFINED for other codes. */
static oa_dtype dtype_of(unsigned char code)
{
    switch (code) {
    case 0x08:
        return OA_DTYPE_UINT8;
    case 0x09:
        return OA_DTYPE_INT8;
    case 0x0B:
        return OA_DTYPE_INT16;
    case 0x0C:
        return OA_DTYPE_INT32;
    case 0x0D:
        return OA_DTYPE_FLOAT;
    case 0x0E:
        return OA_DTYPE_DOUBLE;
    default:
        return OA_DTYPE_UNDEFINED;
    }
}

bool oa_idx_is(const unsigned char *bytes, size_t size)
{
    return size >= MAGIC_SIZE && bytes[0] == 0 && bytes[1] == 0;
}

oa_status oa_idx_read_header(oa_raw_samples *raw, size_t *header_size, const unsigned char *bytes, size_t size,
                             oa_error *error)
{
    if (!oa_idx_is(bytes, size)) {
        return oa_fail(error, OA_ERROR_INPUT, "is not an IDX file");
    }
    oa_raw_samples made = {.dtype = dtype_of(bytes[2]), .rank = bytes[3]};
    if (made.dtype == OA_DTYPE_UNDEFINED) {
        return oa_fail(error, OA_ERROR_INPUT, "is an IDX file of the unknown element type 0x%02X", bytes[2]);
    }
    if (made.rank == 0 || made.rank > OA_MAX_RANK) {
        return oa_fail(error, OA_ERROR_INPUT, "is an IDX file with %zu dimensions; from 1 to %d are supported",
                       made.rank, OA_MAX_RANK);
    }
    size_t header = MAGIC_SIZE + made.rank * DIMENSION_SIZE;
    if (size < header) {
        return oa_fail(error, OA_ERROR_INPUT, "is an IDX file that ends inside its header, after %zu bytes", size);
    }
    for (size_t k = 0; k < made.rank; k++) {
        const unsigned char *at = bytes + MAGIC_SIZE + k * DIMENSION_SIZE;
        made.dims[k] = (size_t)at[0] << 24 | (size_t)at[1] << 16 | (size_t)at[2] << 8 | (size_t)at[3];
    }
    made.is_swapped = oa_is_little_endian();
    oa_status status = oa_raw_samples_measure(&made, header, error);
    if (status != OA_OK) {
        return status;
    }
    *raw = made;
    *header_size = header;
    return OA_OK;
}
