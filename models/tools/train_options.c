#include "models/tools/train_options.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef enum value_kind { VALUE_TEXT, VALUE_SIZE, VALUE_SEED, VALUE_RATE, VALUE_FLAG } value_kind;

typedef struct option_row {
    const char *name;
    value_kind kind;
    size_t offset; /* of the field of oa_train_family_options */
} option_row;

#define FIELD(name) offsetof(oa_train_family_options, name)

static const option_row rows[] = {
    {"--data", VALUE_TEXT, FIELD(data)},       {"-o", VALUE_TEXT, FIELD(output)},
    {"--output", VALUE_TEXT, FIELD(output)},   {"--first", VALUE_SIZE, FIELD(first)},
    {"--count", VALUE_SIZE, FIELD(count)},     {"--steps", VALUE_SIZE, FIELD(steps)},
    {"--batch", VALUE_SIZE, FIELD(batch)},     {"--threads", VALUE_SIZE, FIELD(threads)},
    {"--samples", VALUE_SIZE, FIELD(samples)}, {"--seed", VALUE_SEED, FIELD(seed)},
    {"--rate", VALUE_RATE, FIELD(rate)},       {"--write-data", VALUE_FLAG, FIELD(writes_data)},
    {"--help", VALUE_FLAG, FIELD(wants_help)}, {"-h", VALUE_FLAG, FIELD(wants_help)},
};

static oa_status bad_value(oa_error *error, const char *name, const char *text)
{
    return oa_fail(error, OA_ERROR_USAGE, "%s: '%s' is not a number that fits", name, text);
}

static oa_status set_value(oa_train_family_options *options, const option_row *row, const char *text, oa_error *error)
{
    void *field = (char *)options + row->offset;
    char *end;
    errno = 0;
    if (row->kind == VALUE_TEXT) {
        *(const char **)field = text;
        return OA_OK;
    }
    if (row->kind == VALUE_RATE) {
        double value = strtod(text, &end);
        if (end == text || *end || !isfinite(value) || value <= 0.0) {
            return bad_value(error, row->name, text);
        }
        *(double *)field = value;
        return OA_OK;
    }
    unsigned long long value = strtoull(text, &end, 10);
    if (*text < '0' || *text > '9' || *end || errno || (row->kind == VALUE_SIZE && value > 1000000000)) {
        return bad_value(error, row->name, text);
    }
    if (row->kind == VALUE_SIZE) {
        *(size_t *)field = (size_t)value;
    } else {
        *(uint64_t *)field = value;
    }
    return OA_OK;
}

/* Reads the option at argv[*at] and moves *at to its last argument. */
static oa_status read_option(oa_train_family_options *options, const char **task, int *at, int argc, char **argv,
                             oa_error *error)
{
    const char *name = argv[*at];
    if (strcmp(name, "--task") == 0 && *at + 1 < argc) {
        *task = argv[++*at];
        return OA_OK;
    }
    for (size_t r = 0; r < sizeof rows / sizeof rows[0]; r++) {
        if (strcmp(rows[r].name, name) != 0) {
            continue;
        }
        if (rows[r].kind == VALUE_FLAG) {
            *(bool *)((char *)options + rows[r].offset) = true;
            return OA_OK;
        }
        if (*at + 1 < argc) {
            return set_value(options, &rows[r], argv[++*at], error);
        }
    }
    return oa_fail(error, OA_ERROR_USAGE, "%s: no such option, or its value is missing", name);
}

/* What trains well enough in little time. */
static void set_defaults(oa_train_family_options *options)
{
    static const struct {
        size_t steps, batch;
        double rate;
    } defaults[] = {
        [OA_NET_DENSE] = {800, 64, 1e-3},  [OA_NET_CONV] = {450, 64, 3e-3}, [OA_NET_RESNET] = {450, 64, 3e-3},
        [OA_NET_SINE] = {2000, 128, 3e-3}, [OA_NET_VIT] = {800, 64, 3e-3},  [OA_NET_LSTM] = {800, 64, 5e-3},
    };
    oa_net_kind kind = options->architecture.kind;
    options->steps = options->steps ? options->steps : defaults[kind].steps;
    options->batch = options->batch ? options->batch : defaults[kind].batch;
    options->rate = options->rate > 0.0 ? options->rate : defaults[kind].rate;
}

static oa_status check(const oa_train_family_options *options, oa_error *error)
{
    if (!options->output) {
        return oa_fail(error, OA_ERROR_USAGE, "give a folder for the networks: -o FOLDER");
    }
    if (!options->count && !options->writes_data) {
        return oa_fail(error, OA_ERROR_USAGE, "say how many networks to train: --count N");
    }
    if (!options->threads || !options->samples) {
        return oa_fail(error, OA_ERROR_USAGE, "--threads and --samples are at least 1");
    }
    return OA_OK;
}

oa_status oa_train_family_options_read(oa_train_family_options *options, int argc, char **argv, oa_error *error)
{
    oa_train_family_options made = {
        .data = "/usr/share/datasets/fashion-mnist", .threads = 2, .samples = 10000, .architecture_text = NULL};
    const char *task = "fashion";
    oa_status status = OA_OK;
    for (int at = 1; at < argc && status == OA_OK; at++) {
        if (argv[at][0] == '-') {
            status = read_option(&made, &task, &at, argc, argv, error);
        } else if (made.architecture_text) {
            status = oa_fail(error, OA_ERROR_USAGE, "'%s': one architecture at a time", argv[at]);
        } else {
            made.architecture_text = argv[at];
        }
    }
    if (status == OA_OK && !made.wants_help) {
        status = made.architecture_text
                     ? oa_architecture_parse(&made.architecture, made.architecture_text, error)
                     : oa_fail(error, OA_ERROR_USAGE, "name an architecture; --help tells which there are");
        if (status == OA_OK && !oa_exercise_find(&made.task, task)) {
            status = oa_fail(error, OA_ERROR_USAGE, "--task: '%s' is not known; --help tells which are", task);
        }
        status = status == OA_OK ? check(&made, error) : status;
    }
    if (status != OA_OK) {
        return status;
    }
    set_defaults(&made);
    *options = made;
    return OA_OK;
}

const char *oa_train_family_help(void)
{
    return "train-family ARCHITECTURE --task TASK --count N -o FOLDER [options]\n"
           "\n"
           "Trains N networks of one architecture from different starts and writes each as FOLDER/NUMBER.onnx; "
           "signals\n"
           "get two networks each, NUMBER-0.onnx and NUMBER-1.onnx. Files that exist are left as they are, so that an\n"
           "interrupted run goes on where it was.\n"
           "\n"
           "architectures  mlp:784-128-128-128-10 mlp-gelu:... mlp-tanh:... mlp-res:...\n"
           "               cnn:8-16-16/32 cnn-bn:... vgg:8-16/32 vgg-bn:... resnet:8-16 inr:1-32-32-1[/FREQUENCIES]\n"
           "               vit:32-64-64/4 lstm:32-32\n"
           "tasks          fashion disjoint-a disjoint-b rotated; sine image (for inr)\n"
           "\n"
           "  --count N       networks, or signals\n"
           "  --first K       number of the first (default 0)\n"
           "  --seed S        a network follows from seed and number alone (default 0)\n"
           "  --steps N --batch N --rate X    of Adam, which falls to 0 in a straight line; defaults by architecture\n"
           "  --threads N     networks trained at a time (default 2)\n"
           "  --data FOLDER   Fashion-MNIST (default /usr/share/datasets/fashion-mnist)\n"
           "  --write-data    write the data as the networks take them: train-images.npy, train-labels.npy,\n"
           "                  test-images.npy, test-labels.npy; for signals points.npy\n"
           "  --samples N     training samples written (default 10000)\n";
}
