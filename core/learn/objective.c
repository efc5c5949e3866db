#include "core/learn/objective.h"

#include <string.h>

struct oa_objective {
    const oa_family *family;
    const oa_aligner_plan *plan;
    oa_objective_settings settings;
    oa_pair_loss *pair;         /* NULL when neither term of pairs is wanted */
    oa_permutations reordering; /* of the copy */
    float *copy, *scratch;      /* [total]; NULL when no copy is wanted */
    const float **pointers;     /* [tensor_count] */
    oa_var *features, *vars;    /* [group_count] */
    float **s_gradients;        /* [group_count] */
};

oa_objective_settings oa_objective_settings_default(void)
{
    return (oa_objective_settings){.supervised = 0.01,
                                   .alignment = 0.5,
                                   .task = 1.0,
                                   .augmentation = oa_augmentation_default(),
                                   .sinkhorn_iterations = 20,
                                   .batch = 64};
}

oa_status oa_objective_create(oa_objective **result, const oa_family *family, const oa_aligner_plan *plan,
                              const oa_objective_settings *settings, oa_error *error)
{
    size_t groups = family->layout->group_count;
    oa_status status = OA_OK;
    oa_objective *o = oa_calloc(1, sizeof *o);
    if (o) {
        o->family = family;
        o->plan = plan;
        o->settings = *settings;
        o->copy = oa_calloc(family->map->total, sizeof *o->copy);
        o->scratch = oa_calloc(family->map->total, sizeof *o->scratch);
        o->pointers = oa_calloc(family->map->tensor_count, sizeof *o->pointers);
        o->features = oa_calloc(groups, sizeof *o->features);
        o->vars = oa_calloc(groups, sizeof *o->vars);
        o->s_gradients = oa_calloc(groups, sizeof *o->s_gradients);
    }
    if (!o || !o->copy || !o->scratch || !o->pointers || !o->features || !o->vars || !o->s_gradients) {
        status = oa_fail(error, OA_ERROR_MEMORY, "out of memory for aligning pairs of %s", family->name);
        goto done;
    }
    status = oa_permutations_init(&o->reordering, family->layout, error);
    bool wants_pairs = settings->alignment != 0.0 || (settings->task != 0.0 && family->samples.inputs);
    if (status == OA_OK && wants_pairs) {
        status = oa_pair_loss_create(&o->pair, family, settings->task != 0.0 ? settings->batch : 0, error);
    }
done:
    if (status == OA_OK) {
        *result = o;
    } else {
        oa_objective_destroy(o);
    }
    return status;
}

void oa_objective_destroy(oa_objective *o)
{
    if (o) {
        oa_pair_loss_destroy(o->pair);
        oa_permutations_free(&o->reordering);
        oa_free(o->copy);
        oa_free(o->scratch);
        oa_free(o->pointers);
        oa_free(o->features);
        oa_free(o->vars);
        oa_free(o->s_gradients);
        oa_free(o);
    }
}

/* One run: what the steps below share. */
typedef struct run {
    oa_objective *o;
    oa_tape *tape;
    const oa_aligner_leaves *leaves;
    const oa_packed *models[3]; /* a, b (or a again), the copy of a */
    size_t model_count;
    oa_var terms[2]; /* of the loss */
    float factors[2];
    size_t term_count;
} run;

enum { MODEL_A, MODEL_B };

static oa_var scores(const run *r, size_t group, size_t a, size_t b)
{
    return oa_aligner_scores(r->tape, r->leaves, r->o->plan, r->models, r->o->features, group, a, b);
}

/* Row i of the scores between the copy and a belongs to a's unit p[i], since copying gathered. */
static void add_supervised(run *r, size_t copy)
{
    oa_objective *o = r->o;
    size_t groups = o->family->layout->group_count;
    float *factors = oa_tape_buffer(r->tape, groups);
    for (size_t g = 0; g < groups && factors; g++) {
        o->vars[g] = oa_op_cross_entropy(r->tape, scores(r, g, copy, MODEL_A), o->reordering.of[g]);
        factors[g] = 1.0f / (float)groups;
    }
    r->terms[r->term_count] = oa_op_sum(r->tape, o->vars, factors, groups);
    r->factors[r->term_count++] = (float)o->settings.supervised;
}

/* The losses of a pair as an operation on the soft permutations. It finds the derivative on the way forward, where all
 * that it needs is at hand, and hands it out on the way back. */
typedef struct pair_op {
    oa_objective *o;
    const float *a, *b;
    oa_pair_factors factors;
    oa_random random;
    oa_pair_terms terms;
    bool is_recording;
} pair_op;

static oa_status pair_forward(float *output, const float *const *inputs, void *context, oa_error *error)
{
    pair_op *op = context;
    oa_objective *o = op->o;
    oa_status status = oa_pair_loss_run(&op->terms, op->is_recording ? o->s_gradients : NULL, o->pair, op->a, op->b,
                                        inputs, &op->factors, &op->random, error);
    output[0] = (float)(op->factors.alignment * op->terms.alignment + op->factors.task * op->terms.task);
    return status;
}

static oa_status pair_backward(float *const *input_gradients, const float *output_gradient, const float *const *inputs,
                               const float *output, void *context, oa_error *error)
{
    const pair_op *op = context;
    (void)inputs;
    (void)output;
    (void)error;
    for (size_t g = 0; g < op->o->family->layout->group_count; g++) {
        size_t n = op->o->family->layout->groups[g].size;
        float *restrict to = input_gradients[g];
        const float *restrict from = op->o->s_gradients[g];
        for (size_t i = 0; to && i < n * n; i++) {
            to[i] += output_gradient[0] * from[i];
        }
    }
    return OA_OK;
}

static void add_pair(run *r, pair_op *op)
{
    oa_objective *o = r->o;
    size_t groups = o->family->layout->group_count;
    oa_aligner_refined_scores(o->vars, r->tape, r->leaves, o->plan, r->models, o->features, MODEL_A, MODEL_B);
    for (size_t g = 0; g < groups; g++) {
        size_t n = o->family->layout->groups[g].size;
        o->vars[g] = oa_op_sinkhorn(r->tape, o->vars[g], o->settings.sinkhorn_iterations);
        o->s_gradients[g] = op->is_recording ? oa_tape_buffer(r->tape, n * n) : NULL;
        if (o->s_gradients[g]) {
            memset(o->s_gradients[g], 0, n * n * sizeof(float));
        }
    }
    oa_custom_op custom = {.forward = pair_forward, .backward = pair_backward, .context = op};
    r->terms[r->term_count] = oa_op_custom(r->tape, &custom, o->vars, groups, 1, 1);
    r->factors[r->term_count++] = 1.0f;
}

/* Makes and packs the copy of a. */
static oa_status make_copy(oa_packed **packed, oa_objective *o, const float *weights, oa_random *random,
                           oa_error *error)
{
    oa_permutations_random(&o->reordering, o->family->layout, random);
    oa_status status =
        oa_augment(o->copy, o->scratch, o->family, weights, &o->reordering, &o->settings.augmentation, random, error);
    if (status != OA_OK) {
        return status;
    }
    oa_weight_map_point(o->pointers, o->family->map, o->copy);
    return oa_packed_create(packed, o->plan, o->pointers, error);
}

static double number(const oa_tape *tape, oa_var var)
{
    const float *data = oa_tape_data(tape, var);
    return data ? (double)data[0] : 0.0;
}

oa_status oa_objective_run(oa_objective_terms *terms, float *gradient, oa_objective *o, oa_tape *tape,
                           const oa_aligner *aligner, const oa_objective_model *a, const oa_objective_model *b,
                           uint64_t seed, oa_error *error)
{
    oa_packed *copy = NULL;
    oa_aligner_leaves leaves = {0};
    run r = {.o = o, .tape = tape, .leaves = &leaves};
    oa_objective_terms found = {0};
    pair_op op = {.o = o, .a = a->weights, .b = b->weights, .is_recording = gradient != NULL};
    oa_random random;
    oa_random_init(&random, seed);
    oa_random_init(&op.random, oa_random_next(&random));
    op.factors = (oa_pair_factors){.alignment = o->settings.alignment,
                                   .task = o->family->samples.inputs ? o->settings.task : 0.0};
    bool is_supervised = o->settings.supervised != 0.0;
    oa_tape_reset(tape);
    oa_tape_record(tape, gradient != NULL);
    oa_status status = is_supervised ? make_copy(&copy, o, a->weights, &random, error) : OA_OK;
    status = status == OA_OK ? oa_aligner_leaves_init(&leaves, tape, aligner, gradient, error) : status;
    if (status != OA_OK) {
        goto done;
    }
    r.models[r.model_count++] = a->packed;
    if (o->pair) {
        r.models[r.model_count++] = b->packed;
    }
    if (copy) {
        r.models[r.model_count++] = copy;
    }
    oa_aligner_encode(o->features, tape, &leaves, o->plan, r.models, r.model_count);
    status = oa_tape_status(tape, error);
    if (status == OA_OK && copy) {
        add_supervised(&r, r.model_count - 1);
        status = oa_tape_status(tape, error);
        found.supervised = status == OA_OK ? number(tape, r.terms[0]) : 0.0;
    }
    if (status == OA_OK && o->pair) {
        add_pair(&r, &op);
        status = oa_tape_status(tape, error);
        found.alignment = op.terms.alignment;
        found.task = op.terms.task;
    }
    if (status == OA_OK && r.term_count) {
        oa_var loss = oa_op_sum(tape, r.terms, r.factors, r.term_count);
        status = oa_tape_status(tape, error);
        found.total = status == OA_OK ? number(tape, loss) : 0.0;
        if (status == OA_OK && gradient) {
            status = oa_tape_backward(tape, loss, 1.0f, error);
        }
    }
done:
    oa_aligner_leaves_free(&leaves);
    oa_tape_reset(tape); /* nothing on it may outlive the copy */
    oa_packed_destroy(copy);
    if (status == OA_OK) {
        *terms = found;
    }
    return status;
}
