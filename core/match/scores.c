#include "core/match/scores.h"

#include "core/base/memory.h"

oa_status oa_match_scores_init(oa_match_scores *scores, const oa_layout *layout, oa_error *error)
{
    oa_match_scores made = {.of = oa_calloc(layout->group_count, sizeof *made.of), .group_count = layout->group_count};
    bool is_made = made.of != NULL;
    for (size_t g = 0; g < layout->group_count && is_made; g++) {
        size_t cells, size = layout->groups[g].size;
        made.of[g] = oa_mul_overflows(&cells, size, size) ? NULL : oa_calloc(cells, sizeof(float));
        is_made = made.of[g] != NULL;
    }
    if (!is_made) {
        oa_match_scores_free(&made);
        *scores = (oa_match_scores){0};
        return oa_fail(error, OA_ERROR_MEMORY, "out of memory for the scores of units");
    }
    *scores = made;
    return OA_OK;
}

void oa_match_scores_free(oa_match_scores *scores)
{
    for (size_t g = 0; g < scores->group_count && scores->of; g++) {
        oa_free(scores->of[g]);
    }
    oa_free(scores->of);
    *scores = (oa_match_scores){0};
}
