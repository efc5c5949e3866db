#include "plugin/cli/verdict.h"

#include "core/base/memory.h"
#include "plugin/cli/report.h"

#include <math.h>
#include <stdio.h>

const char *oa_model_label(char text[static OA_LABEL_SIZE], size_t model)
{
    if (model < 26) {
        snprintf(text, OA_LABEL_SIZE, "%c", (char)('A' + model));
    } else {
        snprintf(text, OA_LABEL_SIZE, "#%zu", model + 1);
    }
    return text;
}

const char *oa_verdict_words(const oa_verdict *verdict)
{
    static const char *const words[][2] = {[OA_RATING_GOOD] = {"probably good", "good"},
                                           [OA_RATING_USABLE] = {"probably usable", "usable"},
                                           [OA_RATING_UNUSABLE] = {"probably not usable", "not usable"}};
    if (verdict->rating == OA_RATING_UNCLEAR) {
        return verdict->doubt == OA_DOUBT_FEW ? "too few samples to tell" : "cannot tell";
    }
    return words[verdict->rating][verdict->is_certain];
}

static double half_width(const oa_verdict *verdict)
{
    return 0.5 * (verdict->behind_high - verdict->behind_low);
}

static const char *best_word(const oa_verdict *verdict)
{
    return verdict->parents > 2 ? "best" : "better";
}

/* "A and B" or "the parents". */
static const char *parents_words(const oa_verdict *verdict)
{
    return verdict->parents > 2 ? "the parents" : "A and B";
}

/* "A and B" or "two parents". */
static const char *two_parents_words(const oa_verdict *verdict)
{
    return verdict->parents > 2 ? "two parents" : "A and B";
}

static void put_accuracy(oa_svg *text, const oa_verdict *verdict)
{
    char label[OA_LABEL_SIZE];
    double points = 100.0 * verdict->behind;
    int digits = verdict->shortfall < 0.02 ? 2 : 1;
    oa_svg_put_percent(text, verdict->merged);
    oa_svg_put(text, " right, ");
    if (fabs(points) < (digits == 2 ? 0.005 : 0.05)) {
        oa_svg_put(text, "level with");
    } else {
        oa_svg_put(text, "%.*f points %s", digits, fabs(points), points > 0.0 ? "below" : "above");
    }
    oa_svg_put(text, " the %s parent (%s), give or take %.*f on %zu samples; ", best_word(verdict),
               oa_model_label(label, verdict->best_parent), digits, 100.0 * half_width(verdict), verdict->samples);
    oa_svg_put(text, verdict->naive_is_better ? "a plain average is better: " : "a plain average would be ");
    oa_svg_put_percent(text, verdict->naive);
}

static void put_error(oa_svg *text, const oa_verdict *verdict)
{
    char label[OA_LABEL_SIZE];
    oa_svg_put(text, "mean squared error %.4g", verdict->merged);
    if (verdict->reference > 0.0) {
        oa_svg_put(text, ", %.3g times that of the %s parent (%s), give or take %.2g",
                   verdict->merged / verdict->reference, best_word(verdict),
                   oa_model_label(label, verdict->best_parent), half_width(verdict) / verdict->shortfall);
    } else {
        oa_svg_put(text, ", where the %s parent (%s) makes none", best_word(verdict),
                   oa_model_label(label, verdict->best_parent));
    }
    oa_svg_put(text, " on %zu samples; a plain average %s %.4g", verdict->samples,
               verdict->naive_is_better ? "is better:" : "would make", verdict->naive);
}

/* Two parents by name, more by their mean. */
static void put_beside_parents(oa_svg *text, const oa_verdict *verdict, const char *a, const char *b, const char *any)
{
    if (verdict->parents == 2) {
        oa_svg_put(text, "%s", a);
        oa_svg_put_percent(text, verdict->merged_with[0]);
        oa_svg_put(text, "%s", b);
        oa_svg_put_percent(text, verdict->merged_with[1]);
    } else {
        oa_svg_put(text, "%s", any);
        oa_svg_put_percent(text, verdict->merged);
    }
}

/* How the parents are to each other, then the plain average. */
static void put_beside_average(oa_svg *text, const oa_verdict *verdict, const char *average)
{
    oa_svg_put_percent(text, verdict->reference);
    oa_svg_put(text, "%s", verdict->naive_is_better ? "; a plain average is nearer to them: " : average);
    oa_svg_put_percent(text, verdict->naive);
}

static void put_agreement(oa_svg *text, const oa_verdict *verdict)
{
    put_beside_parents(text, verdict, "decides like A for ", " and like B for ", "decides like a parent for ");
    oa_svg_put(text, " of %zu samples, give or take %.1f; %s agree on ", verdict->samples, 100.0 * half_width(verdict),
               two_parents_words(verdict));
    put_beside_average(text, verdict, "; a plain average would for ");
}

static void put_difference(oa_svg *text, const oa_verdict *verdict)
{
    put_beside_parents(text, verdict, "its outputs differ from A's by ", " and from B's by ",
                       "its outputs differ from a parent's by ");
    oa_svg_put(text, " of their spread on %zu samples; those of %s by ", verdict->samples, two_parents_words(verdict));
    put_beside_average(text, verdict, "; a plain average's would by ");
}

static void put_parents_doubt(oa_svg *text, const oa_verdict *verdict)
{
    char label[OA_LABEL_SIZE];
    oa_model_label(label, verdict->best_parent);
    switch (verdict->basis) {
    case OA_BASIS_ACCURACY:
        oa_svg_put(text, "the %s parent (%s) is right for ", best_word(verdict), label);
        oa_svg_put_percent(text, verdict->reference);
        oa_svg_put(text,
                   " of %zu samples, no more than always naming the most frequent label: do the labels belong to "
                   "these samples, and the samples to these models?",
                   verdict->samples);
        break;
    case OA_BASIS_ERROR:
        oa_svg_put(text,
                   "the %s parent (%s) is no nearer to the targets of %zu samples than their mean: do they belong "
                   "to these samples, and the samples to these models?",
                   best_word(verdict), label, verdict->samples);
        break;
    case OA_BASIS_AGREEMENT:
        oa_svg_put(text, "%s agree on ", two_parents_words(verdict));
        oa_svg_put_percent(text, verdict->reference);
        oa_svg_put(text, " of %zu samples, hardly more than by chance: are they of the kind that the models know?",
                   verdict->samples);
        break;
    case OA_BASIS_DIFFERENCE:
        oa_svg_put(text,
                   "the outputs of %s have hardly anything in common on %zu samples: are they of the kind that "
                   "the models know?",
                   parents_words(verdict), verdict->samples);
        break;
    }
}

static void put_uniform_doubt(oa_svg *text, const oa_verdict *verdict)
{
    switch (verdict->basis) {
    case OA_BASIS_ACCURACY:
        oa_svg_put(text, "all %zu labels are the same", verdict->samples);
        break;
    case OA_BASIS_ERROR:
        oa_svg_put(text, "all %zu targets are the same", verdict->samples);
        break;
    case OA_BASIS_AGREEMENT:
        oa_svg_put(text, "%s name the same class for all %zu samples", parents_words(verdict), verdict->samples);
        break;
    case OA_BASIS_DIFFERENCE:
        oa_svg_put(text, "%s put out the same for all %zu samples", parents_words(verdict), verdict->samples);
        break;
    }
}

void oa_verdict_put_figures(oa_svg *text, const oa_verdict *verdict)
{
    if (verdict->doubt == OA_DOUBT_PARENTS) {
        put_parents_doubt(text, verdict);
    } else if (verdict->doubt == OA_DOUBT_UNIFORM) {
        put_uniform_doubt(text, verdict);
    } else if (verdict->doubt == OA_DOUBT_FEW && verdict->samples < 2) {
        oa_svg_put(text, "there is but one");
    } else if (verdict->doubt == OA_DOUBT_NUMBERS) {
        oa_svg_put(text, "%s puts out NaN or infinities on %zu samples",
                   verdict->rating == OA_RATING_UNCLEAR ? "a parent" : "it", verdict->samples);
    } else {
        switch (verdict->basis) {
        case OA_BASIS_ACCURACY:
            put_accuracy(text, verdict);
            break;
        case OA_BASIS_ERROR:
            put_error(text, verdict);
            break;
        case OA_BASIS_AGREEMENT:
            put_agreement(text, verdict);
            break;
        case OA_BASIS_DIFFERENCE:
            put_difference(text, verdict);
            break;
        }
    }
}

void oa_verdict_put(oa_svg *text, const oa_verdict *verdict)
{
    oa_svg_put(text, "%s: ", oa_verdict_words(verdict));
    oa_verdict_put_figures(text, verdict);
}

static json_t *numbers(const double *values, size_t count)
{
    json_t *list = values ? json_array() : json_null();
    for (size_t i = 0; i < count && values && list; i++) {
        if (json_array_append_new(list, oa_json_number(values[i])) != 0) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}

json_t *oa_verdict_json(const oa_verdict *verdict)
{
    static const char *const bases[] = {[OA_BASIS_ACCURACY] = "accuracy",
                                        [OA_BASIS_ERROR] = "error",
                                        [OA_BASIS_AGREEMENT] = "agreement",
                                        [OA_BASIS_DIFFERENCE] = "difference"};
    static const char *const ratings[] = {[OA_RATING_UNCLEAR] = "unclear",
                                          [OA_RATING_GOOD] = "good",
                                          [OA_RATING_USABLE] = "usable",
                                          [OA_RATING_UNUSABLE] = "not usable"};
    if (!verdict) {
        return json_null();
    }
    oa_svg text = {0};
    oa_verdict_put(&text, verdict);
    double interval[] = {verdict->behind_low, verdict->behind_high};
    json_t *object =
        text.is_full ? NULL
                     : json_pack("{s:s, s:b, s:s, s:s, s:I, s:o, s:o, s:o, s:o, s:o, s:{s:f, s:f}, s:o, s:o}", "rating",
                                 ratings[verdict->rating], "certain", verdict->is_certain, "text", text.data, "basis",
                                 bases[verdict->basis], "samples", (json_int_t)verdict->samples, "merged",
                                 oa_json_number(verdict->merged), "naive", oa_json_number(verdict->naive), "reference",
                                 oa_json_number(verdict->reference), "behind", oa_json_number(verdict->behind),
                                 "interval", numbers(interval, 2), "limits", "good", verdict->good_limit, "usable",
                                 verdict->usable_limit, "merged_with", numbers(verdict->merged_with, verdict->parents),
                                 "naive_with", numbers(verdict->naive_with, verdict->parents));
    oa_free(text.data);
    return object;
}
