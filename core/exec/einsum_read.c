#include "core/exec/einsum.h"

#include "core/exec/strided.h"

/* The labels of one operand, or of the output. */
typedef struct term {
    size_t labels[OA_MAX_RANK];
    size_t count;
    size_t dots_at; /* how many labels come before "...", or OA_NONE */
} term;

static size_t label_of(char c)
{
    if (c >= 'A' && c <= 'Z') {
        return (size_t)(c - 'A');
    }
    return c >= 'a' && c <= 'z' ? (size_t)(c - 'a') + OA_EINSUM_LETTERS / 2 : OA_NONE;
}

/* Reads up to a comma, an arrow or the end; *at stands there afterwards. */
static oa_status read_term(term *t, size_t *at, const oa_string_view *equation, oa_error *error)
{
    *t = (term){.dots_at = OA_NONE};
    for (; *at < equation->size && equation->data[*at] != ',' && equation->data[*at] != '-'; ++*at) {
        const char *c = equation->data + *at;
        if (*c == ' ') {
            continue;
        }
        if (*c == '.' && t->dots_at == OA_NONE && *at + 2 < equation->size && c[1] == '.' && c[2] == '.') {
            t->dots_at = t->count;
            *at += 2;
            continue;
        }
        if (label_of(*c) == OA_NONE || t->count == OA_MAX_RANK) {
            return oa_fail(error, OA_ERROR_INPUT, "the equation '%.*s' is wrong at character %zu", (int)equation->size,
                           equation->data, *at + 1);
        }
        t->labels[t->count++] = label_of(*c);
    }
    return OA_OK;
}

/* Puts the labels of `unnamed` axes in the place of the dots. */
static void expand_dots(term *t, size_t unnamed)
{
    if (t->dots_at == OA_NONE) {
        return;
    }
    for (size_t i = t->count; i-- > t->dots_at;) {
        t->labels[i + unnamed] = t->labels[i];
    }
    for (size_t i = 0; i < unnamed; i++) {
        t->labels[t->dots_at + i] = OA_EINSUM_LABELS - unnamed + i;
    }
    t->count += unnamed;
}

static oa_status add_operand(oa_einsum *e, term *t, const oa_array *x, size_t operand, oa_error *error)
{
    ptrdiff_t steps[OA_MAX_RANK];
    char text[OA_SHAPE_TEXT_SIZE];
    if (t->dots_at == OA_NONE ? t->count != x->rank : t->count > x->rank) {
        return oa_fail(error, OA_ERROR_INPUT, "input %zu of shape %s does not have %zu axes", operand,
                       oa_shape_text(text, x->dims, x->rank), t->count);
    }
    expand_dots(t, x->rank - t->count);
    oa_packed_steps(steps, x->dims, x->rank);
    for (size_t d = 0; d < x->rank; d++) {
        size_t label = t->labels[d], size = x->dims[d];
        if (!e->uses[label] || e->sizes[label] == 1) {
            e->sizes[label] = size;
        } else if (size != 1 && size != e->sizes[label]) {
            return oa_fail(error, OA_ERROR_INPUT, "axis %zu of input %zu has size %zu and the label had %zu", d,
                           operand, size, e->sizes[label]);
        }
        e->uses[label] |= 1u << operand;
        e->steps[operand][label] += size == 1 ? 0 : steps[d];
    }
    return OA_OK;
}

/* A label that is broadcast within one operand would need two steps. */
static oa_status check_diagonals(const oa_einsum *e, const term *terms, const oa_call *call, oa_error *error)
{
    for (size_t i = 0; i < e->operand_count; i++) {
        const oa_array *x = call->inputs[i];
        for (size_t d = 0; d < x->rank; d++) {
            for (size_t k = 0; k < d; k++) {
                if (terms[i].labels[k] == terms[i].labels[d] && x->dims[k] != x->dims[d]) {
                    return oa_fail(error, OA_ERROR_INPUT, "axes %zu and %zu of input %zu have one label and two sizes",
                                   k, d, i);
                }
            }
        }
    }
    return OA_OK;
}

static oa_status add_output(oa_einsum *e, size_t label, oa_error *error)
{
    if (!e->uses[label] || e->is_output[label] || e->output_rank == OA_MAX_RANK) {
        return oa_fail(error, OA_ERROR_INPUT, "a label of the output is in no input, or there twice");
    }
    e->is_output[label] = true;
    e->output[e->output_rank++] = label;
    return OA_OK;
}

/* Without an arrow: the unnamed axes, then the letters that occur once, in their order. */
static oa_status imply_output(oa_einsum *e, const term *terms, oa_error *error)
{
    size_t counts[OA_EINSUM_LABELS] = {0};
    oa_status status = OA_OK;
    for (size_t i = 0; i < e->operand_count; i++) {
        for (size_t k = 0; k < terms[i].count; k++) {
            counts[terms[i].labels[k]]++;
        }
    }
    for (size_t label = OA_EINSUM_LETTERS; label < OA_EINSUM_LABELS && status == OA_OK; label++) {
        status = counts[label] ? add_output(e, label, error) : OA_OK;
    }
    for (size_t label = 0; label < OA_EINSUM_LETTERS && status == OA_OK; label++) {
        status = counts[label] == 1 ? add_output(e, label, error) : OA_OK;
    }
    return status;
}

static oa_status read_output(oa_einsum *e, size_t at, const oa_string_view *equation, oa_error *error)
{
    term t;
    size_t unnamed = 0;
    oa_status status = read_term(&t, &at, equation, error);
    for (size_t label = OA_EINSUM_LETTERS; label < OA_EINSUM_LABELS; label++) {
        unnamed += e->uses[label] != 0;
    }
    if (status == OA_OK && (at < equation->size || t.count + unnamed > OA_MAX_RANK)) {
        status = oa_fail(error, OA_ERROR_INPUT, "the output of '%.*s' is wrong", (int)equation->size, equation->data);
    }
    if (status == OA_OK) {
        expand_dots(&t, unnamed);
    }
    for (size_t i = 0; status == OA_OK && i < t.count; i++) {
        status = add_output(e, t.labels[i], error);
    }
    return status;
}

oa_status oa_einsum_read(oa_einsum *einsum, oa_call *call, oa_error *error)
{
    const oa_string_view *equation = oa_call_string(call, "equation");
    term terms[OA_EINSUM_OPERANDS];
    size_t at = 0, count = call->input_count;
    *einsum = (oa_einsum){.operand_count = count};
    if (!equation || count > OA_EINSUM_OPERANDS) {
        return equation ? oa_fail(error, OA_ERROR_UNSUPPORTED, "an equation of %zu operands", count)
                        : oa_fail(error, OA_ERROR_INPUT, "there is no equation");
    }
    for (size_t i = 0; i < count; i++) {
        if (!call->inputs[i] || call->inputs[i]->dtype != call->inputs[0]->dtype) {
            return oa_fail(error, OA_ERROR_INPUT, "input %zu is missing or of another type than input 0", i);
        }
        oa_status status = read_term(&terms[i], &at, equation, error);
        if (status == OA_OK) {
            status = add_operand(einsum, &terms[i], call->inputs[i], i, error);
        }
        if (status != OA_OK) {
            return status;
        }
        bool is_comma = at < equation->size && equation->data[at] == ',';
        if (is_comma != (i + 1 < count)) {
            return oa_fail(error, OA_ERROR_INPUT, "the equation '%.*s' is not of %zu operands", (int)equation->size,
                           equation->data, count);
        }
        at += is_comma;
    }
    oa_status status = check_diagonals(einsum, terms, call, error);
    if (status != OA_OK || at == equation->size) {
        return status == OA_OK ? imply_output(einsum, terms, error) : status;
    }
    if (at + 1 >= equation->size || equation->data[at + 1] != '>') {
        return oa_fail(error, OA_ERROR_INPUT, "the equation '%.*s' has no arrow after its operands",
                       (int)equation->size, equation->data);
    }
    return read_output(einsum, at + 2, equation, error);
}
