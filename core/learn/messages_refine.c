/* Where the encoder's scores take account of each other: what each model's encoder cannot know by itself.
 *
 * Whether two units go together depends on which of their neighbours do. The scores of all groups say that softly, as
 * doubly stochastic matrices S, and the weights of a unit of a and one of b are then compared across S:
 *
 *     scores' = scores + sum_W f(W) W_a S W_b^T / size + sum_W f'(W) W_a^T S W_b / size
 *
 * over the tensors W that compute the units and those that take them in, scaled to root mean square 1. The factors
 *
 *     f(W) = exp(c) share(W)^u size(W)^v
 *
 * follow from W's share of the sum of squares of all weights of a unit and from its size; c, u and v are learned, those
 * of f' apart from those of f. With c equal, u = 1 and v = 0 this is the objective of weight matching (Ainsworth,
 * Hayase and Srinivasa, "Git Re-Basin", ICLR 2023, section 3.2) for one group while the others are as S says. How sharp
 * S is, is learned too. Exchanging the models transposes it: S is the mean of what Sinkhorn's iterations make of the
 * scores and of their transpose. */
#include "core/learn/messages_plan.h"

#include <math.h>
#include <string.h>

enum { SINKHORN_ITERATIONS = 10 };

typedef struct refinement {
    oa_tape *tape;
    const oa_message_plan *plan;
    const oa_packed_messages *models[2];
    const oa_var *parameters; /* of this step */
    oa_var *w[2];             /* [between_count] of a and b: [rows, taps * columns] */
    oa_var *soft;             /* [group_count] */
    oa_var *terms;            /* [2 * between_count] what relations say about a group, side by side */
    float **kept;             /* [group_count] scores, where nothing else is to be kept */
    size_t *first; /* [group_count * 2] where a group's terms begin, for tensors that compute it and that take it in */
    size_t *used;  /* [group_count * 2] */
} refinement;

/* A relation's weights with the taps outside the columns; only their means where the taps have no order. */
static oa_var weights_of(oa_tape *tape, const oa_packed_messages *model, size_t r)
{
    const oa_relation *relation = &model->plan->relations.between[r];
    size_t rows = relation->rows.size, columns = relation->columns.size, taps = relation->taps;
    if (taps == 1 || !model->weights[r]) {
        return oa_tape_constant(tape, taps == 1 ? model->weights[r] : model->means[r], rows, columns);
    }
    float *moved = oa_tape_buffer(tape, rows * columns * taps);
    for (size_t i = 0; i < rows && moved; i++) {
        const float *restrict from = model->weights[r] + i * columns * taps;
        float *restrict to = moved + i * columns * taps;
        for (size_t t = 0; t < taps; t++) {
            for (size_t j = 0; j < columns; j++) {
                to[t * columns + j] = from[j * taps + t];
            }
        }
    }
    return moved ? oa_tape_constant(tape, moved, rows, columns * taps) : 0;
}

static oa_var soften(oa_tape *tape, oa_var scores, oa_var sharpness)
{
    scores = oa_op_scale(tape, scores, oa_op_exp(tape, sharpness));
    oa_var both[2] = {oa_op_sinkhorn(tape, scores, SINKHORN_ITERATIONS),
                      oa_op_transpose(tape, oa_op_sinkhorn(tape, oa_op_transpose(tape, scores), SINKHORN_ITERATIONS))};
    return oa_op_sum(tape, both, (const float[]){0.5f, 0.5f}, 2);
}

static void put(refinement *f, const oa_relation_axis *to, oa_var term)
{
    size_t side = to->group * 2 + to->is_input;
    f->terms[f->first[side] + f->used[side]++] = term;
}

/* How much a relation counts for the units on one of its axes, which it compares by `size` weights each. */
static oa_var weight_of(const refinement *f, size_t r, const oa_relation_axis *to, size_t size)
{
    double share = oa_energy_share(f->plan, f->models[0], f->models[1], to->group, r);
    return oa_weigh(f->tape, f->parameters + (to->is_input ? OA_WEIGHING_PARAMETERS : 0), share, size);
}

/* Room for a result that alone is to stay; none on a tape that records, where everything stays. */
typedef struct result {
    float *room;
    oa_tape_mark mark;
} result;

static result begin(refinement *f, size_t count)
{
    result r = {.room = oa_tape_is_recording(f->tape) ? NULL : oa_tape_buffer(f->tape, count)};
    r.mark = oa_tape_here(f->tape);
    return r;
}

/* The result, everything else since begin forgotten. */
static oa_var end(refinement *f, const result *r, oa_var made)
{
    const float *data = oa_tape_data(f->tape, made);
    size_t rows = oa_tape_rows(f->tape, made), columns = oa_tape_columns(f->tape, made);
    if (!r->room || !data || oa_tape_status(f->tape, NULL) != OA_OK) {
        return made;
    }
    memcpy(r->room, data, rows * columns * sizeof *data);
    oa_tape_back_to(f->tape, &r->mark);
    return oa_tape_constant(f->tape, r->room, rows, columns);
}

/* What a relation says about its rows and about its columns. */
static void compare(refinement *f, size_t r)
{
    const oa_relation *relation = &f->plan->relations.between[r];
    size_t rows = relation->rows.size, columns = relation->columns.size;
    oa_var a = f->w[0][r], b = f->w[1][r];
    size_t taps = oa_tape_columns(f->tape, a) / columns;
    if (!taps) {
        return; /* the tape has failed */
    }
    result of_rows = begin(f, rows * rows);
    oa_var across = oa_op_matmul(f->tape, oa_op_reshape(f->tape, a, rows * taps, columns), false,
                                 f->soft[relation->columns.group], false, 1.0f);
    across = oa_op_matmul(f->tape, oa_op_reshape(f->tape, across, rows, taps * columns), false, b, true,
                          1.0f / (float)(columns * taps));
    across = oa_op_scale(f->tape, across, weight_of(f, r, &relation->rows, columns * taps));
    put(f, &relation->rows, end(f, &of_rows, across));
    result of_columns = begin(f, columns * columns);
    across = oa_op_matmul(f->tape, f->soft[relation->rows.group], true, a, false, 1.0f);
    across = oa_op_matmul(f->tape, oa_op_reshape(f->tape, across, rows * taps, columns), true,
                          oa_op_reshape(f->tape, b, rows * taps, columns), false, 1.0f / (float)(rows * taps));
    across = oa_op_scale(f->tape, across, weight_of(f, r, &relation->columns, rows * taps));
    put(f, &relation->columns, end(f, &of_columns, across));
}

/* One step: `scores` from `first`, the encoder's own, and what the scores so far say about each other. */
static void step(oa_var *scores, refinement *f, const oa_var *first, const oa_var *parameters)
{
    size_t groups = f->plan->base.layout->group_count;
    memset(f->used, 0, groups * 2 * sizeof *f->used);
    f->parameters = parameters;
    for (size_t g = 0; g < groups; g++) {
        size_t n = f->plan->base.layout->groups[g].size;
        if (f->plan->groups[g].end_count) {
            result soft = begin(f, n * n);
            f->soft[g] = end(f, &soft, soften(f->tape, scores[g], parameters[OA_REFINE_SHARPNESS]));
        }
    }
    for (size_t r = 0; r < f->plan->relations.between_count; r++) {
        compare(f, r);
    }
    for (size_t g = 0; g < groups; g++) {
        oa_var terms[3] = {first[g]};
        size_t count = 1;
        for (size_t side = 0; side < 2; side++) {
            size_t used = f->used[g * 2 + side];
            if (used) {
                terms[count++] = oa_op_sum(f->tape, f->terms + f->first[g * 2 + side], NULL, used);
            }
        }
        scores[g] = count > 1 ? oa_op_sum(f->tape, terms, NULL, count) : first[g];
    }
}

/* The same; without a backward pass to come, only the scores stay. */
static void step_and_forget(oa_var *scores, refinement *f, const oa_var *first, const oa_var *parameters)
{
    const oa_layout *layout = f->plan->base.layout;
    if (oa_tape_is_recording(f->tape)) {
        step(scores, f, first, parameters);
        return;
    }
    for (size_t g = 0; g < layout->group_count; g++) {
        f->kept[g] = oa_tape_buffer(f->tape, layout->groups[g].size * layout->groups[g].size);
    }
    oa_tape_mark mark = oa_tape_here(f->tape);
    step(scores, f, first, parameters);
    bool is_done = oa_tape_status(f->tape, NULL) == OA_OK;
    for (size_t g = 0; g < layout->group_count && is_done; g++) {
        memcpy(f->kept[g], oa_tape_data(f->tape, scores[g]),
               layout->groups[g].size * layout->groups[g].size * sizeof(float));
    }
    oa_tape_back_to(f->tape, &mark);
    for (size_t g = 0; g < layout->group_count && is_done; g++) {
        scores[g] = oa_tape_constant(f->tape, f->kept[g], layout->groups[g].size, layout->groups[g].size);
    }
}

void oa_messages_refine(oa_var *scores, oa_tape *tape, const oa_aligner_plan *base, const oa_packed *const *models,
                        const oa_var *parameters, size_t a, size_t b)
{
    const oa_message_plan *plan = (const oa_message_plan *)base;
    size_t groups = base->layout->group_count, relations = plan->relations.between_count;
    refinement f = {
        .tape = tape,
        .plan = plan,
        .models = {(const oa_packed_messages *)models[a], (const oa_packed_messages *)models[b]},
    };
    if (!relations || !base->config.refinements) {
        return;
    }
    oa_var *first = oa_calloc(groups, sizeof *first);
    f.w[0] = oa_calloc(relations, sizeof *f.w[0]);
    f.w[1] = oa_calloc(relations, sizeof *f.w[1]);
    f.soft = oa_calloc(groups, sizeof *f.soft);
    f.terms = oa_calloc(relations, 2 * sizeof *f.terms);
    f.first = oa_calloc(groups, 2 * sizeof *f.first);
    f.used = oa_calloc(groups, 2 * sizeof *f.used);
    f.kept = oa_calloc(groups, sizeof *f.kept);
    if (first && f.w[0] && f.w[1] && f.soft && f.terms && f.first && f.used && f.kept) {
        size_t room = 0;
        for (size_t side = 0; side < groups * 2; side++) {
            f.first[side] = room;
            room += plan->groups[side / 2].arrivals[side % 2];
        }
        memcpy(first, scores, groups * sizeof *first);
        for (size_t r = 0; r < relations; r++) {
            f.w[0][r] = weights_of(tape, (const oa_packed_messages *)models[a], r);
            f.w[1][r] = weights_of(tape, (const oa_packed_messages *)models[b], r);
        }
        for (size_t k = 0; k < base->config.refinements; k++) {
            step_and_forget(scores, &f, first, parameters + OA_REFINE_PARAMETERS * k);
        }
    } else {
        oa_error error = {0};
        (void)oa_fail(&error, OA_ERROR_MEMORY, "out of memory for the scores of units");
        oa_tape_fail(tape, &error);
    }
    oa_free(first);
    oa_free(f.w[0]);
    oa_free(f.w[1]);
    oa_free(f.soft);
    oa_free(f.terms);
    oa_free(f.first);
    oa_free(f.used);
    oa_free(f.kept);
}
