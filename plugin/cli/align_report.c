#include "plugin/cli/align.h"
#include "plugin/cli/repair.h"
#include "plugin/cli/report.h"
#include "plugin/cli/verdict.h"

oa_totals oa_align_totals(const oa_align_run *run)
{
    oa_totals sums = {0};
    for (size_t g = 0; g < run->layout->group_count; g++) {
        sums.units += run->layout->groups[g].size;
    }
    for (size_t i = 0; i < oa_follower_count(run); i++) {
        const oa_follower *follower = &run->followers[i];
        for (size_t g = 0; g < run->layout->group_count; g++) {
            sums.moved += oa_permutations_moved(&follower->permutations, run->layout, g);
        }
        sums.before += follower->distance_before;
        sums.after += follower->distance_after;
        sums.verified.engine = follower->verified.engine;
        if (follower->verified.unentered.weights >= sums.verified.unentered.weights) {
            sums.verified.unentered = follower->verified.unentered;
        }
        if (follower->verified.max_rel_diff >= sums.verified.max_rel_diff) {
            sums.verified.max_rel_diff = follower->verified.max_rel_diff;
        }
        if (follower->verified.max_abs_diff >= sums.verified.max_abs_diff) {
            sums.verified.max_abs_diff = follower->verified.max_abs_diff;
        }
    }
    return sums;
}

static json_t *json_groups(const oa_align_run *run)
{
    size_t count = oa_follower_count(run);
    oa_permutations *permutations = oa_calloc(count, sizeof *permutations);
    for (size_t i = 0; i < count && permutations; i++) {
        permutations[i] = run->followers[i].permutations; /* views: not freed here */
    }
    json_t *groups = permutations ? oa_json_groups(run->layout, oa_run_graph(run, 0), permutations, count) : NULL;
    oa_free(permutations);
    return groups;
}

static json_t *json_models(const oa_options *options)
{
    json_t *models = json_array();
    for (size_t i = 0; i < options->model_count && models; i++) {
        json_array_append_new(models, json_string(options->models[i]));
    }
    return models;
}

static json_t *json_score(const oa_evaluation *evaluation)
{
    json_t *accuracy = evaluation->has_accuracy ? json_real(evaluation->accuracy) : json_null();
    return json_pack("{s:o, s:o}", "loss", oa_json_number(evaluation->loss), "accuracy", accuracy);
}

static json_t *json_evaluation(const oa_align_run *run)
{
    if (!run->samples.targets.count) {
        return json_null();
    }
    json_t *models = json_array();
    if (models) {
        json_array_append_new(models, json_score(&run->first));
    }
    for (size_t i = 0; i < oa_follower_count(run) && models; i++) {
        json_array_append_new(models, json_score(&run->followers[i].evaluation));
    }
    bool is_merged = run->options->emit == OA_EMIT_MERGED;
    return json_pack("{s:I, s:o, s:o, s:o, s:o}", "samples", (json_int_t)run->first.count, "models", models, "naive",
                     json_score(&run->naive), "unrepaired", run->repair ? json_score(&run->unrepaired) : json_null(),
                     "merged", is_merged ? json_score(&run->result) : json_null());
}

static oa_status print_json(const oa_align_run *run, const oa_totals *sums, oa_error *error)
{
    const oa_options *options = run->options;
    char chain[OA_CHAIN_TEXT_SIZE];
    json_t *seconds =
        json_pack("{s:f, s:f, s:f, s:f, s:f, s:f, s:f}", "load", run->seconds.load, "symmetry", run->seconds.symmetry,
                  "align", run->seconds.align, "merge", run->seconds.merge, "verify", run->seconds.verify, "save",
                  run->seconds.save, "total", oa_seconds() - run->started);
    json_t *distance = json_pack("{s:f, s:f}", "before", sums->before, "after", sums->after);
    return oa_json_print(json_pack("{s:s, s:s, s:o, s:o, s:I, s:o, s:o, s:o, s:o, s:o, s:o}", "output", options->output,
                                   "method", oa_chain_text(chain, &run->methods), "models", json_models(options),
                                   "groups", json_groups(run), "units", (json_int_t)sums->units, "distance", distance,
                                   "verified", oa_json_verified(options->verifies ? &sums->verified : NULL), "seconds",
                                   seconds, "repair", oa_json_repair(run), "evaluation", json_evaluation(run),
                                   "verdict", oa_verdict_json(run->is_judged ? &run->verdict : NULL)),
                         error);
}

static void print_score(const char *label, const char *name, const oa_evaluation *evaluation)
{
    char accuracy[32] = "     - ";
    if (evaluation->has_accuracy) {
        snprintf(accuracy, sizeof accuracy, "%6.2f%%", 100.0 * evaluation->accuracy);
    }
    printf("  %-8s accuracy %s  loss %.4f  %s\n", label, accuracy, evaluation->loss, name);
}

static void print_evaluation(const oa_align_run *run)
{
    const oa_options *options = run->options;
    printf("on %zu samples of %s\n", run->first.count, options->data);
    print_score("A", options->models[0], &run->first);
    for (size_t i = 0; i < oa_follower_count(run); i++) {
        char label[OA_LABEL_SIZE];
        print_score(oa_model_label(label, i + 1), options->models[i + 1], &run->followers[i].evaluation);
    }
    print_score("naive", "averaged without aligning", &run->naive);
    if (run->repair) {
        print_score("before", "merged, not yet repaired", &run->unrepaired);
    }
    if (options->emit == OA_EMIT_MERGED) {
        print_score("merged", options->output, &run->result);
    }
}

static oa_status print_text(const oa_align_run *run, const oa_totals *sums, oa_error *error)
{
    const oa_options *options = run->options;
    char chain[OA_CHAIN_TEXT_SIZE];
    printf("aligned %zu model%s to %s by %s%s%s%s\n", oa_follower_count(run), oa_follower_count(run) == 1 ? "" : "s",
           options->models[0], oa_chain_text(chain, &run->methods), run->method_reason ? " (chosen: " : "",
           run->method_reason ? run->method_reason : "", run->method_reason ? ")" : "");
    printf("  %zu of %zu units moved in %zu groups; squared distance %.6g -> %.6g\n", sums->moved,
           sums->units * oa_follower_count(run), run->layout->group_count, sums->before, sums->after);
    if (options->verifies) {
        printf("  verified: reordering changed no function (largest relative difference %.2g)\n",
               sums->verified.max_rel_diff);
    } else {
        printf("  not verified (--no-verify)\n");
    }
    oa_print_repair(run);
    if (run->samples.targets.count) {
        print_evaluation(run);
    }
    oa_svg verdict = {0};
    if (run->is_judged) {
        oa_verdict_put(&verdict, &run->verdict);
    }
    printf("%s %s in %.2f s\n", options->emit == OA_EMIT_MERGED ? "merged into" : "aligned model written to",
           options->output, oa_seconds() - run->started);
    if (run->is_judged && !verdict.is_full) {
        printf("verdict: %s\n", verdict.data);
    }
    oa_status status = verdict.is_full ? oa_fail(error, OA_ERROR_MEMORY, "out of memory for the verdict") : OA_OK;
    oa_free(verdict.data);
    return status == OA_OK ? oa_finish_output(error) : status;
}

oa_status oa_align_print(const oa_align_run *run, oa_error *error)
{
    oa_totals sums = oa_align_totals(run);
    return run->options->is_json ? print_json(run, &sums, error) : print_text(run, &sums, error);
}
