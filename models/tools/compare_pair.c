#include "models/tools/compare_pair.h"

#include "plugin/cli/aligner_find.h"
#include "plugin/cli/methods.h"
#include "plugin/cli/report.h"

enum { CURVE_BATCH = 250 };

/* Tells the run which method's options count, and the options which models there are. */
static void choose(oa_compare_pair *pair, const oa_compare_options *options, size_t method)
{
    pair->options = options->methods[method].options;
    pair->names[0] = pair->paths[0];
    pair->names[1] = pair->paths[1];
    pair->options.models = pair->names;
    pair->run.options = &pair->options;
    pair->run.methods = pair->options.methods;
    pair->run.iterations = pair->options.iterations;
}

oa_status oa_compare_pair_load(oa_compare_pair *pair, char *a, char *b, const oa_compare_options *options,
                               oa_error *error)
{
    oa_align_run *run = &pair->run;
    pair->paths[0] = a;
    pair->paths[1] = b;
    choose(pair, options, 0);
    run->models = oa_calloc(2, sizeof *run->models);
    run->followers = oa_calloc(1, sizeof *run->followers);
    oa_status status = run->models && run->followers ? OA_OK : oa_fail(error, OA_ERROR_MEMORY, "out of memory");
    for (size_t i = 0; i < 2 && status == OA_OK; i++) {
        status = oa_model_load(&run->models[i], pair->paths[i], error);
    }
    return status == OA_OK ? oa_run_find_layout(run, error) : status;
}

void oa_compare_pair_free(oa_compare_pair *pair)
{
    for (size_t m = 0; m < OA_COMPARE_METHODS_MAX; m++) {
        oa_permutations_free(&pair->outcomes[m].permutations);
    }
    if (pair->run.options) {
        oa_run_free(&pair->run);
    }
    oa_compare_set_free(&pair->test);
    oa_free(pair->paths[0]);
    oa_free(pair->paths[1]);
    *pair = (oa_compare_pair){0};
}

oa_status oa_compare_load_aligner(oa_aligner **aligner, oa_compare_pair *pair, const oa_compare_options *options,
                                  size_t method, oa_error *error)
{
    choose(pair, options, method);
    return oa_chain_has(&pair->run.methods, OA_METHOD_DEEP_ALIGN)
               ? oa_aligner_find(aligner, pair->options.aligner, pair->run.layout, oa_run_graph(&pair->run, 0), error)
               : OA_OK;
}

oa_status oa_compare_pair_match(oa_compare_pair *pair, const oa_compare_options *options, size_t method,
                                const oa_samples *samples, oa_aligner *aligner, oa_error *error)
{
    oa_align_run *run = &pair->run;
    oa_permutations *permutations = &run->followers[0].permutations;
    choose(pair, options, method);
    run->aligner = aligner;
    run->samples = options->follows_distance ? (oa_samples){0} : *samples;
    double start = oa_seconds();
    oa_status status = oa_permutations_init(permutations, run->layout, error);
    status = status == OA_OK ? oa_run_methods(run, 0, error) : status;
    pair->outcomes[method].seconds = oa_seconds() - start;
    pair->outcomes[method].permutations = *permutations;
    *permutations = (oa_permutations){0};
    run->aligner = NULL; /* both are the caller's */
    run->samples = (oa_samples){0};
    if (status != OA_OK) {
        oa_error_context(error, "%s and %s by %s", pair->paths[0], pair->paths[1], options->methods[method].text);
    }
    return status;
}

static oa_status prepare_repair(oa_repair **repair, const oa_align_run *run, const oa_merge_part *end,
                                const oa_batches *data, oa_error *error)
{
    const oa_graph *a = oa_run_graph(run, 0);
    oa_repair_end moved[2];
    oa_repair_settings settings = oa_repair_settings_default();
    oa_status status = oa_repair_create(repair, a, 2, data, &settings, error);
    return status == OA_OK ? oa_repair_measure_parents(moved, *repair, a, run->layout, end, 1, error) : status;
}

oa_status oa_compare_pair_measure(oa_compare_pair *pair, const oa_compare_options *options, size_t method,
                                  const oa_compare_set *test, const oa_compare_set *match, oa_error *error)
{
    const oa_align_run *run = &pair->run;
    oa_compare_outcome *outcome = &pair->outcomes[method];
    const oa_graph *b = oa_run_graph(run, 1);
    const size_t *tensor_b = run->followers[0].pairing.tensor_b;
    oa_payloads payloads = {0};
    oa_curve curve = {0};
    oa_repair *repair = NULL;
    oa_samples samples = oa_compare_set_samples(pair->test.arrays.inputs.data ? &pair->test : test);
    oa_samples calibration = oa_compare_set_samples(pair->test.arrays.inputs.data ? &pair->test : match);
    oa_status status = oa_payloads_init(&payloads, b, error);
    if (status == OA_OK) {
        status = oa_layout_apply(&payloads, run->layout, b, tensor_b, &outcome->permutations, error);
    }
    if (status == OA_OK) {
        oa_merge_part end = {.graph = b, .tensor_of = tensor_b, .payloads = &payloads};
        status = options->repairs ? prepare_repair(&repair, run, &end, &calibration.data, error) : OA_OK;
        if (status == OA_OK) {
            status = oa_curve_measure(&curve, options->points, oa_run_graph(run, 0), run->layout, &end, repair,
                                      &samples, CURVE_BATCH, NULL, NULL, NULL, error);
        }
    }
    if (status == OA_OK) {
        size_t last = curve.count - 1;
        /* With an even number of points, the two beside the middle. */
        size_t low = last / 2;
        size_t high = (last + 1) / 2;
        outcome->barrier = curve.barrier;
        outcome->auc = curve.auc;
        outcome->end_loss = 0.5 * (curve.loss[0] + curve.loss[last]);
        outcome->end_accuracy = 0.5 * (curve.accuracy[0] + curve.accuracy[last]);
        outcome->middle_loss = 0.5 * (curve.loss[low] + curve.loss[high]);
        outcome->middle_accuracy = 0.5 * (curve.accuracy[low] + curve.accuracy[high]);
        outcome->has_accuracy = curve.has_accuracy;
    } else {
        oa_error_context(error, "along the line from %s to %s", pair->paths[1], pair->paths[0]);
    }
    oa_repair_destroy(repair);
    oa_samples_close(&calibration);
    oa_curve_free(&curve);
    oa_payloads_free(&payloads);
    oa_samples_close(&samples);
    return status;
}
