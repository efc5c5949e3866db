#include "tests/match/problem.h"

#include "tests/support/cmocka_all.h"
#include "tests/support/layout_text.h"

#include <math.h>
#include <string.h>

void pair_create(pair *p, model_builder *build, uint64_t seed_a, uint64_t seed_b)
{
    oa_error error = {0};
    *p = (pair){.graphs = {test_graph_create(seed_a), test_graph_create(seed_b)}};
    const oa_graph *a = build(p->graphs[0]);
    const oa_graph *b = build(p->graphs[1]);
    p->layout = discover(a);
    if (oa_pair_graphs(&p->pairing, a, b, &error) != OA_OK) {
        fail_msg("%s", error.message);
    }
    p->problem = (oa_match_problem){
        .layout = p->layout, .a = a, .b = b, .tensor_b = p->pairing.tensor_b, .value_b = p->pairing.value_b};
}

static double spread_of(const oa_tensor *tensor)
{
    double sum = 0.0;
    double squares = 0.0;
    for (size_t i = 0; i < tensor->count; i++) {
        double value;
        oa_floats_to_f64(&value, (const char *)tensor->data + i * oa_dtype_size(tensor->dtype), tensor->dtype, 1);
        sum += value;
        squares += value * value;
    }
    double n = (double)tensor->count;
    return sqrt(fmax(squares / n - sum / n * (sum / n), 0.0));
}

void pair_plant(pair *p, const oa_permutations *planted, double noise, uint64_t seed)
{
    oa_random random;
    oa_permutations inverse;
    oa_random_init(&random, seed);
    assert_int_equal(oa_permutations_init(&inverse, p->layout, NULL), OA_OK);
    oa_permutations_copy(&inverse, planted, p->layout);
    oa_permutations_invert(&inverse, p->layout);
    for (size_t t = 0; t < p->problem.a->tensor_count; t++) {
        const oa_tensor *a = &p->problem.a->tensors[t];
        if (p->pairing.tensor_b[t] == OA_NONE || !oa_dtype_is_float(a->dtype)) {
            continue;
        }
        const oa_tensor *b = &p->problem.b->tensors[p->pairing.tensor_b[t]];
        char *target = oa_arena_alloc(&p->graphs[1]->payloads, a->count, oa_dtype_size(a->dtype));
        assert_non_null(target);
        assert_int_equal(a->dtype, b->dtype);
        assert_int_equal(oa_layout_reorder(target, a->data, p->layout, t, a, &inverse, NULL), OA_OK);
        double spread = noise * spread_of(a);
        for (size_t i = 0; i < a->count && noise > 0.0; i++) {
            double value;
            size_t size = oa_dtype_size(a->dtype);
            oa_floats_to_f64(&value, target + i * size, a->dtype, 1);
            value += spread * oa_random_normal(&random);
            oa_floats_from_f64(target + i * size, a->dtype, &value, 1);
        }
        p->graphs[1]->graph->tensors[p->pairing.tensor_b[t]].data = target;
    }
    oa_permutations_free(&inverse);
}

void pair_free(pair *p)
{
    oa_pairing_free(&p->pairing);
    oa_layout_destroy(p->layout);
    test_graph_destroy(p->graphs[0]);
    test_graph_destroy(p->graphs[1]);
    *p = (pair){0};
}

double plain_element(const oa_tensor *tensor, size_t index)
{
    double value;
    int exponent;
    oa_floats_to_f64(&value, (const char *)tensor->data + index * oa_dtype_size(tensor->dtype), tensor->dtype, 1);
    double mantissa = frexp((double)(float)value, &exponent);
    return ldexp(nearbyint(ldexp(mantissa, 11)), exponent - 11); /* ties go to even: the default rounding */
}

static double plain_tensor(const oa_match_problem *problem, size_t t, const oa_permutations *permutations)
{
    const oa_tensor *a = &problem->a->tensors[t];
    const oa_tensor *b = &problem->b->tensors[problem->tensor_b[t]];
    double sum = 0.0;
    void *places = oa_calloc(a->count, sizeof(int64_t));
    void *moved = oa_calloc(a->count, sizeof(int64_t));
    assert_true(places && moved);
    for (size_t i = 0; i < a->count; i++) {
        ((int64_t *)places)[i] = (int64_t)i;
    }
    oa_tensor shape = *a;
    shape.dtype = OA_DTYPE_INT64;
    assert_int_equal(oa_layout_reorder(moved, places, problem->layout, t, &shape, permutations, NULL), OA_OK);
    for (size_t i = 0; i < a->count; i++) {
        sum += plain_element(a, i) * plain_element(b, (size_t)((int64_t *)moved)[i]);
    }
    oa_free(places);
    oa_free(moved);
    return sum;
}

double plain_inner(const oa_match_problem *problem, const oa_permutations *permutations)
{
    double sum = 0.0;
    for (size_t t = 0; t < problem->a->tensor_count; t++) {
        const oa_layout_tensor *tensor = &problem->layout->tensors[t];
        if (tensor->is_used && tensor->moves && !tensor->is_statistic &&
            oa_dtype_is_float(problem->a->tensors[t].dtype) && problem->tensor_b[t] != OA_NONE) {
            sum += plain_tensor(problem, t, permutations);
        }
    }
    return sum;
}

bool same_permutations(const oa_permutations *x, const oa_permutations *y, const oa_layout *layout)
{
    for (size_t g = 0; g < layout->group_count; g++) {
        if (memcmp(x->of[g], y->of[g], layout->groups[g].size * sizeof *x->of[g]) != 0) {
            return false;
        }
    }
    return true;
}
