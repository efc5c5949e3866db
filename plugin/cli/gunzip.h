/* Unpacking gzip. */
#ifndef OA_CLI_GUNZIP_H
#define OA_CLI_GUNZIP_H

#include "core/base/error.h"

#include <stdbool.h>
#include <stddef.h>

/* Do the bytes start as a gzip file does? */
bool oa_gzip_is(const unsigned char *bytes, size_t size);

/* Unpacks the gzip file packed [packed_size] up to `limit` bytes (at least 1): *bytes [*size], owned by the caller
 * (oa_free). When *size is below the limit, this was everything, its checksums are right and nothing follows. Memory
 * follows what is really there, at most twice that: a small file that claims much takes little.
 *
 * Errors: OA_ERROR_INPUT for a file that is cut off, damaged, or has other bytes behind it (the file is not named:
 * callers add it), OA_ERROR_MEMORY; the outputs are then untouched. O(limit + packed_size). Source: RFC 1952, by zlib;
 * several members in one file are read as one, as gunzip does. */
oa_status oa_gunzip(unsigned char **bytes, size_t *size, const unsigned char *packed, size_t packed_size, size_t limit,
                    oa_error *error);

#endif
