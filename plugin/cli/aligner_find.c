#include "plugin/cli/aligner_find.h"

#include "plugin/cli/aligner_data.h"
#include "plugin/cli/aligner_file.h"

#include <stdlib.h>

static const char variable[] = "ONNX_ALIGN_ALIGNER";

bool oa_aligner_is_at_hand(void)
{
    const char *named = getenv(variable);
    return oa_aligner_data_size > 0 || (named && *named);
}

oa_status oa_aligner_find(oa_aligner **aligner, const char *path, const oa_layout *layout, const oa_graph *graph,
                          oa_error *error)
{
    const char *named = getenv(variable);
    if (!path && named && *named) {
        oa_status status = oa_aligner_file_load(aligner, named, layout, graph, error);
        if (status != OA_OK) {
            oa_error_context(error, "%s", variable);
        }
        return status;
    }
    if (path) {
        return oa_aligner_file_load(aligner, path, layout, graph, error);
    }
    if (oa_aligner_data_size == 0) {
        return oa_fail(error, OA_ERROR_USAGE,
                       "no aligner is built into this tool: name one with --aligner FILE; "
                       "'onnx-align train' makes one");
    }
    return oa_aligner_file_parse(aligner, oa_aligner_data, oa_aligner_data_size, "the built-in aligner", layout, graph,
                                 error);
}
