/* Axes that must stay because both models hold the same there. */
#ifndef OA_MATCH_FROZEN_H
#define OA_MATCH_FROZEN_H

#include "core/match/match.h"

/* Appends to a growing list the axes of constants that must not be reordered when these two models are put together:
 * float constants that are bitwise equal in both and not constant along the axis (tables, layers that were frozen while
 * training). Only axes that carry a group in problem->layout are looked at. OA_ERROR_MEMORY; the list is the caller's
 * (oa_free). O(bytes). */
oa_status oa_frozen_axes(oa_fixed_axis **list, size_t *count, size_t *capacity, const oa_match_problem *problem,
                         oa_error *error);

#endif
