/* The first screen of the report: is the merged model any good? For people who have never merged one. */
#include "core/base/memory.h"
#include "plugin/cli/html.h"
#include "plugin/cli/html_report.h"
#include "plugin/cli/verdict.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { BARS_MAX = OA_HTML_MODELS_MAX + 2, BAR_TEXT = 48 };

typedef struct bar_list {
    oa_html_bar bars[BARS_MAX];
    char labels[BARS_MAX][BAR_TEXT];
    char texts[BARS_MAX][BAR_TEXT];
    size_t count;
} bar_list;

static const char *class_of(const oa_verdict *verdict)
{
    static const char *const classes[] = {[OA_RATING_UNCLEAR] = "unclear",
                                          [OA_RATING_GOOD] = "good",
                                          [OA_RATING_USABLE] = "usable",
                                          [OA_RATING_UNUSABLE] = "bad"};
    return classes[verdict->rating];
}

static void put_capital(oa_svg *page, const char *text)
{
    oa_svg_put(page, "%c%s", *text >= 'a' && *text <= 'z' ? *text - 'a' + 'A' : *text, text + 1);
}

static oa_html_bar *next_bar(bar_list *list, double value, bool is_percent, const char *style)
{
    size_t at = list->count++;
    oa_svg number = {0};
    if (is_percent) {
        oa_svg_put_percent(&number, value);
    } else {
        oa_svg_put(&number, "%.4g", value);
    }
    snprintf(list->texts[at], BAR_TEXT, "%s", number.data ? number.data : "");
    oa_free(number.data);
    list->bars[at] = (oa_html_bar){.value = value, .label = list->labels[at], .text = list->texts[at], .style = style};
    return &list->bars[at];
}

static double largest_of(const bar_list *list)
{
    double largest = 0.0;
    for (size_t i = 0; i < list->count; i++) {
        largest = isfinite(list->bars[i].value) ? fmax(largest, list->bars[i].value) : largest;
    }
    return largest;
}

static double figure_of(const oa_evaluation *evaluation)
{
    return evaluation->has_accuracy ? evaluation->accuracy : evaluation->loss;
}

/* Models, plain average and merged model by what is measured with targets. */
static void list_scores(bar_list *list, const oa_align_run *run)
{
    bool is_percent = run->first.has_accuracy;
    char label[OA_LABEL_SIZE];
    for (size_t i = 0; i < run->options->model_count && i < OA_HTML_MODELS_MAX; i++) {
        const oa_evaluation *evaluation = i ? &run->followers[i - 1].evaluation : &run->first;
        oa_html_bar *bar = next_bar(list, figure_of(evaluation), is_percent, "parent");
        snprintf(list->labels[list->count - 1], BAR_TEXT, "Model %s", oa_model_label(label, i));
        bar->name = run->options->models[i];
    }
    if (!oa_run_is_plain(run)) {
        next_bar(list, figure_of(&run->naive), is_percent, "naive")->label = "Averaged without aligning";
    }
    if (run->options->emit == OA_EMIT_MERGED) {
        next_bar(list, figure_of(&run->result), is_percent, "merged")->label =
            run->repair            ? "Aligned, averaged and repaired: the merged model"
            : oa_run_is_plain(run) ? "Averaged: the merged model"
                                   : "Aligned, then averaged: the merged model";
    }
}

/* The same by what models have in common, without targets. */
static void list_agreement(bar_list *list, const oa_align_run *run)
{
    const oa_verdict *verdict = &run->verdict;
    bool is_percent = true;
    char label[OA_LABEL_SIZE];
    bool are_two = verdict->parents == 2;
    next_bar(list, verdict->reference, is_percent, "parent")->label =
        are_two ? "Model A and model B" : "Two of the models, on average";
    if (!oa_run_is_plain(run)) {
        next_bar(list, verdict->naive, is_percent, "naive")->label = "Averaged without aligning, and the models";
    }
    for (size_t i = 0; i < verdict->parents && i < OA_HTML_MODELS_MAX; i++) {
        next_bar(list, verdict->merged_with[i], is_percent, "merged");
        snprintf(list->labels[list->count - 1], BAR_TEXT, "Merged model and model %s", oa_model_label(label, i));
    }
}

static void put_bars(oa_svg *page, const oa_align_run *run)
{
    bar_list *list = oa_calloc(1, sizeof *list);
    double full = 1.0;
    const char *caption = "";
    if (!list) {
        page->is_full = true;
        return;
    }
    bool is_agreement = run->is_judged && run->verdict.basis == OA_BASIS_AGREEMENT;
    if (run->samples.targets.count) {
        list_scores(list, run);
        caption = run->first.has_accuracy ? "Share of the samples that each one gets right (longer is better)"
                                          : "Mean squared error of each one (shorter is better)";
    } else {
        list_agreement(list, run);
        caption = is_agreement ? "Share of the samples for which both decide alike (longer is better)"
                               : "Difference of their outputs, as a share of the spread of outputs (shorter is better)";
    }
    if (!is_agreement && !(run->samples.targets.count && run->first.has_accuracy)) {
        full = largest_of(list);
    }
    oa_svg_put(page, "<p class=\"note\">%s</p>\n", caption);
    oa_html_put_bars(page, list->bars, list->count, full);
    if (run->options->model_count > OA_HTML_MODELS_MAX) {
        oa_svg_put(page, "<p class=\"note\">%zu more models are not shown.</p>\n",
                   run->options->model_count - OA_HTML_MODELS_MAX);
    }
    oa_free(list);
}

/* The figures for people who do not know what a parent is. */
static void put_plainly(oa_svg *page, const oa_align_run *run)
{
    const oa_verdict *verdict = &run->verdict;
    char label[OA_LABEL_SIZE];
    bool has_figures = verdict->doubt == OA_DOUBT_NONE || (verdict->doubt == OA_DOUBT_FEW && verdict->samples > 1);
    oa_svg_put(page, "<p class=\"figures\">");
    if (verdict->basis != OA_BASIS_ACCURACY || !has_figures) {
        oa_svg text = {0};
        oa_verdict_put_figures(&text, verdict);
        if (text.data) {
            put_capital(page, text.data);
        }
        page->is_full = page->is_full || text.is_full;
        oa_free(text.data);
        oa_svg_put(page, "%s</p>\n", verdict->doubt == OA_DOUBT_PARENTS ? "" : ".");
        return;
    }
    oa_svg_put(page, "It gets ");
    oa_svg_put_percent(page, verdict->merged);
    oa_svg_put(page, " of %zu samples right. The %s of the %zu models that it was made of, %s, gets ", verdict->samples,
               verdict->parents > 2 ? "best" : "better", verdict->parents, oa_model_label(label, verdict->best_parent));
    oa_svg_put_percent(page, verdict->reference);
    if (!oa_run_is_plain(run)) {
        oa_svg_put(page, ". Averaged without aligning, they would have made a model that gets ");
        oa_svg_put_percent(page, verdict->naive);
    }
    oa_svg_put(page, ".</p>\n");
}

static void put_meaning(oa_svg *page, const oa_align_run *run)
{
    const oa_verdict *verdict = &run->verdict;
    const char *text = "";
    switch (verdict->rating) {
    case OA_RATING_GOOD:
        text = "It can take the place of the models that it was made of.";
        break;
    case OA_RATING_USABLE:
        text =
            "It does the work of the models that it was made of, but not quite as well as the better of them. Use it "
            "where one model in the place of several is worth that.";
        break;
    case OA_RATING_UNUSABLE:
        text = "Do not use it in the place of the models that it was made of.";
        break;
    case OA_RATING_UNCLEAR:
        text = verdict->doubt == OA_DOUBT_FEW
                   ? "On so few samples a good and a useless model can look the same. Run it again with more of them."
                   : "These samples do not tell a good model from a useless one.";
        break;
    }
    oa_svg_put(page, "<p>%s", text);
    if (verdict->rating != OA_RATING_UNCLEAR && !verdict->is_certain) {
        oa_svg_put(page, " \"Probably\": with other samples it may turn out %s; more samples would tell.",
                   verdict->rating == OA_RATING_UNUSABLE ? "a little better" : "a little worse");
    }
    oa_svg_put(page, "</p>\n");
    if (verdict->naive_is_better) {
        oa_svg_put(page,
                   "<p>Here aligning did not help: averaged as they are (<code>--method none</code>), the models do "
                   "better.</p>\n");
    } else if (verdict->rating == OA_RATING_UNUSABLE || verdict->rating == OA_RATING_USABLE) {
        bool by_data = oa_chain_has(&run->methods, OA_METHOD_ACTIVATIONS);
        oa_svg_put(page,
                   "<p>What may make it better: %s; models with wider layers, or trained from a common start, merge "
                   "better than narrow or deep ones.</p>\n",
                   by_data ? "another method, such as <code>--method deep-align+weights</code>"
                           : "matching by what units do on samples, <code>--method activations</code>");
    }
}

/* What the limits of the ratings are here. */
static void put_rule(oa_svg *page, const oa_verdict *verdict)
{
    oa_svg_put(page, "<details><summary>How this was judged</summary>\n<p id=\"verdict\">");
    oa_verdict_put(page, verdict);
    oa_svg_put(page,
               "</p>\n<p>The merged model was run on %zu samples, and "
               "so were the models that it was made of and their plain average. ",
               verdict->samples);
    static const char *const measured[] = {
        [OA_BASIS_ACCURACY] = "What counts is how many more samples the better model gets right.",
        [OA_BASIS_ERROR] = "What counts is how much larger its squared error is than that of the better model, as a "
                           "share of the variance of the targets.",
        [OA_BASIS_AGREEMENT] = "There were no labels, so nobody can say what is right. What counts is how much less "
                               "often it decides like the models than these decide alike.",
        [OA_BASIS_DIFFERENCE] = "There were no targets, so nobody can say what is right. What counts is how much "
                                "farther its outputs are from those of the models than these are from each other (mean "
                                "squares, as a share of the variance of the outputs)."};
    oa_svg_put(page, "%s", measured[verdict->basis]);
    if (isfinite(verdict->behind) && isfinite(verdict->behind_low)) {
        oa_svg_put(page,
                   " Here it is behind by %.2f points, and with 95 %% confidence by no less than %.2f and no more than "
                   "%.2f (below zero: ahead). Up to %.2f points are good, up to %.2f usable.",
                   100.0 * verdict->behind, 100.0 * verdict->behind_low, 100.0 * verdict->behind_high,
                   100.0 * verdict->good_limit, 100.0 * verdict->usable_limit);
    }
    oa_svg_put(page,
               "</p>\n<p>Good is at most 1 point behind and at most half again as many mistakes; usable is at most 5 "
               "points behind and at most three times as many. Where the interval reaches from good to not usable, "
               "there are too few samples to tell. Samples that the models were trained on, or that were used to align "
               "them, flatter it: judge on others.</p></details>\n");
}

static void put_unjudged(oa_svg *page, const oa_align_run *run)
{
    bool is_merged = run->options->emit == OA_EMIT_MERGED;
    oa_svg_put(page, "<section class=\"verdict\" aria-label=\"Verdict\">\n");
    if (!is_merged) {
        oa_svg_put(
            page,
            "<h2 class=\"question\">What came out?</h2><p class=\"answer\">Aligned, not merged</p>\n<p>%s to fit "
            "model A, and %s before.</p>\n",
            oa_follower_count(run) == 1 ? "Model B was reordered" : "The other models were reordered",
            oa_follower_count(run) == 1 ? "computes what it did" : "compute what they did");
    } else {
        oa_svg_put(
            page,
            "<h2 class=\"question\">Is the merged model good?</h2><p class=\"answer\">Not judged</p>\n<p>%s</p>\n",
            run->options->data
                ? "The samples could not be used for it: standard error says why."
                : "That shows on samples only, and none were given. Run it again with <code>--data FILE</code>, and "
                  "with <code>--labels FILE</code> if there are any.");
    }
    if (run->samples.targets.count) {
        put_bars(page, run);
    }
    oa_svg_put(page, "</section>\n");
}

/* What is half-way between the models, where there is no merged one. */
static void put_half_way(oa_svg *page, const oa_align_run *run)
{
    const oa_curve *naive = &run->line[0];
    const oa_curve *aligned = &run->line[1];
    size_t last = naive->count - 1;
    bool is_percent = naive->has_accuracy;
    const double *naive_values = is_percent ? naive->accuracy : naive->loss;
    const double *aligned_values = is_percent ? aligned->accuracy : aligned->loss;
    bar_list *list = oa_calloc(1, sizeof *list);
    if (!list) {
        page->is_full = true;
        return;
    }
    next_bar(list, naive_values[last], is_percent, "parent")->label = "Model A";
    next_bar(list, naive_values[0], is_percent, "parent")->label = "Model B";
    next_bar(list, naive_values[last / 2], is_percent, "naive")->label = "Mixed as they are";
    const oa_html_bar *mixed = next_bar(list, aligned_values[last / 2], is_percent, "merged");
    list->bars[3].label = "Aligned, then mixed";
    oa_svg_put(
        page,
        "<section class=\"verdict\" aria-label=\"Half-way\">\n<h2 class=\"question\">How well do the models fit "
        "together?</h2><p class=\"answer\">%s %s</p>\n<p class=\"figures\">is what a mixture of %.0f %% A and %.0f %% "
        "B gets when B is aligned first.</p>\n<p class=\"note\">%s</p>\n",
        mixed->text, is_percent ? "right" : "squared error", 100.0 * naive->lambda[last / 2],
        100.0 * (1.0 - naive->lambda[last / 2]),
        is_percent ? "Share of the samples that each one gets right (longer is better)"
                   : "Mean squared error of each one (shorter is better)");
    oa_html_put_bars(page, list->bars, list->count, is_percent ? 1.0 : largest_of(list));
    oa_svg_put(page, "</section>\n");
    oa_free(list);
}

void oa_html_put_verdict(oa_svg *page, const oa_align_run *run)
{
    const oa_verdict *verdict = &run->verdict;
    if (!run->options->output) {
        put_half_way(page, run);
        return;
    }
    if (!run->is_judged) {
        put_unjudged(page, run);
        return;
    }
    oa_svg_put(page,
               "<section class=\"verdict %s\" aria-label=\"Verdict\">\n<h2 class=\"question\">Is the merged model "
               "good?</h2><p class=\"answer\">",
               class_of(verdict));
    put_capital(page, oa_verdict_words(verdict));
    oa_svg_put(page, "</p>\n");
    put_plainly(page, run);
    if (run->samples.targets.count || verdict->merged_with) {
        put_bars(page, run);
    }
    put_meaning(page, run);
    put_rule(page, verdict);
    oa_svg_put(page, "</section>\n");
}
