#include "onnx_io/output_file.h"

#include "core/base/memory.h"
#include "core/base/random.h"
#include "onnx_io/paths.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { BUFFER_SIZE = 256 * 1024, NAME_ATTEMPTS = 100 };

static const char *advice_for(int reason)
{
    switch (reason) {
    case ENOSPC:
    case EFBIG:
    case EDQUOT:
        return "; make room or choose another folder";
    case EACCES:
    case EPERM:
    case EROFS:
        return "; choose a folder that you may write to";
    case ENOENT:
    case ENOTDIR:
        return "; create the folder first";
    default:
        return "";
    }
}

static oa_status system_failure(oa_error *error, const char *path, int reason)
{
    return oa_fail(error, OA_ERROR_OUTPUT, "%s: cannot be written: %s%s", path, strerror(reason), advice_for(reason));
}

/* Creates a new file with an unused name beside `path`. Not mkstemp: its files are private to the user, and the umask,
 * which says how public they should be, can only be asked for by changing it for the whole process. */
static oa_status create_unique(char **name, int *descriptor, const char *path, oa_error *error)
{
    char *folder = oa_path_folder(path);
    char *candidate = NULL;
    oa_status status = folder ? OA_OK : oa_fail(error, OA_ERROR_MEMORY, "%s: out of memory", path);
    oa_random random;
    struct timespec now = {0};
    clock_gettime(CLOCK_REALTIME, &now);
    oa_random_init(&random, (uint64_t)now.tv_nsec ^ (uint64_t)now.tv_sec << 32 ^ (uint64_t)getpid() << 16);
    int made = -1;
    for (int attempt = 0; made < 0 && status == OA_OK; attempt++) {
        char text[64];
        snprintf(text, sizeof text, ".onnx-align-%016" PRIx64 ".tmp", oa_random_next(&random));
        oa_free(candidate);
        candidate = oa_path_join(folder, text);
        if (!candidate) {
            status = oa_fail(error, OA_ERROR_MEMORY, "%s: out of memory", path);
            break;
        }
        made = open(candidate, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (made < 0 && (errno != EEXIST || attempt == NAME_ATTEMPTS) && errno != EINTR) {
            status = system_failure(error, path, errno);
        }
    }
    oa_free(folder);
    if (status != OA_OK) {
        oa_free(candidate);
        return status;
    }
    *name = candidate;
    *descriptor = made;
    return OA_OK;
}

oa_status oa_output_file_create(oa_output_file *file, const char *path, oa_error *error)
{
    *file = (oa_output_file){0};
    file->path = oa_strdup(path);
    file->buffer = oa_malloc(BUFFER_SIZE, 1);
    oa_status status = file->path && file->buffer ? OA_OK : oa_fail(error, OA_ERROR_MEMORY, "%s: out of memory", path);
    if (status == OA_OK) {
        status = create_unique(&file->temporary, &file->descriptor, path, error);
    }
    file->is_open = status == OA_OK;
    if (status != OA_OK) {
        oa_output_file_discard(file);
    }
    return status;
}

static void write_out(oa_output_file *file, const unsigned char *data, size_t size)
{
    while (size && !file->failure) {
        /* The limit of one call differs between systems; this is below all of them. */
        size_t step = size < (1u << 30) ? size : 1u << 30;
        ssize_t done = write(file->descriptor, data, step);
        if (done > 0) {
            data += done;
            size -= (size_t)done;
        } else if (done == 0 || errno != EINTR) {
            file->failure = done == 0 ? EIO : errno;
        }
    }
}

static void flush(oa_output_file *file)
{
    write_out(file, file->buffer, file->used);
    file->used = 0;
}

void oa_output_file_write(oa_output_file *file, const void *data, size_t size)
{
    if (file->failure || size == 0) {
        return;
    }
    file->written += size;
    if (size > BUFFER_SIZE - file->used) {
        flush(file);
    }
    if (size > BUFFER_SIZE) {
        write_out(file, data, size);
        return;
    }
    memcpy(file->buffer + file->used, data, size);
    file->used += size;
}

oa_status oa_output_file_close(oa_output_file *file, oa_error *error)
{
    flush(file);
    /* Some file systems have no fsync: then there is nothing to wait for. */
    if (!file->failure && fsync(file->descriptor) != 0 && errno != EINVAL && errno != ENOTSUP) {
        file->failure = errno;
    }
    if (close(file->descriptor) != 0 && !file->failure && errno != EINTR) {
        file->failure = errno;
    }
    file->is_open = false;
    oa_free(file->buffer);
    file->buffer = NULL;
    return file->failure ? system_failure(error, file->path, file->failure) : OA_OK;
}

/* Moves the file at the path aside, when there is one. */
static oa_status set_aside(oa_output_file *file, oa_error *error)
{
    struct stat info;
    if (lstat(file->path, &info) != 0) {
        return OA_OK;
    }
    char *backup = NULL;
    int descriptor;
    oa_status status = create_unique(&backup, &descriptor, file->path, error);
    if (status != OA_OK) {
        return status;
    }
    close(descriptor);
    if (rename(file->path, backup) != 0) {
        status = system_failure(error, file->path, errno);
        unlink(backup);
        oa_free(backup);
        return status;
    }
    file->backup = backup;
    return OA_OK;
}

oa_status oa_output_file_commit(oa_output_file *file, bool keeps_backup, oa_error *error)
{
    oa_status status = keeps_backup ? set_aside(file, error) : OA_OK;
    if (status == OA_OK && rename(file->temporary, file->path) != 0) {
        status = system_failure(error, file->path, errno);
    }
    if (status == OA_OK) {
        file->is_committed = true;
        oa_free(file->temporary);
        file->temporary = NULL;
    }
    return status;
}

static void release(oa_output_file *file)
{
    oa_free(file->path);
    oa_free(file->temporary);
    oa_free(file->backup);
    oa_free(file->buffer);
    *file = (oa_output_file){0};
}

void oa_output_file_discard(oa_output_file *file)
{
    if (file->is_open) {
        close(file->descriptor);
    }
    if (file->temporary) {
        unlink(file->temporary);
    }
    if (file->backup) {
        rename(file->backup, file->path);
    } else if (file->is_committed) {
        unlink(file->path);
    }
    release(file);
}

void oa_output_file_keep(oa_output_file *file)
{
    if (file->backup) {
        unlink(file->backup);
    }
    release(file);
}
