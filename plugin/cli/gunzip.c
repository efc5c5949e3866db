#include "plugin/cli/gunzip.h"

#include "core/base/memory.h"

/* zlib then takes its input as const. */
#define ZLIB_CONST
#include <zlib.h>

/* zlib counts in unsigned int: larger buffers are handed over in steps. */
enum { STEP = 1 << 30, FIRST_CAPACITY = 16 * 1024, GZIP_WINDOW = 15 + 16 };

struct oa_unpacker {
    z_stream stream;
    const unsigned char *packed;
    size_t packed_size;
    size_t taken; /* of the packed bytes */
    bool is_done;
};

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

/* One call of inflate, with whatever is left of input and room. *size grows. */
static int inflate_step(oa_unpacker *u, unsigned char *bytes, size_t *size, size_t wanted)
{
    unsigned input = step_of(u->packed_size - u->taken);
    unsigned room = step_of(wanted - *size);
    u->stream.next_in = u->packed + u->taken;
    u->stream.avail_in = input;
    u->stream.next_out = bytes + *size;
    u->stream.avail_out = room;
    int result = inflate(&u->stream, Z_NO_FLUSH);
    u->taken += input - u->stream.avail_in;
    *size += room - u->stream.avail_out;
    return result;
}

/* Behind a member: the end of the file, or another member. */
static oa_status next_member(oa_unpacker *u, oa_error *error)
{
    const unsigned char *rest = u->packed + u->taken;
    size_t rest_size = u->packed_size - u->taken;
    u->is_done = rest_size == 0;
    if (u->is_done) {
        return OA_OK;
    }
    if (!oa_gzip_is(rest, rest_size) || inflateReset(&u->stream) != Z_OK) {
        return oa_fail(error, OA_ERROR_INPUT, "is a gzip file with %zu other bytes behind its end", rest_size);
    }
    return OA_OK;
}

oa_status oa_unpacker_create(oa_unpacker **unpacker, const unsigned char *packed, size_t packed_size, oa_error *error)
{
    oa_unpacker *made = oa_calloc(1, sizeof *made);
    if (made) {
        *made = (oa_unpacker){
            .stream = {.zalloc = zlib_alloc, .zfree = zlib_free}, .packed = packed, .packed_size = packed_size};
    }
    if (!made || inflateInit2(&made->stream, GZIP_WINDOW) != Z_OK) {
        oa_free(made);
        return oa_fail(error, OA_ERROR_MEMORY, "out of memory while unpacking");
    }
    *unpacker = made;
    return OA_OK;
}

void oa_unpacker_destroy(oa_unpacker *unpacker)
{
    if (unpacker) {
        inflateEnd(&unpacker->stream);
        oa_free(unpacker);
    }
}

void oa_unpacker_rewind(oa_unpacker *unpacker)
{
    inflateReset(&unpacker->stream);
    unpacker->taken = 0;
    unpacker->is_done = false;
}

oa_status oa_unpacker_read(size_t *size, oa_unpacker *u, unsigned char *bytes, size_t wanted, oa_error *error)
{
    size_t got = 0;
    while (!u->is_done && got < wanted) {
        oa_status status = OA_OK;
        int result = inflate_step(u, bytes, &got, wanted);
        if (result == Z_STREAM_END) {
            status = next_member(u, error);
        } else if (result == Z_MEM_ERROR) {
            status = oa_fail(error, OA_ERROR_MEMORY, "out of memory while unpacking");
        } else if (result == Z_BUF_ERROR || (result == Z_OK && u->taken == u->packed_size && got < wanted)) {
            status = oa_fail(error, OA_ERROR_INPUT, "is a gzip file that is cut off; copy or download it again");
        } else if (result != Z_OK) {
            status = oa_fail(error, OA_ERROR_INPUT, "is a damaged gzip file (%s); copy or download it again",
                             u->stream.msg ? u->stream.msg : "it cannot be unpacked");
        }
        if (status != OA_OK) {
            return status;
        }
    }
    *size = got;
    return OA_OK;
}

oa_status oa_gunzip(unsigned char **bytes, size_t *size, const unsigned char *packed, size_t packed_size, size_t limit,
                    oa_error *error)
{
    oa_unpacker *unpacker = NULL;
    unsigned char *made = NULL;
    size_t capacity = 0;
    size_t got = 0;
    oa_status status = oa_unpacker_create(&unpacker, packed, packed_size, error);
    while (status == OA_OK && got == capacity && got < limit) {
        size_t wanted = capacity ? capacity : FIRST_CAPACITY / 2;
        wanted = wanted > limit / 2 ? limit : wanted * 2;
        unsigned char *grown = oa_realloc(made, wanted, 1);
        if (!grown) {
            status = oa_fail(error, OA_ERROR_MEMORY, "out of memory for %zu bytes to unpack", wanted);
            break;
        }
        made = grown;
        capacity = wanted;
        size_t more = 0;
        status = oa_unpacker_read(&more, unpacker, made + got, capacity - got, error);
        got += more;
    }
    oa_unpacker_destroy(unpacker);
    if (status != OA_OK) {
        oa_free(made);
        return status;
    }
    *bytes = made;
    *size = got;
    return OA_OK;
}
