#include "core/check/judge.h"

#include "core/base/memory.h"

#include <math.h>

enum { NUMBERS_SAMPLES_MIN = 30 /* below, the mean of such differences is no normal one */ };

static const double NORMAL_95 = 1.959964;
static const double KAPPA_MIN = 0.2; /* "slight" agreement ends here: Landis and Koch, Biometrics 33 (1977) */

typedef struct trial {
    const oa_answers *parents;
    size_t count;
    size_t samples;
    size_t best;
    double variance; /* of the targets or the outputs: what squared differences are shares of */
    oa_basis basis;
} trial;

void oa_verdict_free(oa_verdict *verdict)
{
    oa_free(verdict->merged_with);
    oa_free(verdict->naive_with);
    *verdict = (oa_verdict){0};
}

static bool are_shares(oa_basis basis)
{
    return basis == OA_BASIS_ACCURACY || basis == OA_BASIS_AGREEMENT;
}

static oa_basis basis_of(const oa_answers *answers)
{
    if (answers->are_classes) {
        return answers->has_targets ? OA_BASIS_ACCURACY : OA_BASIS_AGREEMENT;
    }
    return answers->has_targets ? OA_BASIS_ERROR : OA_BASIS_DIFFERENCE;
}

/* What a model does at one sample by itself: right or not, its loss. */
static double own(const oa_answers *answers, size_t i)
{
    return answers->are_classes ? (double)answers->right[i] : answers->loss[i];
}

/* What two models have to do with one another at a sample: the same class or not, their mean squared difference. */
static double between(const oa_answers *x, const oa_answers *y, size_t i)
{
    if (x->are_classes) {
        return x->choice[i] == y->choice[i];
    }
    double sum = 0.0;
    for (size_t k = 0; k < x->kept; k++) {
        double difference = (double)x->outputs[i * x->kept + k] - (double)y->outputs[i * y->kept + k];
        sum += difference * difference;
    }
    return sum / (double)x->kept;
}

static double mean_own(const oa_answers *answers, size_t samples)
{
    double sum = 0.0;
    for (size_t i = 0; i < samples; i++) {
        sum += own(answers, i);
    }
    return sum / (double)samples;
}

static double mean_between(const oa_answers *x, const oa_answers *y, size_t samples)
{
    double sum = 0.0;
    for (size_t i = 0; i < samples; i++) {
        sum += between(x, y, i);
    }
    return sum / (double)samples;
}

/* The mean over pairs of parents, at sample i. */
static double among_parents(const trial *t, size_t i)
{
    double sum = 0.0;
    for (size_t k = 0; k < t->count; k++) {
        for (size_t l = 0; l < k; l++) {
            sum += between(&t->parents[k], &t->parents[l], i);
        }
    }
    return sum / (0.5 * (double)t->count * (double)(t->count - 1));
}

/* How far a model is behind at sample i. */
static double behind_at(const trial *t, const oa_answers *model, size_t i)
{
    if (t->basis == OA_BASIS_ACCURACY) {
        return own(&t->parents[t->best], i) - own(model, i);
    }
    if (t->basis == OA_BASIS_ERROR) {
        return (own(model, i) - own(&t->parents[t->best], i)) / t->variance;
    }
    double with_parents = 0.0;
    for (size_t k = 0; k < t->count; k++) {
        with_parents += between(model, &t->parents[k], i) / (double)t->count;
    }
    double among = among_parents(t, i);
    return t->basis == OA_BASIS_AGREEMENT ? among - with_parents : (with_parents - among) / t->variance;
}

typedef struct interval {
    double mean, low, high;
} interval;

/* How far `model` is behind the reference or, with `other`, behind that one. */
static interval interval_of(const trial *t, const oa_answers *model, const oa_answers *other)
{
    double n = (double)t->samples;
    double sum = 0.0;
    double squares = 0.0;
    for (size_t i = 0; i < t->samples; i++) {
        double x = behind_at(t, model, i) - (other ? behind_at(t, other, i) : 0.0);
        sum += x;
        squares += x * x;
    }
    if (are_shares(t->basis)) {
        /* Two samples more: half of one at +1, half at -1, one at 0. */
        double centre = sum / (n + 2.0);
        double variance = fmax((squares + 1.0) / (n + 2.0) - centre * centre, 0.0);
        double half = NORMAL_95 * sqrt(variance / (n + 2.0));
        return (interval){sum / n, centre - half, centre + half};
    }
    double variance = t->samples > 1 ? fmax(squares - sum * sum / n, 0.0) / (n - 1.0) : INFINITY;
    double half = NORMAL_95 * sqrt(variance / n);
    return (interval){sum / n, sum / n - half, sum / n + half};
}

/* The variance of the outputs that were kept, around the mean of each, over samples and parents. */
static oa_status output_variance(double *variance, const trial *t, oa_error *error)
{
    size_t kept = t->parents[0].kept;
    double *means = oa_calloc(kept, sizeof *means);
    double squares = 0.0;
    double seen = 0.0;
    if (!means) {
        return oa_fail(error, OA_ERROR_MEMORY, "out of memory while judging");
    }
    for (size_t p = 0; p < t->count; p++) {
        for (size_t i = 0; i < t->samples; i++, seen += 1.0) {
            for (size_t k = 0; k < kept; k++) {
                double value = (double)t->parents[p].outputs[i * kept + k];
                double from_mean = value - means[k];
                means[k] += from_mean / (seen + 1.0);
                squares += from_mean * (value - means[k]);
            }
        }
    }
    oa_free(means);
    *variance = squares / (seen * (double)kept);
    return OA_OK;
}

/* How often two parents would agree if each gave its classes without looking: the mean over pairs. */
static oa_status chance_agreement(double *chance, const trial *t, oa_error *error)
{
    size_t classes = t->parents[0].elements;
    double *sums = oa_calloc(classes, sizeof *sums);
    double *share = oa_calloc(classes, sizeof *share);
    double all = 0.0; /* sum over ordered pairs, each parent with itself included */
    oa_status status = sums && share ? OA_OK : oa_fail(error, OA_ERROR_MEMORY, "out of memory while judging");
    for (size_t p = 0; p < t->count && status == OA_OK; p++) {
        for (size_t c = 0; c < classes; c++) {
            share[c] = 0.0;
        }
        for (size_t i = 0; i < t->samples; i++) {
            share[t->parents[p].choice[i]] += 1.0 / (double)t->samples;
        }
        for (size_t c = 0; c < classes; c++) {
            sums[c] += share[c];
            all -= share[c] * share[c];
        }
    }
    for (size_t c = 0; c < classes && status == OA_OK; c++) {
        all += sums[c] * sums[c];
    }
    oa_free(sums);
    oa_free(share);
    *chance = all / ((double)t->count * (double)(t->count - 1));
    return status;
}

/* Where the parents stand: *shortfall is what the reference itself lacks; the doubt says when it is no measure. */
static oa_status measure_parents(trial *t, double *reference, double *shortfall, oa_doubt *doubt, oa_error *error)
{
    const oa_answers *first = t->parents;
    double n = (double)t->samples;
    double guess = 0.0; /* what answers without looking would reach */
    oa_status status = OA_OK;
    if (first->has_targets) {
        *reference = mean_own(first, t->samples);
        for (size_t p = 1; p < t->count; p++) {
            double mean = mean_own(&t->parents[p], t->samples);
            if (first->are_classes ? mean > *reference : mean < *reference) {
                *reference = mean;
                t->best = p;
            }
        }
        for (size_t c = 0; c < first->elements && first->are_classes; c++) {
            guess = fmax(guess, (double)first->label_counts[c] / n);
        }
        t->variance = first->are_classes ? 1.0 : first->target_squares / (n * (double)first->elements);
        *shortfall = first->are_classes ? 1.0 - *reference : *reference / t->variance;
        *doubt = t->variance > 0.0 && guess < 1.0 ? OA_DOUBT_NONE : OA_DOUBT_UNIFORM;
        double margin = NORMAL_95 * sqrt(guess * (1.0 - guess) / n);
        if (*doubt == OA_DOUBT_NONE && *shortfall >= 1.0 - guess - margin) {
            *doubt = OA_DOUBT_PARENTS;
        }
        return OA_OK;
    }
    double among = 0.0;
    for (size_t i = 0; i < t->samples; i++) {
        among += among_parents(t, i) / n;
    }
    t->variance = 1.0;
    status = first->are_classes ? chance_agreement(&guess, t, error) : output_variance(&t->variance, t, error);
    *doubt = t->variance > 0.0 && guess < 1.0 - 1e-9 ? OA_DOUBT_NONE : OA_DOUBT_UNIFORM;
    *reference = first->are_classes ? among : sqrt(among / t->variance);
    *shortfall = first->are_classes ? 1.0 - among : among / t->variance;
    if (*doubt == OA_DOUBT_NONE && *shortfall >= (first->are_classes ? 1.0 - KAPPA_MIN : 1.0) * (1.0 - guess)) {
        *doubt = OA_DOUBT_PARENTS;
    }
    return status;
}

/* The figures of the merged model and of the plain average by themselves. */
static oa_status measure_merged(oa_verdict *verdict, const trial *t, const oa_answers *naive, const oa_answers *merged,
                                oa_error *error)
{
    if (merged->has_targets) {
        verdict->merged = mean_own(merged, t->samples);
        verdict->naive = mean_own(naive, t->samples);
        return OA_OK;
    }
    verdict->merged_with = oa_calloc(t->count, sizeof *verdict->merged_with);
    verdict->naive_with = oa_calloc(t->count, sizeof *verdict->naive_with);
    if (!verdict->merged_with || !verdict->naive_with) {
        return oa_fail(error, OA_ERROR_MEMORY, "out of memory while judging");
    }
    for (size_t p = 0; p < t->count; p++) {
        double with_merged = mean_between(merged, &t->parents[p], t->samples);
        double with_naive = mean_between(naive, &t->parents[p], t->samples);
        bool are_classes = merged->are_classes;
        verdict->merged_with[p] = are_classes ? with_merged : sqrt(with_merged / t->variance);
        verdict->naive_with[p] = are_classes ? with_naive : sqrt(with_naive / t->variance);
        verdict->merged += verdict->merged_with[p] / (double)t->count;
        verdict->naive += verdict->naive_with[p] / (double)t->count;
    }
    return OA_OK;
}

static void rate(oa_verdict *verdict)
{
    double least = are_shares(verdict->basis) ? 1.0 / (double)verdict->samples : 1e-6;
    double e = fmax(verdict->shortfall, least);
    verdict->good_limit = fmin(0.01, 0.5 * e);
    verdict->usable_limit = fmin(0.05, 2.0 * e);
    if (verdict->doubt != OA_DOUBT_NONE) {
        return;
    }
    bool is_few = verdict->behind_low <= verdict->good_limit && verdict->behind_high > verdict->usable_limit;
    if (is_few || (!are_shares(verdict->basis) && verdict->samples < NUMBERS_SAMPLES_MIN)) {
        verdict->doubt = OA_DOUBT_FEW;
        return;
    }
    verdict->rating = verdict->behind <= verdict->good_limit     ? OA_RATING_GOOD
                      : verdict->behind <= verdict->usable_limit ? OA_RATING_USABLE
                                                                 : OA_RATING_UNUSABLE;
    verdict->is_certain = verdict->rating == OA_RATING_GOOD     ? verdict->behind_high <= verdict->good_limit
                          : verdict->rating == OA_RATING_USABLE ? verdict->behind_high <= verdict->usable_limit
                                                                : verdict->behind_low > verdict->usable_limit;
}

oa_status oa_judge(oa_verdict *verdict, const oa_answers *parents, size_t count, const oa_answers *naive,
                   const oa_answers *merged, oa_error *error)
{
    trial t = {.parents = parents, .count = count, .samples = merged->count, .basis = basis_of(merged)};
    oa_verdict made = {.basis = t.basis, .samples = t.samples, .parents = count};
    size_t unusable = 0;
    for (size_t p = 0; p < count; p++) {
        unusable += parents[p].unusable;
    }
    oa_status status = measure_parents(&t, &made.reference, &made.shortfall, &made.doubt, error);
    status = status == OA_OK ? measure_merged(&made, &t, naive, merged, error) : status;
    if (status != OA_OK) {
        oa_verdict_free(&made);
        return status;
    }
    interval behind = interval_of(&t, merged, NULL);
    made.best_parent = t.best;
    made.behind = behind.mean;
    made.behind_low = behind.low;
    made.behind_high = behind.high;
    made.naive_is_better = interval_of(&t, merged, naive).low > 0.0;
    if (unusable || (merged->unusable && made.doubt == OA_DOUBT_NONE)) {
        made.doubt = OA_DOUBT_NUMBERS;
    } else if (t.samples < 2) {
        made.doubt = OA_DOUBT_FEW; /* whatever else one sample may seem to show */
    }
    rate(&made);
    if (made.doubt == OA_DOUBT_NUMBERS && !unusable) {
        made.rating = OA_RATING_UNUSABLE;
        made.is_certain = true;
    }
    *verdict = made;
    return OA_OK;
}
