/* The samples of a comparison, in memory: many pairs are judged on them at the same time. */
#ifndef OA_TOOLS_COMPARE_SAMPLES_H
#define OA_TOOLS_COMPARE_SAMPLES_H

#include "models/tools/exercise.h"
#include "onnx_io/model.h"

/* Zeroed: none. Free with oa_compare_set_free. */
typedef struct oa_compare_set {
    oa_exercise_set arrays; /* truth is empty when there are no labels */
    oa_loss_kind loss;
} oa_compare_set;

/* At most `limit` samples of a file for the input of the graph, with classes unless `labels` is NULL. Errors as
 * oa_data_open and oa_labels_open, OA_ERROR_INPUT when the files hold different numbers. */
oa_status oa_compare_set_load(oa_compare_set *set, const char *data, const char *labels, const oa_graph *graph,
                              size_t limit, oa_error *error);

/* The signal that train-family trained two networks for, by their metadata. *is_signal is false, and *set untouched,
 * for networks of anything else. `exercise` is opened when first needed (zeroed before; for images from the folder)
 * and stays for the next pair. OA_ERROR_INPUT when the networks are of different signals. */
oa_status oa_compare_set_signal(oa_compare_set *set, bool *is_signal, oa_exercise *exercise, const oa_model *a,
                                const oa_model *b, const char *images, oa_error *error);

void oa_compare_set_free(oa_compare_set *set);

/* Views. */
oa_samples oa_compare_set_samples(const oa_compare_set *set);

#endif
