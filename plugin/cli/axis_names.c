#include "plugin/cli/axis_names.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* How many bytes the UTF-8 character at the start of the terminated `text` has; 0 when there is none. By Unicode's
 * table of well-formed byte sequences: nothing overlong, no surrogates, nothing above U+10FFFF. */
static size_t character_size(const unsigned char *text)
{
    static const struct {
        unsigned char first_low, first_high, second_low, second_high;
        size_t size;
    } table[] = {
        {0x01, 0x7F, 0x00, 0x00, 1}, {0xC2, 0xDF, 0x80, 0xBF, 2}, {0xE0, 0xE0, 0xA0, 0xBF, 3},
        {0xE1, 0xEC, 0x80, 0xBF, 3}, {0xED, 0xED, 0x80, 0x9F, 3}, {0xEE, 0xEF, 0x80, 0xBF, 3},
        {0xF0, 0xF0, 0x90, 0xBF, 4}, {0xF1, 0xF3, 0x80, 0xBF, 4}, {0xF4, 0xF4, 0x80, 0x8F, 4},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        if (text[0] < table[i].first_low || text[0] > table[i].first_high) {
            continue;
        }
        bool is_good = table[i].size == 1 || (text[1] >= table[i].second_low && text[1] <= table[i].second_high);
        for (size_t k = 2; is_good && k < table[i].size; k++) {
            is_good = text[k] >= 0x80 && text[k] <= 0xBF;
        }
        return is_good ? table[i].size : 0;
    }
    return 0;
}

static char *axis_text(oa_arena *arena, const char *name, size_t axis)
{
    enum { ESCAPED_SIZE = 3, NUMBER_SIZE = 24 };
    size_t room;
    if (oa_mul_overflows(&room, strlen(name), ESCAPED_SIZE) || oa_add_overflows(&room, room, NUMBER_SIZE)) {
        return NULL;
    }
    char *text = oa_arena_alloc(arena, room, 1);
    size_t length = 0;
    for (const unsigned char *at = (const unsigned char *)name; text && *at;) {
        size_t size = *at == '%' ? 0 : character_size(at);
        if (size == 0) {
            length += (size_t)snprintf(text + length, room - length, "%%%02X", *at++);
        }
        memcpy(text + length, at, size);
        length += size;
        at += size;
    }
    if (text) {
        snprintf(text + length, room - length, ":%zu", axis);
    }
    return text;
}

oa_status oa_axis_names_of(oa_axis_names *names, oa_arena *arena, const oa_layout *layout, const oa_graph *graph,
                           const size_t *tensor_of, size_t group, oa_error *error)
{
    oa_axis_names made = {0};
    while (oa_moved_by(layout, group, made.count)) {
        made.count++;
    }
    made.texts = oa_arena_alloc(arena, made.count, sizeof *made.texts);
    bool is_short = !made.texts;
    for (size_t i = 0; i < made.count && !is_short; i++) {
        const oa_occurrence *place = oa_moved_by(layout, group, i);
        size_t tensor = tensor_of ? tensor_of[place->tensor] : place->tensor;
        if (tensor == OA_NONE) {
            return oa_fail(error, OA_ERROR_INTERNAL, "group %zu has a tensor without a counterpart", group);
        }
        made.texts[i] = axis_text(arena, graph->tensors[tensor].name, place->own_axis);
        is_short = !made.texts[i];
    }
    if (is_short) {
        return oa_fail(error, OA_ERROR_MEMORY, "out of memory for the names of the axes of group %zu", group);
    }
    *names = made;
    return OA_OK;
}

static int compare(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

void oa_axis_names_sort(oa_axis_names *names)
{
    qsort(names->texts, names->count, sizeof *names->texts, compare);
}

bool oa_axis_names_equal(const oa_axis_names *a, const oa_axis_names *b)
{
    if (a->count != b->count) {
        return false;
    }
    for (size_t i = 0; i < a->count; i++) {
        if (strcmp(a->texts[i], b->texts[i]) != 0) {
            return false;
        }
    }
    return true;
}

const char *oa_axis_names_list(char *text, const oa_axis_names *names)
{
    const size_t room = OA_AXIS_LIST_SIZE - sizeof ", ...";
    size_t length = 0;
    for (size_t i = 0; i < names->count; i++) {
        size_t added = strlen(names->texts[i]) + (i ? 2 : 0);
        if (length + added > room) {
            length += (size_t)snprintf(text + length, OA_AXIS_LIST_SIZE - length, i ? ", ..." : "...");
            break;
        }
        length += (size_t)snprintf(text + length, OA_AXIS_LIST_SIZE - length, "%s%s", i ? ", " : "", names->texts[i]);
    }
    text[length] = '\0';
    return text;
}
