#include "core/learn/messages_plan.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- Parameters ---- */

/* Of one round, in this order; then those of the end. */
enum {
    IN_SIGNED,
    IN_MEAN,
    IN_SIZE,
    OUT_SIGNED,
    OUT_MEAN,
    OUT_SIZE,
    SELF,
    POOLED,
    SEEN_IN,
    SEEN_OUT,
    SEEN_VECTOR,
    BIAS,
    UPDATE,
    ROUND_PARAMETERS
};
enum {
    END_SELF,
    END_IN,
    END_OUT,
    END_VECTOR,
    END_SCALE,
    END_RAW_IN,
    END_RAW_OUT = END_RAW_IN + OA_WEIGHING_PARAMETERS,
    END_NUMBERS_IN = END_RAW_OUT + OA_WEIGHING_PARAMETERS,
    END_NUMBERS_OUT = END_NUMBERS_IN + OA_WEIGHING_PARAMETERS,
    END_PARAMETERS = END_NUMBERS_OUT + OA_WEIGHING_PARAMETERS
};

static size_t list_parameters(oa_parameter *parameters, const oa_aligner_config *config, const oa_aligner_plan *plan)
{
    static const char *const round_names[ROUND_PARAMETERS] = {
        "in_signed", "in_mean", "in_size",  "out_signed",  "out_mean", "out_size", "self",
        "pooled",    "seen_in", "seen_out", "seen_vector", "bias",     "update"};
    static const char *const end_names[END_PARAMETERS] = {
        "end_self",          "end_in",          "end_out",          "end_vector",      "log_scale",
        "log_raw_in",        "raw_in_share",    "raw_in_size",      "log_raw_out",     "raw_out_share",
        "raw_out_size",      "log_numbers_in",  "numbers_in_share", "numbers_in_size", "log_numbers_out",
        "numbers_out_share", "numbers_out_size"};
    /* Logarithms of the factors of scores: 30, 5 and 50; numbers count by their share. */
    static const float factors[END_PARAMETERS] = {[END_SCALE] = 3.4f,
                                                  [END_RAW_IN] = 1.6f,
                                                  [END_RAW_OUT] = 1.6f,
                                                  [END_NUMBERS_IN] = 4.0f,
                                                  [END_NUMBERS_IN + OA_WEIGHING_SHARE] = 1.0f,
                                                  [END_NUMBERS_OUT] = 4.0f,
                                                  [END_NUMBERS_OUT + OA_WEIGHING_SHARE] = 1.0f};
    /* Logarithms of 55 and 0.3. */
    static const char *const refine_names[OA_REFINE_PARAMETERS] = {"log_in",    "in_share", "in_size",      "log_out",
                                                                   "out_share", "out_size", "log_sharpness"};
    static const float refine_starts[OA_REFINE_PARAMETERS] = {4.0f, 0.5f, 0.0f, 4.0f, 0.5f, 0.0f, -1.2f};
    size_t own = config->rounds * ROUND_PARAMETERS + END_PARAMETERS,
           count = own + OA_REFINE_PARAMETERS * config->refinements;
    size_t d = config->channels, probes = config->probes;
    (void)plan;
    if (!parameters) {
        return count;
    }
    for (size_t i = 0; i < config->rounds * ROUND_PARAMETERS; i++) {
        size_t kind = i % ROUND_PARAMETERS;
        bool is_seen = kind == SEEN_IN || kind == SEEN_OUT || kind == SEEN_VECTOR;
        oa_parameter *p = &parameters[i];
        *p = (oa_parameter){.rows = is_seen ? probes : kind == BIAS ? 1 : d, .columns = d, .decays = kind != BIAS};
        p->deviation = kind == BIAS ? 1.0f : (kind == POOLED ? 0.1f : 1.0f) / sqrtf((float)p->rows);
        (void)snprintf(p->name, sizeof p->name, "round%zu.%s", i / ROUND_PARAMETERS, round_names[kind]);
    }
    for (size_t kind = 0; kind < END_PARAMETERS; kind++) {
        oa_parameter *p = &parameters[config->rounds * ROUND_PARAMETERS + kind];
        bool is_number = kind >= END_SCALE;
        *p = (oa_parameter){.rows = is_number          ? 1
                                    : kind == END_SELF ? d
                                                       : probes,
                            .columns = is_number ? 1 : config->features,
                            .start = factors[kind],
                            .decays = !is_number,
                            .is_fast = is_number};
        /* Scales and biases are one number a unit: at first they would drown what tells units apart. */
        p->deviation = is_number || kind == END_VECTOR ? 0.0f : 1.0f / sqrtf((float)p->rows);
        (void)snprintf(p->name, sizeof p->name, "%s", end_names[kind]);
    }
    for (size_t i = 0; i < config->rounds * ROUND_PARAMETERS; i++) {
        parameters[i].start = 0.0f;
    }
    for (size_t i = 0; i < OA_REFINE_PARAMETERS * config->refinements; i++) {
        size_t kind = i % OA_REFINE_PARAMETERS;
        oa_parameter *p = &parameters[own + i];
        *p = (oa_parameter){.rows = 1, .columns = 1, .start = refine_starts[kind], .is_fast = true};
        (void)snprintf(p->name, sizeof p->name, "refine%zu.%s", i / OA_REFINE_PARAMETERS, refine_names[kind]);
    }
    return count;
}

/* ---- Encoding ---- */

typedef struct encoding {
    oa_tape *tape;
    const oa_message_plan *plan;
    const oa_packed_messages *const *models;
    size_t count; /* models */
    const oa_var *leaves;
    oa_var *h;              /* [group_count] */
    bool *has_h;            /* [group_count]: before the first update there is nothing to tell */
    oa_var *seen;           /* [group_count * OA_FIXED_WAYS], for those that the plan has */
    const float **matrices; /* [count] */
} encoding;

static oa_var leaf(const encoding *e, size_t round, size_t kind)
{
    return e->leaves[round * ROUND_PARAMETERS + kind];
}

/* What all models see of fixed axes, one under the other. */
static void stack_seen(encoding *e)
{
    for (size_t k = 0; k < e->plan->base.layout->group_count * OA_FIXED_WAYS; k++) {
        size_t n = e->plan->base.layout->groups[k / OA_FIXED_WAYS].size;
        size_t width = oa_seen_width(e->plan, k / OA_FIXED_WAYS, k % OA_FIXED_WAYS);
        if (!e->plan->groups[k / OA_FIXED_WAYS].fixed_count[k % OA_FIXED_WAYS]) {
            continue;
        }
        float *stacked = oa_tape_buffer(e->tape, e->count * n * width);
        for (size_t m = 0; m < e->count && stacked; m++) {
            memcpy(stacked + m * n * width, e->models[m]->seen[k], n * width * sizeof(float));
        }
        e->seen[k] = stacked ? oa_tape_constant(e->tape, stacked, e->count * n, width) : 0;
    }
}

/* The matrix that turns what the units of a group see into features: the learned one, behind the probes when what they
 * see has not gone through them yet. */
static oa_var mixing(const encoding *e, size_t g, size_t way, oa_var learned)
{
    const oa_message_group *group = &e->plan->groups[g];
    if (!group->narrow_probes[way]) {
        return learned;
    }
    oa_var probes =
        oa_tape_constant(e->tape, group->narrow_probes[way], group->columns[way], e->plan->base.config.probes);
    return oa_op_matmul(e->tape, probes, false, learned, false, 1.0f);
}

enum { WEIGHTS, MEANS, SIZES };

static const float *const *list_matrices(const encoding *e, size_t relation, int which)
{
    for (size_t m = 0; m < e->count; m++) {
        const oa_packed_messages *model = e->models[m];
        e->matrices[m] = which == WEIGHTS ? model->weights[relation]
                         : which == MEANS ? model->means[relation]
                                          : model->sizes[relation];
    }
    return e->matrices;
}

/* Sums of what arrives over tensors of one side, by kind. */
typedef struct arrival {
    oa_var *terms[3]; /* signed, mean, size */
    size_t count[3];
} arrival;

static void put(arrival *a, size_t kind, oa_var term)
{
    a->terms[kind][a->count[kind]++] = term;
}

/* The messages over one relation to one of its groups. */
static void receive(arrival *a, const encoding *e, const oa_message_end *end)
{
    const oa_relation *relation = &e->plan->relations.between[end->relation];
    const oa_relation_axis *from = end->to_rows ? &relation->columns : &relation->rows;
    size_t n = relation->rows.size, c = relation->columns.size, taps = relation->taps;
    float one = 1.0f / sqrtf((float)from->size);
    const float *signs = e->plan->signs[end->relation];
    oa_var h = e->h[from->group];
    if (taps == 1) {
        oa_var both =
            oa_op_propagate(e->tape, list_matrices(e, end->relation, WEIGHTS), e->count, n, c, !end->to_rows, h, one);
        put(a, 0, both);
        put(a, 1, both);
    } else {
        if (!relation->is_symmetric && end->to_rows) {
            put(a, 0,
                oa_op_propagate(e->tape, list_matrices(e, end->relation, WEIGHTS), e->count, n, c * taps, false,
                                oa_op_spread_taps(e->tape, h, signs, taps), one / sqrtf((float)taps)));
        } else if (!relation->is_symmetric) {
            oa_var x = oa_op_propagate(e->tape, list_matrices(e, end->relation, WEIGHTS), e->count, n, c * taps, true,
                                       h, one / sqrtf((float)taps));
            put(a, 0, oa_op_gather_taps(e->tape, x, signs, taps));
        }
        put(a, 1,
            oa_op_propagate(e->tape, list_matrices(e, end->relation, MEANS), e->count, n, c, !end->to_rows, h, one));
    }
    put(a, 2, oa_op_propagate(e->tape, list_matrices(e, end->relation, SIZES), e->count, n, c, !end->to_rows, h, one));
}

/* Factors for oa_op_sum_of_products and its lists. */
enum { TERMS_MAX = 10 };
typedef struct products {
    oa_var a[TERMS_MAX];
    oa_var b[TERMS_MAX];
    size_t count;
} products;

static void multiply(products *p, oa_var a, oa_var b)
{
    p->a[p->count] = a;
    p->b[p->count++] = b;
}

static bool receive_all(products *p, const encoding *e, size_t round, size_t g)
{
    const oa_message_group *group = &e->plan->groups[g];
    size_t room = group->end_count + 1;
    oa_var *memory = oa_malloc(room * 6, sizeof *memory);
    float *factors = oa_malloc(room, sizeof *factors);
    if (!memory || !factors) {
        oa_free(memory);
        oa_free(factors);
        return false;
    }
    arrival sides[2] = {{{memory, memory + room, memory + 2 * room}, {0}},
                        {{memory + 3 * room, memory + 4 * room, memory + 5 * room}, {0}}};
    for (size_t i = 0; i < group->end_count; i++) {
        const oa_relation *relation = &e->plan->relations.between[group->ends[i].relation];
        const oa_relation_axis *to = group->ends[i].to_rows ? &relation->rows : &relation->columns;
        const oa_relation_axis *from = group->ends[i].to_rows ? &relation->columns : &relation->rows;
        if (e->has_h[from->group]) {
            receive(&sides[to->is_input], e, &group->ends[i]);
        }
    }
    for (size_t side = 0; side < 2; side++) {
        for (size_t k = 0; k < group->end_count; k++) {
            factors[k] = 1.0f / sqrtf((float)group->arrivals[side]);
        }
        /* Of single taps the mean is the signed weight itself: one product instead of two. */
        const arrival *a = &sides[side];
        size_t first = side ? OUT_SIGNED : IN_SIGNED;
        bool is_single = a->count[0] && a->count[0] == a->count[1] &&
                         memcmp(a->terms[0], a->terms[1], a->count[0] * sizeof *a->terms[0]) == 0;
        for (size_t kind = is_single; kind < 3; kind++) {
            if (a->count[kind]) {
                oa_var both[2] = {leaf(e, round, first), leaf(e, round, first + 1)};
                multiply(p, oa_op_sum(e->tape, a->terms[kind], factors, a->count[kind]),
                         is_single && kind == 1 ? oa_op_sum(e->tape, both, NULL, 2) : leaf(e, round, first + kind));
            }
        }
    }
    oa_free(memory);
    oa_free(factors);
    return true;
}

static bool update(encoding *e, size_t round, size_t g)
{
    const oa_message_group *group = &e->plan->groups[g];
    products p = {.count = 0};
    if (!receive_all(&p, e, round, g)) {
        return false;
    }
    for (size_t way = 0; way < OA_FIXED_WAYS; way++) {
        if (group->fixed_count[way]) {
            multiply(&p, e->seen[g * OA_FIXED_WAYS + way], mixing(e, g, way, leaf(e, round, SEEN_IN + way)));
        }
    }
    if (e->has_h[g]) {
        multiply(&p, e->h[g], leaf(e, round, SELF));
    }
    if (!p.count) {
        return true; /* nothing is known of these units yet */
    }
    oa_var m = oa_op_sum_of_products(e->tape, p.a, p.b, NULL, p.count);
    m = oa_op_add_rows(e->tape, m, leaf(e, round, BIAS), 1);
    if (e->has_h[g]) {
        oa_var mean = oa_op_mean_rows(e->tape, e->h[g], e->count);
        m = oa_op_add_rows(e->tape, m, oa_op_matmul(e->tape, mean, false, leaf(e, round, POOLED), false, 1.0f),
                           e->count);
    }
    oa_var x = oa_op_gelu(e->tape, oa_op_layer_norm(e->tape, m));
    x = oa_op_matmul(e->tape, x, false, leaf(e, round, UPDATE), false, 1.0f);
    if (e->has_h[g]) {
        oa_var terms[2] = {e->h[g], x};
        x = oa_op_sum(e->tape, terms, NULL, 2);
    }
    e->h[g] = x;
    e->has_h[g] = true;
    return true;
}

static oa_var finish(const encoding *e, size_t g)
{
    const oa_var *end = e->leaves + e->plan->base.config.rounds * ROUND_PARAMETERS;
    products p = {.count = 0};
    if (e->has_h[g]) {
        multiply(&p, e->h[g], end[END_SELF]);
    }
    for (size_t way = 0; way < OA_FIXED_WAYS; way++) {
        if (e->plan->groups[g].fixed_count[way]) {
            multiply(&p, e->seen[g * OA_FIXED_WAYS + way], mixing(e, g, way, end[END_IN + way]));
        }
    }
    if (!p.count) {
        /* Units that no weight tells apart. */
        size_t count = e->count * e->plan->base.layout->groups[g].size * e->plan->base.config.features;
        float *zeros = oa_tape_buffer(e->tape, count);
        if (!zeros) {
            return 0;
        }
        memset(zeros, 0, count * sizeof *zeros);
        return oa_tape_constant(e->tape, zeros, e->count * e->plan->base.layout->groups[g].size,
                                e->plan->base.config.features);
    }
    /* What all units of a model share says nothing about which is which. */
    oa_var f = oa_op_sum_of_products(e->tape, p.a, p.b, NULL, p.count);
    oa_var mean = oa_op_mean_rows(e->tape, f, e->count);
    oa_var minus = oa_op_sum(e->tape, &mean, (const float[]){-1.0f}, 1);
    return oa_op_normalise_rows(e->tape, oa_op_add_rows(e->tape, f, minus, e->count));
}

static void encode(oa_var *features, oa_tape *tape, const oa_aligner_leaves *leaves, const oa_aligner_plan *base,
                   const oa_packed *const *models, size_t model_count)
{
    const oa_message_plan *plan = (const oa_message_plan *)base;
    size_t groups = base->layout->group_count;
    encoding e = {.tape = tape,
                  .plan = plan,
                  .models = (const oa_packed_messages *const *)models,
                  .count = model_count,
                  .leaves = leaves->of,
                  .h = oa_calloc(groups, sizeof *e.h),
                  .has_h = oa_calloc(groups, sizeof *e.has_h),
                  .seen = oa_calloc(groups * OA_FIXED_WAYS, sizeof *e.seen),
                  .matrices = oa_calloc(model_count, sizeof *e.matrices)};
    bool is_done = e.h && e.has_h && e.seen && e.matrices;
    if (is_done) {
        stack_seen(&e);
    }
    for (size_t round = 0; round < base->config.rounds && is_done; round++) {
        for (size_t i = 0; i < groups && is_done; i++) {
            is_done = update(&e, round, round % 2 ? groups - 1 - i : i);
        }
    }
    for (size_t g = 0; g < groups && is_done; g++) {
        features[g] = finish(&e, g);
    }
    if (!is_done) {
        oa_error error = {0};
        (void)oa_fail(&error, OA_ERROR_MEMORY, "out of memory for the features of units");
        oa_tape_fail(tape, &error);
    }
    oa_free(e.h);
    oa_free(e.has_h);
    oa_free(e.seen);
    oa_free(e.matrices);
}

/* ---- Scores ---- */

size_t oa_energy_of_raw(const oa_message_plan *plan, size_t group, size_t side)
{
    return plan->relations.between_count + group * 2 + side;
}

size_t oa_energy_of_numbers(const oa_message_plan *plan, size_t group, size_t side)
{
    return oa_energy_of_raw(plan, plan->base.layout->group_count + group, side);
}

/* The sum of squares of all weights of a group's units. */
static double energy_of_group(const oa_message_plan *plan, const oa_packed_messages *model, size_t group)
{
    double sum = 0.0;
    for (size_t i = 0; i < plan->groups[group].end_count; i++) {
        sum += model->energy[plan->groups[group].ends[i].relation];
    }
    for (size_t side = 0; side < 2; side++) {
        sum += model->energy[oa_energy_of_raw(plan, group, side)];
        sum += model->energy[oa_energy_of_numbers(plan, group, side)];
    }
    return sum;
}

double oa_energy_share(const oa_message_plan *plan, const oa_packed_messages *a, const oa_packed_messages *b,
                       size_t group, size_t which)
{
    double all = 0.5 * (energy_of_group(plan, a, group) + energy_of_group(plan, b, group));
    return all > 0.0 ? sqrt(a->energy[which] * b->energy[which]) / all : 0.0;
}

oa_var oa_weigh(oa_tape *tape, const oa_var *parameters, double share, size_t size)
{
    static const double least = 1e-4, middle_size = 64.0;
    const float factors[OA_WEIGHING_PARAMETERS] = {[OA_WEIGHING_FACTOR] = 1.0f,
                                                   [OA_WEIGHING_SHARE] = (float)log(fmax(share, least)),
                                                   [OA_WEIGHING_SIZE] = (float)log((double)size / middle_size)};
    return oa_op_exp(tape, oa_op_sum(tape, parameters, factors, OA_WEIGHING_PARAMETERS));
}

static oa_var scores(oa_tape *tape, const oa_aligner_leaves *leaves, const oa_aligner_plan *base,
                     const oa_packed *const *models, const oa_var *features, size_t group, size_t a, size_t b)
{
    const oa_message_plan *plan = (const oa_message_plan *)base;
    const oa_packed_messages *one = (const oa_packed_messages *)models[a];
    const oa_packed_messages *two = (const oa_packed_messages *)models[b];
    const oa_var *end = leaves->of + base->config.rounds * ROUND_PARAMETERS;
    size_t n = base->layout->groups[group].size;
    oa_var product = oa_op_matmul(tape, oa_op_rows(tape, features[group], a * n, n), false,
                                  oa_op_rows(tape, features[group], b * n, n), true, 1.0f);
    oa_var terms[5] = {oa_op_scale(tape, product, oa_op_exp(tape, end[END_SCALE]))};
    size_t count = 1;
    for (size_t side = 0; side < 2; side++) {
        size_t width = plan->groups[group].raw_count[side];
        if (width) {
            oa_var x = oa_tape_constant(tape, one->raw[group * 2 + side], n, width);
            oa_var y = oa_tape_constant(tape, two->raw[group * 2 + side], n, width);
            double share = oa_energy_share(plan, one, two, group, oa_energy_of_raw(plan, group, side));
            oa_var factor = oa_weigh(tape, end + (side ? END_RAW_OUT : END_RAW_IN), share, width);
            terms[count++] = oa_op_scale(tape, oa_op_matmul(tape, x, false, y, true, 1.0f), factor);
        }
        width = plan->groups[group].number_count[side];
        if (width) {
            oa_var x = oa_tape_constant(tape, one->numbers[group * 2 + side], n, width);
            oa_var y = oa_tape_constant(tape, two->numbers[group * 2 + side], n, width);
            double share = oa_energy_share(plan, one, two, group, oa_energy_of_numbers(plan, group, side));
            oa_var factor = oa_weigh(tape, end + (side ? END_NUMBERS_OUT : END_NUMBERS_IN), share, width);
            terms[count++] =
                oa_op_scale(tape, oa_op_matmul(tape, x, false, y, true, 1.0f / sqrtf((float)width)), factor);
        }
    }
    return count == 1 ? terms[0] : oa_op_sum(tape, terms, NULL, count);
}

static void refine(oa_var *scores, oa_tape *tape, const oa_aligner_leaves *leaves, const oa_aligner_plan *base,
                   const oa_packed *const *models, size_t a, size_t b)
{
    const oa_var *factors = leaves->of + base->config.rounds * ROUND_PARAMETERS + END_PARAMETERS;
    oa_messages_refine(scores, tape, base, models, factors, a, b);
}

const oa_encoder_functions oa_encoder_messages = {.plan_create = oa_messages_plan_create,
                                                  .plan_destroy = oa_messages_plan_destroy,
                                                  .parameters = list_parameters,
                                                  .pack = oa_messages_pack,
                                                  .packed_destroy = oa_messages_packed_destroy,
                                                  .encode = encode,
                                                  .scores = scores,
                                                  .refine = refine};
