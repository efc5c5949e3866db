#include "core/learn/task.h"

#include "core/exec/feed.h"
#include "core/grad/gradient.h"

#include <string.h>

struct oa_task {
    const oa_family *family;
    oa_gradient *gradient;
    oa_executor *executor; /* runs the models themselves when their outputs are the target; else NULL */
    bool *wants;           /* [tensor_count] */
    const float **weights; /* [tensor_count] */
    float **gradients;     /* [tensor_count] */
    oa_payloads payloads;  /* [tensor_count] views, for the executor */
    size_t batch;
    oa_array input;
    size_t *chosen;  /* [batch] samples */
    int64_t *labels; /* [batch] */
    float *targets;  /* [batch, target_size] */
    size_t target_size;
    double scale; /* of the loss: 1, or 1 / variance of the targets */
};

static bool runs_itself(const oa_family *family)
{
    return !family->samples.labels && !family->samples.targets;
}

static oa_status find_wanted(oa_task *task, oa_error *error)
{
    const oa_graph *graph = task->family->graph;
    for (size_t t = 0; t < graph->tensor_count; t++) {
        const oa_layout_tensor *place = &task->family->layout->tensors[t];
        if (task->family->map->offset[t] != OA_NONE && graph->tensors[t].dtype != OA_DTYPE_FLOAT) {
            return oa_fail(error, OA_ERROR_UNSUPPORTED,
                           "a loss on data needs float32 weights, tensor '%s' is of type %s; train without data",
                           graph->tensors[t].name, oa_dtype_name(graph->tensors[t].dtype));
        }
        task->wants[t] = place->moves && !place->is_statistic && task->family->map->offset[t] != OA_NONE;
    }
    return OA_OK;
}

static oa_status claim(oa_task *task, size_t batch, oa_error *error)
{
    const oa_family *family = task->family;
    const oa_array *samples = family->samples.inputs;
    size_t fixed = oa_fixed_batch(family->graph);
    size_t tensors = family->graph->tensor_count, count;
    task->batch = fixed ? fixed : batch < samples->dims[0] ? batch : samples->dims[0];
    size_t dims[OA_MAX_RANK];
    memcpy(dims, samples->dims, sizeof dims);
    dims[0] = task->batch;
    oa_status status = oa_array_init(&task->input, OA_DTYPE_FLOAT, dims, samples->rank, error);
    if (status != OA_OK) {
        return status;
    }
    task->target_size = family->samples.target_size;
    task->wants = oa_calloc(tensors, sizeof *task->wants);
    task->weights = oa_calloc(tensors, sizeof *task->weights);
    task->gradients = oa_calloc(tensors, sizeof *task->gradients);
    task->payloads.data = oa_calloc(tensors, sizeof *task->payloads.data);
    task->payloads.count = tensors;
    task->chosen = oa_calloc(task->batch, sizeof *task->chosen);
    bool is_made = task->wants && task->weights && task->gradients && task->payloads.data && task->chosen;
    if (is_made && family->samples.labels) {
        is_made = (task->labels = oa_calloc(task->batch, sizeof *task->labels)) != NULL;
    } else if (is_made && family->samples.targets) {
        is_made = !oa_mul_overflows(&count, task->batch, task->target_size) &&
                  (task->targets = oa_calloc(count, sizeof *task->targets)) != NULL;
    }
    return is_made ? OA_OK : oa_fail(error, OA_ERROR_MEMORY, "out of memory for a batch of %zu samples", task->batch);
}

oa_status oa_task_create(oa_task **result, const oa_family *family, size_t batch, oa_error *error)
{
    if (family->graph->input_count != 1) {
        return oa_fail(error, OA_ERROR_UNSUPPORTED, "samples fit models with one input, these have %zu",
                       family->graph->input_count);
    }
    oa_task *task = oa_calloc(1, sizeof *task);
    if (!task) {
        return oa_fail(error, OA_ERROR_MEMORY, "out of memory for a batch");
    }
    task->family = family;
    task->scale = 1.0;
    oa_status status = claim(task, batch, error);
    if (status == OA_OK) {
        status = find_wanted(task, error);
    }
    if (status == OA_OK) {
        oa_gradient_settings settings = {.loss = family->samples.labels ? OA_LOSS_CROSS_ENTROPY : OA_LOSS_MSE,
                                         .is_training = true};
        status = oa_gradient_create(&task->gradient, family->graph, task->wants, &settings, error);
    }
    if (status == OA_OK && runs_itself(family)) {
        status = oa_executor_create(&task->executor, family->graph, error);
    }
    if (status == OA_OK) {
        *result = task;
    } else {
        oa_task_destroy(task);
    }
    return status;
}

void oa_task_destroy(oa_task *task)
{
    if (task) {
        oa_gradient_destroy(task->gradient);
        oa_executor_destroy(task->executor);
        oa_array_free(&task->input);
        oa_free(task->wants);
        oa_free(task->weights);
        oa_free(task->gradients);
        oa_free(task->payloads.data);
        oa_free(task->chosen);
        oa_free(task->labels);
        oa_free(task->targets);
        oa_free(task);
    }
}

/* 1 / variance of all targets, so that losses of signals of any size weigh alike; 1 when they are constant. */
static double scale_of(const float *targets, size_t count)
{
    double sum = 0.0, squares = 0.0;
    for (size_t i = 0; i < count; i++) {
        sum += (double)targets[i];
        squares += (double)targets[i] * (double)targets[i];
    }
    double variance = count ? squares / (double)count - (sum / (double)count) * (sum / (double)count) : 0.0;
    return variance > 1e-12 ? 1.0 / variance : 1.0;
}

static void fetch(oa_task *task)
{
    const oa_family_samples *samples = &task->family->samples;
    size_t size = samples->inputs->count / samples->inputs->dims[0];
    float *input = task->input.data;
    for (size_t i = 0; i < task->batch; i++) {
        size_t from = task->chosen[i];
        memcpy(input + i * size, (const float *)samples->inputs->data + from * size, size * sizeof *input);
        if (samples->labels) {
            task->labels[i] = samples->labels[from];
        } else if (samples->targets) {
            memcpy(task->targets + i * task->target_size, samples->targets + from * task->target_size,
                   task->target_size * sizeof *task->targets);
        }
    }
    task->scale = samples->targets && !samples->labels ? scale_of(task->targets, task->batch * task->target_size) : 1.0;
}

void oa_task_draw(oa_task *task, oa_random *random)
{
    for (size_t i = 0; i < task->batch; i++) {
        task->chosen[i] = oa_random_below(random, task->family->samples.inputs->dims[0]);
    }
    fetch(task);
}

void oa_task_spread(oa_task *task, size_t part, size_t parts)
{
    double count = (double)task->family->samples.inputs->dims[0];
    double wanted = (double)task->batch * (double)parts;
    for (size_t i = 0; i < task->batch; i++) {
        /* Where there are fewer samples than wanted, some come several times. */
        task->chosen[i] = (size_t)((double)(i * parts + part) * count / wanted);
    }
    fetch(task);
}

static void point(oa_task *task, const float *weights)
{
    oa_weight_map_point(task->weights, task->family->map, weights);
}

static oa_status run_model(oa_array *output, oa_task *task, const float *weights, oa_error *error)
{
    size_t count = task->family->graph->output_count;
    oa_array *outputs = oa_calloc(count, sizeof *outputs);
    if (!outputs) {
        return oa_fail(error, OA_ERROR_MEMORY, "out of memory for the outputs of a model");
    }
    point(task, weights);
    for (size_t t = 0; t < task->payloads.count; t++) {
        task->payloads.data[t] = (void *)(uintptr_t)task->weights[t]; /* only read */
    }
    oa_status status = oa_executor_run(outputs, task->executor, &task->input, &task->payloads, error);
    if (status == OA_OK) {
        *output = outputs[0];
        outputs[0] = (oa_array){0};
    }
    for (size_t i = 0; i < count; i++) {
        oa_array_free(&outputs[i]);
    }
    oa_free(outputs);
    return status;
}

oa_status oa_task_aim(oa_task *task, const float *a, const float *b, double share, oa_error *error)
{
    oa_array of_a = {0}, of_b = {0};
    if (!runs_itself(task->family)) {
        return OA_OK;
    }
    oa_status status = run_model(&of_a, task, a, error);
    status = status == OA_OK ? run_model(&of_b, task, b, error) : status;
    if (status == OA_OK && (of_a.dtype != OA_DTYPE_FLOAT || of_b.dtype != OA_DTYPE_FLOAT || of_a.count != of_b.count ||
                            of_a.count % task->batch != 0)) {
        status =
            oa_fail(error, OA_ERROR_UNSUPPORTED, "the models' first output is not one float32 row for each sample");
    }
    if (status == OA_OK && !task->targets && !(task->targets = oa_malloc(of_a.count, sizeof *task->targets))) {
        status = oa_fail(error, OA_ERROR_MEMORY, "out of memory for the outputs of a model");
    }
    if (status == OA_OK) {
        const float *x = of_a.data, *y = of_b.data;
        float *restrict to = task->targets;
        float part = (float)share;
        for (size_t i = 0; i < of_a.count; i++) {
            to[i] = y[i] + part * (x[i] - y[i]);
        }
        task->target_size = of_a.count / task->batch;
        task->scale = scale_of(to, of_a.count);
    }
    oa_array_free(&of_a);
    oa_array_free(&of_b);
    return status;
}

oa_status oa_task_run(double *loss, float *gradient, oa_task *task, const float *weights, oa_error *error)
{
    const oa_family *family = task->family;
    oa_target target = {
        .labels = task->labels, .label_count = task->batch, .values = task->labels ? NULL : task->targets};
    point(task, weights);
    for (size_t t = 0; t < family->map->tensor_count; t++) {
        task->gradients[t] = gradient && task->wants[t] ? gradient + family->map->offset[t] : NULL;
    }
    double found = 0.0;
    oa_status status = oa_gradient_run(&found, gradient ? task->gradients : NULL, task->gradient, &task->input, &target,
                                       task->weights, error);
    if (status != OA_OK) {
        return status;
    }
    if (gradient && task->scale != 1.0) {
        float scale = (float)task->scale;
        for (size_t t = 0; t < family->map->tensor_count; t++) {
            size_t count = family->graph->tensors[t].count;
            float *restrict g = task->gradients[t];
            for (size_t i = 0; g && i < count; i++) {
                g[i] *= scale;
            }
        }
    }
    *loss = found * task->scale;
    return OA_OK;
}
