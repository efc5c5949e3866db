#include "core/exec/order.h"

#include "core/exec/types.h"

#include <string.h>

enum { CHUNK = 256 };

/* IEEE numbers sort like their bits when the negative ones are turned around. */
static int64_t key_of_real(double value)
{
    int64_t bits;
    if (value != value) {
        return INT64_MAX;
    }
    value += 0.0; /* -0 becomes +0 */
    memcpy(&bits, &value, sizeof bits);
    return bits < 0 ? -(bits & INT64_MAX) : bits;
}

bool oa_order_keys(int64_t *keys, const void *src, oa_dtype dtype, size_t n, bool is_reversed)
{
    switch (dtype) {
#define REAL_CASE(name, type, tag)                                                                                     \
    case name:                                                                                                         \
        for (size_t i = 0; i < n; i++) {                                                                               \
            const double x = (double)((const type *)src)[i];                                                           \
            keys[i] = key_of_real(is_reversed ? -x : x);                                                               \
        }                                                                                                              \
        return true;
#define INTEGER_CASE(name, type, tag)                                                                                  \
    case name:                                                                                                         \
        for (size_t i = 0; i < n; i++) {                                                                               \
            keys[i] = (int64_t)((const type *)src)[i];                                                                 \
        }                                                                                                              \
        break;
        OA_REAL_TYPES(REAL_CASE)
        OA_INTEGER_TYPES(INTEGER_CASE)
#undef REAL_CASE
#undef INTEGER_CASE
    case OA_DTYPE_BOOL:
        for (size_t i = 0; i < n; i++) {
            keys[i] = ((const uint8_t *)src)[i] != 0;
        }
        break;
    default:
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        keys[i] = dtype == OA_DTYPE_UINT64 ? keys[i] ^ INT64_MIN : keys[i]; /* unsigned order as signed */
        keys[i] = is_reversed ? ~keys[i] : keys[i];
    }
    return true;
}

size_t oa_order_first(const void *src, oa_dtype dtype, size_t n, bool is_reversed, bool takes_last)
{
    int64_t keys[CHUNK], best_key = INT64_MIN;
    size_t best = 0, size = oa_dtype_size(dtype);
    for (size_t at = 0; at < n; at += CHUNK) {
        size_t length = n - at < CHUNK ? n - at : CHUNK;
        (void)oa_order_keys(keys, (const unsigned char *)src + at * size, dtype, length, is_reversed);
        for (size_t i = 0; i < length; i++) {
            if (keys[i] > best_key || (takes_last && keys[i] == best_key)) {
                best_key = keys[i];
                best = at + i;
            }
        }
    }
    return best;
}
