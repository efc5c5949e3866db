/* Unpacking gzip. */
#ifndef OA_CLI_GUNZIP_H
#define OA_CLI_GUNZIP_H

#include "core/base/error.h"

#include <stdbool.h>
#include <stddef.h>

/* Do the bytes start as a gzip file does? */
bool oa_gzip_is(const unsigned char *bytes, size_t size);

/* Unpacks a gzip file from its beginning to its end, piece after piece. */
typedef struct oa_unpacker oa_unpacker;

/* Starts at the beginning of the file packed [packed_size], which is borrowed. OA_ERROR_MEMORY. */
oa_status oa_unpacker_create(oa_unpacker **unpacker, const unsigned char *packed, size_t packed_size, oa_error *error);
void oa_unpacker_destroy(oa_unpacker *unpacker);

/* Writes the next `wanted` bytes; *size tells how many, fewer only where the file ends. The end is good: checksums are
 * right and nothing follows. Several members in one file are read as one, as gunzip does. Errors: OA_ERROR_INPUT for a
 * file that is cut off, damaged, or has other bytes behind it (the file is not named: callers add it), OA_ERROR_MEMORY;
 * after an error only rewinding helps. O(wanted). Source: RFC 1952, by zlib. */
oa_status oa_unpacker_read(size_t *size, oa_unpacker *unpacker, unsigned char *bytes, size_t wanted, oa_error *error);
/* Back to the beginning. */
void oa_unpacker_rewind(oa_unpacker *unpacker);

/* Unpacks the gzip file packed [packed_size] up to `limit` bytes (at least 1): *bytes [*size], owned by the caller
 * (oa_free). When *size is below the limit, this was everything. Memory follows what is really there, at most twice
 * that: a small file that claims much takes little. Errors as above; the outputs are then untouched. */
oa_status oa_gunzip(unsigned char **bytes, size_t *size, const unsigned char *packed, size_t packed_size, size_t limit,
                    oa_error *error);

#endif
