/* What the files that read the command line share. */
#ifndef OA_CLI_OPTIONS_PRIVATE_H
#define OA_CLI_OPTIONS_PRIVATE_H

#include "plugin/cli/options.h"

typedef struct oa_option_parse {
    oa_options *options;
    oa_error *error;
} oa_option_parse;

/* Numbers as values of options; OA_ERROR_USAGE, naming the option, for anything else or out of range. */
oa_status oa_option_count(uint64_t *result, oa_option_parse *p, const char *name, const char *value, uint64_t least,
                          uint64_t most);
oa_status oa_option_real(double *result, oa_option_parse *p, const char *name, const char *value, double least,
                         double most);

/* The options of train (options_train.c), and what it needs of them. */
oa_status oa_option_encoder(oa_option_parse *p, const char *name, const char *value);
oa_status oa_option_train_count(oa_option_parse *p, const char *name, const char *value);
oa_status oa_option_factors(oa_option_parse *p, const char *name, const char *value);
oa_status oa_option_rate(oa_option_parse *p, const char *name, const char *value);
oa_status oa_option_validation(oa_option_parse *p, const char *name, const char *value);
oa_status oa_option_checkpoint_every(oa_option_parse *p, const char *name, const char *value);
oa_status oa_options_check_train(const oa_option_parse *p);

#endif
