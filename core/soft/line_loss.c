#include "core/soft/line_loss.h"

#include "core/exec/feed.h"
#include "core/exec/teach.h"
#include "core/grad/gradient.h"

#include <string.h>

static const size_t BYTES_MAX = (size_t)256 << 20;
/* A sample with a label at each of many positions says as much as many samples: most in a batch, and to judge. */
enum { BATCH_LABELS = 2048, COVERED_LABELS = 8192 };

struct oa_line_loss {
    const oa_match_problem *problem;
    oa_loss_kind loss;
    oa_gradient *gradient;
    bool *wants;                          /* [tensors] */
    float **mixed;                        /* [tensors] of the constants that are averaged; NULL elsewhere */
    size_t kept;                          /* samples in memory */
    oa_array inputs, targets;             /* [kept, ...] */
    oa_array batch_inputs, batch_targets; /* [batch, ...] */
    size_t batch;
    size_t covered_max; /* samples that a judgement covers, at most */
};

static oa_status no_memory(oa_error *error)
{
    return oa_fail(error, OA_ERROR_MEMORY, "out of memory for the loss between two models");
}

static oa_status make_batch(oa_array *batch, const oa_array *all, size_t size, oa_error *error)
{
    size_t dims[OA_MAX_RANK];
    memcpy(dims, all->dims, sizeof dims);
    dims[0] = size;
    return oa_array_init(batch, all->dtype, dims, all->rank, error);
}

/* As many of `samples` as have `labels` labels, but at least one. */
static size_t within_labels(const oa_batches *targets, size_t samples, oa_loss_kind loss, size_t labels)
{
    size_t each = loss == OA_LOSS_CROSS_ENTROPY && targets->count ? oa_batches_elements(targets) : 1;
    size_t most = each && labels / each ? labels / each : 1;
    return samples < most ? samples : most;
}

/* Targets of the kept samples: those that come with them, or what the two models say. */
static oa_status keep_targets(oa_line_loss *line, const oa_samples *samples, size_t batch, oa_error *error)
{
    const oa_match_problem *problem = line->problem;
    if (samples->targets.count) {
        return oa_batches_spread(&line->targets, &samples->targets, line->kept, error);
    }
    const oa_runnable teachers[] = {{.graph = problem->a}, {.graph = problem->b, .input_of = problem->input_b}};
    oa_batches kept = oa_batches_of_array(&line->inputs);
    return oa_teach(&line->targets, &line->loss, teachers, 2, &kept, 0, line->kept, batch, samples->loss, error);
}

static oa_status load(oa_line_loss *line, const oa_samples *samples, size_t batch, size_t samples_max, oa_error *error)
{
    const oa_graph *graph = line->problem->a;
    if (graph->input_count != 1) {
        return oa_fail(error, OA_ERROR_UNSUPPORTED, "samples fit models with one input only, this one has %zu",
                       graph->input_count);
    }
    if (!samples->data.count || (samples->targets.count && samples->targets.count != samples->data.count)) {
        return oa_fail(error, OA_ERROR_INPUT, "there are %zu samples and %zu labels or targets", samples->data.count,
                       samples->targets.count);
    }
    size_t bytes = oa_batches_elements(&samples->data) * oa_dtype_size(samples->data.dtype);
    size_t fitting = bytes ? BYTES_MAX / bytes : samples_max;
    size_t fixed = oa_fixed_batch(graph);
    line->kept = samples->data.count < samples_max ? samples->data.count : samples_max;
    line->kept = line->kept < fitting ? line->kept : fitting;
    line->kept = line->kept ? line->kept : 1;
    line->covered_max = within_labels(&samples->targets, line->kept, line->loss, COVERED_LABELS);
    batch = within_labels(&samples->targets, batch, line->loss, BATCH_LABELS);
    line->batch = fixed ? fixed : batch < line->kept ? batch : line->kept;
    oa_status status = oa_batches_spread(&line->inputs, &samples->data, line->kept, error);
    status = status == OA_OK ? keep_targets(line, samples, batch, error) : status;
    status = status == OA_OK ? make_batch(&line->batch_inputs, &line->inputs, line->batch, error) : status;
    return status == OA_OK ? make_batch(&line->batch_targets, &line->targets, line->batch, error) : status;
}

static oa_status make_mixed(oa_line_loss *line, oa_error *error)
{
    const oa_match_problem *problem = line->problem;
    size_t count = problem->a->tensor_count;
    line->wants = oa_calloc(count, sizeof *line->wants);
    line->mixed = oa_calloc(count, sizeof *line->mixed);
    if (!line->wants || !line->mixed) {
        return no_memory(error);
    }
    for (size_t t = 0; t < count; t++) {
        const oa_layout_tensor *place = &problem->layout->tensors[t];
        const oa_tensor *a = &problem->a->tensors[t];
        size_t b = problem->tensor_b[t];
        if (!place->is_used || place->is_statistic || !oa_dtype_is_float(a->dtype) || b == OA_NONE) {
            continue;
        }
        if (a->dtype != OA_DTYPE_FLOAT || problem->b->tensors[b].dtype != OA_DTYPE_FLOAT) {
            return oa_fail(error, OA_ERROR_UNSUPPORTED, "a loss on samples needs float32 weights, and '%s' has others",
                           a->name);
        }
        line->wants[t] = place->moves;
        /* Constants that agree, like numbers in formulas, stay: the graph may look at them when it is prepared. */
        if (place->moves || memcmp(a->data, problem->b->tensors[b].data, a->count * sizeof(float)) != 0) {
            line->mixed[t] = oa_malloc(a->count, sizeof(float));
            if (!line->mixed[t]) {
                return no_memory(error);
            }
        }
    }
    return OA_OK;
}

oa_status oa_line_loss_create(oa_line_loss **result, const oa_match_problem *problem, const oa_samples *samples,
                              size_t batch, size_t samples_max, oa_error *error)
{
    oa_line_loss *line = oa_calloc(1, sizeof *line);
    if (!line) {
        return no_memory(error);
    }
    line->problem = problem;
    line->loss = samples->loss;
    oa_status status = load(line, samples, batch, samples_max, error);
    status = status == OA_OK ? make_mixed(line, error) : status;
    if (status == OA_OK) {
        oa_gradient_settings settings = {.loss = line->loss, .is_training = true};
        status = oa_gradient_create(&line->gradient, problem->a, line->wants, &settings, error);
    }
    if (status != OA_OK) {
        oa_line_loss_destroy(line);
        return status;
    }
    *result = line;
    return OA_OK;
}

void oa_line_loss_destroy(oa_line_loss *line)
{
    if (!line) {
        return;
    }
    for (size_t t = 0; line->mixed && t < line->problem->a->tensor_count; t++) {
        oa_free(line->mixed[t]);
    }
    oa_gradient_destroy(line->gradient);
    oa_array_free(&line->inputs);
    oa_array_free(&line->targets);
    oa_array_free(&line->batch_inputs);
    oa_array_free(&line->batch_targets);
    oa_free(line->wants);
    oa_free(line->mixed);
    oa_free(line);
}

bool oa_line_loss_wants(const oa_line_loss *line, size_t tensor)
{
    return line->wants[tensor];
}

size_t oa_line_loss_batches(const oa_line_loss *line, size_t samples)
{
    size_t covered = samples < line->covered_max ? samples : line->covered_max;
    return covered > line->batch ? (covered + line->batch - 1) / line->batch : 1;
}

static void take(oa_line_loss *line, size_t place, size_t sample)
{
    size_t size = line->inputs.count / line->kept * oa_dtype_size(line->inputs.dtype);
    memcpy((char *)line->batch_inputs.data + place * size, (const char *)line->inputs.data + sample * size, size);
    size = line->targets.count / line->kept * oa_dtype_size(line->targets.dtype);
    memcpy((char *)line->batch_targets.data + place * size, (const char *)line->targets.data + sample * size, size);
}

void oa_line_loss_draw(oa_line_loss *line, oa_random *random)
{
    for (size_t i = 0; i < line->batch; i++) {
        take(line, i, oa_random_below(random, line->kept));
    }
}

void oa_line_loss_spread(oa_line_loss *line, size_t part, size_t parts)
{
    for (size_t i = 0; i < line->batch; i++) {
        double share = (double)(i * parts + part) / (double)(line->batch * parts);
        take(line, i, (size_t)(share * (double)line->kept));
    }
}

static void mix(float *restrict mixed, const float *restrict a, const float *restrict b, float lambda, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        mixed[i] = b[i] + lambda * (a[i] - b[i]);
    }
}

oa_status oa_line_loss_run(double *loss, float *const *gradients, oa_line_loss *line, const float *const *moved,
                           double lambda, oa_error *error)
{
    const oa_match_problem *problem = line->problem;
    size_t count = problem->a->tensor_count;
    oa_target target = {0};
    if (line->loss == OA_LOSS_CROSS_ENTROPY) {
        target.labels = line->batch_targets.data;
        target.label_count = line->batch_targets.count;
    } else {
        target.values = line->batch_targets.data;
    }
    for (size_t t = 0; t < count; t++) {
        if (line->mixed[t]) {
            const float *b = moved[t] ? moved[t] : problem->b->tensors[problem->tensor_b[t]].data;
            mix(line->mixed[t], problem->a->tensors[t].data, b, (float)lambda, problem->a->tensors[t].count);
        }
    }
    oa_status status = oa_gradient_run(loss, gradients, line->gradient, &line->batch_inputs, &target,
                                       (const float *const *)line->mixed, error);
    float share = (float)(1.0 - lambda);
    for (size_t t = 0; t < count && gradients && status == OA_OK; t++) {
        float *restrict g = line->wants[t] ? gradients[t] : NULL;
        for (size_t i = 0; g && i < problem->a->tensors[t].count; i++) {
            g[i] *= share;
        }
    }
    return status;
}
