#include "models/tools/train_network.h"

#include "core/grad/gradient.h"
#include "core/soft/adam.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { EVALUATION_BATCH = 250, STATISTICS_INPUT = 3 };
static const float STATISTICS_MOMENTUM = 0.1f;

/* A network in training. All weights that learn lie one after the other, so that a step of Adam is one call. */
typedef struct network {
    oa_model *model;
    const oa_graph *graph;                   /* the model's */
    bool *wants;                             /* [tensor_count] which constants learn */
    float *values, *slopes, *first, *second; /* [value_count] weights, gradients, moments */
    size_t value_count;
    float **value_of; /* [tensor_count] into `values`; NULL for constants that stay */
    float **slope_of;
    float *statistics;     /* [statistic_count] running means and variances */
    float **statistics_of; /* [tensor_count] into `statistics` */
    size_t statistic_count;
    oa_gradient *gradient;
    float *inputs, *targets; /* of a batch */
    int64_t *labels;
} network;

static void network_free(network *net)
{
    oa_gradient_destroy(net->gradient);
    oa_model_destroy(net->model);
    oa_free(net->wants);
    oa_free(net->values);
    oa_free(net->slopes);
    oa_free(net->first);
    oa_free(net->second);
    oa_free(net->value_of);
    oa_free(net->slope_of);
    oa_free(net->statistics);
    oa_free(net->statistics_of);
    oa_free(net->inputs);
    oa_free(net->targets);
    oa_free(net->labels);
}

/* A generator of its own for each network: nothing depends on the order of training. */
static void start_random(oa_random *random, const oa_curriculum *curriculum, const oa_pupil *pupil)
{
    oa_random_init(random, curriculum->seed);
    oa_random_init(random, oa_random_next(random) ^ (uint64_t)pupil->number);
    oa_random_init(random, oa_random_next(random) ^ (uint64_t)pupil->view);
}

static void add_metadata(oa_builder *builder, const oa_curriculum *curriculum, const oa_pupil *pupil,
                         const oa_signal *signal)
{
    char text[64];
    oa_builder_add_metadata(builder, "architecture", curriculum->architecture_text);
    oa_builder_add_metadata(builder, "task", oa_exercise_name(curriculum->exercise.kind));
    snprintf(text, sizeof text, "%" PRIu64, curriculum->seed);
    oa_builder_add_metadata(builder, "seed", text);
    snprintf(text, sizeof text, "%zu", pupil->number);
    oa_builder_add_metadata(builder, "number", text);
    snprintf(text, sizeof text, "%zu", pupil->view);
    oa_builder_add_metadata(builder, "view", text);
    if (curriculum->exercise.kind == OA_EXERCISE_SINE) {
        snprintf(text, sizeof text, "%.17g", signal->frequency);
        oa_builder_add_metadata(builder, "frequency", text);
    } else if (curriculum->exercise.kind == OA_EXERCISE_IMAGE) {
        snprintf(text, sizeof text, "%zu", signal->image);
        oa_builder_add_metadata(builder, "image", text);
    }
}

static oa_status make_model(network *net, const oa_curriculum *curriculum, const oa_pupil *pupil,
                            const oa_signal *signal, oa_random *random, oa_error *error)
{
    oa_builder *builder = NULL;
    int64_t opset = curriculum->architecture.kind == OA_NET_VIT ? 17 : 13; /* LayerNormalization is new in 17 */
    oa_status status = oa_builder_create(&builder, curriculum->architecture_text, opset, error);
    if (status != OA_OK) {
        return status;
    }
    add_metadata(builder, curriculum, pupil, signal);
    status = oa_architecture_build(builder, &curriculum->architecture, random, error);
    if (status == OA_OK) {
        status = oa_builder_finish(&net->model, builder, error);
    }
    oa_builder_destroy(builder);
    net->graph = status == OA_OK ? oa_model_graph(net->model) : NULL;
    return status;
}

static bool is_norm(const oa_node *node)
{
    return oa_node_is(node, "BatchNormalization");
}

/* The constant that a normalisation's running mean (k = 0) or variance (k = 1) is. */
static size_t statistic(const oa_graph *graph, const oa_node *node, size_t k)
{
    return graph->values[oa_node_input(node, STATISTICS_INPUT + k)].tensor;
}

/* Numbers of a constant that is not a weight: the scalars of a Gelu. */
static bool is_plain_number(const oa_tensor *tensor)
{
    return tensor->rank == 0;
}

/* Decides what learns, and how much room all of it takes. */
static void choose_weights(network *net)
{
    const oa_graph *graph = net->graph;
    for (size_t t = 0; t < graph->tensor_count; t++) {
        net->wants[t] = graph->tensors[t].dtype == OA_DTYPE_FLOAT && !is_plain_number(&graph->tensors[t]);
    }
    for (size_t n = 0; n < graph->live_count; n++) {
        for (size_t k = 0; k < 2 && is_norm(&graph->nodes[n]); k++) {
            size_t t = statistic(graph, &graph->nodes[n], k);
            net->wants[t] = false;
            net->statistic_count += graph->tensors[t].count;
        }
    }
    for (size_t t = 0; t < graph->tensor_count; t++) {
        net->value_count += net->wants[t] ? graph->tensors[t].count : 0;
    }
}

/* Points a constant at its place in a block, and fills the place with how the constant starts. */
static void place(float **of, float *block, size_t *used, const oa_graph *graph, size_t t)
{
    of[t] = block + *used;
    memcpy(of[t], graph->tensors[t].data, graph->tensors[t].count * sizeof(float));
    *used += graph->tensors[t].count;
}

static void place_all(network *net)
{
    const oa_graph *graph = net->graph;
    size_t used = 0;
    for (size_t t = 0; t < graph->tensor_count; t++) {
        if (net->wants[t]) {
            net->slope_of[t] = net->slopes + used;
            place(net->value_of, net->values, &used, graph, t);
        }
    }
    used = 0;
    for (size_t n = 0; n < graph->live_count; n++) {
        for (size_t k = 0; k < 2 && is_norm(&graph->nodes[n]); k++) {
            place(net->statistics_of, net->statistics, &used, graph, statistic(graph, &graph->nodes[n], k));
        }
    }
}

static oa_status prepare(network *net, const oa_curriculum *curriculum, oa_error *error)
{
    const oa_exercise *exercise = &curriculum->exercise;
    size_t tensors = net->graph->tensor_count;
    net->wants = oa_calloc(tensors, sizeof *net->wants);
    if (!net->wants) {
        return oa_fail(error, OA_ERROR_MEMORY, "out of memory for a network");
    }
    choose_weights(net);
    net->values = oa_calloc(net->value_count, sizeof(float));
    net->slopes = oa_calloc(net->value_count, sizeof(float));
    net->first = oa_calloc(net->value_count, sizeof(float));
    net->second = oa_calloc(net->value_count, sizeof(float));
    net->value_of = oa_calloc(tensors, sizeof(float *));
    net->slope_of = oa_calloc(tensors, sizeof(float *));
    net->statistics = oa_calloc(net->statistic_count, sizeof(float));
    net->statistics_of = oa_calloc(tensors, sizeof(float *));
    size_t inputs = 0;
    size_t targets = 0;
    if (!oa_mul_overflows(&inputs, curriculum->batch, exercise->inputs) &&
        !oa_mul_overflows(&targets, curriculum->batch, exercise->outputs)) {
        net->inputs = oa_calloc(inputs, sizeof(float));
        net->targets = oa_calloc(targets, sizeof(float));
        net->labels = oa_calloc(curriculum->batch, sizeof(int64_t));
    }
    if (!net->values || !net->slopes || !net->first || !net->second || !net->value_of || !net->slope_of ||
        !net->statistics || !net->statistics_of || !net->inputs || !net->targets || !net->labels) {
        return oa_fail(error, OA_ERROR_MEMORY, "out of memory for a network of %zu weights", net->value_count);
    }
    place_all(net);
    const oa_gradient_settings settings = {.loss = exercise->loss, .is_training = true};
    return oa_gradient_create(&net->gradient, net->graph, net->wants, &settings, error);
}

static void average_statistics(network *net)
{
    for (size_t n = 0; n < net->graph->live_count; n++) {
        const float *of_batch[2];
        size_t channels;
        if (!oa_gradient_batch_statistics(&of_batch[0], &of_batch[1], &channels, net->gradient, n)) {
            continue;
        }
        for (size_t k = 0; k < 2; k++) {
            float *running = net->statistics_of[statistic(net->graph, &net->graph->nodes[n], k)];
            for (size_t c = 0; c < channels; c++) {
                running[c] += STATISTICS_MOMENTUM * (of_batch[k][c] - running[c]);
            }
        }
    }
}

/* The shape of a batch of `count` samples. */
static void input_shape(size_t dims[OA_MAX_RANK], const oa_graph *graph, size_t count)
{
    const oa_value *declared = &graph->values[graph->inputs[0]];
    for (size_t i = 0; i < declared->rank; i++) {
        dims[i] = i ? (size_t)declared->dims[i] : count;
    }
}

static oa_status learn(network *net, const oa_curriculum *curriculum, const oa_signal *signal, oa_random *random,
                       oa_error *error)
{
    const oa_exercise *exercise = &curriculum->exercise;
    size_t rank = net->graph->values[net->graph->inputs[0]].rank;
    oa_array input = {
        .dtype = OA_DTYPE_FLOAT, .rank = rank, .count = curriculum->batch * exercise->inputs, .is_view = true};
    const oa_target target = {.labels = net->labels, .label_count = curriculum->batch, .values = net->targets};
    oa_adam adam = oa_adam_default(0.0f);
    input_shape(input.dims, net->graph, curriculum->batch);
    input.data = net->inputs;
    oa_status status = OA_OK;
    for (size_t step = 0; step < curriculum->steps && status == OA_OK; step++) {
        double loss = 0.0;
        oa_exercise_draw(net->inputs, net->labels, net->targets, exercise, signal, random, curriculum->batch);
        status = oa_gradient_run(&loss, net->slope_of, net->gradient, &input, &target,
                                 (const float *const *)net->value_of, error);
        if (status == OA_OK && !isfinite(loss)) {
            status = oa_fail(error, OA_ERROR_INTERNAL, "the loss is not finite after %zu steps; lower --rate", step);
        }
        if (status == OA_OK) {
            adam.rate = (float)(curriculum->rate * (1.0 - (double)step / (double)curriculum->steps));
            oa_adam_step(net->values, net->slopes, net->first, net->second, net->value_count, step + 1, &adam);
            average_statistics(net);
        }
    }
    return status;
}

/* The trained constants, as the writer takes them. */
static oa_status collect(oa_payloads *payloads, const network *net, oa_error *error)
{
    oa_status status = oa_payloads_init(payloads, net->graph, error);
    for (size_t t = 0; t < net->graph->tensor_count && status == OA_OK; t++) {
        const float *trained = net->value_of[t] ? net->value_of[t] : net->statistics_of[t];
        size_t count = net->graph->tensors[t].count;
        if (!trained) {
            continue;
        }
        payloads->data[t] = oa_malloc(count, sizeof *trained);
        if (!payloads->data[t]) {
            return oa_fail(error, OA_ERROR_MEMORY, "out of memory for a network of %zu weights", net->value_count);
        }
        memcpy(payloads->data[t], trained, count * sizeof *trained);
    }
    return status;
}

static oa_status judge(oa_evaluation *evaluation, const network *net, const oa_payloads *payloads,
                       const oa_curriculum *curriculum, const oa_signal *signal, oa_error *error)
{
    const oa_runnable model = {.graph = net->graph, .payloads = payloads};
    oa_exercise_set own = {0};
    oa_status status = OA_OK;
    if (curriculum->exercise.has_signals) {
        size_t dims[OA_MAX_RANK];
        input_shape(dims, net->graph, 0);
        status = oa_exercise_make_set(&own, &curriculum->exercise, signal, false, SIZE_MAX, dims,
                                      net->graph->values[net->graph->inputs[0]].rank, error);
    }
    if (status == OA_OK) {
        oa_samples samples = oa_exercise_samples(&curriculum->exercise, own.inputs.data ? &own : &curriculum->test);
        status = oa_evaluate(evaluation, &model, &samples, EVALUATION_BATCH, error);
        oa_samples_close(&samples);
    }
    oa_exercise_set_free(&own);
    return status;
}

oa_status oa_train_network(oa_evaluation *evaluation, const oa_curriculum *curriculum, const oa_pupil *pupil,
                           const char *path, oa_error *error)
{
    network net = {0};
    oa_payloads payloads = {0};
    oa_evaluation found = {0};
    oa_random random;
    oa_signal signal = oa_exercise_signal(&curriculum->exercise, curriculum->seed, pupil->number);
    start_random(&random, curriculum, pupil);
    oa_status status = make_model(&net, curriculum, pupil, &signal, &random, error);
    if (status == OA_OK) {
        status = prepare(&net, curriculum, error);
    }
    if (status == OA_OK) {
        status = learn(&net, curriculum, &signal, &random, error);
    }
    if (status == OA_OK) {
        status = collect(&payloads, &net, error);
    }
    if (status == OA_OK) {
        status = judge(&found, &net, &payloads, curriculum, &signal, error);
    }
    if (status == OA_OK) {
        status = oa_model_save(path, net.model, &payloads, error);
    }
    if (status == OA_OK) {
        *evaluation = found;
    }
    oa_payloads_free(&payloads);
    network_free(&net);
    return status;
}
