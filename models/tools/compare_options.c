#include "models/tools/compare_options.h"

#include "core/base/memory.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { METHOD_ARGUMENTS_MAX = 32 };

typedef struct option_row {
    const char *name;
    bool is_text;
    size_t offset; /* of the field of oa_compare_options: a string or a size */
} option_row;

#define FIELD(name) offsetof(oa_compare_options, name)

static const option_row rows[] = {
    {"--data", true, FIELD(data)},
    {"--labels", true, FIELD(labels)},
    {"--match-data", true, FIELD(match_data)},
    {"--match-labels", true, FIELD(match_labels)},
    {"--images", true, FIELD(images)},
    {"--results", true, FIELD(results)},
    {"--iterations", true, FIELD(iterations)},
    {"--learning-rate", true, FIELD(rate)},
    {"--seed", true, FIELD(seed)},
    {"--pairs", false, FIELD(pairs)},
    {"--first-pair", false, FIELD(first)},
    {"--points", false, FIELD(points)},
    {"--samples", false, FIELD(samples)},
    {"--match-samples", false, FIELD(match_samples)},
    {"--threads", false, FIELD(threads)},
};

static oa_status set_value(oa_compare_options *options, const option_row *row, const char *text, oa_error *error)
{
    void *field = (char *)options + row->offset;
    if (row->is_text) {
        *(const char **)field = text;
        return OA_OK;
    }
    char *end;
    errno = 0;
    unsigned long long value = strtoull(text, &end, 10);
    if (*text < '0' || *text > '9' || *end || errno || value > 1000000000) {
        return oa_fail(error, OA_ERROR_USAGE, "%s: '%s' is not a number that fits", row->name, text);
    }
    *(size_t *)field = (size_t)value;
    return OA_OK;
}

static oa_status read_option(oa_compare_options *options, int *at, int argc, char **argv, oa_error *error)
{
    const char *name = argv[*at];
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0) {
        options->wants_help = true;
        return OA_OK;
    }
    if (strcmp(name, "--side-by-side") == 0) {
        options->is_side_by_side = true;
        return OA_OK;
    }
    if (strcmp(name, "--distance") == 0) {
        options->follows_distance = true;
        return OA_OK;
    }
    if (strcmp(name, "--repair") == 0) {
        options->repairs = true;
        return OA_OK;
    }
    if (*at + 1 < argc && (strcmp(name, "-m") == 0 || strcmp(name, "--method") == 0)) {
        if (options->method_count == OA_COMPARE_METHODS_MAX) {
            return oa_fail(error, OA_ERROR_USAGE, "at most %d methods at a time", OA_COMPARE_METHODS_MAX);
        }
        options->methods[options->method_count++].text = argv[++*at];
        return OA_OK;
    }
    for (size_t r = 0; r < sizeof rows / sizeof rows[0] && *at + 1 < argc; r++) {
        if (strcmp(rows[r].name, name) == 0) {
            return set_value(options, &rows[r], argv[++*at], error);
        }
    }
    return oa_fail(error, OA_ERROR_USAGE, "%s: no such option, or its value is missing", name);
}

/* "deep-align:FILE+sinkhorn" into "deep-align+sinkhorn" and "FILE", which ends at a plus sign. */
static oa_status split_method(oa_compare_method *method, oa_error *error)
{
    const char *colon = strchr(method->text, ':');
    size_t length = colon ? strcspn(colon, "+") : 0;
    method->chain = oa_strdup(strcmp(method->text, "naive") == 0 ? "none" : method->text);
    if (colon && method->chain) {
        method->aligner = oa_strdup(colon + 1);
        if (method->aligner) {
            method->aligner[length - 1] = '\0';
            size_t before = (size_t)(colon - method->text);
            memmove(method->chain + before, colon + length, strlen(colon + length) + 1);
        }
    }
    return method->chain && (!colon || method->aligner) ? OA_OK : oa_fail(error, OA_ERROR_MEMORY, "out of memory");
}

/* What onnx-align makes of a method. Samples are read here, so that any names will do for them. */
static oa_status settle_method(oa_compare_method *method, const oa_compare_options *options, oa_error *error)
{
    char threads[32];
    const char *arguments[METHOD_ARGUMENTS_MAX] = {"onnx-align", "a", "b", "-o", "none"};
    size_t count = 5;
    oa_status status = split_method(method, error);
    if (status != OA_OK) {
        return status;
    }
    snprintf(threads, sizeof threads, "%zu", options->is_side_by_side ? 1 : options->threads);
    const char *const optional[][2] = {
        {"--method", method->chain},        {"--threads", threads},         {"--data", "the samples for matching"},
        {"--labels", "their labels"},       {"--aligner", method->aligner}, {"--iterations", options->iterations},
        {"--learning-rate", options->rate}, {"--seed", options->seed},
    };
    bool optimises = strstr(method->chain, "sinkhorn") || strstr(method->chain, "ste");
    for (size_t i = 0; i < sizeof optional / sizeof optional[0]; i++) {
        bool is_idle =
            (strcmp(optional[i][0], "--iterations") == 0 || strcmp(optional[i][0], "--learning-rate") == 0) &&
            !optimises;
        if (optional[i][1] && !is_idle) {
            arguments[count++] = optional[i][0];
            arguments[count++] = optional[i][1];
        }
    }
    char *writable[METHOD_ARGUMENTS_MAX];
    for (size_t i = 0; i < count; i++) {
        memcpy(&writable[i], &arguments[i], sizeof writable[i]); /* as of main; they are not written to */
    }
    status = oa_options_read(&method->options, (int)count, writable, error);
    method->options.is_quiet = true;
    if (status != OA_OK) {
        oa_error_context(error, "method '%s'", method->text);
    }
    return status;
}

static oa_status check(const oa_compare_options *options, oa_error *error)
{
    if (!options->folder_count || !options->method_count) {
        return oa_fail(error, OA_ERROR_USAGE, "name at least one folder of networks and one method (-m)");
    }
    if (!options->data != !options->labels || (options->match_labels && !options->match_data)) {
        return oa_fail(error, OA_ERROR_USAGE, "samples and labels belong together");
    }
    if (options->points < 2 || !options->samples || !options->match_samples || !options->threads) {
        return oa_fail(error, OA_ERROR_USAGE,
                       "--points is at least 2; --samples, --match-samples, --threads at least 1");
    }
    return OA_OK;
}

oa_status oa_compare_options_read(oa_compare_options *options, int argc, char **argv, oa_error *error)
{
    *options = (oa_compare_options){.points = 11,
                                    .samples = 2000,
                                    .match_samples = 4000,
                                    .threads = 2,
                                    .images = "/usr/share/datasets/fashion-mnist",
                                    .folders = oa_calloc((size_t)argc + 1, sizeof *options->folders)};
    if (!options->folders) {
        return oa_fail(error, OA_ERROR_MEMORY, "out of memory");
    }
    oa_status status = OA_OK;
    for (int at = 1; at < argc && status == OA_OK; at++) {
        if (argv[at][0] == '-') {
            status = read_option(options, &at, argc, argv, error);
        } else {
            options->folders[options->folder_count++] = argv[at];
        }
    }
    if (status != OA_OK || options->wants_help) {
        return status;
    }
    status = check(options, error);
    if (!options->match_data) {
        options->match_data = options->data;
        options->match_labels = options->labels;
    }
    for (size_t m = 0; m < options->method_count && status == OA_OK; m++) {
        status = settle_method(&options->methods[m], options, error);
    }
    return status;
}

void oa_compare_options_free(oa_compare_options *options)
{
    for (size_t m = 0; m < options->method_count; m++) {
        oa_options_free(&options->methods[m].options);
        oa_free(options->methods[m].chain);
        oa_free(options->methods[m].aligner);
    }
    oa_free(options->folders);
    *options = (oa_compare_options){0};
}

const char *oa_compare_help(void)
{
    return "compare-methods FOLDER... -m METHOD [-m METHOD ...] --data D --labels L [options]\n"
           "\n"
           "Aligns the pairs of networks of each folder (the files by name, two and two) by each method, and measures\n"
           "loss and accuracy along the line between the two. Prints one JSON object for each folder and method.\n"
           "Networks of signals (train-family --task sine, image) are measured on their own signal, without --data.\n"
           "\n"
           "  -m METHOD           naive, or what onnx-align --method takes; deep-align:FILE names the aligner\n"
           "  --data, --labels    samples to judge on; --samples N of them at most (default 2000)\n"
           "  --match-data, --match-labels   samples for methods that run the networks (default: the same);\n"
           "                      --match-samples N of them at most (default 4000); without labels, sinkhorn and ste\n"
           "                      follow what the two networks say themselves\n"
           "  --distance          sinkhorn follows the distance of the weights\n"
           "  --pairs N           at most; --first-pair K to begin with\n"
           "  --points N          on the line, ends included (default 11)\n"
           "  --iterations N, --learning-rate X, --seed S, --threads N   for the methods\n"
           "  --repair            repair the averages on the line, on the samples for matching\n"
           "  --side-by-side      match as many pairs at a time as there are threads, each on one of them\n"
           "  --images FOLDER     Fashion-MNIST, for networks of its images\n"
           "  --results FILE      append the JSON objects to this file, one a line\n";
}
