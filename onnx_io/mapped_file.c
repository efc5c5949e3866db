#include "onnx_io/mapped_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

oa_status oa_mapped_file_open(oa_mapped_file *file, const char *path, oa_error *error)
{
    oa_status status = OA_OK;
    void *data = NULL;
    struct stat info;
    /* Without O_NONBLOCK, opening a named pipe would wait for somebody to write to it. */
    int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (descriptor < 0 || fstat(descriptor, &info) != 0) {
        status = oa_fail(error, OA_ERROR_INPUT, "cannot be read: %s", strerror(errno));
        goto done;
    }
    if (!S_ISREG(info.st_mode)) {
        status = oa_fail(error, OA_ERROR_INPUT, "is not a regular file");
        goto done;
    }
    if ((uintmax_t)info.st_size > PTRDIFF_MAX) {
        status = oa_fail(error, OA_ERROR_INPUT, "is too large for this machine");
        goto done;
    }
    if (info.st_size > 0) {
        data = mmap(NULL, (size_t)info.st_size, PROT_READ, MAP_PRIVATE, descriptor, 0);
        if (data == MAP_FAILED) {
            status = oa_fail(error, errno == ENOMEM ? OA_ERROR_MEMORY : OA_ERROR_INPUT, "cannot be mapped: %s",
                             strerror(errno));
            goto done;
        }
    }
    *file = (oa_mapped_file){.data = data, .size = (size_t)info.st_size, .device = info.st_dev, .inode = info.st_ino};
done:
    if (descriptor >= 0) {
        close(descriptor);
    }
    return status;
}

void oa_mapped_file_close(oa_mapped_file *file)
{
    if (!file) {
        return;
    }
    if (file->data) {
        munmap((void *)(uintptr_t)file->data, file->size);
    }
    *file = (oa_mapped_file){0};
}

void oa_mapped_file_forget_pages(const oa_mapped_file *file)
{
    if (file->data) {
        madvise((void *)(uintptr_t)file->data, file->size, MADV_DONTNEED);
    }
}

bool oa_mapped_file_is(const oa_mapped_file *file, const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 && info.st_dev == file->device && info.st_ino == file->inode;
}
