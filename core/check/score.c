#include "core/check/score.h"

#include "core/exec/array.h"

#include <math.h>

/* One sample's logits, in double. The largest is taken out of the exponentials, so that none overflows. */
static oa_status add_class(oa_score *score, size_t classes, int64_t label, oa_error *error)
{
    if (label < 0 || (uint64_t)label >= classes) {
        return oa_fail(error, OA_ERROR_INPUT, "label %lld is outside the model's %zu classes", (long long)label,
                       classes);
    }
    const double *row = score->row;
    double largest = -INFINITY;
    size_t best = 0;
    for (size_t c = 0; c < classes; c++) {
        if (row[c] > largest) {
            largest = row[c];
            best = c;
        }
    }
    double sum = 0.0;
    for (size_t c = 0; c < classes; c++) {
        sum += exp(row[c] - largest);
    }
    score->right += best == (size_t)label;
    score->loss += largest + log(sum) - row[label];
    score->terms++;
    return OA_OK;
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

static oa_status check_targets(const oa_array *output, const oa_array *targets, oa_error *error)
{
    size_t own[OA_MAX_RANK];
    size_t wanted[OA_MAX_RANK];
    size_t own_count = axes_of(own, output);
    bool is_same = own_count == axes_of(wanted, targets);
    for (size_t k = 0; is_same && k < own_count; k++) {
        is_same = own[k] == wanted[k];
    }
    if (!is_same) {
        char text[OA_SHAPE_TEXT_SIZE];
        char other[OA_SHAPE_TEXT_SIZE];
        return oa_fail(error, OA_ERROR_INPUT, "targets of shape %s a sample do not fit an output of shape %s a sample",
                       oa_shape_text(text, targets->dims + 1, targets->rank - 1),
                       oa_shape_text(other, output->dims + 1, output->rank - 1));
    }
    return OA_OK;
}

static oa_status check_output(const oa_score *score, const oa_array *output, const oa_array *targets, size_t n,
                              oa_error *error)
{
    bool is_good = oa_dtype_is_float(output->dtype) && output->rank > 0 && output->count > 0 &&
                   (targets ? output->dims[0] == targets->dims[0] : output->dims[0] >= n);
    if (targets && score->kind == OA_LOSS_CROSS_ENTROPY) {
        if (!is_good || output->rank != 2) {
            return oa_fail(error, OA_ERROR_INPUT, "the first output is not [batch, classes], so it has no accuracy");
        }
        return OA_OK;
    }
    if (!is_good) {
        return oa_fail(error, OA_ERROR_INPUT, "the first output holds no numbers for each sample of a batch");
    }
    return targets ? check_targets(output, targets, error) : OA_OK;
}

/* What the outputs in score->row say to sample i of a batch. */
static oa_answer answer_of(const oa_score *score, const oa_array *output, const oa_array *targets, size_t elements,
                           size_t i)
{
    bool are_classes = score->kind == OA_LOSS_CROSS_ENTROPY && output->rank == 2 && (targets || elements > 1);
    oa_answer answer = {.outputs = score->row, .elements = elements, .are_classes = are_classes, .label = OA_NONE};
    if (targets && are_classes) {
        answer.label = (size_t)((const int64_t *)targets->data)[i];
    } else if (targets) {
        answer.targets = (const float *)targets->data + i * elements;
    }
    return answer;
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
    for (size_t i = 0; i < n && status == OA_OK; i++) {
        oa_floats_to_f64(score->row, (const char *)output->data + i * bytes, output->dtype, elements);
        if (targets && score->kind == OA_LOSS_MSE) {
            add_differences(score, (const float *)targets->data + i * elements, elements);
        } else if (targets) {
            status = add_class(score, elements, ((const int64_t *)targets->data)[i], error);
        }
        if (score->answers && status == OA_OK) {
            oa_answer answer = answer_of(score, output, targets, elements, i);
            status = oa_answers_add(score->answers, &answer, score->expected, error);
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
                           .accuracy = has_accuracy ? (double)score->right / (double)score->samples : 0.0,
                           .loss = score->terms ? score->loss / (double)score->terms : 0.0};
}

void oa_score_free(oa_score *score)
{
    oa_free(score->row);
    score->row = NULL;
}
