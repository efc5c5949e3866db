/* --emit aligned with more than two models: a folder with one file for each. */
#ifndef OA_CLI_OUTPUT_FOLDER_H
#define OA_CLI_OUTPUT_FOLDER_H

#include "plugin/cli/align.h"

/* Writes every model but the first, reordered, into `folder` (made when missing) under its own file name. Refuses two
 * models of one name, and a folder that holds an input. When a later file fails, those written before are removed.
 * OA_ERROR_OUTPUT. */
oa_status oa_output_folder_save(const char *folder, const oa_options *options, oa_model *const *models,
                                const oa_follower *followers, oa_error *error);

#endif
