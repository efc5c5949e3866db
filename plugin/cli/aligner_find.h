/* Which aligner to use: the one that was named, or the tool's own. */
#ifndef OA_CLI_ALIGNER_FIND_H
#define OA_CLI_ALIGNER_FIND_H

#include "core/learn/aligner.h"

#include <stdbool.h>

/* The aligner of the file `path`; without one, of the file that the environment variable ONNX_ALIGN_ALIGNER names;
 * without it, the one built into the tool, which was models/aligner.onnx when the tool was built. OA_ERROR_USAGE when
 * there is none of these; else as oa_aligner_file_load. */
oa_status oa_aligner_find(oa_aligner **aligner, const char *path, const oa_layout *layout, const oa_graph *graph,
                          oa_error *error);

/* Is there one, when no path is given? */
bool oa_aligner_is_at_hand(void);

#endif
