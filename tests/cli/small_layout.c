#include "small_layout.h"

#include <string.h>

enum { W1, B1, W2, W3, Q };

typedef struct place {
    size_t group, tensor, axis;
} place;

static void fill(small_layout *s, const oa_group *groups, const place *places)
{
    static const char *const names[SMALL_TENSORS] = {"w1", "b1", "w2", "w3", "q"};
    memset(s, 0, sizeof *s);
    for (size_t t = 0; t < SMALL_TENSORS; t++) {
        s->tensors[t].name = names[t];
    }
    memcpy(s->groups, groups, sizeof s->groups);
    for (size_t i = 0; i < SMALL_OCCURRENCES; i++) {
        oa_group *group = &s->groups[places[i].group];
        if (group->occurrence_count++ == 0) {
            group->first_occurrence = i;
        }
        s->occurrences[i] = (oa_occurrence){.group = places[i].group,
                                            .tensor = places[i].tensor,
                                            .axis = places[i].axis,
                                            .own_axis = places[i].axis,
                                            .rest = 1};
    }
    s->graph.tensors = s->tensors;
    s->graph.tensor_count = SMALL_TENSORS;
    s->layout.groups = s->groups;
    s->layout.group_count = SMALL_GROUPS;
    s->layout.occurrences = s->occurrences;
    s->layout.occurrence_count = SMALL_OCCURRENCES;
}

void small_layout_init(small_layout *s)
{
    static const oa_group groups[SMALL_GROUPS] = {
        {.block_count = 1, .size = 3, .parent = OA_NONE},
        {.block_count = 1, .size = 4, .parent = OA_NONE},
        {.block_count = 1, .size = 2, .kind = OA_GROUP_BLOCKS, .parent = OA_NONE},
        {.block_count = 1, .size = 2, .kind = OA_GROUP_INSIDE, .parent = 2}};
    static const place places[SMALL_OCCURRENCES] = {{0, W1, 0}, {0, B1, 0}, {0, W2, 1}, {1, W2, 0}, {1, W3, 1},
                                                    {1, W3, 1}, {2, W3, 0}, {2, Q, 0},  {3, W3, 0}, {3, Q, 0}};
    fill(s, groups, places);
}

void small_layout_init_reordered(small_layout *s)
{
    static const oa_group groups[SMALL_GROUPS] = {
        {.block_count = 1, .size = 4, .parent = OA_NONE},
        {.block_count = 1, .size = 3, .parent = OA_NONE},
        {.block_count = 1, .size = 2, .kind = OA_GROUP_BLOCKS, .parent = OA_NONE},
        {.block_count = 1, .size = 2, .kind = OA_GROUP_INSIDE, .parent = 2}};
    static const place places[SMALL_OCCURRENCES] = {{0, W3, 1}, {0, W2, 0}, {0, W3, 1}, {1, W2, 1}, {1, W1, 0},
                                                    {1, B1, 0}, {2, Q, 0},  {2, W3, 0}, {3, W3, 0}, {3, Q, 0}};
    fill(s, groups, places);
}
