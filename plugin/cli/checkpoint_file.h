/* States of training as files, so that an interrupted training can go on. */
#ifndef OA_CLI_CHECKPOINT_FILE_H
#define OA_CLI_CHECKPOINT_FILE_H

#include "core/learn/train_state.h"

#include <stdbool.h>

/* Writes the state with a checksum; the file appears whole or not at all, and replaces an older one at once.
 * OA_ERROR_OUTPUT, OA_ERROR_MEMORY. */
oa_status oa_checkpoint_save(const char *path, const oa_train_state *state, oa_error *error);

/* Reads one; *found is false, and the state untouched, when no file is there. OA_ERROR_INPUT, naming the file, for
 * anything else than a checkpoint as it was written; OA_ERROR_MEMORY. */
oa_status oa_checkpoint_load(bool *found, oa_train_state *state, const char *path, oa_error *error);

#endif
