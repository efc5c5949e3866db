#include "models/tools/npy_file.h"

#include "onnx_io/output_file.h"

#include <stdio.h>
#include <string.h>

enum { MAGIC_SIZE = 10, ALIGNMENT = 64, HEADER_SIZE = 512 };

/* Magic, version, length and description; padded so that the elements are aligned. Returns the number of bytes. */
static size_t make_header(char header[HEADER_SIZE], const oa_array *array)
{
    const char *type = array->dtype == OA_DTYPE_FLOAT ? "<f4" : "<i8";
    int used = snprintf(header + MAGIC_SIZE, HEADER_SIZE - MAGIC_SIZE,
                        "{'descr': '%s', 'fortran_order': False, 'shape': (", type);
    size_t size = MAGIC_SIZE + (size_t)used;
    for (size_t i = 0; i < array->rank; i++) {
        size += (size_t)snprintf(header + size, HEADER_SIZE - size, "%zu,", array->dims[i]);
    }
    size += (size_t)snprintf(header + size, HEADER_SIZE - size, "), }");
    while ((size + 1) % ALIGNMENT) {
        header[size++] = ' ';
    }
    header[size++] = '\n';
    size_t length = size - MAGIC_SIZE;
    memcpy(header, "\x93NUMPY\x01\x00", 8);
    header[8] = (char)(length & 0xff);
    header[9] = (char)(length >> 8);
    return size;
}

oa_status oa_npy_save(const char *path, const oa_array *array, oa_error *error)
{
    char header[HEADER_SIZE]; /* OA_MAX_RANK sizes of at most 20 digits fit */
    oa_output_file file = {0};
    if (array->dtype != OA_DTYPE_FLOAT && array->dtype != OA_DTYPE_INT64) {
        return oa_fail(error, OA_ERROR_INTERNAL, "%s: elements of type %s are not written", path,
                       oa_dtype_name(array->dtype));
    }
    oa_status status = oa_output_file_create(&file, path, error);
    if (status != OA_OK) {
        return status;
    }
    oa_output_file_write(&file, header, make_header(header, array));
    oa_output_file_write(&file, array->data, array->count * oa_dtype_size(array->dtype));
    status = oa_output_file_close(&file, error);
    if (status == OA_OK) {
        status = oa_output_file_commit(&file, false, error);
    }
    if (status == OA_OK) {
        oa_output_file_keep(&file);
    } else {
        oa_output_file_discard(&file);
    }
    return status;
}
