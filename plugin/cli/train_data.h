/* The samples of a family, in memory: training takes them at random. */
#ifndef OA_CLI_TRAIN_DATA_H
#define OA_CLI_TRAIN_DATA_H

#include "plugin/cli/train_set.h"

/* Reads the source's data and labels, if any, for the family's models into the member. Of more samples than 64 MiB
 * hold, evenly spaced ones are taken. OA_ERROR_INPUT, naming the file; OA_ERROR_UNSUPPORTED for models with several
 * inputs or one that is not float32; OA_ERROR_MEMORY. */
oa_status oa_train_data_load(oa_train_member *member, const oa_train_source *source, double data_scale,
                             oa_error *error);

#endif
