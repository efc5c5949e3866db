/* The command line, read into one struct. */
#ifndef OA_CLI_OPTIONS_H
#define OA_CLI_OPTIONS_H

#include "core/base/error.h"
#include "core/check/verify.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum oa_command {
    OA_COMMAND_ALIGN,
    OA_COMMAND_INSPECT,
    OA_COMMAND_PERMUTE,
    OA_COMMAND_VERIFY,
    OA_COMMAND_CURVE
} oa_command;
typedef enum oa_emit { OA_EMIT_MERGED, OA_EMIT_ALIGNED } oa_emit;
typedef enum oa_method { OA_METHOD_AUTO, OA_METHOD_NONE, OA_METHOD_WEIGHTS } oa_method;

typedef struct oa_options {
    oa_command command;
    const char **models; /* owned list of borrowed strings */
    size_t model_count;
    const char *output;
    oa_emit emit;
    oa_method method;
    const char *lambda_text;  /* as given, or NULL; settled in weights */
    const char *weights_text; /* the same */
    double *weights;          /* [model_count], summing to one; owned */
    const char *data;
    const char *labels;
    double data_scale;       /* < 0: not given */
    const char *permutation; /* to read (permute) */
    const char *save_permutation;
    const char *svg; /* picture to write (curve) */
    size_t points;   /* of a curve */
    bool inverts;
    bool randomises;
    bool verifies;
    double tolerance; /* < 0: by precision */
    uint64_t seed;
    size_t starts;
    int threads;
    oa_dimension *dimensions; /* owned; names are owned too */
    size_t dimension_count;
    bool is_json;
    bool is_quiet;
    bool is_verbose;
    bool wants_help;
    bool wants_version;
} oa_options;

/* Reads argv. OA_ERROR_USAGE with a message that names the option; OA_ERROR_MEMORY. Free with oa_options_free in any
 * case. */
oa_status oa_options_read(oa_options *options, int argc, char **argv, oa_error *error);
void oa_options_free(oa_options *options);

/* The help text of the whole tool. */
const char *oa_options_help(void);
const char *oa_method_name(oa_method method);

#endif
