#include "planted.h"

#include "tests/support/cmocka_all.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static double spread_of(const float *values, size_t n)
{
    double sum = 0.0;
    double squares = 0.0;
    for (size_t i = 0; i < n; i++) {
        sum += (double)values[i];
        squares += (double)values[i] * (double)values[i];
    }
    double mean = sum / (double)n;
    return sqrt(fmax(squares / (double)n - mean * mean, 0.0));
}

void planted_make(planted *b, const oa_graph *a, const oa_layout *layout, const oa_permutations *permutations,
                  double noise, oa_random *random)
{
    oa_error error = {0};
    b->graph = *a;
    b->noise = 0.0;
    b->tensors = malloc(a->tensor_count * sizeof *b->tensors);
    assert_non_null(b->tensors);
    memcpy(b->tensors, a->tensors, a->tensor_count * sizeof *b->tensors);
    b->graph.tensors = b->tensors;
    assert_int_equal(oa_payloads_init(&b->payloads, a, &error), OA_OK);
    assert_int_equal(oa_layout_apply(&b->payloads, layout, a, NULL, permutations, &error), OA_OK);
    for (size_t t = 0; t < a->tensor_count; t++) {
        const oa_tensor *tensor = &a->tensors[t];
        if (!layout->tensors[t].is_used || tensor->dtype != OA_DTYPE_FLOAT) {
            continue;
        }
        float *values = b->payloads.data[t];
        if (!values) {
            values = malloc(tensor->count * sizeof *values);
            assert_non_null(values);
            memcpy(values, tensor->data, tensor->count * sizeof *values);
            b->payloads.data[t] = values;
        }
        double scale = noise * spread_of(values, tensor->count);
        for (size_t i = 0; i < tensor->count; i++) {
            float noisy = values[i] + (float)(scale * oa_random_normal(random));
            double added = (double)noisy - (double)values[i];
            b->noise += layout->tensors[t].is_statistic ? 0.0 : added * added;
            values[i] = noisy;
        }
        b->tensors[t].data = values;
    }
}

void planted_free(planted *b)
{
    oa_payloads_free(&b->payloads);
    free(b->tensors);
}

size_t planted_wrong(const oa_permutations *found, oa_permutations *truth, const oa_layout *layout)
{
    size_t wrong = 0;
    oa_permutations_invert(truth, layout);
    for (size_t g = 0; g < layout->group_count; g++) {
        for (size_t i = 0; i < layout->groups[g].size; i++) {
            wrong += found->of[g][i] != truth->of[g][i];
        }
    }
    return wrong;
}
