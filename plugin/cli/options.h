/* The command line, read into one struct. */
#ifndef OA_CLI_OPTIONS_H
#define OA_CLI_OPTIONS_H

#include "core/base/error.h"
#include "core/check/verify.h"
#include "core/exec/loss.h"
#include "core/learn/aligner.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum oa_command {
    OA_COMMAND_ALIGN,
    OA_COMMAND_INSPECT,
    OA_COMMAND_PERMUTE,
    OA_COMMAND_VERIFY,
    OA_COMMAND_CURVE,
    OA_COMMAND_TRAIN
} oa_command;
typedef enum oa_emit { OA_EMIT_MERGED, OA_EMIT_ALIGNED } oa_emit;
typedef enum oa_engine_kind { OA_ENGINE_AUTO, OA_ENGINE_BUILTIN, OA_ENGINE_ONNXRUNTIME } oa_engine_kind;
typedef enum oa_method {
    OA_METHOD_AUTO,
    OA_METHOD_NONE,
    OA_METHOD_WEIGHTS,
    OA_METHOD_ACTIVATIONS,
    OA_METHOD_SINKHORN,
    OA_METHOD_STE,
    OA_METHOD_DEEP_ALIGN,
    OA_METHOD_COUNT
} oa_method;

/* Methods one after the other, each going on from what the one before found. */
typedef struct oa_method_chain {
    oa_method of[OA_METHOD_COUNT];
    size_t count; /* at least 1 */
} oa_method_chain;

/* What `train` takes beside the options that it shares with others. */
typedef struct oa_train_options {
    const char *families;   /* a list of what to train on, in the place of models */
    const char *losses;     /* table to write */
    const char *checkpoint; /* to write on the way, and to go on from */
    oa_encoder_kind encoder;
    bool has_encoder;
    size_t steps, batch, patience;
    size_t channels, rounds; /* 0: not given */
    size_t refinements;      /* OA_NONE: not given */
    double rate, held_out;
    double factors[3]; /* of the losses: copies, distance, task */
    bool has_factors;
    double checkpoint_seconds; /* between two of them */
} oa_train_options;

typedef struct oa_options {
    oa_command command;
    int argument_count; /* the command line, borrowed */
    char *const *arguments;
    const char **models; /* owned list of borrowed strings */
    size_t model_count;
    const char *output;
    oa_emit emit;
    oa_method_chain methods;  /* auto and none stand alone */
    size_t iterations;        /* of the methods that optimise; 0: not given */
    double learning_rate;     /* the same */
    const char *lambda_text;  /* as given, or NULL; settled in weights */
    const char *weights_text; /* the same */
    double *weights;          /* [model_count], summing to one; owned */
    const char **data_files;  /* [data_count] as given: FILE, or INPUT=FILE; owned list of borrowed strings */
    size_t data_count;
    const char *data; /* the first of them, for messages; NULL: none */
    const char *labels;
    oa_loss_kind loss;    /* what labels are: classes, or numbers */
    bool uses_covariance; /* activations are matched by covariance, not correlation */
    double data_scale;    /* < 0: not given */
    const char *aligner;  /* a trained one, for deep-align, or to train further; NULL: the built-in one */
    oa_train_options train;
    const char *permutation; /* to read (permute) */
    const char *save_permutation;
    const char *report; /* page to write (merging, curve) */
    const char *svg;    /* picture to write (curve, train) */
    const char *axis;   /* to explain (inspect) */
    const char *dot;    /* drawing to write (inspect) */
    size_t points;      /* of a curve; 0: not given */
    bool repairs;
    bool inverts;
    bool randomises;
    bool verifies;
    double tolerance; /* < 0: by precision */
    uint64_t seed;
    size_t starts;
    int threads;
    oa_engine_kind engine;
    const char *onnxruntime;  /* its library, or NULL */
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
/* "weights+sinkhorn"; `text` has room for OA_CHAIN_TEXT_SIZE characters. Returns text. */
enum { OA_CHAIN_TEXT_SIZE = 80 };
const char *oa_chain_text(char *text, const oa_method_chain *chain);
bool oa_chain_has(const oa_method_chain *chain, oa_method method);

#endif
