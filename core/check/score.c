#include "core/check/score.h"

#include "core/exec/array.h"

#include <math.h>

/* The logarithm of a row's sum of exponentials above its largest number, which is taken out so that none overflows. */
static double log_sum_above(const double *row, size_t classes, double largest)
{
    double sum = 0.0;
    for (size_t c = 0; c < classes; c++) {
        sum += exp(row[c] - largest);
    }
    return log(sum);
}

/* One row of logits, in double. */
static oa_status add_class(oa_score *score, const double *row, size_t classes, int64_t label, oa_error *error)
{
    if (label < 0 || (uint64_t)label >= classes) {
        return oa_fail(error, OA_ERROR_INPUT, "label %lld is outside the model's %zu classes", (long long)label,
                       classes);
    }
    double largest = -INFINITY;
    size_t best = 0;
    for (size_t c = 0; c < classes; c++) {
        if (row[c] > largest) {
            largest = row[c];
            best = c;
        }
    }
    score->right += best == (size_t)label;
    score->loss += largest + log_sum_above(row, classes, largest) - row[label];
    score->terms++;
    return OA_OK;
}

/* The same against shares of the classes. */
static void add_shares(oa_score *score, const float *shares, size_t classes)
{
    double largest = -INFINITY, along = 0.0;
    for (size_t c = 0; c < classes; c++) {
        largest = fmax(largest, score->row[c]);
    }
    for (size_t c = 0; c < classes; c++) {
        along += (double)shares[c] * (score->row[c] - largest);
    }
    score->loss += log_sum_above(score->row, classes, largest) - along;
    score->terms++;
}

static void add_differences(oa_score *score, const float *target, size_t elements)
{
    double sum = 0.0;
    for (size_t i = 0; i < elements; i++) {
        double difference = score->row[i] - (double)target[i];
        sum += difference * difference;
    }
    score->loss += sum;
    score->terms += elements;
}

/* The axes of a sample, those of size 1 left out. */
static size_t axes_of(size_t *axes, const oa_array *array)
{
    size_t count = 0;
    for (size_t k = 1; k < array->rank; k++) {
        if (array->dims[k] != 1) {
            axes[count++] = array->dims[k];
        }
    }
    return count;
}

/* Have a sample's output and its targets the same axes, but for the last of the output's when it is that of classes? */
static bool fits(const oa_array *output, const oa_array *targets, bool has_classes)
{
    size_t own[OA_MAX_RANK];
    size_t wanted[OA_MAX_RANK];
    size_t own_count = axes_of(own, output);
    own_count -= has_classes && own_count > 0;
    bool is_same = own_count == axes_of(wanted, targets);
    for (size_t k = 0; is_same && k < own_count; k++) {
        is_same = own[k] == wanted[k];
    }
    return is_same;
}

static oa_status check_output(const oa_score *score, const oa_array *output, const oa_array *targets, size_t n,
                              oa_error *error)
{
    bool are_labels = targets && score->kind == OA_LOSS_CROSS_ENTROPY;
    if (!oa_dtype_is_float(output->dtype) || output->rank == 0 || output->count == 0 ||
        (targets ? output->dims[0] != targets->dims[0] : output->dims[0] < n)) {
        return oa_fail(error, OA_ERROR_INPUT, "the first output holds no numbers for each sample of a batch");
    }
    if (targets && ((are_labels && !oa_loss_classes(output, targets->count)) || !fits(output, targets, are_labels))) {
        char text[OA_SHAPE_TEXT_SIZE];
        char other[OA_SHAPE_TEXT_SIZE];
        return oa_fail(error, OA_ERROR_INPUT, "%s of shape %s a sample do not fit an output of shape %s a sample%s",
                       are_labels ? "labels" : "targets", oa_shape_text(text, targets->dims + 1, targets->rank - 1),
                       oa_shape_text(other, output->dims + 1, output->rank - 1),
                       are_labels ? ", whose last axis has to be that of the classes" : "");
    }
    return OA_OK;
}

/* A sample's labels, one for each of its positions. */
static oa_status add_labels(oa_score *score, const int64_t *labels, size_t count, size_t classes, oa_error *error)
{
    oa_status status = OA_OK;
    for (size_t k = 0; k < count && status == OA_OK; k++) {
        status = add_class(score, score->row + k * classes, classes, labels[k], error);
    }
    return status;
}

/* Takes down what the outputs in score->row say to sample i of a batch: with labels, an answer for each of them. */
static oa_status add_answers(oa_score *score, const oa_array *output, const oa_array *targets, size_t elements,
                             size_t i, oa_error *error)
{
    bool is_cross_entropy = score->kind == OA_LOSS_CROSS_ENTROPY, has_labels = targets && is_cross_entropy;
    size_t count = has_labels ? targets->count / targets->dims[0] : 1;
    oa_answer answer = {.elements = elements / count,
                        .are_classes = has_labels || (is_cross_entropy && output->rank == 2 && elements > 1),
                        .targets = targets && !has_labels ? (const float *)targets->data + i * elements : NULL,
                        .label = OA_NONE};
    oa_status status = OA_OK;
    for (size_t k = 0; k < count && status == OA_OK; k++) {
        answer.outputs = score->row + k * answer.elements;
        answer.label = has_labels ? (size_t)((const int64_t *)targets->data)[i * count + k] : OA_NONE;
        status = oa_answers_add(score->answers, &answer, score->expected * count, error);
    }
    return status;
}

oa_status oa_score_add(oa_score *score, const oa_array *output, const oa_array *targets, size_t n, oa_error *error)
{
    oa_status status = check_output(score, output, targets, n, error);
    if (status != OA_OK) {
        return status;
    }
    size_t elements = output->count / output->dims[0];
    if (!oa_grow(&score->row, &score->row_capacity, elements, sizeof *score->row)) {
        return oa_fail(error, OA_ERROR_MEMORY, "out of memory for the %zu outputs of a sample", elements);
    }
    size_t bytes = elements * oa_dtype_size(output->dtype);
    size_t labels = targets ? targets->count / targets->dims[0] : 0;
    for (size_t i = 0; i < n && status == OA_OK; i++) {
        oa_floats_to_f64(score->row, (const char *)output->data + i * bytes, output->dtype, elements);
        if (targets && score->kind == OA_LOSS_MSE) {
            add_differences(score, (const float *)targets->data + i * elements, elements);
        } else if (targets && score->kind == OA_LOSS_SOFT_CROSS_ENTROPY) {
            add_shares(score, (const float *)targets->data + i * elements, elements);
        } else if (targets) {
            status = add_labels(score, (const int64_t *)targets->data + i * labels, labels, elements / labels, error);
        }
        if (score->answers && status == OA_OK) {
            status = add_answers(score, output, targets, elements, i, error);
        }
        score->samples++;
    }
    return status;
}

oa_evaluation oa_score_result(const oa_score *score)
{
    bool has_accuracy = score->kind == OA_LOSS_CROSS_ENTROPY && score->terms;
    return (oa_evaluation){.count = score->samples,
                           .has_accuracy = has_accuracy,
                           .accuracy = has_accuracy ? (double)score->right / (double)score->terms : 0.0,
                           .loss = score->terms ? score->loss / (double)score->terms : 0.0};
}

void oa_score_free(oa_score *score)
{
    oa_free(score->row);
    score->row = NULL;
}
