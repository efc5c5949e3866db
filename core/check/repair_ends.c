#include "core/check/repair_ends.h"

#include <math.h>

/* Sums over the outputs of both runs. */
typedef struct comparison {
    double squares; /* of the change */
    double sum, sum_of_squares;
    size_t elements;
    size_t rows, agreeing; /* of the first output, when it tells classes */
    double *row[2];        /* [row_capacity] scratch */
    size_t row_capacity[2];
} comparison;

static size_t largest(const double *row, size_t n)
{
    size_t best = 0;
    for (size_t i = 1; i < n; i++) {
        best = row[i] > row[best] ? i : best;
    }
    return best;
}

static oa_status compare_output(comparison *c, const oa_array *before, const oa_array *after, bool tells_classes,
                                size_t samples, oa_error *error)
{
    if (!oa_dtype_is_float(before->dtype) || before->rank == 0 || before->count == 0 || before->count != after->count) {
        return OA_OK;
    }
    size_t rows = before->dims[0];
    size_t n = before->count / rows;
    size_t bytes = n * oa_dtype_size(before->dtype);
    bool has_classes = tells_classes && before->rank == 2 && n >= 2;
    for (size_t k = 0; k < 2; k++) {
        if (!oa_grow(&c->row[k], &c->row_capacity[k], n, sizeof *c->row[k])) {
            return oa_fail(error, OA_ERROR_MEMORY, "out of memory for the %zu outputs of a sample", n);
        }
    }
    for (size_t r = 0; r < rows && r < samples; r++) {
        oa_floats_to_f64(c->row[0], (const char *)before->data + r * bytes, before->dtype, n);
        oa_floats_to_f64(c->row[1], (const char *)after->data + r * bytes, after->dtype, n);
        for (size_t i = 0; i < n; i++) {
            double change = c->row[1][i] - c->row[0][i];
            c->squares += change * change;
            c->sum += c->row[0][i];
            c->sum_of_squares += c->row[0][i] * c->row[0][i];
        }
        c->elements += n;
        c->rows += has_classes;
        c->agreeing += has_classes && largest(c->row[0], n) == largest(c->row[1], n);
    }
    return OA_OK;
}

static void free_outputs(oa_array *outputs, size_t count)
{
    for (size_t i = 0; i < count && outputs; i++) {
        oa_array_free(&outputs[i]);
    }
}

/* A parent as it is, and repaired. */
typedef struct end_run {
    const oa_graph *graph;
    oa_session *sessions[2];
    oa_array *outputs; /* [2 * outputs] */
    comparison sums;
} end_run;

static oa_status compare_batch(end_run *e, const oa_array *inputs, size_t n, oa_error *error)
{
    size_t count = e->graph->output_count;
    oa_status status = OA_OK;
    for (size_t k = 0; k < 2 && status == OA_OK; k++) {
        status = oa_session_run(e->outputs + k * count, e->sessions[k], inputs, NULL, NULL, error);
    }
    for (size_t i = 0; i < count && status == OA_OK; i++) {
        status = compare_output(&e->sums, &e->outputs[i], &e->outputs[count + i], i == 0, n, error);
    }
    free_outputs(e->outputs, 2 * count);
    return status;
}

static void finish(oa_repair_end *end, const comparison *c, size_t samples)
{
    double count = (double)(c->elements ? c->elements : 1);
    double mean = c->sum / count;
    double variance = c->sum_of_squares / count - mean * mean;
    double difference = c->squares == 0.0 ? 0.0 : sqrt(c->squares / count / fmax(variance, 1e-30));
    *end = (oa_repair_end){.samples = samples,
                           .has_classes = c->rows > 0,
                           .agreement = c->rows ? (double)c->agreeing / (double)c->rows : 1.0,
                           .difference = isfinite(difference) ? difference : INFINITY};
}

static oa_status compare_models(oa_repair_end *end, const oa_graph *graph, const oa_payloads *before,
                                const oa_payloads *after, oa_repair *repair, oa_error *error)
{
    end_run e = {.graph = graph, .outputs = oa_calloc(graph->output_count, 2 * sizeof *e.outputs)};
    const oa_engine *engine = oa_repair_engine(repair);
    size_t samples = 0;
    oa_status status = e.outputs ? oa_session_create(&e.sessions[0], engine, graph, before, NULL, error)
                                 : oa_fail(error, OA_ERROR_MEMORY, "out of memory while comparing outputs");
    if (status == OA_OK) {
        status = oa_session_create(&e.sessions[1], engine, graph, after, NULL, error);
    }
    for (size_t i = 0; i < oa_repair_batch_count(repair) && status == OA_OK; i++) {
        const oa_array *inputs = NULL;
        size_t n;
        status = oa_repair_read_batch(&inputs, &n, repair, i, error);
        status = status == OA_OK ? compare_batch(&e, inputs, n, error) : status;
        samples += n;
    }
    if (status == OA_OK) {
        finish(end, &e.sums, samples);
    }
    oa_session_destroy(e.sessions[0]);
    oa_session_destroy(e.sessions[1]);
    oa_free(e.outputs);
    oa_free(e.sums.row[0]);
    oa_free(e.sums.row[1]);
    return status;
}

/* The constants of one parent in the place of a's: none of its own for a itself. */
static oa_status constants_of(oa_payloads *payloads, const oa_graph *a, const oa_layout *layout,
                              const oa_merge_part *parts, size_t model, oa_error *error)
{
    oa_status status = oa_payloads_init(payloads, a, error);
    if (status == OA_OK && model) {
        oa_merge_part alone = parts[model - 1];
        alone.weight = 1.0;
        alone.keeps_payloads = true;
        status = oa_merge(payloads, a, layout, &alone, 1, error);
    }
    return status;
}

static oa_status try_repair(oa_repair_end *end, oa_repair *repair, const oa_graph *a, const oa_layout *layout,
                            const oa_merge_part *parts, size_t count, size_t model, const oa_payloads *own,
                            oa_error *error)
{
    oa_payloads repaired = {0};
    oa_repair_info info;
    double *weights = oa_calloc(count + 1, sizeof *weights);
    oa_status status = weights ? constants_of(&repaired, a, layout, parts, model, error)
                               : oa_fail(error, OA_ERROR_MEMORY, "out of memory for %zu weights", count + 1);
    if (status == OA_OK) {
        weights[model] = 1.0;
        status = oa_repair_apply(&repaired, &info, repair, weights, error);
    }
    if (status == OA_OK) {
        status = compare_models(end, a, own, &repaired, repair, error);
    }
    oa_payloads_free(&repaired);
    oa_free(weights);
    return status;
}

oa_status oa_repair_measure_parents(oa_repair_end *ends, oa_repair *repair, const oa_graph *a, const oa_layout *layout,
                                    const oa_merge_part *parts, size_t count, oa_error *error)
{
    bool can_move = oa_repair_has(repair, OA_REPAIR_STATISTICS);
    oa_status status = OA_OK;
    for (size_t m = 0; m <= count && status == OA_OK; m++) {
        oa_payloads own = {0};
        status = constants_of(&own, a, layout, parts, m, error);
        if (status == OA_OK) {
            status = oa_repair_measure(repair, m, &own, error);
        }
        ends[m] = (oa_repair_end){.agreement = 1.0};
        if (status == OA_OK && can_move) {
            status = try_repair(&ends[m], repair, a, layout, parts, count, m, &own, error);
        }
        oa_payloads_free(&own);
    }
    return status;
}
