#include "plugin/cli/html_report.h"

#include "core/base/memory.h"
#include "plugin/cli/files.h"
#include "plugin/cli/html.h"
#include "plugin/cli/repair.h"
#include "plugin/cli/report.h"
#include "plugin/cli/verdict.h"

#include <math.h>
#include <string.h>

enum { COMMAND_MAX = 100 /* arguments that are shown */ };

static void put_models(oa_svg *page, const oa_align_run *run)
{
    const oa_options *options = run->options;
    char label[OA_LABEL_SIZE];
    size_t shown = options->model_count < OA_HTML_MODELS_MAX ? options->model_count : OA_HTML_MODELS_MAX;
    for (size_t i = 0; i < shown; i++) {
        oa_svg_put(page, "<tr><th scope=\"row\">Model %s</th><td>", oa_model_label(label, i));
        oa_html_put_name(page, options->models[i]);
        if (options->output && options->emit == OA_EMIT_MERGED) {
            oa_svg_put(page, ", share ");
            oa_svg_put_percent(page, options->weights[i]);
        }
        oa_svg_put(page, "</td></tr>\n");
    }
    if (shown < options->model_count) {
        oa_svg_put(page, "<tr><th scope=\"row\">More models</th><td>%zu</td></tr>\n", options->model_count - shown);
    }
}

static void put_verification(oa_svg *page, const oa_align_run *run, const oa_totals *sums)
{
    bool are_two = oa_follower_count(run) == 1;
    oa_svg_put(page, "<tr><th scope=\"row\">Verification</th><td>");
    if (run->options->output && run->options->verifies) {
        oa_svg_put(page,
                   "reordered, %s before: largest relative difference <span id=\"max-rel-diff\">%.3g</span> (tolerance "
                   "%.3g), from the order of floating-point sums; run by the engine %s",
                   are_two ? "B computes what it did" : "the models compute what they did", sums->verified.max_rel_diff,
                   run->followers[0].verified.tolerance, sums->verified.engine);
        if (sums->verified.unentered.weights) {
            oa_svg_put(page, "; %zu weights lie in branches that did not run", sums->verified.unentered.weights);
        }
    } else {
        oa_svg_put(page, "none");
    }
    oa_svg_put(page, "</td></tr>\n");
}

static void put_explanation(oa_svg *page, const oa_align_run *run)
{
    bool are_two = oa_follower_count(run) == 1;
    oa_svg_put(
        page,
        "<p>Networks that were trained apart learn much the same, but keep it in different places: what one unit of "
        "a layer does in model A, another one does in %s. Averaged as they are, unlike units are mixed up. ",
        are_two ? "model B" : "the other models");
    if (oa_run_is_plain(run)) {
        oa_svg_put(page, "Here that was asked for (<code>--method none</code>): nothing was reordered.</p>\n");
        return;
    }
    oa_svg_put(
        page,
        "So the units of %s were reordered first, layer by layer, to fit A. That changes nothing in what %s.</p>\n",
        are_two ? "B" : "the other models", are_two ? "B computes" : "they compute");
}

static void put_repair(oa_svg *page, const oa_align_run *run)
{
    char warning[OA_REPAIR_WARNING_SIZE];
    size_t normalisations, layers, left;
    if (!run->repair) {
        return;
    }
    oa_count_repair(&normalisations, &layers, &left, run);
    oa_svg_put(
        page,
        "<tr><th scope=\"row\">Repair</th><td>averaged units got back the mean and the spread of their parents', "
        "from <span id=\"repair-samples\">%zu</span> samples: %zu batch normalisations, %zu other layers; %zu layers "
        "stay as averaged",
        run->repaired.samples, normalisations, layers, left);
    if (oa_repair_warning(warning, run)) {
        oa_svg_put(page, ". Doubtful: ");
        oa_svg_put_escaped(page, warning);
    }
    oa_svg_put(page, "</td></tr>\n");
}

static void put_done(oa_svg *page, const oa_align_run *run, const oa_totals *sums)
{
    char chain[OA_CHAIN_TEXT_SIZE];
    const oa_options *options = run->options;
    oa_svg_put(page, "<section><h2>What was done</h2>\n");
    put_explanation(page, run);
    oa_svg_put(page, "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"What was done\"><table "
                     "class=\"facts\">\n<tbody>\n");
    put_models(page, run);
    if (options->output) {
        oa_svg_put(page, "<tr><th scope=\"row\">%s</th><td>",
                   options->emit == OA_EMIT_MERGED ? "Merged model" : "Written to");
        oa_html_put_name(page, options->output);
        oa_svg_put(page, "</td></tr>\n");
    }
    oa_svg_put(page, "<tr><th scope=\"row\">Method</th><td>%s%s%s</td></tr>\n", oa_chain_text(chain, &run->methods),
               run->method_reason ? ", chosen because " : ", as asked for",
               run->method_reason ? run->method_reason : "");
    oa_svg_put(
        page,
        "<tr><th scope=\"row\">Units</th><td><span id=\"moved\">%zu</span> of <span id=\"units\">%zu</span> moved, "
        "in %zu groups</td></tr>\n",
        sums->moved, sums->units * oa_follower_count(run), run->layout->group_count);
    oa_svg_put(page,
               "<tr><th scope=\"row\">Distance to A</th><td>sum of squared differences of weights <span "
               "id=\"distance-before\">%.6g</span> before, <span id=\"distance-after\">%.6g</span> after</td></tr>\n",
               sums->before, sums->after);
    put_verification(page, run, sums);
    put_repair(page, run);
    if (options->data) {
        oa_svg_put(page, "<tr><th scope=\"row\">Samples</th><td>%zu of ", run->samples.data.count);
        oa_html_put_name(page, options->data);
        if (options->labels) {
            oa_svg_put(page, ", with the %s of ", options->loss == OA_LOSS_MSE ? "targets" : "labels");
            oa_html_put_name(page, options->labels);
        }
        oa_svg_put(page, "</td></tr>\n");
    }
    oa_svg_put(page, "</tbody></table></div>\n</section>\n");
}

static void put_score(oa_svg *page, const char *label, const char *name, const oa_evaluation *evaluation)
{
    oa_svg_put(page, "<tr><th scope=\"row\">%s</th><td>", label);
    if (name) {
        oa_html_put_name(page, name);
    } else {
        oa_svg_put(page, "averaged without aligning");
    }
    oa_svg_put(page, "</td><td class=\"number\">");
    if (evaluation->has_accuracy) {
        oa_svg_put(page, "%.2f %%", 100.0 * evaluation->accuracy);
    } else {
        oa_svg_put(page, "-");
    }
    oa_svg_put(page, "</td><td class=\"number\">%.4f</td></tr>\n", evaluation->loss);
}

static void put_scores(oa_svg *page, const oa_align_run *run)
{
    const oa_options *options = run->options;
    char label[OA_LABEL_SIZE];
    if (!run->first.count || !run->samples.targets.count) {
        return;
    }
    oa_svg_put(
        page,
        "<section><h2>Scores</h2>\n<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Scores\"><table "
        "id=\"scores\">\n<thead><tr><th>model</th><th></th><th class=\"number\">accuracy</th><th "
        "class=\"number\">%s</th></tr></thead>\n<tbody>\n",
        options->loss == OA_LOSS_MSE ? "mean squared error" : "loss");
    for (size_t i = 0; i < options->model_count && i < OA_HTML_MODELS_MAX; i++) {
        put_score(page, oa_model_label(label, i), options->models[i],
                  i ? &run->followers[i - 1].evaluation : &run->first);
    }
    put_score(page, "naive", NULL, &run->naive);
    if (run->repair) {
        put_score(page, "merged, not yet repaired", options->output, &run->unrepaired);
    }
    if (options->emit == OA_EMIT_MERGED) {
        put_score(page, "merged", options->output, &run->result);
    }
    oa_svg_put(page, "</tbody></table></div>\n");
    if (options->loss == OA_LOSS_CROSS_ENTROPY) {
        oa_svg_put(page, "<p class=\"note\">Accuracy is the share of samples with the right class. The loss "
                         "(cross-entropy) also counts how sure a model was: lower is better.</p>\n");
    }
    oa_svg_put(page, "</section>\n");
}

/* As one would type it: quoted where a shell would read something else. */
static void put_command(oa_svg *page, const oa_options *options)
{
    oa_svg_put(page, "<code><bdi>onnx-align");
    for (int i = 1; i < options->argument_count && i < COMMAND_MAX; i++) {
        const char *argument = options->arguments[i];
        size_t plain = strspn(argument, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_@%+=:,./-");
        bool is_plain = *argument && argument[plain] == '\0';
        oa_svg_put(page, is_plain ? " " : " '");
        oa_html_put_text(page, argument);
        oa_svg_put(page, is_plain ? "" : "'");
    }
    oa_svg_put(page, "%s</bdi></code>", options->argument_count > COMMAND_MAX ? " ..." : "");
}

static void put_run(oa_svg *page, const oa_align_run *run)
{
    const oa_seconds_of *s = &run->seconds;
    const struct {
        const char *what;
        double seconds;
    } rows[] = {{"reading the models", s->load},
                {"finding what can be reordered", s->symmetry},
                {"aligning", s->align},
                {"verifying", s->verify},
                {"averaging", s->merge},
                {"running models on samples", s->evaluate},
                {"measuring for this report", s->report}};
    oa_svg_put(page, "<section><h2>The run</h2>\n<p>");
    put_command(page, run->options);
    oa_svg_put(page,
               "</p>\n<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Timings\"><table "
               "id=\"timings\">\n<thead><tr><th>step</th><th class=\"number\">seconds</th></tr></thead>\n<tbody>\n");
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        oa_svg_put(page, "<tr><td>%s</td><td class=\"number\">%.3f</td></tr>\n", rows[i].what, rows[i].seconds);
    }
    oa_svg_put(page,
               "<tr><td>all, up to writing the model</td><td class=\"number\">%.3f</td></tr>\n</tbody></table></div>\n"
               "<p class=\"note\">%d threads, seed %llu.</p>\n</section>\n",
               oa_seconds() - run->started, run->options->threads, (unsigned long long)run->options->seed);
}

static void put_words(oa_svg *page)
{
    oa_svg_put(page,
               "<section><h2>Words</h2>\n<dl>\n"
               "<dt><strong>Unit</strong></dt><dd>One hidden neuron, channel or attention head: a place in a layer "
               "that could as well be any other place of it.</dd>\n"
               "<dt><strong>Parents</strong></dt><dd>The models that the merged one was made of.</dd>\n"
               "<dt><strong>Plain average</strong></dt><dd>The mean of the parents' weights without reordering, for "
               "comparison.</dd>\n"
               "<dt><strong>Points</strong></dt><dd>Differences of percentages: from 90 %% to 88 %% are 2 points."
               "</dd>\n</dl>\n</section>\n");
}

static void put_page(oa_svg *page, const oa_align_run *run)
{
    oa_totals sums = oa_align_totals(run);
    const oa_options *options = run->options;
    const char *done = !options->output                  ? "and the line between them"
                       : options->emit == OA_EMIT_MERGED ? "merged into one"
                                                         : "aligned";
    oa_html_begin(page, "onnx-align report");
    oa_svg_put(page, "<header><h1>%zu models, %s</h1>\n<p>", options->model_count, done);
    if (options->output) {
        oa_html_put_name(page, options->output);
    }
    oa_svg_put(page, " by onnx-align " OA_VERSION "</p></header>\n<main>\n");
    oa_html_put_verdict(page, run);
    put_done(page, run, &sums);
    oa_html_put_curve(page, run);
    oa_html_put_maps(page, run);
    put_scores(page, run);
    oa_html_put_groups(page, run);
    put_run(page, run);
    put_words(page);
    oa_svg_put(page, "</main>\n");
    oa_html_end(page);
}

oa_status oa_html_report_check(const oa_options *options, oa_error *error)
{
    const char *others[] = {options->output, options->save_permutation, options->data,
                            options->labels, options->aligner,          options->svg};
    for (size_t i = 0; i < sizeof others / sizeof others[0] + options->model_count; i++) {
        const char *other = i < options->model_count ? options->models[i] : others[i - options->model_count];
        if (other && oa_same_file(options->report, other)) {
            return oa_fail(error, OA_ERROR_OUTPUT, "the report %s is the file %s, too: give another name with --report",
                           options->report, other);
        }
    }
    return OA_OK;
}

oa_status oa_html_report_prepare(oa_output_file *file, const oa_align_run *run, oa_error *error)
{
    oa_svg page = {0};
    put_page(&page, run);
    oa_status status = page.is_full
                           ? oa_fail(error, OA_ERROR_MEMORY, "out of memory for the report %s", run->options->report)
                           : oa_text_file_prepare(file, run->options->report, page.data, error);
    oa_free(page.data);
    return status;
}
