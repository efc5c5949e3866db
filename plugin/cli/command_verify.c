/* onnx-align verify: do two models compute the same function? */
#include "core/ir/pair.h"
#include "onnx_io/model.h"
#include "plugin/cli/commands.h"
#include "plugin/cli/inputs.h"
#include "plugin/cli/report.h"

/* Inputs are fed by position; both models must declare as many, of the same types. */
static oa_status check_inputs(const oa_options *options, const oa_graph *x, const oa_graph *y, oa_error *error)
{
    if (x->input_count != y->input_count || x->output_count != y->output_count) {
        return oa_fail(error, OA_ERROR_ARCHITECTURE,
                       "%s has %zu inputs and %zu outputs, %s has %zu and %zu: they cannot be compared",
                       options->models[0], x->input_count, x->output_count, options->models[1], y->input_count,
                       y->output_count);
    }
    for (size_t i = 0; i < x->input_count; i++) {
        const oa_value *a = &x->values[x->inputs[i]];
        const oa_value *b = &y->values[y->inputs[i]];
        bool fits = a->dtype == b->dtype && (!a->has_shape || !b->has_shape || a->rank == b->rank);
        for (size_t k = 0; fits && a->has_shape && b->has_shape && k < a->rank; k++) {
            fits = a->dims[k] < 0 || b->dims[k] < 0 || a->dims[k] == b->dims[k];
        }
        if (!fits) {
            return oa_fail(error, OA_ERROR_ARCHITECTURE,
                           "input '%s' of %s and input '%s' of %s differ in type or shape", a->name, options->models[0],
                           b->name, options->models[1]);
        }
    }
    return OA_OK;
}

static oa_status print(const oa_options *options, const oa_verify_info *info, oa_error *error)
{
    if (options->is_json) {
        return oa_json_print(json_pack("{s:b, s:f, s:f, s:s, s:f, s:o*}", "same", info->is_same, "max_abs_diff",
                                       info->max_abs_diff, "max_rel_diff", info->max_rel_diff, "engine", info->engine,
                                       "tolerance", info->tolerance, "unreached", oa_json_unreached(info)),
                             error);
    }
    printf("%s: largest difference %.3g, relative %.3g (tolerance %.3g), on %zu input%s\n",
           info->is_same ? "the same function" : "different functions", info->max_abs_diff, info->max_rel_diff,
           info->tolerance, info->runs, info->runs == 1 ? "" : "s");
    return oa_finish_output(error);
}

oa_status oa_command_verify(const oa_options *options, oa_error *error)
{
    oa_model *models[2] = {NULL, NULL};
    oa_samples samples = {0};
    oa_verify_inputs inputs = {0};
    oa_engine_choice choice = {0};
    oa_verify_settings settings;
    oa_verify_info info = {0};
    oa_status status = OA_OK;
    for (size_t i = 0; i < 2 && status == OA_OK; i++) {
        status = oa_model_load(&models[i], options->models[i], error);
    }
    if (status != OA_OK) {
        goto done;
    }
    const oa_graph *x = oa_model_graph(models[0]);
    const oa_graph *y = oa_model_graph(models[1]);
    status = check_inputs(options, x, y, error);
    if (status == OA_OK) {
        status = oa_load_samples(&samples, options, x, error);
    }
    if (status == OA_OK) {
        status = oa_engine_choose(&choice, options, models, 2, &samples.data, error);
    }
    if (status == OA_OK) {
        status = oa_verify_settings_from(&settings, &inputs, options, &choice, x, NULL, &samples, error);
    }
    if (status == OA_OK) {
        const oa_runnable reference = {.graph = x, .engine = choice.engine};
        const oa_runnable other = {.graph = y, .engine = choice.engine};
        status = oa_verify(&info, &reference, &other, &settings, error);
    }
    if (status == OA_OK && info.is_same) {
        oa_note_unreached(options, options->models[0], &info);
    }
    if (status == OA_OK) {
        status = print(options, &info, error);
    }
    if (status == OA_OK && !info.is_same) {
        status = oa_fail(error, OA_ERROR_DIFFERENT, "%s and %s compute different functions", options->models[0],
                         options->models[1]);
    }
done:
    oa_verify_inputs_free(&inputs);
    oa_engine_choice_free(&choice);
    oa_samples_close(&samples);
    oa_model_destroy(models[0]);
    oa_model_destroy(models[1]);
    return status;
}
