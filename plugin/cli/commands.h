/* The commands. Each runs to its end and returns a status; messages of failures are in `error`. */
#ifndef OA_CLI_COMMANDS_H
#define OA_CLI_COMMANDS_H

#include "plugin/cli/options.h"

oa_status oa_command_align(const oa_options *options, oa_error *error);
oa_status oa_command_curve(const oa_options *options, oa_error *error);
oa_status oa_command_inspect(const oa_options *options, oa_error *error);
oa_status oa_command_permute(const oa_options *options, oa_error *error);
oa_status oa_command_train(const oa_options *options, oa_error *error);
oa_status oa_command_verify(const oa_options *options, oa_error *error);

#endif
