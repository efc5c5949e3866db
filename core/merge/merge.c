#include "core/merge/merge.h"

#include <string.h>

enum { OA_MERGE_PIECE = 4096 };

/* target = a + sum of weighted differences, piece by piece. `target` may be the first part's own buffer: each piece is
 * read before it is written. */
static void average(void *target, const oa_tensor *a, const void *const *sources, const oa_dtype *dtypes,
                    const oa_merge_part *parts, size_t count)
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
            for (size_t i = 0; i < n; i++) {
                sum[i] += parts[k].weight * (other[i] - base[i]);
            }
        }
        oa_floats_from_f64((char *)target + start * size_a, a->dtype, sum, n);
    }
}

static oa_status merge_tensor(oa_payloads *merged, const oa_graph *a, size_t t, const oa_merge_part *parts,
                              size_t count, const void **sources, oa_dtype *dtypes, oa_error *error)
{
    const oa_tensor *tensor = &a->tensors[t];
    for (size_t k = 0; k < count; k++) {
        size_t own = parts[k].tensor_of ? parts[k].tensor_of[t] : t;
        if (own == OA_NONE) {
            return OA_OK;
        }
        sources[k] = oa_payload(parts[k].payloads, parts[k].graph, own);
        dtypes[k] = parts[k].graph->tensors[own].dtype;
    }
    size_t first = parts[0].tensor_of ? parts[0].tensor_of[t] : t;
    oa_payloads *donor = parts[0].payloads;
    void *target = NULL;
    if (donor && donor->data[first] && dtypes[0] == tensor->dtype) {
        target = donor->data[first];
        donor->data[first] = NULL;
    } else {
        target = oa_malloc(tensor->count, oa_dtype_size(tensor->dtype));
    }
    if (!target) {
        return oa_fail(error, OA_ERROR_MEMORY, "out of memory while averaging '%s'", tensor->name);
    }
    average(target, tensor, sources, dtypes, parts, count);
    oa_free(merged->data[t]);
    merged->data[t] = target;
    return OA_OK;
}

oa_status oa_merge(oa_payloads *merged, const oa_graph *a, const oa_layout *layout, const oa_merge_part *parts,
                   size_t count, oa_error *error)
{
    oa_status status = OA_OK;
    const void **sources = oa_calloc(count, sizeof *sources);
    oa_dtype *dtypes = oa_calloc(count, sizeof *dtypes);
    if (!sources || !dtypes) {
        status = oa_fail(error, OA_ERROR_MEMORY, "out of memory while averaging %zu models", count + 1);
    }
    for (size_t i = 0; i < layout->order_count && count && status == OA_OK; i++) {
        size_t t = layout->order[i];
        if (oa_dtype_is_float(a->tensors[t].dtype) && a->tensors[t].data) {
            status = merge_tensor(merged, a, t, parts, count, sources, dtypes, error);
        }
    }
    oa_free(sources);
    oa_free(dtypes);
    return status;
}
