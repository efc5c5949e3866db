#include "plugin/cli/auto.h"

#include "core/base/memory.h"
#include "core/exec/feed.h"
#include "core/exec/teach.h"
#include "core/exec/work.h"
#include "core/merge/merge.h"
#include "plugin/cli/aligner_find.h"
#include "plugin/cli/methods.h"

#include <math.h>

/* A tenth of what Sinkhorn needs from nothing gets behind an aligner to a better place (docs/results.md). */
enum { AUTO_ITERATIONS = 100 };

/* Fewer samples, and fewer labels, are learned by heart (docs/auto.md). */
enum { AUTO_SAMPLES_MIN = 200, AUTO_LABELS_MIN = 4000 };

/* More multiplications and additions take minutes, and memory for a batch of samples forwards and backwards, which is
 * what a step takes. */
static const double AUTO_WORK_MAX = 4e12, WORK_OF_STEP = 3.0 * 128.0;

/* What candidates are tried on: as many are enough to tell them from one another (docs/results.md). */
enum { TRIAL_SAMPLES = 2000, TRIAL_BATCH = 100 };
static const size_t TRIAL_BYTES_MAX = (size_t)64 << 20;

static void add(oa_align_run *run, size_t count, const oa_method *methods)
{
    oa_method_chain *chain = &run->candidates[run->candidate_count++];
    *chain = (oa_method_chain){.count = count};
    for (size_t i = 0; i < count; i++) {
        chain->of[i] = methods[i];
    }
}

#define CANDIDATE(run, ...)                                                                                            \
    add(run, sizeof((const oa_method[]){__VA_ARGS__}) / sizeof(oa_method), (const oa_method[]){__VA_ARGS__})

void oa_auto_list(oa_align_run *run)
{
    bool has_aligner = run->options->aligner || oa_aligner_is_at_hand();
    size_t samples = run->samples.data.count;
    run->candidate_count = 0;
    run->method_reason = "there are samples";
    if (samples) {
        CANDIDATE(run, OA_METHOD_ACTIVATIONS);
    }
    if (samples && has_aligner) {
        CANDIDATE(run, OA_METHOD_DEEP_ALIGN);
    }
    if (samples >= AUTO_SAMPLES_MIN && has_aligner) {
        CANDIDATE(run, OA_METHOD_DEEP_ALIGN, OA_METHOD_SINKHORN);
        run->iterations = run->iterations ? run->iterations : AUTO_ITERATIONS;
        run->skips_labels = samples < AUTO_LABELS_MIN;
    }
    if (!samples) {
        run->method_reason = has_aligner ? "there are no samples" : "there are no samples, and no aligner";
    }
    if (has_aligner) {
        CANDIDATE(run, OA_METHOD_DEEP_ALIGN, OA_METHOD_WEIGHTS);
    } else {
        CANDIDATE(run, OA_METHOD_WEIGHTS);
    }
    run->methods = run->candidates[0];
}

/* Some of the samples, evenly spread, with labels or what the models say themselves. */
typedef struct trial {
    oa_array *rows; /* [count] of the inputs */
    size_t count;
    oa_array targets;
    oa_samples samples;
} trial;

static void trial_free(trial *t)
{
    for (size_t r = 0; r < t->count; r++) {
        oa_array_free(&t->rows[r]);
    }
    oa_batches_close(&t->samples.data);
    oa_free(t->rows);
    oa_array_free(&t->targets);
}

/* Would Sinkhorn's steps take too long? What its gradients cannot run need not be tried either. */
static oa_status check_work(bool *is_too_much, const trial *t, oa_align_run *run, oa_error *error)
{
    const oa_graph *a = oa_run_graph(run, 0);
    size_t fixed = oa_fixed_batch(a), n = fixed ? fixed : 1;
    oa_rows rows = {0};
    oa_feed feed = {0};
    double work = 0.0;
    oa_status status = oa_rows_read(&rows, &t->samples.data, 0, 1, n, error);
    status = status == OA_OK ? oa_feed_set(&feed, a, &rows, NULL, error) : status;
    status = status == OA_OK ? oa_count_work(&work, a, feed.inputs, error) : status;
    oa_rows_free(&rows);
    oa_feed_free(&feed);
    *is_too_much = work / (double)n * WORK_OF_STEP * (double)run->iterations > AUTO_WORK_MAX;
    if (status == OA_ERROR_UNSUPPORTED) {
        *is_too_much = true;
        *error = (oa_error){0};
        status = OA_OK;
    }
    return status;
}

/* Leaves Sinkhorn out, which at most one candidate has, where it takes too long. */
static oa_status drop_what_takes_long(const trial *t, oa_align_run *run, oa_error *error)
{
    size_t k = 0;
    bool is_too_much = false;
    while (k < run->candidate_count && !oa_chain_has(&run->candidates[k], OA_METHOD_SINKHORN)) {
        k++;
    }
    oa_status status = k < run->candidate_count ? check_work(&is_too_much, t, run, error) : OA_OK;
    if (status == OA_OK && is_too_much) {
        run->candidates[k] = run->candidates[--run->candidate_count];
        if (run->options->is_verbose) {
            oa_note(run->options, "sinkhorn is not tried: %zu steps through these models take minutes",
                    run->iterations);
        }
    }
    return status;
}

/* How many samples fit into the bound, at least one. */
static size_t count_samples(const oa_batches *data)
{
    size_t bytes = 0, count = data->count < TRIAL_SAMPLES ? data->count : TRIAL_SAMPLES;
    for (; data; data = data->next) {
        bytes += data->read ? oa_batches_elements(data) * oa_dtype_size(data->dtype) : 0;
    }
    size_t fitting = bytes ? TRIAL_BYTES_MAX / bytes : count;
    return fitting == 0 ? 1 : fitting < count ? fitting : count;
}

static oa_status take_rows(trial *t, const oa_batches *data, size_t n, oa_error *error)
{
    t->count = oa_batches_inputs(data);
    t->rows = oa_calloc(t->count, sizeof *t->rows);
    oa_status status = t->rows ? OA_OK : oa_fail(error, OA_ERROR_MEMORY, "out of memory for trials");
    for (size_t r = 0; r < t->count && status == OA_OK; r++, data = data->next) {
        oa_batches row = {0};
        if (data->read) {
            status = oa_batches_spread(&t->rows[r], data, n, error);
            row = status == OA_OK ? oa_batches_of_array(&t->rows[r]) : row;
        }
        if (status == OA_OK && r == 0) {
            t->samples.data = row;
        } else if (status == OA_OK) {
            status = oa_batches_chain(&t->samples.data, &row, error);
        }
    }
    return status;
}

static oa_status open_trial(trial *t, oa_align_run *run, size_t follower, oa_error *error)
{
    size_t n = count_samples(&run->samples.data);
    oa_runnable teachers[2];
    oa_status status = take_rows(t, &run->samples.data, n, error);
    t->samples.loss = run->samples.loss;
    if (status == OA_OK && run->samples.targets.count) {
        status = oa_batches_spread(&t->targets, &run->samples.targets, n, error);
    } else if (status == OA_OK) {
        status = oa_run_runnable(&teachers[0], run, 0, NULL, error);
        status = status == OA_OK ? oa_run_runnable(&teachers[1], run, follower + 1, NULL, error) : status;
        status = status == OA_OK ? oa_teach(&t->targets, &t->samples.loss, teachers, 2, &t->samples.data, 0, n,
                                            TRIAL_BATCH, run->samples.loss, error)
                                 : status;
    }
    if (status == OA_OK) {
        t->samples.targets = oa_batches_of_array(&t->targets);
    }
    return status;
}

/* The loss of the average as the follower's permutations stand. */
static oa_status measure(double *loss, const trial *t, oa_align_run *run, size_t index, oa_error *error)
{
    oa_follower *follower = &run->followers[index];
    const oa_graph *a = oa_run_graph(run, 0);
    oa_payloads merged = {0};
    oa_runnable average;
    oa_evaluation evaluation = {0};
    oa_status status = oa_run_reorder(run, index, error);
    if (status == OA_OK) {
        status = oa_payloads_init(&merged, a, error);
    }
    if (status == OA_OK) {
        const oa_merge_part part = {.graph = oa_run_graph(run, index + 1),
                                    .tensor_of = follower->pairing.tensor_b,
                                    .payloads = &follower->payloads,
                                    .weight = 0.5};
        status = oa_merge(&merged, a, run->layout, &part, 1, error);
    }
    if (status == OA_OK) {
        status = oa_run_runnable(&average, run, 0, &merged, error);
    }
    if (status == OA_OK) {
        status = oa_evaluate(&evaluation, &average, &t->samples, TRIAL_BATCH, error);
    }
    oa_payloads_free(&merged);
    oa_payloads_free(&follower->payloads);
    *loss = isfinite(evaluation.loss) ? evaluation.loss : INFINITY;
    return status;
}

static oa_status start_over(oa_permutations *permutations, const oa_layout *layout, oa_error *error)
{
    oa_permutations_free(permutations);
    return oa_permutations_init(permutations, layout, error);
}

/* Runs one candidate, and notes its permutations when its average is the best so far. */
static oa_status try_candidate(oa_permutations *best, double *least, oa_method_chain *chosen, const trial *t,
                               oa_align_run *run, size_t index, size_t k, oa_error *error)
{
    oa_permutations *permutations = &run->followers[index].permutations;
    char chain[OA_CHAIN_TEXT_SIZE];
    double loss;
    run->methods = run->candidates[k];
    oa_status status = start_over(permutations, run->layout, error);
    status = status == OA_OK ? oa_run_methods(run, index, error) : status;
    status = status == OA_OK ? measure(&loss, t, run, index, error) : status;
    if (status != OA_OK) {
        return status;
    }
    if (run->options->is_verbose) {
        oa_note(run->options, "%s: averaged by %s, the loss of %zu samples%s is %.6g", run->options->models[index + 1],
                oa_chain_text(chain, &run->methods), t->samples.data.count,
                run->samples.targets.count ? "" : " from what the models say", loss);
    }
    if (k == 0 || loss < *least) {
        *least = loss;
        *chosen = run->methods;
        oa_permutations_copy(best, permutations, run->layout);
    }
    return OA_OK;
}

/* Without a measure the first candidate is it. */
static oa_status do_without_trial(oa_align_run *run, size_t index, oa_error *error)
{
    if (run->options->is_verbose) {
        oa_note(run->options, "ways to align cannot be tried here (%s)", error->message);
    }
    *error = (oa_error){0};
    run->candidate_count = 1;
    run->methods = run->candidates[0];
    oa_status status = start_over(&run->followers[index].permutations, run->layout, error);
    return status == OA_OK ? oa_run_methods(run, index, error) : status;
}

oa_status oa_auto_choose(oa_align_run *run, size_t index, oa_error *error)
{
    trial t = {0};
    oa_permutations best = {0};
    oa_method_chain chosen = run->candidates[0];
    double least = INFINITY;
    oa_status status = open_trial(&t, run, index, error);
    bool can_try = status != OA_ERROR_UNSUPPORTED && status != OA_ERROR_INPUT;
    status = status == OA_OK ? drop_what_takes_long(&t, run, error) : status;
    status = status == OA_OK ? oa_permutations_init(&best, run->layout, error) : status;
    for (size_t k = 0; k < run->candidate_count && status == OA_OK; k++) {
        status = try_candidate(&best, &least, &chosen, &t, run, index, k, error);
    }
    if (status == OA_OK) {
        oa_permutations_copy(&run->followers[index].permutations, &best, run->layout);
        run->method_reason =
            run->samples.targets.count
                ? "its average has the least loss, of several ways that were tried on the samples"
                : "its average is nearest to what the models say, of several ways that were tried on the samples";
        run->methods = chosen;
        run->candidate_count = 1;
    } else if (!can_try) {
        status = do_without_trial(run, index, error);
    }
    oa_permutations_free(&best);
    trial_free(&t);
    return status;
}
