/* The models that an aligner is trained on, sorted into families by architecture, with their data. */
#ifndef OA_CLI_TRAIN_SET_H
#define OA_CLI_TRAIN_SET_H

#include "core/learn/family.h"
#include "onnx_io/model.h"
#include "plugin/cli/train_sources.h"

/* What a family borrows from. */
typedef struct oa_train_member {
    size_t source; /* where its models come from */
    oa_model *first;
    oa_layout *layout;
    oa_weight_map map;
    char **paths; /* [count] owned */
    size_t count;
    size_t capacity;
    oa_fixed_axis *fixed; /* axes of tables that are the same in all models */
    size_t fixed_count;
    uint64_t fingerprint;
    oa_array inputs; /* all samples, or as many as fit the limit, evenly spaced */
    int64_t *labels;
    float *targets;
    size_t target_size;
} oa_train_member;

typedef struct oa_train_set {
    oa_train_member *members;
    oa_family *families; /* [count], borrowing from members */
    size_t count;
    size_t capacity;
    size_t model_count; /* of all families */
} oa_train_set;

/* Reads every model once: a model joins the first family of its source that it pairs with, or founds one. Models and
 * data stay named by their paths; weights are read again when they are needed. OA_ERROR_INPUT, naming the file, for
 * what cannot be read, does not fit, or is no family (fewer than 4 models, an odd number where they come in pairs);
 * OA_ERROR_MEMORY. `progress` may be NULL. On failure *set is untouched. */
oa_status oa_train_set_load(oa_train_set *set, const oa_train_sources *sources, double data_scale,
                            void (*progress)(void *context, size_t done, size_t total), void *progress_context,
                            oa_error *error);
void oa_train_set_free(oa_train_set *set);

#endif
