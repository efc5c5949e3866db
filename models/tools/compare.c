/* compare-methods: how well and how fast methods align the pairs of a family. */
#include "core/base/memory.h"
#include "core/base/parallel.h"
#include "core/linalg/blas.h"
#include "models/tools/compare_pair.h"
#include "plugin/cli/report.h"
#include "plugin/cli/sample_folder.h"

#include <errno.h>
#include <malloc.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct comparison {
    oa_compare_options *options;
    const char *folder;
    oa_compare_pair *pairs; /* [count] */
    size_t count;
    oa_compare_set test, match;
    oa_exercise exercise;                         /* of signals */
    oa_aligner *aligners[OA_COMPARE_METHODS_MAX]; /* of methods that have asked for one */
} comparison;

static oa_status load_pairs(comparison *run, oa_error *error)
{
    const oa_compare_options *options = run->options;
    oa_sample_folder files = {0};
    oa_status status = oa_folder_list(&files, run->folder, ".onnx", error);
    if (status != OA_OK) {
        return status;
    }
    size_t pairs = files.count / 2 > options->first ? files.count / 2 - options->first : 0;
    pairs = options->pairs && options->pairs < pairs ? options->pairs : pairs;
    run->pairs = oa_calloc(pairs, sizeof *run->pairs);
    if (!pairs) {
        status = oa_fail(error, OA_ERROR_INPUT, "%s: holds no pair of networks", run->folder);
    } else if (!run->pairs) {
        status = oa_fail(error, OA_ERROR_MEMORY, "out of memory for %zu pairs", pairs);
    }
    for (size_t i = 0; i < pairs && status == OA_OK; i++) {
        char **chosen = files.paths + 2 * (options->first + i);
        run->count++;
        status = oa_compare_pair_load(&run->pairs[i], chosen[0], chosen[1], run->options, error);
        chosen[0] = chosen[1] = NULL; /* the pair's own now */
    }
    oa_sample_folder_free(&files);
    return status;
}

/* What pairs are judged on: signals by themselves, everything else by the files. */
static oa_status load_samples(comparison *run, oa_error *error)
{
    const oa_compare_options *options = run->options;
    bool is_signal = false;
    oa_status status = OA_OK;
    for (size_t i = 0; i < run->count && status == OA_OK; i++) {
        oa_model **models = run->pairs[i].run.models;
        status = oa_compare_set_signal(&run->pairs[i].test, &is_signal, &run->exercise, models[0], models[1],
                                       options->images, error);
    }
    if (status != OA_OK || is_signal) {
        return status;
    }
    if (!options->data) {
        return oa_fail(error, OA_ERROR_USAGE, "%s: give samples to judge on: --data and --labels", run->folder);
    }
    const oa_graph *graph = oa_run_graph(&run->pairs[0].run, 0);
    status = oa_compare_set_load(&run->test, options->data, options->labels, graph, options->samples, error);
    return status == OA_OK ? oa_compare_set_load(&run->match, options->match_data, options->match_labels, graph,
                                                 options->match_samples, error)
                           : status;
}

typedef struct measurement {
    comparison *run;
    size_t method;
} measurement;

static oa_status match_one(void *context, size_t item, size_t worker, oa_error *error)
{
    const measurement *what = context;
    comparison *run = what->run;
    oa_compare_pair *pair = &run->pairs[item];
    oa_samples samples = oa_compare_set_samples(pair->test.arrays.inputs.data ? &pair->test : &run->match);
    (void)worker;
    oa_status status =
        oa_compare_pair_match(pair, run->options, what->method, &samples, run->aligners[what->method], error);
    oa_samples_close(&samples);
    return status;
}

/* One pair after the other, each with all threads, so that times are those of a user with one pair; or side by side,
 * each with one thread. */
static oa_status match_all(comparison *run, size_t method, oa_error *error)
{
    size_t beside = run->options->is_side_by_side ? run->options->threads : 1;
    measurement what = {.run = run, .method = method};
    oa_blas_set_threads((int)(run->options->threads / beside));
    oa_status status = oa_compare_load_aligner(&run->aligners[method], &run->pairs[0], run->options, method, error);
    return status == OA_OK ? oa_parallel(run->count, beside, match_one, &what, error) : status;
}

static oa_status measure_one(void *context, size_t item, size_t worker, oa_error *error)
{
    const measurement *what = context;
    (void)worker;
    return oa_compare_pair_measure(&what->run->pairs[item], what->run->options, what->method, &what->run->test,
                                   &what->run->match, error);
}

static oa_status measure_all(comparison *run, size_t method, oa_error *error)
{
    measurement what = {.run = run, .method = method};
    oa_blas_set_threads(1);
    return oa_parallel(run->count, run->options->threads, measure_one, &what, error);
}

/* {mean, deviation} of a number of each pair's outcome, `offset` bytes into it. */
static json_t *statistics_of(const comparison *run, size_t method, size_t offset)
{
    double mean = 0.0;
    double squares = 0.0;
    for (size_t i = 0; i < run->count; i++) {
        double value = *(const double *)(const void *)((const char *)&run->pairs[i].outcomes[method] + offset);
        double off = value - mean;
        mean += off / (double)(i + 1);
        squares += off * (value - mean);
    }
    double deviation = run->count > 1 ? sqrt(squares / (double)(run->count - 1)) : 0.0;
    return json_pack("{s:f, s:f}", "mean", mean, "deviation", deviation);
}

#define STATISTICS(field) statistics_of(run, method, offsetof(oa_compare_outcome, field))

static json_t *report(const comparison *run, size_t method)
{
    bool has_accuracy = run->pairs[0].outcomes[method].has_accuracy;
    const oa_compare_set *test = run->pairs[0].test.arrays.inputs.data ? &run->pairs[0].test : &run->test;
    const oa_compare_set *match = run->pairs[0].test.arrays.inputs.data ? &run->pairs[0].test : &run->match;
    return json_pack("{s:s, s:s, s:b, s:I, s:I, s:I, s:I, s:I, s:I, s:b, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "folder",
                     run->folder, "method", run->options->methods[method].text, "repair", run->options->repairs,
                     "iterations", (json_int_t)run->options->methods[method].options.iterations, "pairs",
                     (json_int_t)run->count, "points", (json_int_t)run->options->points, "samples",
                     (json_int_t)test->arrays.inputs.dims[0], "match_samples", (json_int_t)match->arrays.inputs.dims[0],
                     "threads", (json_int_t)(run->options->is_side_by_side ? 1 : run->options->threads), "match_labels",
                     match->arrays.truth.data != NULL, "seconds", STATISTICS(seconds), "barrier", STATISTICS(barrier),
                     "auc", STATISTICS(auc), "end_loss", STATISTICS(end_loss), "middle_loss", STATISTICS(middle_loss),
                     "end_accuracy", has_accuracy ? STATISTICS(end_accuracy) : json_null(), "middle_accuracy",
                     has_accuracy ? STATISTICS(middle_accuracy) : json_null());
}

static oa_status append_line(const char *path, const char *text, oa_error *error)
{
    FILE *file = fopen(path, "a");
    bool is_written = file && fprintf(file, "%s\n", text) > 0;
    is_written = (!file || fclose(file) == 0) && is_written;
    return is_written ? OA_OK : oa_fail(error, OA_ERROR_OUTPUT, "%s: cannot be written: %s", path, strerror(errno));
}

static oa_status print(const comparison *run, size_t method, oa_error *error)
{
    json_t *object = report(run, method);
    char *text = object ? json_dumps(object, JSON_REAL_PRECISION(6)) : NULL;
    json_decref(object);
    if (!text) {
        return oa_fail(error, OA_ERROR_MEMORY, "out of memory for the report");
    }
    puts(text);
    fflush(stdout);
    oa_status status = run->options->results ? append_line(run->options->results, text, error) : OA_OK;
    free(text); /* jansson's own allocation */
    return status;
}

static oa_status compare_folder(oa_compare_options *options, const char *folder, oa_error *error)
{
    comparison run = {.options = options, .folder = folder};
    oa_status status = load_pairs(&run, error);
    if (status == OA_OK) {
        status = load_samples(&run, error);
    }
    for (size_t m = 0; m < options->method_count && status == OA_OK; m++) {
        status = match_all(&run, m, error);
        status = status == OA_OK ? measure_all(&run, m, error) : status;
        status = status == OA_OK ? print(&run, m, error) : status;
    }
    for (size_t m = 0; m < options->method_count; m++) {
        oa_aligner_destroy(run.aligners[m]);
    }
    for (size_t i = 0; i < run.count; i++) {
        oa_compare_pair_free(&run.pairs[i]);
    }
    oa_free(run.pairs);
    oa_compare_set_free(&run.test);
    oa_compare_set_free(&run.match);
    oa_exercise_close(&run.exercise);
    return status;
}

int main(int argc, char **argv)
{
    oa_compare_options options;
    oa_error error = {0};
    /* Pair after pair takes the same blocks: fetching them from the system anew, page by page, would be a good part of
     * the time of fast methods. */
    mallopt(M_MMAP_THRESHOLD, 1 << 30);
    mallopt(M_TRIM_THRESHOLD, 1 << 30);
    oa_blas_fit_processor();
    oa_status status = oa_compare_options_read(&options, argc, argv, &error);
    if (status == OA_OK && options.wants_help) {
        fputs(oa_compare_help(), stdout);
    }
    for (size_t f = 0; f < options.folder_count && status == OA_OK && !options.wants_help; f++) {
        status = compare_folder(&options, options.folders[f], &error);
    }
    oa_compare_options_free(&options);
    if (status != OA_OK) {
        fprintf(stderr, "compare-methods: %s\n", error.message);
    }
    return oa_status_exit(status);
}
