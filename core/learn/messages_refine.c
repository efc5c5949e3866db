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
    float **sums;  /* [group_count] the new scores so far, when nothing is recorded; else NULL, and there are terms */
    oa_var *terms; /* [2 * between_count] what relations say about a group, side by side */
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

/* How much a relation counts for the units on one of its axes, which it compares by `size` weights each. */
static oa_var weight_of(const refinement *f, size_t r, const oa_relation_axis *to, size_t size)
{
    double share = oa_energy_share(f->plan, f->models[0], f->models[1], to->group, r);
    return oa_weigh(f->tape, f->parameters + (to->is_input ? OA_WEIGHING_PARAMETERS : 0), share, size);
}

/* Adds what relation r says about the units on an axis: at once, or as a term of the sum that is recorded. */
static void add(refinement *f, size_t r, const oa_relation_axis *to, oa_var across, size_t size)
{
    oa_var weight = weight_of(f, r, to, size);
    if (oa_tape_is_recording(f->tape)) {
        size_t side = to->group * 2 + to->is_input;
        f->terms[f->first[side] + f->used[side]++] = oa_op_scale(f->tape, across, weight);
    } else if (oa_tape_status(f->tape, NULL) == OA_OK) {
        float *restrict sum = f->sums[to->group];
        const float *restrict term = oa_tape_data(f->tape, across);
        const float factor = oa_tape_data(f->tape, weight)[0];
        size_t count = oa_tape_rows(f->tape, across) * oa_tape_columns(f->tape, across);
        for (size_t i = 0; i < count; i++) {
            sum[i] += factor * term[i];
        }
    }
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
    oa_tape_mark mark = oa_tape_here(f->tape);
    oa_var across = oa_op_matmul(f->tape, oa_op_reshape(f->tape, a, rows * taps, columns), false,
                                 f->soft[relation->columns.group], false, 1.0f);
    across = oa_op_matmul(f->tape, oa_op_reshape(f->tape, across, rows, taps * columns), false, b, true,
                          1.0f / (float)(columns * taps));
    add(f, r, &relation->rows, across, columns * taps);
    oa_tape_back_to(f->tape, &mark);
    across = oa_op_matmul(f->tape, f->soft[relation->rows.group], true, a, false, 1.0f);
    across = oa_op_matmul(f->tape, oa_op_reshape(f->tape, across, rows * taps, columns), true,
                          oa_op_reshape(f->tape, b, rows * taps, columns), false, 1.0f / (float)(rows * taps));
    add(f, r, &relation->columns, across, rows * taps);
    oa_tape_back_to(f->tape, &mark);
}

/* A copy that stays when all that is made from here on is forgotten. NULL after a failure. */
static float *copy_of(oa_tape *tape, oa_var made)
{
    size_t count = oa_tape_rows(tape, made) * oa_tape_columns(tape, made);
    float *copy = oa_tape_buffer(tape, count);
    if (copy) {
        memcpy(copy, oa_tape_data(tape, made), count * sizeof *copy);
    }
    return copy;
}

/* The scores of group g as a doubly stochastic matrix; nothing else stays when nothing is recorded. */
static oa_var soft_scores(refinement *f, size_t g, oa_var scores, oa_var sharpness)
{
    size_t n = f->plan->base.layout->groups[g].size;
    float *room = oa_tape_is_recording(f->tape) ? NULL : oa_tape_buffer(f->tape, n * n);
    oa_tape_mark mark = oa_tape_here(f->tape);
    return oa_tape_keep(f->tape, room, &mark, soften(f->tape, scores, sharpness));
}

/* The sum of the terms of a group, recorded. */
static oa_var sum_of(refinement *f, size_t g, oa_var first)
{
    oa_var terms[3] = {first};
    size_t count = 1;
    for (size_t side = 0; side < 2; side++) {
        size_t used = f->used[g * 2 + side];
        if (used) {
            terms[count++] = oa_op_sum(f->tape, f->terms + f->first[g * 2 + side], NULL, used);
        }
    }
    return count > 1 ? oa_op_sum(f->tape, terms, NULL, count) : first;
}

/* One step: `scores` from `first`, the encoder's own, and what the scores so far say about each other. Without a
 * backward pass to come, only the scores stay. */
static void step(oa_var *scores, refinement *f, const oa_var *first, const oa_var *parameters, bool is_last)
{
    const oa_layout *layout = f->plan->base.layout;
    bool records = oa_tape_is_recording(f->tape);
    memset(f->used, 0, layout->group_count * 2 * sizeof *f->used);
    f->parameters = parameters;
    for (size_t g = 0; g < layout->group_count && !records; g++) {
        /* Nobody needs the first scores after the last step: it may write over them. */
        f->sums[g] = !f->plan->groups[g].end_count ? NULL
                     : is_last                     ? (float *)oa_tape_data(f->tape, first[g])
                                                   : copy_of(f->tape, first[g]);
    }
    oa_tape_mark mark = oa_tape_here(f->tape);
    for (size_t g = 0; g < layout->group_count; g++) {
        if (f->plan->groups[g].end_count) {
            f->soft[g] = soft_scores(f, g, scores[g], parameters[OA_REFINE_SHARPNESS]);
        }
    }
    for (size_t r = 0; r < f->plan->relations.between_count; r++) {
        compare(f, r);
    }
    oa_tape_back_to(f->tape, &mark);
    for (size_t g = 0; g < layout->group_count && oa_tape_status(f->tape, NULL) == OA_OK; g++) {
        size_t n = layout->groups[g].size;
        scores[g] = records      ? sum_of(f, g, first[g])
                    : f->sums[g] ? oa_tape_constant(f->tape, f->sums[g], n, n)
                                 : first[g];
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
    f.sums = oa_calloc(groups, sizeof *f.sums);
    if (first && f.w[0] && f.w[1] && f.soft && f.terms && f.first && f.used && f.sums) {
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
            step(scores, &f, first, parameters + OA_REFINE_PARAMETERS * k, k + 1 == base->config.refinements);
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
    oa_free(f.sums);
}
