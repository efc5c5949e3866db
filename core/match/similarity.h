/* How alike the units of two models are, as their weights show it: for people to look at, before and after aligning. */
#ifndef OA_MATCH_SIMILARITY_H
#define OA_MATCH_SIMILARITY_H

#include "core/match/match.h"

/* The similarity of unit i of a and unit j of b is the correlation, over all weights that belong to a unit, of what the
 * unit has and others of its model have not: for each weight, the mean over the units of a group is taken out first.
 * What all units share (scales near one, say) does not make them alike then. In [-1, 1]; 0 for units without weights of
 * their own, blocks that only lead their insides among them. */
typedef struct oa_similarity {
    size_t group;
    double mean;   /* over all units, of unit i of a with what is at unit i of b */
    size_t shown;  /* units in the map */
    size_t *units; /* [shown] evenly spread over the group, ascending */
    float *map;    /* [shown, shown] rows are units of a, columns what is at these places of b */
} oa_similarity;

void oa_similarity_free(oa_similarity *similarity);

/* Measures a group, b reordered by `permutations` (NULL: as it is), with at most `shown_max` units in the map. Weights
 * that matching does not count (statistics, constants that are not paired) do not count here. OA_ERROR_MEMORY.
 * O(weights of the group * (1 + shown^2 / size)). Memory: some MiB. */
oa_status oa_similarity_measure(oa_similarity *similarity, const oa_match_problem *problem, size_t group,
                                const oa_permutations *permutations, size_t shown_max, oa_error *error);

#endif
