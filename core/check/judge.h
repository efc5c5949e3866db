/* Is a merged model any good? Judged by what it answers to samples, beside its parents and their plain average. */
#ifndef OA_CHECK_JUDGE_H
#define OA_CHECK_JUDGE_H

#include "core/check/answers.h"

/* What is compared. Everything but `quality` is a share: 0.01 is one point. */
typedef enum oa_basis {
    OA_BASIS_ACCURACY,  /* samples with the right class; labels are known */
    OA_BASIS_ERROR,     /* mean squared error, as a share of the targets' variance; targets are known */
    OA_BASIS_AGREEMENT, /* samples with the same class as a parent; classes without labels */
    OA_BASIS_DIFFERENCE /* mean squared difference from a parent, as a share of the outputs' variance; no targets */
} oa_basis;

typedef enum oa_rating { OA_RATING_UNCLEAR, OA_RATING_GOOD, OA_RATING_USABLE, OA_RATING_UNUSABLE } oa_rating;

/* Why a rating is unclear, or the merged model unusable whatever the figures. */
typedef enum oa_doubt {
    OA_DOUBT_NONE,
    OA_DOUBT_FEW,     /* too few samples: both good and unusable are likely enough */
    OA_DOUBT_PARENTS, /* the parents are no measure: no better than guessing, or with nothing in common */
    OA_DOUBT_UNIFORM, /* nor are the samples: all targets (all answers) are the same */
    OA_DOUBT_NUMBERS  /* NaN or infinities among the outputs: the parents' (unclear) or the merged model's (unusable) */
} oa_doubt;

typedef struct oa_verdict {
    oa_basis basis;
    oa_rating rating;
    oa_doubt doubt;
    bool is_certain; /* at the 95 % level, the model is not worse than the rating says (not better, if unusable) */
    size_t samples;  /* that were compared */
    size_t parents;
    size_t best_parent; /* for accuracy and error: the one that is measured by */
    /* Accuracy, mean squared error, mean agreement with the parents, or mean relative difference from them (root mean
     * square over the spread of the outputs): of the merged model, of the plain average, and of the best parent (of
     * the parents among one another). */
    double merged, naive, reference;
    double *merged_with; /* [parents] agreement or relative difference with each parent; NULL for the other bases */
    double *naive_with;  /* [parents] */
    /* How far the merged model is behind the reference, as a share (negative: ahead), and the 95 % interval. */
    double behind, behind_low, behind_high;
    double shortfall;                /* what the reference itself lacks, as a share: its mistakes, its error, ... */
    double good_limit, usable_limit; /* on `behind` */
    bool naive_is_better;            /* than the merged model, at the 95 % level */
} oa_verdict;

void oa_verdict_free(oa_verdict *verdict);

/* Judges. All answers are to the same samples, in the same order.
 *
 * Let x_i be how far the merged model is behind at sample i: the best parent right minus the merged one right; the
 * difference of their squared errors over the variance of the targets; the mean agreement of pairs of parents minus
 * that of the merged model with the parents; the mean squared difference from the parents minus that of pairs of
 * parents, over the variance of the outputs. `behind` is its mean. Good is at most 0.01 and at most half of the
 * reference's own shortfall e (its mistakes, its squared error, the disagreement of the parents); usable is at most
 * 0.05 and at most twice e. So a good model makes at most 1.5 times the mistakes of its parent, a usable one at most
 * three times. For shares of samples e is at least one sample.
 *
 * Without targets, the measure is another model of the same kind: it would be as far from the parents as these are from
 * each other.
 *
 * The interval takes samples for independent and compares models sample by sample: for shares, the one of Agresti and
 * Min, "Simple improved confidence intervals for comparing matched proportions", Statistics in Medicine 24 (2005),
 * which holds for a handful of samples that differ (with three, nine in ten such intervals still hold the truth); for
 * numbers, the normal one, and fewer than 30 samples are too few. When it reaches from good to unusable, there are too
 * few samples to tell.
 *
 * Parents are no measure when the best is not better than always giving the most frequent label (or the mean of the
 * targets), or when they agree hardly more than by chance (Cohen's kappa below 0.2; squared differences as large as
 * the variance). OA_ERROR_MEMORY. O(samples * parents^2 * outputs kept). */
oa_status oa_judge(oa_verdict *verdict, const oa_answers *parents, size_t count, const oa_answers *naive,
                   const oa_answers *merged, oa_error *error);

#endif
