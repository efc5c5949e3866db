/* What an index space means: where each index of an axis comes from when every free leaf is reordered. Two spaces move
 * together exactly when these maps are equal, whatever their trees look like. */
#ifndef OA_TESTS_SYMMETRY_SPACE_MAP_H
#define OA_TESTS_SYMMETRY_SPACE_MAP_H

#include "core/base/random.h"
#include "core/symmetry/space.h"

/* map[i] for all indices of a space of constant size [size], each free leaf under a random permutation that depends on
 * `seed` and the leaf alone. Pinned leaves stay. */
void space_map(size_t *map, oa_spaces *spaces, size_t space, uint64_t seed);

/* Do the two spaces, of one constant size, have equal maps for some seeds? */
bool spaces_agree(oa_spaces *spaces, size_t a, size_t b);
/* Does every index of the space stay where it is? */
bool space_stays(oa_spaces *spaces, size_t space);
/* Does the space have no pinned leaf of a size above 1? */
bool space_is_free(oa_spaces *spaces, size_t space);
/* Number of free leaves of a size above 1, one that occurs twice counted twice. */
size_t free_leaves(oa_spaces *spaces, size_t space);

#endif
