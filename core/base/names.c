#include "core/base/names.h"

#include "core/base/memory.h"

#include <stdint.h>
#include <string.h>

struct oa_names_slot {
    const char *name; /* NULL: empty */
    size_t index;
};

static uint64_t hash_of(const char *name)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (const unsigned char *c = (const unsigned char *)name; *c; c++) {
        hash = (hash ^ *c) * UINT64_C(0x100000001b3);
    }
    return hash;
}

static size_t slot_of(const struct oa_names_slot *slots, size_t capacity, const char *name)
{
    size_t at = (size_t)hash_of(name) & (capacity - 1);
    while (slots[at].name && strcmp(slots[at].name, name) != 0) {
        at = (at + 1) & (capacity - 1);
    }
    return at;
}

size_t oa_names_find(const oa_names *names, const char *name)
{
    if (names->capacity == 0) {
        return OA_NONE;
    }
    size_t at = slot_of(names->slots, names->capacity, name);
    return names->slots[at].name ? names->slots[at].index : OA_NONE;
}

static bool enlarge(oa_names *names)
{
    size_t capacity = names->capacity ? names->capacity * 2 : 64;
    struct oa_names_slot *slots = oa_calloc(capacity, sizeof *slots);
    if (!slots) {
        return false;
    }
    for (size_t i = 0; i < names->capacity; i++) {
        if (names->slots[i].name) {
            slots[slot_of(slots, capacity, names->slots[i].name)] = names->slots[i];
        }
    }
    oa_free(names->slots);
    names->slots = slots;
    names->capacity = capacity;
    return true;
}

bool oa_names_put(oa_names *names, const char *name, size_t index)
{
    if (names->count * 2 >= names->capacity && !enlarge(names)) {
        return false;
    }
    size_t at = slot_of(names->slots, names->capacity, name);
    if (!names->slots[at].name) {
        names->slots[at].name = name;
        names->count++;
    }
    names->slots[at].index = index;
    return true;
}

void oa_names_free(oa_names *names)
{
    if (names) {
        oa_free(names->slots);
        *names = (oa_names){0};
    }
}
