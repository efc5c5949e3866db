#include "core/check/answers.h"

#include "core/base/memory.h"

#include <math.h>

/* Bounds for outputs that are kept: elements a sample, and floats in all. */
enum { KEPT_ELEMENTS_MAX = 4096, KEPT_FLOATS_MAX = 4 * 1024 * 1024 };

void oa_answers_free(oa_answers *answers)
{
    oa_free(answers->choice);
    oa_free(answers->right);
    oa_free(answers->loss);
    oa_free(answers->outputs);
    oa_free(answers->label_counts);
    oa_free(answers->target_means);
    *answers = (oa_answers){0};
}

/* Room for all samples, as the first one shows what they are. On failure, what there is goes with oa_answers_free. */
static oa_status make_room(oa_answers *answers, const oa_answer *first, size_t expected, oa_error *error)
{
    size_t elements = first->elements;
    answers->elements = elements;
    answers->are_classes = first->are_classes;
    answers->has_targets = first->targets || first->label != OA_NONE;
    answers->capacity = expected;
    bool is_made = true;
    if (answers->are_classes) {
        answers->choice = oa_calloc(expected, sizeof *answers->choice);
        answers->right = oa_calloc(expected, sizeof *answers->right);
        answers->label_counts = oa_calloc(elements, sizeof *answers->label_counts);
        is_made = answers->choice && answers->right && answers->label_counts;
    } else if (answers->has_targets) {
        answers->loss = oa_calloc(expected, sizeof *answers->loss);
        answers->target_means = oa_calloc(elements, sizeof *answers->target_means);
        is_made = answers->loss && answers->target_means;
    } else {
        answers->stride = (elements + KEPT_ELEMENTS_MAX - 1) / KEPT_ELEMENTS_MAX;
        answers->kept = (elements + answers->stride - 1) / answers->stride;
        size_t fit = KEPT_FLOATS_MAX / answers->kept;
        answers->capacity = expected < fit ? expected : fit;
        answers->outputs = oa_calloc(answers->capacity, answers->kept * sizeof *answers->outputs);
        is_made = answers->outputs != NULL;
    }
    return is_made ? OA_OK : oa_fail(error, OA_ERROR_MEMORY, "out of memory for the answers to %zu samples", expected);
}

static void add_choice(oa_answers *answers, const oa_answer *answer)
{
    size_t best = 0;
    double largest = -INFINITY; /* as scores are: what NaN stands beside is larger than it */
    for (size_t c = 0; c < answer->elements; c++) {
        best = answer->outputs[c] > largest ? c : best;
        largest = answer->outputs[best] > largest ? answer->outputs[best] : largest;
    }
    answers->choice[answers->count] = best;
    answers->right[answers->count] = best == answer->label;
    if (answer->label < answers->elements) {
        answers->label_counts[answer->label]++;
    }
}

/* Welford's update: the mean of each element so far, and the squares around it. */
static void add_loss(oa_answers *answers, const oa_answer *answer)
{
    double sum = 0.0;
    for (size_t i = 0; i < answer->elements; i++) {
        double target = (double)answer->targets[i];
        double from_mean = target - answers->target_means[i];
        answers->target_means[i] += from_mean / (double)(answers->count + 1);
        answers->target_squares += from_mean * (target - answers->target_means[i]);
        sum += (answer->outputs[i] - target) * (answer->outputs[i] - target);
    }
    answers->loss[answers->count] = sum / (double)answer->elements;
}

oa_status oa_answers_add(oa_answers *answers, const oa_answer *answer, size_t expected, oa_error *error)
{
    oa_status status = answers->capacity ? OA_OK : make_room(answers, answer, expected, error);
    if (status == OA_OK && answer->elements != answers->elements) {
        return oa_fail(error, OA_ERROR_INPUT, "the first output holds %zu numbers for one sample and %zu for another",
                       answers->elements, answer->elements);
    }
    if (status != OA_OK || answers->count >= answers->capacity) {
        return status;
    }
    bool is_usable = true;
    for (size_t i = 0; i < answer->elements; i++) {
        is_usable = is_usable && isfinite(answer->outputs[i]);
    }
    answers->unusable += !is_usable;
    if (answers->are_classes) {
        add_choice(answers, answer);
    } else if (answers->has_targets) {
        add_loss(answers, answer);
    } else {
        for (size_t k = 0; k < answers->kept; k++) {
            answers->outputs[answers->count * answers->kept + k] = (float)answer->outputs[k * answers->stride];
        }
    }
    answers->count++;
    return OA_OK;
}
