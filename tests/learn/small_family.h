/* Families of small networks for the tests of training: the same graph with other weights. */
#ifndef OA_TESTS_LEARN_SMALL_FAMILY_H
#define OA_TESTS_LEARN_SMALL_FAMILY_H

#include "core/learn/family.h"
#include "tests/support/graph_builder.h"

enum { SMALL_FAMILY_MAX = 16 };

typedef struct small_family {
    test_graph *builders[SMALL_FAMILY_MAX];
    const oa_graph *graphs[SMALL_FAMILY_MAX];
    oa_layout *layout;
    oa_weight_map map;
    oa_array inputs;
    int64_t *labels;
    float *targets;
    size_t reads; /* how often a model was read */
    oa_family family;
} small_family;

typedef enum small_kind {
    SMALL_MLP, /* 6-5-7-3 with Relu: two groups */
    SMALL_CNN, /* convolutions 2-4-3 with batch normalisation, dense 5, 3 outputs: three groups, one behind a flatten */
    SMALL_INR  /* 1-6-6-1 with Sin */
} small_kind;

/* `count` models of seeds seed, seed + 1, ...; without samples. Models 2i and 2i + 1 differ by a reordering and a
 * little noise when `are_related`. Whatever goes wrong fails the test. */
small_family *small_family_create(small_kind kind, size_t count, uint64_t seed, bool are_related);
/* Adds `count` random samples, with random labels or (MSE) targets, or neither. */
typedef enum small_answers { SMALL_LABELS, SMALL_TARGETS, SMALL_OWN } small_answers;
void small_family_add_samples(small_family *f, size_t count, small_answers answers, uint64_t seed);
void small_family_destroy(small_family *f);

/* A model's block of weights, the caller's (oa_free). */
float *small_family_weights(small_family *f, size_t model);

#endif
