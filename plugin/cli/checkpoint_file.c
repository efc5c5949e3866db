#include "plugin/cli/checkpoint_file.h"

#include "core/base/memory.h"
#include "onnx_io/mapped_file.h"
#include "onnx_io/output_file.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <zlib.h>

/* The file: these bytes, the size of the state, its CRC-32, the state. */
static const char MAGIC[8] = {'o', 'a', '-', 't', 'r', 'a', 'i', 'n'};
enum { HEAD = sizeof MAGIC + 2 * sizeof(uint64_t) };

/* CRC-32 of any length; zlib takes it in pieces of an unsigned int. */
static uint64_t checksum(const unsigned char *bytes, size_t size)
{
    uLong crc = crc32(0, NULL, 0);
    for (size_t at = 0; at < size;) {
        size_t piece = size - at < (size_t)INT_MAX ? size - at : (size_t)INT_MAX;
        crc = crc32(crc, bytes + at, (uInt)piece);
        at += piece;
    }
    return crc;
}

oa_status oa_checkpoint_save(const char *path, const oa_train_state *state, oa_error *error)
{
    oa_output_file file = {0};
    unsigned char *bytes = NULL;
    size_t size = 0;
    struct stat info;
    if (lstat(path, &info) == 0 && !S_ISREG(info.st_mode)) {
        return oa_fail(error, OA_ERROR_OUTPUT, "%s: is no regular file; name another for the checkpoint", path);
    }
    oa_status status = oa_train_state_write(&bytes, &size, state, error);
    if (status != OA_OK) {
        return status;
    }
    const uint64_t numbers[2] = {size, checksum(bytes, size)};
    status = oa_output_file_create(&file, path, error);
    if (status == OA_OK) {
        oa_output_file_write(&file, MAGIC, sizeof MAGIC);
        oa_output_file_write(&file, numbers, sizeof numbers);
        oa_output_file_write(&file, bytes, size);
        status = oa_output_file_close(&file, error);
        status = status == OA_OK ? oa_output_file_commit(&file, false, error) : status;
        if (status == OA_OK) {
            oa_output_file_keep(&file);
        } else {
            oa_output_file_discard(&file);
        }
    }
    oa_free(bytes);
    return status;
}

static oa_status read_mapped(oa_train_state *state, const oa_mapped_file *file, oa_error *error)
{
    uint64_t numbers[2];
    if (file->size < HEAD || memcmp(file->data, MAGIC, sizeof MAGIC) != 0) {
        return oa_fail(error, OA_ERROR_INPUT, "is no checkpoint of a training; name another file, or remove this one");
    }
    memcpy(numbers, file->data + sizeof MAGIC, sizeof numbers);
    if (numbers[0] != file->size - HEAD || numbers[1] != checksum(file->data + HEAD, file->size - HEAD)) {
        return oa_fail(error, OA_ERROR_INPUT, "is a damaged checkpoint; remove it to begin again");
    }
    return oa_train_state_read(state, file->data + HEAD, file->size - HEAD, error);
}

oa_status oa_checkpoint_load(bool *found, oa_train_state *state, const char *path, oa_error *error)
{
    oa_mapped_file file = {0};
    struct stat info;
    if (stat(path, &info) != 0 && errno == ENOENT) {
        *found = false;
        return OA_OK;
    }
    oa_status status = oa_mapped_file_open(&file, path, error);
    status = status == OA_OK ? read_mapped(state, &file, error) : status;
    oa_mapped_file_close(&file);
    if (status != OA_OK) {
        oa_error_context(error, "%s", path);
    } else {
        *found = true;
    }
    return status;
}
