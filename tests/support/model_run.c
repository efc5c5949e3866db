#include "tests/support/model_run.h"

#include "tests/support/close.h"
#include "tests/support/cmocka_all.h"

#include <math.h>
#include <string.h>

static size_t size_of_symbol(const char *symbol)
{
    size_t sum = 0;
    for (const char *at = symbol ? symbol : ""; *at; at++) {
        sum += (unsigned char)*at;
    }
    return 2 + sum % 2;
}

static void draw(oa_array *input, const oa_value *declared, oa_random *random)
{
    size_t dims[OA_MAX_RANK] = {0};
    oa_error error = {0};
    for (size_t i = 0; i < declared->rank; i++) {
        dims[i] = declared->dims[i] < 0 ? size_of_symbol(declared->symbols[i]) : (size_t)declared->dims[i];
    }
    assert_int_equal(oa_array_init(input, declared->dtype, dims, declared->rank, &error), OA_OK);
    size_t size = oa_dtype_size(declared->dtype);
    for (size_t i = 0; i < input->count; i++) {
        char *element = (char *)input->data + i * size;
        double value = oa_random_normal(random);
        int64_t integer = (int64_t)oa_random_below(random, 3);
        if (oa_dtype_is_float(declared->dtype)) {
            oa_floats_from_f64(element, declared->dtype, &value, 1);
        } else if (declared->dtype == OA_DTYPE_INT64) {
            memcpy(element, &integer, sizeof integer);
        } else {
            assert_int_equal(declared->dtype, OA_DTYPE_BOOL);
            *element = (char)(integer & 1);
        }
    }
}

static oa_array *run_once(const model_run *run, const oa_payloads *payloads)
{
    oa_error error = {0};
    oa_array *outputs = oa_calloc(run->graph->output_count, sizeof *outputs);
    assert_non_null(outputs);
    if (oa_executor_run(outputs, run->executor, run->inputs, payloads, &error) != OA_OK) {
        fail_msg("the model does not run: %s", error.message);
    }
    return outputs;
}

static void free_arrays(oa_array *arrays, size_t count)
{
    for (size_t i = 0; i < count && arrays; i++) {
        oa_array_free(&arrays[i]);
    }
    oa_free(arrays);
}

void model_run_start(model_run *run, const oa_graph *graph, uint64_t seed)
{
    oa_error error = {0};
    oa_random random;
    oa_random_init(&random, seed);
    *run = (model_run){.graph = graph, .inputs = oa_calloc(graph->input_count, sizeof *run->inputs)};
    assert_non_null(run->inputs);
    for (size_t i = 0; i < graph->input_count; i++) {
        draw(&run->inputs[i], &graph->values[graph->inputs[i]], &random);
    }
    if (oa_executor_create(&run->executor, graph, &error) != OA_OK) {
        fail_msg("the model cannot be run: %s", error.message);
    }
    run->outputs = run_once(run, NULL);
}

void model_run_free(model_run *run)
{
    free_arrays(run->inputs, run->graph->input_count);
    free_arrays(run->outputs, run->graph->output_count);
    oa_executor_destroy(run->executor);
    *run = (model_run){0};
}

bool model_run_is_finite(const model_run *run)
{
    bool is_zero = true;
    for (size_t i = 0; i < run->graph->output_count; i++) {
        const oa_array *output = &run->outputs[i];
        for (size_t k = 0; k < output->count && oa_dtype_is_float(output->dtype); k++) {
            double value;
            oa_floats_to_f64(&value, (const char *)output->data + k * oa_dtype_size(output->dtype), output->dtype, 1);
            if (!isfinite(value)) {
                return false;
            }
            is_zero = is_zero && value == 0.0;
        }
    }
    return !is_zero;
}

double model_run_distance(const model_run *run, const oa_payloads *payloads)
{
    oa_array *outputs = run_once(run, payloads);
    double distance = 0.0;
    for (size_t i = 0; i < run->graph->output_count; i++) {
        distance = fmax(distance, array_distance(&outputs[i], &run->outputs[i]));
    }
    free_arrays(outputs, run->graph->output_count);
    return distance;
}

double model_run_permuted(const model_run *run, const oa_layout *layout, const oa_permutations *permutations)
{
    oa_error error = {0};
    oa_payloads payloads;
    assert_int_equal(oa_payloads_init(&payloads, run->graph, &error), OA_OK);
    assert_int_equal(oa_layout_apply(&payloads, layout, run->graph, NULL, permutations, &error), OA_OK);
    double distance = model_run_distance(run, &payloads);
    oa_payloads_free(&payloads);
    return distance;
}
