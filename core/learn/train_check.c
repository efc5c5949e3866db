/* Checking an aligner on pairs that it is not trained on, with hard permutations. */
#include "core/learn/train_private.h"

#include "core/base/parallel.h"

#include <math.h>
#include <string.h>

enum { CHECK_BATCH = 256 };

/* Workspaces for the checks of one family, of one thread. */
typedef struct oa_train_bench {
    const oa_family *family;
    oa_task *task;           /* NULL without samples */
    size_t parts;            /* batches */
    float *aligned, *middle; /* [total] */
    oa_tensor *tensors[2];
    size_t *same;
    oa_permutations permutations;
} oa_train_bench;

void oa_train_bench_destroy(oa_train_bench *bench)
{
    if (bench) {
        oa_task_destroy(bench->task);
        oa_free(bench->aligned);
        oa_free(bench->middle);
        oa_free(bench->tensors[0]);
        oa_free(bench->tensors[1]);
        oa_free(bench->same);
        oa_permutations_free(&bench->permutations);
        oa_free(bench);
    }
}

static oa_status make_bench(oa_train_bench **result, const oa_family *family, size_t samples, oa_error *error)
{
    size_t tensors = family->map->tensor_count;
    oa_train_bench *bench = oa_calloc(1, sizeof *bench);
    oa_status status = OA_OK;
    if (bench) {
        bench->family = family;
        bench->aligned = oa_calloc(family->map->total, sizeof *bench->aligned);
        bench->middle = oa_calloc(family->map->total, sizeof *bench->middle);
        bench->tensors[0] = oa_calloc(tensors, sizeof **bench->tensors);
        bench->tensors[1] = oa_calloc(tensors, sizeof **bench->tensors);
        bench->same = oa_calloc(tensors, sizeof *bench->same);
    }
    if (!bench || !bench->aligned || !bench->middle || !bench->tensors[0] || !bench->tensors[1] || !bench->same) {
        status = oa_fail(error, OA_ERROR_MEMORY, "out of memory for the checks of %s", family->name);
        goto done;
    }
    for (size_t t = 0; t < tensors; t++) {
        bench->same[t] = family->layout->tensors[t].is_used ? t : OA_NONE;
    }
    status = oa_permutations_init(&bench->permutations, family->layout, error);
    if (status == OA_OK && family->samples.inputs) {
        size_t count = family->samples.inputs->dims[0] < samples ? family->samples.inputs->dims[0] : samples;
        bench->parts = (count + CHECK_BATCH - 1) / CHECK_BATCH;
        status = oa_task_create(&bench->task, family, count < CHECK_BATCH ? count : CHECK_BATCH, error);
    }
done:
    if (status == OA_OK) {
        *result = bench;
    } else {
        oa_train_bench_destroy(bench);
    }
    return status;
}

/* Mean loss of `weights` over the check's samples, as a model at `share` of a and the rest of b. */
static oa_status loss_of(double *loss, oa_train_bench *bench, const float *weights, const float *a, const float *b,
                         double share, oa_error *error)
{
    double sum = 0.0, part = 0.0;
    oa_status status = OA_OK;
    for (size_t i = 0; i < bench->parts && status == OA_OK; i++) {
        oa_task_spread(bench->task, i, bench->parts);
        status = oa_task_aim(bench->task, a, b, share, error);
        status = status == OA_OK ? oa_task_run(&part, NULL, bench->task, weights, error) : status;
        sum += part / (double)bench->parts;
    }
    *loss = sum;
    return status;
}

static oa_status loss_half_way(double *loss, oa_train_bench *bench, const float *a, const float *b,
                               const float *aligned, oa_error *error)
{
    float *restrict to = bench->middle;
    for (size_t i = 0; i < bench->family->map->total; i++) {
        to[i] = 0.5f * (a[i] + aligned[i]);
    }
    return loss_of(loss, bench, to, a, b, 0.5, error);
}

static oa_match_problem problem_of(oa_train_bench *bench, oa_graph *views, const float *a, const float *b)
{
    const oa_family *family = bench->family;
    oa_weight_map_view(&views[0], bench->tensors[0], family->map, family->graph, a);
    oa_weight_map_view(&views[1], bench->tensors[1], family->map, family->graph, b);
    return (oa_match_problem){.layout = family->layout, .a = &views[0], .b = &views[1], .tensor_b = bench->same};
}

static oa_status reorder(oa_train_bench *bench, const float *b, oa_error *error)
{
    const oa_family *family = bench->family;
    oa_status status = OA_OK;
    memcpy(bench->aligned, b, family->map->total * sizeof *b);
    for (size_t t = 0; t < family->map->tensor_count && status == OA_OK; t++) {
        size_t at = family->map->offset[t];
        if (at != OA_NONE && family->layout->tensors[t].moves) {
            oa_tensor shape = family->graph->tensors[t];
            shape.dtype = OA_DTYPE_FLOAT;
            status =
                oa_layout_reorder(bench->aligned + at, b + at, family->layout, t, &shape, &bench->permutations, error);
        }
    }
    return status;
}

static oa_status bench_of(oa_train_bench **bench, oa_trainer *trainer, size_t worker, oa_error *error)
{
    oa_train_bench **own = &trainer->workers[worker].bench[trainer->family];
    oa_status status = OA_OK;
    if (!*own) {
        status = make_bench(own, &trainer->families[trainer->family], trainer->settings.check_samples, error);
    }
    *bench = *own;
    return status;
}

static oa_status measure_naive(void *context, size_t item, size_t worker, oa_error *error)
{
    oa_trainer *trainer = context;
    size_t f = trainer->family;
    const size_t *pair = trainer->splits[f].checked + 2 * item;
    const float *a = oa_store_model(trainer->store, f, pair[0]).weights;
    const float *b = oa_store_model(trainer->store, f, pair[1]).weights;
    oa_train_reference *reference = &trainer->reference[f][item];
    oa_train_bench *bench;
    oa_status status = bench_of(&bench, trainer, worker, error);
    double ends[2] = {0.0, 0.0};
    if (status != OA_OK || !bench->task) {
        reference->middle = 1.0;
        return status;
    }
    status = loss_of(&ends[0], bench, a, a, b, 1.0, error);
    status = status == OA_OK ? loss_of(&ends[1], bench, b, a, b, 0.0, error) : status;
    status = status == OA_OK ? loss_half_way(&reference->middle, bench, a, b, b, error) : status;
    reference->ends = 0.5 * (ends[0] + ends[1]);
    return status;
}

static oa_status measure_aligned(void *context, size_t item, size_t worker, oa_error *error)
{
    oa_trainer *trainer = context;
    size_t f = trainer->family;
    const size_t *pair = trainer->splits[f].checked + 2 * item;
    const float *a = oa_store_model(trainer->store, f, pair[0]).weights;
    const float *b = oa_store_model(trainer->store, f, pair[1]).weights;
    oa_train_bench *bench;
    oa_graph views[2];
    double *found = &trainer->found[item];
    oa_status status = bench_of(&bench, trainer, worker, error);
    if (status != OA_OK) {
        return status;
    }
    oa_match_problem problem = problem_of(bench, views, a, b);
    status = oa_match_deep_align(&bench->permutations, NULL, trainer->aligner, &problem, 1, error);
    if (status == OA_OK && bench->task) {
        status = reorder(bench, b, error);
        status = status == OA_OK ? loss_half_way(found, bench, a, b, bench->aligned, error) : status;
        *found -= trainer->reference[f][item].ends;
    } else if (status == OA_OK) {
        double before = 0.0;
        status = oa_match_distance(&before, &problem, NULL, error);
        status = status == OA_OK ? oa_match_distance(found, &problem, &bench->permutations, error) : status;
        *found = before > 0.0 ? *found / before : 1.0;
    }
    return status;
}

/* Runs `measure` on the checked pairs of family f. */
static oa_status run_family(oa_trainer *trainer, size_t f, oa_parallel_work measure, oa_error *error)
{
    const oa_train_split *split = &trainer->splits[f];
    trainer->family = f;
    memcpy(trainer->models, split->checked, 2 * split->checked_count * sizeof *trainer->models);
    oa_status status = oa_store_fetch(trainer->store, f, trainer->models, 2 * split->checked_count, false,
                                      trainer->settings.threads, error);
    if (status == OA_OK) {
        status = oa_parallel(split->checked_count, trainer->settings.threads, measure, trainer, error);
        if (status != OA_OK) {
            oa_error_context(error, "while checking %s", trainer->families[f].name);
        }
    }
    oa_store_trim(trainer->store);
    return status;
}

oa_status oa_train_check_naive(oa_trainer *trainer, oa_error *error)
{
    oa_status status = OA_OK;
    for (size_t f = 0; f < trainer->family_count && status == OA_OK && trainer->settings.held_out > 0.0; f++) {
        const oa_train_reference *reference = trainer->reference[f];
        size_t count = trainer->splits[f].checked_count;
        double ends = 0.0;
        status = run_family(trainer, f, measure_naive, error);
        for (size_t i = 0; i < count && status == OA_OK; i++) {
            trainer->naive[f] += (reference[i].middle - reference[i].ends) / (double)count;
            ends += reference[i].ends / (double)count;
        }
        /* Where models as they are do hardly worse than the ends, a share of that rise would be noise. */
        trainer->unit[f] = fmax(trainer->naive[f], fmax(0.01 * ends, 1e-9));
    }
    return status;
}

oa_status oa_train_check_run(double *measures, oa_trainer *trainer, oa_error *error)
{
    oa_status status = OA_OK;
    for (size_t f = 0; f < trainer->family_count && status == OA_OK; f++) {
        size_t count = trainer->splits[f].checked_count;
        status = run_family(trainer, f, measure_aligned, error);
        measures[f] = 0.0;
        for (size_t i = 0; i < count && status == OA_OK; i++) {
            measures[f] += trainer->found[i] / (double)count;
        }
    }
    return status;
}
