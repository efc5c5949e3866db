#include "plugin/cli/gunzip.h"

#include "core/base/memory.h"

/* zlib then takes its input as const. */
#define ZLIB_CONST
#include <zlib.h>

/* zlib counts in unsigned int: larger buffers are handed over in steps. */
enum { STEP = 1 << 30, FIRST_CAPACITY = 16 * 1024, GZIP_WINDOW = 15 + 16 };

typedef struct unpacking {
    z_stream stream;
    unsigned char *bytes;
    size_t size, capacity, limit;
    const unsigned char *packed;
    size_t packed_size;
    size_t taken; /* of the packed bytes */
} unpacking;

static void *zlib_alloc(void *opaque, unsigned count, unsigned size)
{
    (void)opaque;
    return oa_malloc(count, size);
}

static void zlib_free(void *opaque, void *pointer)
{
    (void)opaque;
    oa_free(pointer);
}

bool oa_gzip_is(const unsigned char *bytes, size_t size)
{
    return size >= 2 && bytes[0] == 0x1f && bytes[1] == 0x8b;
}

static unsigned step_of(size_t size)
{
    return size < STEP ? (unsigned)size : (unsigned)STEP;
}

/* One call of inflate, with whatever is left of input and room. */
static int inflate_step(unpacking *u)
{
    unsigned input = step_of(u->packed_size - u->taken);
    unsigned room = step_of(u->capacity - u->size);
    u->stream.next_in = u->packed + u->taken;
    u->stream.avail_in = input;
    u->stream.next_out = u->bytes + u->size;
    u->stream.avail_out = room;
    int result = inflate(&u->stream, Z_NO_FLUSH);
    u->taken += input - u->stream.avail_in;
    u->size += room - u->stream.avail_out;
    return result;
}

static oa_status make_room(unpacking *u, oa_error *error)
{
    if (u->size < u->capacity) {
        return OA_OK;
    }
    size_t wanted = u->capacity ? u->capacity : FIRST_CAPACITY;
    wanted = wanted > u->limit / 2 ? u->limit : wanted * 2;
    unsigned char *bytes = oa_realloc(u->bytes, wanted, 1);
    if (!bytes) {
        return oa_fail(error, OA_ERROR_MEMORY, "out of memory for %zu bytes to unpack", wanted);
    }
    u->bytes = bytes;
    u->capacity = wanted;
    return OA_OK;
}

/* Behind a member: the end of the file, or another member. */
static oa_status next_member(bool *is_done, unpacking *u, oa_error *error)
{
    const unsigned char *rest = u->packed + u->taken;
    size_t rest_size = u->packed_size - u->taken;
    *is_done = rest_size == 0;
    if (*is_done) {
        return OA_OK;
    }
    if (!oa_gzip_is(rest, rest_size) || inflateReset(&u->stream) != Z_OK) {
        return oa_fail(error, OA_ERROR_INPUT, "is a gzip file with %zu other bytes behind its end", rest_size);
    }
    return OA_OK;
}

static oa_status unpack(unpacking *u, oa_error *error)
{
    bool is_done = false;
    while (!is_done && u->size < u->limit) {
        oa_status status = make_room(u, error);
        if (status != OA_OK) {
            return status;
        }
        int result = inflate_step(u);
        if (result == Z_MEM_ERROR) {
            return oa_fail(error, OA_ERROR_MEMORY, "out of memory while unpacking");
        }
        if (result == Z_STREAM_END) {
            status = next_member(&is_done, u, error);
        } else if (result == Z_BUF_ERROR || (result == Z_OK && u->taken == u->packed_size && u->size < u->capacity)) {
            status = oa_fail(error, OA_ERROR_INPUT, "is a gzip file that is cut off; copy or download it again");
        } else if (result != Z_OK) {
            status = oa_fail(error, OA_ERROR_INPUT, "is a damaged gzip file (%s); copy or download it again",
                             u->stream.msg ? u->stream.msg : "it cannot be unpacked");
        }
        if (status != OA_OK) {
            return status;
        }
    }
    return OA_OK;
}

oa_status oa_gunzip(unsigned char **bytes, size_t *size, const unsigned char *packed, size_t packed_size, size_t limit,
                    oa_error *error)
{
    unpacking u = {.stream = {.zalloc = zlib_alloc, .zfree = zlib_free},
                   .limit = limit,
                   .packed = packed,
                   .packed_size = packed_size};
    if (inflateInit2(&u.stream, GZIP_WINDOW) != Z_OK) {
        return oa_fail(error, OA_ERROR_MEMORY, "out of memory while unpacking");
    }
    oa_status status = unpack(&u, error);
    inflateEnd(&u.stream);
    if (status != OA_OK) {
        oa_free(u.bytes);
        return status;
    }
    *bytes = u.bytes;
    *size = u.size;
    return OA_OK;
}
