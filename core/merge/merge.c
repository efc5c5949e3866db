#include "core/merge/merge.h"

#include "core/merge/statistics.h"

#include <string.h>

enum { OA_MERGE_PIECE = 4096 };

/* sum += weight * (other - base). Equal elements are left alone: adding a zero would lose the sign of -0, and two
 * infinities have no difference. The only part with all the weight is taken as it is, without rounding. */
static void add_share(double *sum, const double *base, const double *other, size_t n, double weight, bool is_only)
{
    if (weight == 0.0) {
        return;
    }
    if (is_only && weight == 1.0) {
        memcpy(sum, other, n * sizeof *sum);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        sum[i] = other[i] == base[i] ? sum[i] : sum[i] + weight * (other[i] - base[i]);
    }
}

/* target = a + sum of weighted differences - correction (may be NULL), piece by piece. `target` may be the first part's
 * own buffer: each piece is read before it is written. */
static void average(void *target, const oa_tensor *a, const void *const *sources, const oa_dtype *dtypes,
                    const oa_merge_part *parts, size_t count, const double *correction)
{
    double base[OA_MERGE_PIECE];
    double sum[OA_MERGE_PIECE];
    double other[OA_MERGE_PIECE];
    size_t size_a = oa_dtype_size(a->dtype);
    for (size_t start = 0; start < a->count; start += OA_MERGE_PIECE) {
        size_t n = a->count - start < OA_MERGE_PIECE ? a->count - start : OA_MERGE_PIECE;
        oa_floats_to_f64(base, (const char *)a->data + start * size_a, a->dtype, n);
        memcpy(sum, base, n * sizeof *sum);
        for (size_t k = 0; k < count; k++) {
            size_t size = oa_dtype_size(dtypes[k]);
            oa_floats_to_f64(other, (const char *)sources[k] + start * size, dtypes[k], n);
            add_share(sum, base, other, n, parts[k].weight, count == 1);
        }
        for (size_t i = 0; correction && i < n; i++) {
            sum[i] -= correction[start + i];
        }
        oa_floats_from_f64((char *)target + start * size_a, a->dtype, sum, n);
    }
}

typedef struct merging {
    oa_payloads *merged;
    const oa_graph *a;
    const oa_merge_part *parts;
    size_t count;
    const void **sources; /* [count] scratch */
    oa_dtype *dtypes;     /* [count] scratch */
    oa_corrections corrections;
} merging;

static oa_status merge_tensor(merging *m, size_t t, oa_error *error)
{
    const oa_tensor *tensor = &m->a->tensors[t];
    for (size_t k = 0; k < m->count; k++) {
        const oa_merge_part *part = &m->parts[k];
        size_t own = part->tensor_of ? part->tensor_of[t] : t;
        if (own == OA_NONE) {
            return OA_OK;
        }
        m->sources[k] = oa_payload(part->payloads, part->graph, own);
        m->dtypes[k] = part->graph->tensors[own].dtype;
    }
    size_t first = m->parts[0].tensor_of ? m->parts[0].tensor_of[t] : t;
    oa_payloads *donor = m->parts[0].payloads;
    void *target = NULL;
    if (donor && !m->parts[0].keeps_payloads && donor->data[first] && m->dtypes[0] == tensor->dtype) {
        target = donor->data[first];
        donor->data[first] = NULL;
    } else {
        target = oa_malloc(tensor->count, oa_dtype_size(tensor->dtype));
    }
    if (!target) {
        return oa_fail(error, OA_ERROR_MEMORY, "out of memory while averaging '%s'", tensor->name);
    }
    average(target, tensor, m->sources, m->dtypes, m->parts, m->count, m->corrections.of[t]);
    oa_free(m->merged->data[t]);
    m->merged->data[t] = target;
    return OA_OK;
}

oa_status oa_merge(oa_payloads *merged, const oa_graph *a, const oa_layout *layout, const oa_merge_part *parts,
                   size_t count, oa_error *error)
{
    merging m = {.merged = merged,
                 .a = a,
                 .parts = parts,
                 .count = count,
                 .sources = oa_calloc(count, sizeof *m.sources),
                 .dtypes = oa_calloc(count, sizeof *m.dtypes)};
    oa_status status = m.sources && m.dtypes
                           ? oa_corrections_init(&m.corrections, a, parts, count, error)
                           : oa_fail(error, OA_ERROR_MEMORY, "out of memory while averaging %zu models", count + 1);
    for (size_t i = 0; i < layout->order_count && count && status == OA_OK; i++) {
        size_t t = layout->order[i];
        if (oa_dtype_is_float(a->tensors[t].dtype) && a->tensors[t].data) {
            status = merge_tensor(&m, t, error);
        }
    }
    oa_corrections_free(&m.corrections);
    oa_free(m.sources);
    oa_free(m.dtypes);
    return status;
}
