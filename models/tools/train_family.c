/* train-family: trains families of small networks, for aligners to learn from and to be tested on. */
#include "core/base/memory.h"
#include "core/base/parallel.h"
#include "core/linalg/blas.h"
#include "models/tools/npy_file.h"
#include "models/tools/train_network.h"
#include "models/tools/train_options.h"
#include "onnx_io/paths.h"

#include <errno.h>
#include <inttypes.h>
#include <malloc.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

enum { TEST_SAMPLES = 2000, PATH_EXTRA = 64 };

/* What a network came to; seconds are 0 when its file was there already. */
typedef struct outcome {
    oa_evaluation evaluation;
    double seconds;
} outcome;

typedef struct family_run {
    const oa_train_family_options *options;
    oa_curriculum curriculum;
    size_t views;      /* networks of a number */
    outcome *outcomes; /* [count * views] */
} family_run;

static double seconds_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* FOLDER/NAME, owned by the caller. */
static char *path_in(const char *folder, const char *name, oa_error *error)
{
    char *path = oa_path_join(folder, name);
    if (!path) {
        oa_fail(error, OA_ERROR_MEMORY, "out of memory");
    }
    return path;
}

static oa_status train_one(void *context, size_t item, size_t worker, oa_error *error)
{
    family_run *run = context;
    oa_pupil pupil = {.number = run->options->first + item / run->views, .view = item % run->views};
    outcome *made = &run->outcomes[item];
    char name[PATH_EXTRA];
    struct stat info;
    (void)worker;
    if (run->views > 1) {
        snprintf(name, sizeof name, "%05zu-%zu.onnx", pupil.number, pupil.view);
    } else {
        snprintf(name, sizeof name, "%05zu.onnx", pupil.number);
    }
    char *path = path_in(run->options->output, name, error);
    if (!path) {
        return OA_ERROR_MEMORY;
    }
    oa_status status = OA_OK;
    if (stat(path, &info) != 0) { /* files appear whole: one that is there is complete */
        double start = seconds_now();
        status = oa_train_network(&made->evaluation, &run->curriculum, &pupil, path, error);
        if (status != OA_OK) {
            oa_error_context(error, "%s", path);
            oa_free(path);
            return status;
        }
        made->seconds = seconds_now() - start;
        if (made->evaluation.has_accuracy) {
            fprintf(stderr, "%s: accuracy %.2f%%, loss %.4f, %.2f s\n", name, 100.0 * made->evaluation.accuracy,
                    made->evaluation.loss, made->seconds);
        } else {
            fprintf(stderr, "%s: mean squared error %.3g, %.2f s\n", name, made->evaluation.loss, made->seconds);
        }
    }
    oa_free(path);
    return status;
}

static void print_summary(const family_run *run, double seconds)
{
    size_t total = run->options->count * run->views;
    size_t trained = 0;
    double loss = 0.0, accuracy = 0.0, least = INFINITY, most = -INFINITY, busy = 0.0;
    bool has_accuracy = false;
    for (size_t i = 0; i < total; i++) {
        const outcome *made = &run->outcomes[i];
        if (made->seconds > 0.0) {
            double mark = made->evaluation.has_accuracy ? made->evaluation.accuracy : made->evaluation.loss;
            has_accuracy = made->evaluation.has_accuracy;
            trained++;
            loss += made->evaluation.loss;
            accuracy += made->evaluation.accuracy;
            least = fmin(least, mark);
            most = fmax(most, mark);
            busy += made->seconds;
        }
    }
    fprintf(stderr, "%zu of %zu networks trained in %.1f s (%.2f s each on its thread)\n", trained, total, seconds,
            trained ? busy / (double)trained : 0.0);
    if (trained && has_accuracy) {
        fprintf(stderr, "accuracy %.2f%% (%.2f%% to %.2f%%), loss %.4f\n", 100.0 * accuracy / (double)trained,
                100.0 * least, 100.0 * most, loss / (double)trained);
    } else if (trained) {
        fprintf(stderr, "mean squared error %.3g (%.3g to %.3g)\n", loss / (double)trained, least, most);
    }
}

static oa_status save_array(const char *folder, const char *name, const oa_array *array, oa_error *error)
{
    char *path = path_in(folder, name, error);
    oa_status status = path ? oa_npy_save(path, array, error) : OA_ERROR_MEMORY;
    oa_free(path);
    return status;
}

/* The shape of a network's input, samples first. */
static size_t input_dims(size_t dims[OA_MAX_RANK], const oa_architecture *architecture)
{
    bool has_images = oa_architecture_takes_images(architecture);
    dims[1] = has_images ? 1 : oa_architecture_inputs(architecture);
    dims[2] = dims[3] = OA_NET_IMAGE_SIDE;
    return has_images ? 4 : 2;
}

static oa_status write_set(const family_run *run, bool from_training, size_t limit, const char *inputs,
                           const char *truth, oa_error *error)
{
    const oa_exercise *exercise = &run->curriculum.exercise;
    oa_signal signal = oa_exercise_signal(exercise, run->options->seed, 0);
    oa_exercise_set set = {0};
    size_t dims[OA_MAX_RANK];
    size_t rank = input_dims(dims, &run->options->architecture);
    oa_status status = oa_exercise_make_set(&set, exercise, &signal, from_training, limit, dims, rank, error);
    if (status == OA_OK) {
        status = save_array(run->options->output, inputs, &set.inputs, error);
    }
    if (status == OA_OK && truth) {
        status = save_array(run->options->output, truth, &set.truth, error);
    }
    oa_exercise_set_free(&set);
    return status;
}

static oa_status write_data(const family_run *run, oa_error *error)
{
    if (run->curriculum.exercise.has_signals) {
        return write_set(run, false, SIZE_MAX, "points.npy", NULL, error);
    }
    oa_status status = write_set(run, true, run->options->samples, "train-images.npy", "train-labels.npy", error);
    return status == OA_OK ? write_set(run, false, SIZE_MAX, "test-images.npy", "test-labels.npy", error) : status;
}

static oa_status prepare(family_run *run, oa_error *error)
{
    const oa_train_family_options *options = run->options;
    oa_curriculum *curriculum = &run->curriculum;
    if (mkdir(options->output, 0777) != 0 && errno != EEXIST) {
        return oa_fail(error, OA_ERROR_OUTPUT, "%s: cannot be created: %s", options->output, strerror(errno));
    }
    oa_status status = oa_exercise_open(&curriculum->exercise, options->task, options->data, error);
    if (status == OA_OK && (curriculum->exercise.inputs != oa_architecture_inputs(&options->architecture) ||
                            curriculum->exercise.outputs != oa_architecture_outputs(&options->architecture))) {
        status =
            oa_fail(error, OA_ERROR_USAGE, "%s: task %s takes %zu numbers and gives %zu", options->architecture_text,
                    oa_exercise_name(options->task), curriculum->exercise.inputs, curriculum->exercise.outputs);
    }
    if (status == OA_OK && !curriculum->exercise.has_signals) {
        size_t dims[OA_MAX_RANK];
        size_t rank = input_dims(dims, &options->architecture);
        status = oa_exercise_make_set(&curriculum->test, &curriculum->exercise, NULL, false, TEST_SAMPLES, dims, rank,
                                      error);
    }
    run->views = curriculum->exercise.has_signals ? 2 : 1;
    run->outcomes = oa_calloc(options->count, run->views * sizeof *run->outcomes);
    if (status == OA_OK && !run->outcomes) {
        status = oa_fail(error, OA_ERROR_MEMORY, "out of memory for %zu networks", options->count);
    }
    return status;
}

static oa_status train_family(const oa_train_family_options *options, oa_error *error)
{
    family_run run = {.options = options,
                      .curriculum = {.architecture_text = options->architecture_text,
                                     .architecture = options->architecture,
                                     .steps = options->steps,
                                     .batch = options->batch,
                                     .rate = options->rate,
                                     .seed = options->seed}};
    oa_status status = prepare(&run, error);
    if (status == OA_OK && options->writes_data) {
        status = write_data(&run, error);
    }
    if (status == OA_OK && options->count) {
        double start = seconds_now();
        status = oa_parallel(options->count * run.views, options->threads, train_one, &run, error);
        print_summary(&run, seconds_now() - start);
    }
    oa_exercise_set_free(&run.curriculum.test);
    oa_exercise_close(&run.curriculum.exercise);
    oa_free(run.outcomes);
    return status;
}

int main(int argc, char **argv)
{
    oa_train_family_options options;
    oa_error error = {0};
    /* A network's blocks are given back and asked for again all the time: fetching them from the system anew, page by
     * page, would take longer than the arithmetic. */
    mallopt(M_MMAP_THRESHOLD, 1 << 30);
    mallopt(M_TRIM_THRESHOLD, 1 << 30);
    oa_blas_fit_processor();
    oa_blas_set_threads(1); /* networks are trained side by side */
    oa_status status = oa_train_family_options_read(&options, argc, argv, &error);
    if (status == OA_OK && options.wants_help) {
        fputs(oa_train_family_help(), stdout);
        return 0;
    }
    if (status == OA_OK) {
        status = train_family(&options, &error);
    }
    if (status != OA_OK) {
        fprintf(stderr, "train-family: %s\n", error.message);
    }
    return oa_status_exit(status);
}
