/* A map from strings to indices (open addressing, FNV-1a). Keys are borrowed: they must outlive the map. */
#ifndef OA_BASE_NAMES_H
#define OA_BASE_NAMES_H

#include <stdbool.h>
#include <stddef.h>

typedef struct oa_names {
    struct oa_names_slot *slots;
    size_t capacity;
    size_t count;
} oa_names; /* zero-initialise */

/* The index stored for `name`, or OA_NONE. Expected O(length of name). */
size_t oa_names_find(const oa_names *names, const char *name);
/* Stores `index` (not OA_NONE) for `name`, replacing an earlier one. False when memory runs out. Amortised O(length).
 */
bool oa_names_put(oa_names *names, const char *name, size_t index);
void oa_names_free(oa_names *names);

#endif
