/* The verdict on a merged model: its figures against counts by hand, its interval against trials whose truth is known,
 * and what it says of planted cases. */
#include "core/base/memory.h"
#include "core/base/random.h"
#include "core/check/judge.h"
#include "tests/support/cmocka_all.h"

#include <math.h>
#include <string.h>

enum { MODELS_MAX = 5, SAMPLES_MAX = 4000 };

/* Parents first, then the plain average and the merged model. */
typedef struct trial {
    oa_answers answers[MODELS_MAX];
    size_t parents;
    oa_verdict verdict;
} trial;

static void trial_free(trial *t)
{
    for (size_t m = 0; m < MODELS_MAX; m++) {
        oa_answers_free(&t->answers[m]);
    }
    oa_verdict_free(&t->verdict);
}

static void judge(trial *t)
{
    oa_error error = {0};
    if (oa_judge(&t->verdict, t->answers, t->parents, &t->answers[t->parents], &t->answers[t->parents + 1], &error) !=
        OA_OK) {
        fail_msg("%s", error.message);
    }
}

/* One sample: the class that each model gives it. */
static void add_classes(trial *t, const size_t *choices, size_t classes, size_t label, size_t expected)
{
    for (size_t m = 0; m < t->parents + 2; m++) {
        double outputs[8] = {0};
        assert_true(classes <= 8 && choices[m] < classes);
        outputs[choices[m]] = 1.0;
        oa_answer answer = {.outputs = outputs, .elements = classes, .are_classes = true, .label = label};
        assert_int_equal(oa_answers_add(&t->answers[m], &answer, expected, NULL), OA_OK);
    }
}

/* `wrong[m]` of n samples wrong, the first ones; labels go round. */
static trial planted(size_t n, const size_t *wrong, size_t parents)
{
    trial t = {.parents = parents};
    for (size_t i = 0; i < n; i++) {
        size_t choices[MODELS_MAX];
        size_t label = i % 4;
        for (size_t m = 0; m < parents + 2; m++) {
            choices[m] = i < wrong[m] ? (label + 1) % 4 : label;
        }
        add_classes(&t, choices, 4, label, n);
    }
    judge(&t);
    return t;
}

static void judge__counts_as_by_hand(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 200; seed++) {
        oa_random random;
        oa_random_init(&random, seed);
        size_t n = 1 + (size_t)oa_random_below(&random, 300);
        size_t right[4] = {0}, lost = 0, won = 0;
        trial t = {.parents = 2};
        for (size_t i = 0; i < n; i++) {
            size_t label = (size_t)oa_random_below(&random, 5), choices[4];
            for (size_t m = 0; m < 4; m++) {
                choices[m] = oa_random_below(&random, 10) < 7 ? label : (size_t)oa_random_below(&random, 5);
                right[m] += choices[m] == label;
            }
            add_classes(&t, choices, 5, label, n);
        }
        judge(&t);
        size_t best = right[1] > right[0];
        for (size_t i = 0; i < n; i++) {
            lost += t.answers[best].right[i] && !t.answers[3].right[i];
            won += !t.answers[best].right[i] && t.answers[3].right[i];
        }
        /* Agresti and Min: half a sample more in each cell of the table of both models right or wrong. */
        double size = (double)n + 2.0, difference = ((double)lost - (double)won) / size;
        double half = 1.959964 * sqrt(((double)lost + (double)won + 1.0) / size - difference * difference) / sqrt(size);
        const oa_verdict *v = &t.verdict;
        bool is_same = v->basis == OA_BASIS_ACCURACY && v->samples == n && v->best_parent == best &&
                       fabs(v->merged - (double)right[3] / (double)n) < 1e-12 &&
                       fabs(v->naive - (double)right[2] / (double)n) < 1e-12 &&
                       fabs(v->reference - (double)right[best] / (double)n) < 1e-12 &&
                       fabs(v->behind - (v->reference - v->merged)) < 1e-12 &&
                       fabs(v->behind_low - (difference - half)) < 1e-9 &&
                       fabs(v->behind_high - (difference + half)) < 1e-9;
        if (!is_same) {
            fail_msg("seed %llu: other figures", (unsigned long long)seed);
        }
        trial_free(&t);
    }
}

/* Models that are right by chance, the truth being known: the interval holds it in 95 of 100 trials. With 1000 trials,
 * chance moves that by 0.7 points (one standard deviation); 92.5 leaves three of them and half a point for the
 * approximation, which is on the safe side for few differences. */
static void judge__interval_holds_the_truth(void **state)
{
    (void)state;
    enum { TRIALS = 1000 };
    static const struct {
        size_t n;
        double parent, merged; /* out of 1 */
    } cases[] = {{50, 0.9, 0.8}, {200, 0.9, 0.89}, {400, 0.6, 0.3}, {200, 0.98, 0.94}};
    for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++) {
        size_t held = 0;
        oa_random random;
        oa_random_init(&random, 7 + c);
        for (size_t k = 0; k < TRIALS; k++) {
            trial t = {.parents = 2};
            for (size_t i = 0; i < cases[c].n; i++) {
                size_t label = i % 4;
                double shared = oa_random_uniform(&random); /* the same samples are hard for both */
                double own = oa_random_uniform(&random);
                size_t parent = (shared < cases[c].parent) ? label : (label + 1) % 4;
                double hard = own < 0.5 ? shared : oa_random_uniform(&random);
                size_t merged = hard < cases[c].merged ? label : (label + 2) % 4;
                /* The other parent is always wrong, so that the first is always the better one. */
                add_classes(&t, (size_t[]){parent, (label + 3) % 4, label, merged}, 4, label, cases[c].n);
            }
            judge(&t);
            double truth = cases[c].parent - cases[c].merged;
            held += t.verdict.behind_low <= truth && truth <= t.verdict.behind_high;
            trial_free(&t);
        }
        if (held < 925) {
            fail_msg("case %zu (seed %zu): the truth is in %zu of %d intervals", c, 7 + c, held, TRIALS);
        }
    }
}

static void assert_rated(const trial *t, oa_rating rating, oa_doubt doubt, bool is_certain)
{
    const oa_verdict *v = &t->verdict;
    if (v->rating != rating || v->doubt != doubt || v->is_certain != is_certain) {
        fail_msg("rating %d, doubt %d, certain %d, behind %g in [%g, %g], limits %g, %g", (int)v->rating, (int)v->doubt,
                 v->is_certain, v->behind, v->behind_low, v->behind_high, v->good_limit, v->usable_limit);
    }
}

static void judge__rates_planted_losses(void **state)
{
    (void)state;
    static const struct {
        size_t n, wrong[4]; /* A, B, plain average, merged */
        oa_rating rating;
        oa_doubt doubt;
        bool is_certain;
    } cases[] = {
        {4000, {400, 450, 2000, 400}, OA_RATING_GOOD, OA_DOUBT_NONE, true},      /* the same */
        {4000, {400, 450, 2000, 380}, OA_RATING_GOOD, OA_DOUBT_NONE, true},      /* ahead */
        {4000, {450, 400, 2000, 436}, OA_RATING_GOOD, OA_DOUBT_NONE, false},     /* 0.9 points, surely below 1.3 */
        {4000, {400, 450, 2000, 500}, OA_RATING_USABLE, OA_DOUBT_NONE, true},    /* 2.5 points */
        {4000, {400, 450, 2000, 590}, OA_RATING_USABLE, OA_DOUBT_NONE, false},   /* 4.75 points, up to 5.4 */
        {4000, {400, 450, 2000, 700}, OA_RATING_UNUSABLE, OA_DOUBT_NONE, true},  /* 7.5 points */
        {4000, {400, 450, 2000, 610}, OA_RATING_UNUSABLE, OA_DOUBT_NONE, false}, /* 5.25 points, down to 4.6 */
        {4000, {8, 12, 2000, 36}, OA_RATING_UNUSABLE, OA_DOUBT_NONE, true}, /* 0.7 points, but 4.5 times the mistakes */
        {4000, {20, 30, 2000, 28}, OA_RATING_GOOD, OA_DOUBT_NONE, false},   /* 1.4 times */
        {40, {4, 5, 20, 5}, OA_RATING_UNCLEAR, OA_DOUBT_FEW, false},
    };
    for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++) {
        trial t = planted(cases[c].n, cases[c].wrong, 2);
        assert_rated(&t, cases[c].rating, cases[c].doubt, cases[c].is_certain);
        trial_free(&t);
    }
    trial t = planted(1, (size_t[]){0, 0, 0, 0}, 2);
    assert_rated(&t, OA_RATING_UNCLEAR, OA_DOUBT_FEW, false);
    trial_free(&t);
    t = planted(4000, (size_t[]){500, 400, 450, 380, 700}, 3);
    assert_true(t.verdict.best_parent == 1 && t.verdict.naive_is_better && t.verdict.parents == 3);
    trial_free(&t);
    t = planted(4000, (size_t[]){400, 450, 705, 700}, 2);
    assert_false(t.verdict.naive_is_better);
    trial_free(&t);
    t = planted(4000, (size_t[]){3000, 2990, 3000, 3000}, 2); /* right for a quarter, of four labels */
    assert_rated(&t, OA_RATING_UNCLEAR, OA_DOUBT_PARENTS, false);
    trial_free(&t);
}

/* Without labels: the merged model sides with one of the parents where these differ. */
static void judge__rates_agreement(void **state)
{
    (void)state;
    static const struct {
        size_t parents_differ, merged_differs, naive_differs; /* of 2000 samples */
        oa_rating rating;
    } cases[] = {{200, 0, 900, OA_RATING_GOOD}, {200, 170, 900, OA_RATING_USABLE}, {200, 500, 900, OA_RATING_UNUSABLE}};
    for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++) {
        trial t = {.parents = 2};
        for (size_t i = 0; i < 2000; i++) {
            size_t a = i % 4, b = i < cases[c].parents_differ ? (a + 1) % 4 : a;
            size_t merged = i >= 2000 - cases[c].merged_differs ? (a + 2) % 4 : i % 2 ? a : b;
            size_t naive = i >= 2000 - cases[c].naive_differs ? (a + 3) % 4 : a;
            add_classes(&t, (size_t[]){a, b, naive, merged}, 4, OA_NONE, 2000);
        }
        judge(&t);
        assert_rated(&t, cases[c].rating, OA_DOUBT_NONE, true);
        const oa_verdict *v = &t.verdict;
        assert_int_equal(v->basis, OA_BASIS_AGREEMENT);
        assert_true(fabs(v->reference - (1.0 - (double)cases[c].parents_differ / 2000.0)) < 1e-9);
        double with_a = 1.0 - (double)(cases[c].parents_differ / 2 + cases[c].merged_differs) / 2000.0;
        assert_true(fabs(v->merged_with[0] - with_a) < 1e-9 && fabs(v->merged_with[1] - with_a) < 1e-9);
        assert_true(fabs(v->naive_with[0] - (1.0 - (double)cases[c].naive_differs / 2000.0)) < 1e-9);
        trial_free(&t);
    }
    trial t = {.parents = 2}; /* each parent by itself: a quarter alike, by chance */
    trial same = {.parents = 2};
    for (size_t i = 0; i < 1600; i++) {
        add_classes(&t, (size_t[]){i % 4, i / 4 % 4, i % 4, i % 4}, 4, OA_NONE, 1600);
        add_classes(&same, (size_t[]){2, 2, 2, 2}, 4, OA_NONE, 1600);
    }
    judge(&t);
    assert_rated(&t, OA_RATING_UNCLEAR, OA_DOUBT_PARENTS, false);
    judge(&same);
    assert_rated(&same, OA_RATING_UNCLEAR, OA_DOUBT_UNIFORM, false);
    trial_free(&t);
    trial_free(&same);
}

/* One sample of outputs [2], the same noise for every case: parents are the truth and noise of their own. */
static trial with_numbers(size_t n, double parents_noise, double merged_noise, bool has_targets, double bad)
{
    trial t = {.parents = 2};
    oa_random random;
    oa_random_init(&random, 3);
    for (size_t i = 0; i < n; i++) {
        double first = oa_random_normal(&random), second = 10.0 * oa_random_normal(&random);
        float targets[2] = {(float)first, (float)second};
        for (size_t m = 0; m < 4; m++) {
            double noise = m < 2 ? parents_noise : m == 2 ? 3.0 : merged_noise;
            double outputs[2] = {first + noise * oa_random_normal(&random), second + noise * oa_random_normal(&random)};
            outputs[0] = m == 3 && i == 5 ? outputs[0] + bad : outputs[0];
            oa_answer answer = {
                .outputs = outputs, .elements = 2, .targets = has_targets ? targets : NULL, .label = OA_NONE};
            assert_int_equal(oa_answers_add(&t.answers[m], &answer, n, NULL), OA_OK);
        }
    }
    judge(&t);
    return t;
}

static void judge__rates_numbers(void **state)
{
    (void)state;
    /* The variance of the targets is (1 + 100) / 2, that of a parent's error its noise squared. With targets, the
     * merged model is behind by (merged noise^2 - parent noise^2) / 50.5; without, by (merged noise^2 - parent noise^2)
     * / 50.5, too: between two parents lie both their errors, between a parent and the merged one its own and that
     * one's. */
    static const struct {
        double parents, merged;
        oa_rating rating;
    } cases[] = {{0.5, 0.4, OA_RATING_GOOD}, {0.5, 0.8, OA_RATING_USABLE}, {0.5, 3.0, OA_RATING_UNUSABLE}};
    for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++) {
        for (int has_targets = 0; has_targets < 2; has_targets++) {
            trial t = with_numbers(3000, cases[c].parents, cases[c].merged, has_targets, 0.0);
            const oa_verdict *v = &t.verdict;
            double x = cases[c].parents * cases[c].parents, y = cases[c].merged * cases[c].merged;
            assert_rated(&t, cases[c].rating, OA_DOUBT_NONE, true);
            assert_int_equal(v->basis, has_targets ? OA_BASIS_ERROR : OA_BASIS_DIFFERENCE);
            /* Twice the interval is four standard deviations. */
            double half = 0.5 * (v->behind_high - v->behind_low);
            assert_true(fabs(v->behind - (y - x) / 50.5) < 2.0 * half);
            double merged = has_targets ? y : sqrt((x + y) / 50.5), reference = has_targets ? x : sqrt(2.0 * x / 50.5);
            assert_true(fabs(v->merged / merged - 1.0) < 0.1); /* 6000 numbers: 2 % is one standard deviation */
            assert_true(fabs(v->reference / reference - 1.0) < 0.1);
            trial_free(&t);
        }
    }
    for (int has_targets = 0; has_targets < 2; has_targets++) {
        trial t = with_numbers(20, 0.5, 0.4, has_targets, 0.0);
        assert_rated(&t, OA_RATING_UNCLEAR, OA_DOUBT_FEW, false);
        trial_free(&t);
        t = with_numbers(3000, 20.0, 20.0, has_targets, 0.0);
        assert_rated(&t, OA_RATING_UNCLEAR, OA_DOUBT_PARENTS, false);
        trial_free(&t);
        t = with_numbers(3000, 0.5, 0.4, has_targets, NAN);
        assert_rated(&t, OA_RATING_UNUSABLE, OA_DOUBT_NUMBERS, true);
        trial_free(&t);
        t = with_numbers(3000, 0.5, 0.4, has_targets, INFINITY);
        assert_rated(&t, OA_RATING_UNUSABLE, OA_DOUBT_NUMBERS, true);
        trial_free(&t);
    }
}

static void answers__keep_within_bounds(void **state)
{
    (void)state;
    enum { ELEMENTS = 10000, SAMPLES = 2000 };
    static double outputs[ELEMENTS];
    oa_answers answers = {0};
    for (size_t i = 0; i < SAMPLES; i++) {
        for (size_t k = 0; k < ELEMENTS; k++) {
            outputs[k] = (double)(i * 7 + k);
        }
        oa_answer answer = {.outputs = outputs, .elements = ELEMENTS, .label = OA_NONE};
        assert_int_equal(oa_answers_add(&answers, &answer, SAMPLES, NULL), OA_OK);
    }
    assert_true(answers.kept <= 4096 && answers.count * answers.kept <= 4 * 1024 * 1024 && answers.count > 1000);
    for (size_t i = 0; i < answers.count; i += 97) {
        for (size_t k = 0; k < answers.kept; k++) {
            assert_true(answers.outputs[i * answers.kept + k] == (float)(i * 7 + k * answers.stride));
        }
    }
    oa_error error = {0};
    oa_answer other = {.outputs = outputs, .elements = ELEMENTS - 1, .label = OA_NONE};
    assert_int_equal(oa_answers_add(&answers, &other, SAMPLES, &error), OA_ERROR_INPUT);
    oa_answers_free(&answers);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(judge__counts_as_by_hand),    cmocka_unit_test(judge__interval_holds_the_truth),
        cmocka_unit_test(judge__rates_planted_losses), cmocka_unit_test(judge__rates_agreement),
        cmocka_unit_test(judge__rates_numbers),        cmocka_unit_test(answers__keep_within_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
