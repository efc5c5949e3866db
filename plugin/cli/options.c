#define _GNU_SOURCE /* sched_getaffinity and CPU_COUNT */

#include "plugin/cli/options_private.h"

#include "core/base/memory.h"

#include <errno.h>
#include <math.h>
#include <sched.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef enum option_kind {
    SETS,   /* takes no value, makes a bool true */
    CLEARS, /* takes no value, makes a bool false */
    KEEPS,  /* keeps its value as it is */
    PARSES  /* hands its value to a function */
} option_kind;

/* Which commands an option belongs to, as bits 1 << oa_command. */
enum {
    FOR_ALIGN = 1 << OA_COMMAND_ALIGN,
    FOR_INSPECT = 1 << OA_COMMAND_INSPECT,
    FOR_PERMUTE = 1 << OA_COMMAND_PERMUTE,
    FOR_VERIFY = 1 << OA_COMMAND_VERIFY,
    FOR_CURVE = 1 << OA_COMMAND_CURVE,
    FOR_TRAIN = 1 << OA_COMMAND_TRAIN,
    FOR_MATCHERS = FOR_ALIGN | FOR_CURVE,
    FOR_WRITERS = FOR_ALIGN | FOR_PERMUTE,
    FOR_RUNNERS = FOR_ALIGN | FOR_PERMUTE | FOR_VERIFY,
    FOR_ALL = FOR_RUNNERS | FOR_INSPECT | FOR_CURVE | FOR_TRAIN
};

typedef struct option_entry {
    const char *name;
    char letter;
    option_kind kind;
    unsigned commands;
    size_t field; /* SETS, CLEARS, KEEPS: offset in oa_options of the bool or string */
    oa_status (*read)(oa_option_parse *p, const char *name, const char *value); /* PARSES */
} option_entry;

static const char *const method_names[OA_METHOD_COUNT] = {"auto",     "none", "weights",   "activations",
                                                          "sinkhorn", "ste",  "deep-align"};

oa_status oa_option_count(uint64_t *result, oa_option_parse *p, const char *name, const char *value, uint64_t least,
                          uint64_t most)
{
    char *end = NULL;
    errno = 0;
    unsigned long long number = strtoull(value, &end, 10);
    if (!*value || *end || errno || value[0] == '-' || number < least || number > most) {
        return oa_fail(p->error, OA_ERROR_USAGE, "%s takes a whole number from %llu to %llu, not '%s'", name,
                       (unsigned long long)least, (unsigned long long)most, value);
    }
    *result = number;
    return OA_OK;
}

oa_status oa_option_real(double *result, oa_option_parse *p, const char *name, const char *value, double least,
                         double most)
{
    char *end = NULL;
    double number = strtod(value, &end);
    if (!*value || *end || !(number >= least && number <= most)) {
        return oa_fail(p->error, OA_ERROR_USAGE, "%s takes a number from %g to %g, not '%s'", name, least, most, value);
    }
    *result = number;
    return OA_OK;
}

static oa_status read_emit(oa_option_parse *p, const char *name, const char *value)
{
    if (strcmp(value, "merged") == 0) {
        p->options->emit = OA_EMIT_MERGED;
    } else if (strcmp(value, "aligned") == 0) {
        p->options->emit = OA_EMIT_ALIGNED;
    } else {
        return oa_fail(p->error, OA_ERROR_USAGE, "%s is 'merged' or 'aligned', not '%s'", name, value);
    }
    return OA_OK;
}

/* weights, or weights+sinkhorn */
static oa_status read_method(oa_option_parse *p, const char *name, const char *value)
{
    oa_method_chain chain = {0};
    for (const char *at = value;; at++) {
        size_t length = strcspn(at, "+");
        oa_method method = OA_METHOD_AUTO;
        while (method < OA_METHOD_COUNT &&
               (strlen(method_names[method]) != length || strncmp(method_names[method], at, length) != 0)) {
            method++;
        }
        if (method == OA_METHOD_COUNT) {
            return oa_fail(p->error, OA_ERROR_USAGE,
                           "%s: '%.*s' is no method; there are auto, none, weights, activations, sinkhorn, ste and "
                           "deep-align, and chains of them like weights+sinkhorn",
                           name, (int)(length < 40 ? length : 40), at);
        }
        if (oa_chain_has(&chain, method)) {
            return oa_fail(p->error, OA_ERROR_USAGE, "%s: '%s' is twice in '%s'", name, method_names[method], value);
        }
        chain.of[chain.count++] = method;
        at += length;
        if (!*at) {
            break;
        }
    }
    if (chain.count > 1 && (oa_chain_has(&chain, OA_METHOD_AUTO) || oa_chain_has(&chain, OA_METHOD_NONE))) {
        return oa_fail(p->error, OA_ERROR_USAGE, "%s: 'auto' and 'none' cannot be part of a chain like '%s'", name,
                       value);
    }
    p->options->methods = chain;
    return OA_OK;
}

static oa_status read_iterations(oa_option_parse *p, const char *name, const char *value)
{
    uint64_t iterations = 0;
    oa_status status = oa_option_count(&iterations, p, name, value, 1, 100000000);
    p->options->iterations = status == OA_OK ? (size_t)iterations : p->options->iterations;
    return status;
}

static oa_status read_learning_rate(oa_option_parse *p, const char *name, const char *value)
{
    return oa_option_real(&p->options->learning_rate, p, name, value, 1e-9, 1e3);
}

static oa_status read_loss(oa_option_parse *p, const char *name, const char *value)
{
    if (strcmp(value, "cross-entropy") == 0) {
        p->options->loss = OA_LOSS_CROSS_ENTROPY;
    } else if (strcmp(value, "mse") == 0) {
        p->options->loss = OA_LOSS_MSE;
    } else {
        return oa_fail(p->error, OA_ERROR_USAGE, "%s is 'cross-entropy' or 'mse', not '%s'", name, value);
    }
    return OA_OK;
}

static oa_status read_data_scale(oa_option_parse *p, const char *name, const char *value)
{
    return oa_option_real(&p->options->data_scale, p, name, value, 1e-30, 1e30);
}

static oa_status read_points(oa_option_parse *p, const char *name, const char *value)
{
    uint64_t points = 0;
    oa_status status = oa_option_count(&points, p, name, value, 2, 10001);
    p->options->points = status == OA_OK ? (size_t)points : p->options->points;
    return status;
}

static oa_status read_tolerance(oa_option_parse *p, const char *name, const char *value)
{
    return oa_option_real(&p->options->tolerance, p, name, value, 0.0, 1e30);
}

static oa_status read_seed(oa_option_parse *p, const char *name, const char *value)
{
    return oa_option_count(&p->options->seed, p, name, value, 0, UINT64_MAX);
}

static oa_status read_starts(oa_option_parse *p, const char *name, const char *value)
{
    uint64_t starts = 0;
    oa_status status = oa_option_count(&starts, p, name, value, 1, 10000);
    p->options->starts = status == OA_OK ? (size_t)starts : p->options->starts;
    return status;
}

static oa_status read_threads(oa_option_parse *p, const char *name, const char *value)
{
    uint64_t threads = 0;
    oa_status status = oa_option_count(&threads, p, name, value, 1, 1024);
    p->options->threads = status == OA_OK ? (int)threads : p->options->threads;
    return status;
}

/* --dim batch=4 */
static oa_status read_dimension(oa_option_parse *p, const char *name, const char *value)
{
    const char *equals = strchr(value, '=');
    uint64_t size = 0;
    if (!equals || equals == value) {
        return oa_fail(p->error, OA_ERROR_USAGE, "%s takes NAME=SIZE, as in --dim batch=4, not '%s'", name, value);
    }
    oa_status status = oa_option_count(&size, p, name, equals + 1, 1, UINT32_MAX);
    if (status != OA_OK) {
        return status;
    }
    oa_options *options = p->options;
    oa_dimension *list = oa_realloc(options->dimensions, options->dimension_count + 1, sizeof *list);
    if (list) {
        options->dimensions = list;
    }
    char *copy = list ? oa_strdup(value) : NULL;
    if (!copy) {
        return oa_fail(p->error, OA_ERROR_MEMORY, "out of memory");
    }
    copy[equals - value] = '\0';
    list[options->dimension_count++] = (oa_dimension){.name = copy, .value = (size_t)size};
    return OA_OK;
}

static oa_status read_engine(oa_option_parse *p, const char *name, const char *value)
{
    static const char *const names[] = {
        [OA_ENGINE_AUTO] = "auto", [OA_ENGINE_BUILTIN] = "builtin", [OA_ENGINE_ONNXRUNTIME] = "onnxruntime"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(value, names[i]) == 0) {
            p->options->engine = (oa_engine_kind)i;
            return OA_OK;
        }
    }
    return oa_fail(p->error, OA_ERROR_USAGE, "%s is 'auto', 'builtin' or 'onnxruntime', not '%s'", name, value);
}

/* --data x.npy, or --data ids=x.npy --data mask=y.npy */
static oa_status read_data(oa_option_parse *p, const char *name, const char *value)
{
    oa_options *options = p->options;
    const char **list = oa_realloc(options->data_files, options->data_count + 1, sizeof *list);
    if (!list) {
        return oa_fail(p->error, OA_ERROR_MEMORY, "out of memory");
    }
    options->data_files = list;
    list[options->data_count++] = value;
    options->data = list[0];
    if (options->data_count > 1 && (!strchr(list[0], '=') || !strchr(value, '='))) {
        return oa_fail(p->error, OA_ERROR_USAGE, "%s can be repeated for models with several inputs, as %s INPUT=FILE",
                       name, name);
    }
    return OA_OK;
}

static const option_entry table[] = {
    {"--output", 'o', KEEPS, FOR_WRITERS | FOR_TRAIN, offsetof(oa_options, output), NULL},
    {"--emit", 0, PARSES, FOR_ALIGN, 0, read_emit},
    {"--method", 'm', PARSES, FOR_MATCHERS, 0, read_method},
    {"--iterations", 0, PARSES, FOR_MATCHERS, 0, read_iterations},
    {"--learning-rate", 0, PARSES, FOR_MATCHERS, 0, read_learning_rate},
    {"--lambda", 0, KEEPS, FOR_ALIGN, offsetof(oa_options, lambda_text), NULL},
    {"--weights", 0, KEEPS, FOR_ALIGN, offsetof(oa_options, weights_text), NULL},
    {"--repair", 0, SETS, FOR_MATCHERS, offsetof(oa_options, repairs), NULL},
    {"--data", 0, PARSES, FOR_RUNNERS | FOR_CURVE | FOR_TRAIN, 0, read_data},
    {"--labels", 0, KEEPS, FOR_MATCHERS | FOR_TRAIN, offsetof(oa_options, labels), NULL},
    {"--loss", 0, PARSES, FOR_MATCHERS | FOR_TRAIN, 0, read_loss},
    {"--aligner", 0, KEEPS, FOR_MATCHERS | FOR_TRAIN, offsetof(oa_options, aligner), NULL},
    {"--families", 0, KEEPS, FOR_TRAIN, offsetof(oa_options, train.families), NULL},
    {"--losses", 0, KEEPS, FOR_TRAIN, offsetof(oa_options, train.losses), NULL},
    {"--checkpoint", 0, KEEPS, FOR_TRAIN, offsetof(oa_options, train.checkpoint), NULL},
    {"--checkpoint-every", 0, PARSES, FOR_TRAIN, 0, oa_option_checkpoint_every},
    {"--encoder", 0, PARSES, FOR_TRAIN, 0, oa_option_encoder},
    {"--steps", 0, PARSES, FOR_TRAIN, 0, oa_option_train_count},
    {"--batch", 0, PARSES, FOR_TRAIN, 0, oa_option_train_count},
    {"--channels", 0, PARSES, FOR_TRAIN, 0, oa_option_train_count},
    {"--rounds", 0, PARSES, FOR_TRAIN, 0, oa_option_train_count},
    {"--refinements", 0, PARSES, FOR_TRAIN, 0, oa_option_train_count},
    {"--patience", 0, PARSES, FOR_TRAIN, 0, oa_option_train_count},
    {"--factors", 0, PARSES, FOR_TRAIN, 0, oa_option_factors},
    {"--rate", 0, PARSES, FOR_TRAIN, 0, oa_option_rate},
    {"--validation", 0, PARSES, FOR_TRAIN, 0, oa_option_validation},
    {"--covariance", 0, SETS, FOR_MATCHERS, offsetof(oa_options, uses_covariance), NULL},
    {"--data-scale", 0, PARSES, FOR_RUNNERS | FOR_CURVE | FOR_TRAIN, 0, read_data_scale},
    {"--permutation", 0, KEEPS, FOR_PERMUTE, offsetof(oa_options, permutation), NULL},
    {"--save-permutation", 0, KEEPS, FOR_WRITERS, offsetof(oa_options, save_permutation), NULL},
    {"--report", 0, KEEPS, FOR_MATCHERS, offsetof(oa_options, report), NULL},
    {"--points", 0, PARSES, FOR_MATCHERS, 0, read_points},
    {"--axis", 0, KEEPS, FOR_INSPECT, offsetof(oa_options, axis), NULL},
    {"--dot", 0, KEEPS, FOR_INSPECT, offsetof(oa_options, dot), NULL},
    {"--svg", 0, KEEPS, FOR_CURVE | FOR_TRAIN, offsetof(oa_options, svg), NULL},
    {"--invert", 0, SETS, FOR_PERMUTE, offsetof(oa_options, inverts), NULL},
    {"--random", 0, SETS, FOR_PERMUTE, offsetof(oa_options, randomises), NULL},
    {"--no-verify", 0, CLEARS, FOR_WRITERS, offsetof(oa_options, verifies), NULL},
    {"--tolerance", 0, PARSES, FOR_RUNNERS, 0, read_tolerance},
    {"--dim", 0, PARSES, FOR_RUNNERS, 0, read_dimension},
    {"--engine", 0, PARSES, FOR_RUNNERS | FOR_CURVE, 0, read_engine},
    {"--onnxruntime", 0, KEEPS, FOR_RUNNERS | FOR_CURVE, offsetof(oa_options, onnxruntime), NULL},
    {"--seed", 0, PARSES, FOR_RUNNERS | FOR_CURVE | FOR_TRAIN, 0, read_seed},
    {"--starts", 0, PARSES, FOR_MATCHERS, 0, read_starts},
    {"--threads", 0, PARSES, FOR_ALL, 0, read_threads},
    {"--json", 0, SETS, FOR_ALL, offsetof(oa_options, is_json), NULL},
    {"--quiet", 'q', SETS, FOR_ALL, offsetof(oa_options, is_quiet), NULL},
    {"--verbose", 'v', SETS, FOR_ALL, offsetof(oa_options, is_verbose), NULL},
    {"--help", 'h', SETS, FOR_ALL, offsetof(oa_options, wants_help), NULL},
    {"--version", 0, SETS, FOR_ALL, offsetof(oa_options, wants_version), NULL},
};

static const char *const commands[] = {"", "inspect", "permute", "verify", "curve", "train"};

/* Finds the option that `argument` names; *value is what follows '=', or NULL. */
static const option_entry *find(const char *argument, const char **value)
{
    *value = NULL;
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        size_t length = strlen(table[i].name);
        if (table[i].letter && argument[1] == table[i].letter && argument[2] == '\0') {
            return &table[i];
        }
        if (strncmp(argument, table[i].name, length) == 0 && (argument[length] == '\0' || argument[length] == '=')) {
            *value = argument[length] ? argument + length + 1 : NULL;
            return &table[i];
        }
    }
    return NULL;
}

static oa_status read_option(oa_option_parse *p, int *at, int argc, char **argv)
{
    const char *value;
    const option_entry *entry = find(argv[*at], &value);
    if (!entry) {
        return oa_fail(p->error, OA_ERROR_USAGE, "unknown option '%s'; see --help", argv[*at]);
    }
    if (!(entry->commands & 1u << p->options->command)) {
        const char *command = commands[p->options->command];
        return oa_fail(p->error, OA_ERROR_USAGE, "option '%s' does not belong to '%s'; see --help", entry->name,
                       *command ? command : "merging");
    }
    bool takes_value = entry->kind == KEEPS || entry->kind == PARSES;
    if (!takes_value && value) {
        return oa_fail(p->error, OA_ERROR_USAGE, "option '%s' takes no value", entry->name);
    }
    if (takes_value && !value) {
        if (*at + 1 >= argc) {
            return oa_fail(p->error, OA_ERROR_USAGE, "option '%s' needs a value", entry->name);
        }
        value = argv[++*at];
    }
    if (entry->kind == PARSES) {
        return entry->read(p, entry->name, value);
    }
    void *field = (char *)p->options + entry->field;
    if (entry->kind == KEEPS) {
        *(const char **)field = value;
    } else {
        *(bool *)field = entry->kind == SETS;
    }
    return OA_OK;
}

/* Fills weights from --lambda or --weights; without either, equal shares. */
static oa_status settle_weights(oa_option_parse *p)
{
    oa_options *options = p->options;
    size_t count = options->model_count;
    options->weights = oa_calloc(count, sizeof *options->weights);
    if (!options->weights) {
        return oa_fail(p->error, OA_ERROR_MEMORY, "out of memory");
    }
    for (size_t i = 0; i < count; i++) {
        options->weights[i] = 1.0 / (double)count;
    }
    if (options->lambda_text && options->weights_text) {
        return oa_fail(p->error, OA_ERROR_USAGE, "--lambda and --weights say the same thing; give one of them");
    }
    if (options->lambda_text) {
        if (count != 2) {
            return oa_fail(p->error, OA_ERROR_USAGE, "--lambda is for two models; use --weights with %zu", count);
        }
        oa_status status = oa_option_real(&options->weights[0], p, "--lambda", options->lambda_text, 0.0, 1.0);
        options->weights[1] = 1.0 - options->weights[0];
        return status;
    }
    const char *text = options->weights_text;
    double sum = 0.0;
    for (size_t i = 0; text && i < count; i++) {
        char *end = NULL;
        double weight = strtod(text, &end);
        bool is_last = i + 1 == count;
        if (end == text || !(weight >= 0.0 && weight <= 1e30) || *end != (is_last ? '\0' : ',')) {
            return oa_fail(p->error, OA_ERROR_USAGE,
                           "--weights takes one number >= 0 for each of the %zu models, not '%s'", count,
                           options->weights_text);
        }
        options->weights[i] = weight;
        sum += weight;
        text = end + 1;
    }
    if (text && !(sum > 0.0)) {
        return oa_fail(p->error, OA_ERROR_USAGE, "--weights are all zero");
    }
    for (size_t i = 0; text && i < count; i++) {
        options->weights[i] /= sum;
    }
    return OA_OK;
}

static oa_status check_methods(oa_option_parse *p)
{
    const oa_options *options = p->options;
    const oa_method_chain *chain = &options->methods;
    if (oa_chain_has(chain, OA_METHOD_ACTIVATIONS) && !options->data) {
        return oa_fail(p->error, OA_ERROR_USAGE, "method 'activations' runs the models on samples: give --data");
    }
    if (options->uses_covariance && !oa_chain_has(chain, OA_METHOD_ACTIVATIONS)) {
        return oa_fail(p->error, OA_ERROR_USAGE, "--covariance belongs to the method 'activations'");
    }
    if (oa_chain_has(chain, OA_METHOD_STE) && !options->data) {
        return oa_fail(p->error, OA_ERROR_USAGE,
                       "method 'ste' follows the loss on samples: give --data, or use 'sinkhorn'");
    }
    bool optimises = oa_chain_has(chain, OA_METHOD_STE) || oa_chain_has(chain, OA_METHOD_SINKHORN);
    if (!optimises && (options->iterations || options->learning_rate > 0.0)) {
        return oa_fail(p->error, OA_ERROR_USAGE, "%s belongs to the methods 'sinkhorn' and 'ste'",
                       options->iterations ? "--iterations" : "--learning-rate");
    }
    return OA_OK;
}

static oa_status check(oa_option_parse *p)
{
    const oa_options *options = p->options;
    static const size_t least[] = {2, 1, 1, 2, 2};
    static const size_t most[] = {OA_NONE, 1, 1, 2, 2};
    const char *command = commands[options->command];
    if (options->command == OA_COMMAND_TRAIN) {
        return oa_options_check_train(p);
    }
    if (options->model_count < least[options->command] || options->model_count > most[options->command]) {
        return oa_fail(p->error, OA_ERROR_USAGE, "%s%sneeds %s%zu model%s, %zu given; see --help", command,
                       *command ? " " : "merging ", options->command == OA_COMMAND_ALIGN ? "at least " : "",
                       least[options->command], least[options->command] > 1 ? "s" : "", options->model_count);
    }
    bool writes = options->command == OA_COMMAND_ALIGN || options->command == OA_COMMAND_PERMUTE;
    if (writes && !options->output) {
        return oa_fail(p->error, OA_ERROR_USAGE, "where should the result go? Give -o OUT.onnx");
    }
    if (options->command == OA_COMMAND_PERMUTE && (options->permutation != NULL) == options->randomises) {
        return oa_fail(p->error, OA_ERROR_USAGE, "permute needs either --permutation FILE or --random");
    }
    if (options->inverts && options->randomises) {
        return oa_fail(p->error, OA_ERROR_USAGE, "--invert goes with --permutation");
    }
    if (options->command == OA_COMMAND_CURVE && (!options->data || !options->labels)) {
        return oa_fail(p->error, OA_ERROR_USAGE,
                       "curve needs samples and their classes or targets: give --data and --labels");
    }
    if (options->labels && !options->data) {
        return oa_fail(p->error, OA_ERROR_USAGE, "--labels needs the samples they belong to: give --data, too");
    }
    if (options->repairs && !options->data) {
        return oa_fail(p->error, OA_ERROR_USAGE,
                       "--repair measures the merged model on samples: give --data (labels are not needed)");
    }
    if (options->repairs && options->emit == OA_EMIT_ALIGNED) {
        return oa_fail(p->error, OA_ERROR_USAGE, "--repair is for merged models; --emit aligned merges nothing");
    }
    if (options->points && options->command == OA_COMMAND_ALIGN && !options->report) {
        return oa_fail(p->error, OA_ERROR_USAGE, "--points are those of the line that --report shows: give that, too");
    }
    return check_methods(p);
}

/* Processors that this process may use: fewer than there are in many a container. */
static int usable_processors(void)
{
    cpu_set_t set;
    int count = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 0;
    return count > 0 ? count : 1;
}

oa_status oa_options_read(oa_options *options, int argc, char **argv, oa_error *error)
{
    *options = (oa_options){.argument_count = argc,
                            .arguments = argv,
                            .verifies = true,
                            .tolerance = -1.0,
                            .data_scale = -1.0,
                            .starts = 5,
                            .methods = {.of = {OA_METHOD_AUTO}, .count = 1},
                            .train = {.steps = 2000,
                                      .batch = 8,
                                      .refinements = OA_NONE,
                                      .rate = 1e-3,
                                      .held_out = 0.1,
                                      .checkpoint_seconds = 30.0},
                            .threads = usable_processors()};
    oa_option_parse p = {.options = options, .error = error};
    options->models = oa_calloc((size_t)(argc > 0 ? argc : 1), sizeof *options->models);
    if (!options->models) {
        return oa_fail(error, OA_ERROR_MEMORY, "out of memory");
    }
    int first = 1;
    for (size_t i = 1; argc > 1 && i < sizeof commands / sizeof commands[0]; i++) {
        if (strcmp(argv[1], commands[i]) == 0) {
            options->command = (oa_command)i;
            first = 2;
        }
    }
    bool only_models = false;
    for (int i = first; i < argc; i++) {
        if (!only_models && strcmp(argv[i], "--") == 0) {
            only_models = true;
        } else if (!only_models && argv[i][0] == '-' && argv[i][1]) {
            oa_status status = read_option(&p, &i, argc, argv);
            if (status != OA_OK) {
                return status;
            }
        } else {
            options->models[options->model_count++] = argv[i];
        }
    }
    if (options->wants_help || options->wants_version) {
        return OA_OK;
    }
    oa_status status = check(&p);
    return status == OA_OK ? settle_weights(&p) : status;
}

void oa_options_free(oa_options *options)
{
    oa_free(options->models);
    oa_free(options->data_files);
    oa_free(options->weights);
    for (size_t i = 0; i < options->dimension_count; i++) {
        oa_free((void *)(uintptr_t)options->dimensions[i].name);
    }
    oa_free(options->dimensions);
    *options = (oa_options){0};
}

const char *oa_method_name(oa_method method)
{
    return method_names[method];
}

const char *oa_chain_text(char *text, const oa_method_chain *chain)
{
    size_t at = 0;
    for (size_t i = 0; i < chain->count; i++) {
        at += (size_t)snprintf(text + at, OA_CHAIN_TEXT_SIZE - at, "%s%s", i ? "+" : "", method_names[chain->of[i]]);
    }
    return text;
}

bool oa_chain_has(const oa_method_chain *chain, oa_method method)
{
    for (size_t i = 0; i < chain->count; i++) {
        if (chain->of[i] == method) {
            return true;
        }
    }
    return false;
}
