/* The generator of random graphs and its steps. Private to random_graph.c and random_steps_*.c. */
#ifndef OA_TESTS_SUPPORT_RANDOM_STEPS_H
#define OA_TESTS_SUPPORT_RANDOM_STEPS_H

#include "tests/support/graph_builder.h"

enum {
    RANDOM_VALUES_MAX = 256,
    RANDOM_RANK_MAX = 5,
    RANDOM_ELEMENTS_MAX = 800, /* of one sample of one value */
    RANDOM_TEXT_SIZE = 160,
    RANDOM_BATCH = 3 /* what the batch is when the model runs */
};

/* A value with the shape that it will have when the model runs. Axis 0 is always the batch. */
typedef struct made {
    size_t value;
    size_t rank;
    int64_t dims[RANDOM_RANK_MAX + 1];
} made;

typedef struct generator {
    test_graph *g;
    oa_random random;   /* of the structure */
    bool is_old;        /* axes and sizes are attributes instead of inputs */
    bool is_batch_open; /* the inputs declare a symbolic batch */
    made values[RANDOM_VALUES_MAX];
    size_t count;
    made weights[RANDOM_VALUES_MAX];
    size_t weight_count;
} generator;

/* A step makes a value from `x`; false, without a trace in *y, when it does not fit. */
typedef bool random_step(made *y, generator *r, const made *x);

typedef struct random_steps {
    random_step *const *steps;
    size_t count;
} random_steps;

/* One family a file. */
random_steps random_steps_elementwise(void);
random_steps random_steps_linear(void);
random_steps random_steps_shape(void);
random_steps random_steps_select(void);

size_t below(generator *r, size_t n);
bool chance(generator *r, size_t percent);
/* An axis other than the batch. The value must have one. */
size_t any_axis(generator *r, const made *x);
int64_t elements(const made *x); /* of one sample */
/* A new weight, or now and then one that is used elsewhere already; scaled for a sum over `fan_in` terms. */
size_t weight_for(generator *r, double fan_in, size_t rank, const int64_t *dims);
/* Another value that is like x along all axes but `except` (OA_NONE: along all); x itself when there is none. */
const made *partner(generator *r, const made *x, size_t except);
/* The list as an attribute "name=[..]" into `text` in old models; as an input, which is returned, in new ones. */
size_t list_operand(char text[static RANDOM_TEXT_SIZE], generator *r, const char *name, const int64_t *list,
                    size_t count);

#endif
