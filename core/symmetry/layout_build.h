/* From the index spaces that discovery found to the layout. Private to this folder. */
#ifndef OA_SYMMETRY_LAYOUT_BUILD_H
#define OA_SYMMETRY_LAYOUT_BUILD_H

#include "core/symmetry/discovery.h"
#include "core/symmetry/layout.h"

oa_status oa_layout_build(oa_layout **layout, oa_discovery *discovery, oa_error *error);
bool oa_symmetry_has_rule(const oa_node *node);

#endif
