/* onnx-align permute: reorder the units of a model; the function stays. */
#include "onnx_io/model.h"
#include "plugin/cli/commands.h"
#include "plugin/cli/files.h"
#include "plugin/cli/inputs.h"
#include "plugin/cli/report.h"

typedef struct permuting {
    const oa_options *options;
    oa_model *model;
    oa_layout *layout;
    oa_permutations permutations;
    oa_payloads payloads;
    oa_samples samples;
    oa_engine_choice engine;
    oa_verify_info verified;
} permuting;

static oa_status choose(permuting *run, oa_error *error)
{
    oa_status status = oa_permutations_init(&run->permutations, run->layout, error);
    if (status != OA_OK) {
        return status;
    }
    if (run->options->randomises) {
        oa_random random;
        oa_random_init(&random, run->options->seed);
        oa_permutations_random(&run->permutations, run->layout, &random);
        return OA_OK;
    }
    status = oa_permutation_file_load(&run->permutations, run->options->permutation, run->layout,
                                      oa_model_graph(run->model), error);
    if (status == OA_OK && run->options->inverts) {
        oa_permutations_invert(&run->permutations, run->layout);
    }
    return status;
}

static oa_status verify(permuting *run, oa_error *error)
{
    const oa_graph *graph = oa_model_graph(run->model);
    oa_verify_inputs inputs = {0};
    oa_verify_settings settings;
    oa_status status = oa_load_samples(&run->samples, run->options, graph, error);
    if (status == OA_OK) {
        status = oa_engine_choose(&run->engine, run->options, &run->model, 1, &run->samples.data, error);
    }
    if (status == OA_OK) {
        status =
            oa_verify_settings_from(&settings, &inputs, run->options, &run->engine, graph, NULL, &run->samples, error);
    }
    if (status == OA_OK) {
        const oa_runnable reference = {.graph = graph, .engine = run->engine.engine};
        const oa_runnable reordered = {.graph = graph, .payloads = &run->payloads, .engine = run->engine.engine};
        status = oa_verify(&run->verified, &reference, &reordered, &settings, error);
    }
    oa_verify_inputs_free(&inputs);
    if (status == OA_OK && !run->verified.is_same) {
        return oa_fail(
            error, OA_ERROR_DIFFERENT,
            "%s: verification failed, the reordered model differs by %.3g relative (tolerance %.3g); nothing was "
            "written",
            run->options->models[0], run->verified.max_rel_diff, run->verified.tolerance);
    }
    if (status == OA_OK) {
        oa_note_unreached(run->options, run->options->models[0], &run->verified);
    }
    if (status == OA_ERROR_UNSUPPORTED) {
        oa_error_context(error, "cannot verify %s (--no-verify goes on without)", run->options->models[0]);
    }
    return status;
}

static oa_status print(const permuting *run, oa_error *error)
{
    const oa_options *options = run->options;
    size_t units = 0;
    size_t moved = 0;
    for (size_t g = 0; g < run->layout->group_count; g++) {
        units += run->layout->groups[g].size;
        moved += oa_permutations_moved(&run->permutations, run->layout, g);
    }
    if (options->is_json) {
        json_t *groups = oa_json_groups(run->layout, oa_model_graph(run->model), &run->permutations, 1);
        json_t *verified = oa_json_verified(options->verifies ? &run->verified : NULL);
        return oa_json_print(groups && verified ? json_pack("{s:s, s:s, s:o, s:I, s:o}", "output", options->output,
                                                            "model", options->models[0], "groups", groups, "units",
                                                            (json_int_t)units, "verified", verified)
                                                : NULL,
                             error);
    }
    printf("%s: %zu of %zu units in %zu groups moved", options->output, moved, units, run->layout->group_count);
    if (options->verifies) {
        printf("; same function (largest relative difference %.2g)", run->verified.max_rel_diff);
    }
    printf("\n");
    return oa_finish_output(error);
}

oa_status oa_command_permute(const oa_options *options, oa_error *error)
{
    permuting run = {.options = options};
    oa_status status = oa_model_load(&run.model, options->models[0], error);
    if (status != OA_OK) {
        return status;
    }
    const oa_graph *graph = oa_model_graph(run.model);
    status = oa_layout_discover(&run.layout, graph, NULL, 0, error);
    if (status == OA_OK) {
        oa_note_unknown(options, options->models[0], run.layout);
        status = choose(&run, error);
    }
    if (status == OA_OK) {
        status = oa_payloads_init(&run.payloads, graph, error);
    }
    if (status == OA_OK) {
        status = oa_layout_apply(&run.payloads, run.layout, graph, NULL, &run.permutations, error);
    }
    if (status == OA_OK && options->verifies) {
        status = verify(&run, error);
    }
    if (status == OA_OK) {
        status = oa_model_save(options->output, run.model, &run.payloads, error);
    }
    if (status == OA_OK && options->save_permutation) {
        status = oa_permutation_file_save(options->save_permutation, run.layout, graph, NULL, &run.permutations, error);
    }
    if (status == OA_OK) {
        status = print(&run, error);
    }
    oa_engine_choice_free(&run.engine);
    oa_samples_close(&run.samples);
    oa_payloads_free(&run.payloads);
    oa_permutations_free(&run.permutations);
    oa_layout_destroy(run.layout);
    oa_model_destroy(run.model);
    return status;
}
