/* Runs ONNX's own test cases with the built-in executor: conformance DATA, where DATA has the folders node, simple,
 * pytorch-converted and pytorch-operator with a folder for each case (model.onnx and test_data_set_N/input_I.pb,
 * output_I.pb).
 *
 * A case is claimed when the executor has a kernel for all of its live nodes and all of its inputs and outputs are
 * dense tensors. Every claimed case must pass, with the tolerance of ONNX's own backend test runner; the others are
 * counted by reason. */
#include "core/exec/exec.h"
#include "onnx_io/model.h"
#include "onnx_io/tensor_file.h"
#include "tests/exec/compare.h"

#include <dirent.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { PATH_SIZE = 1024, MOST_NAMES = 512, NAME_SIZE = 64, LEAST_CLAIMED = 850 };

static const closeness runner_tolerance = {.relative = 1e-3, .absolute = 1e-7};
/* The runner compares bfloat16 by the bit patterns as numbers, which lets neighbours pass, and the expected values need
 * it: they were cut off, where rounding to nearest is what ONNX asks for. One unit in the last place. */
static const closeness bfloat16_tolerance = {.relative = 0x1p-7, .absolute = 0.0};

/* Names with two counts: operators with cases passed and run, or reasons with cases. */
typedef struct tally {
    char names[MOST_NAMES][NAME_SIZE];
    size_t passed[MOST_NAMES];
    size_t total[MOST_NAMES];
    size_t count;
} tally;

typedef struct run_counts {
    tally operators;
    tally reasons;
    size_t claimed;
    size_t passed;
    size_t out_of_scope;
    size_t unreadable;
} run_counts;

static void count_name(tally *names, const char *name, bool is_passed)
{
    size_t i = 0;
    while (i < names->count && strncmp(names->names[i], name, NAME_SIZE - 1) != 0) {
        i++;
    }
    if (i == MOST_NAMES) {
        return;
    }
    if (i == names->count) {
        snprintf(names->names[i], NAME_SIZE, "%s", name);
        names->count++;
    }
    names->total[i]++;
    names->passed[i] += is_passed;
}

/* A path made of its parts; false when it is too long. */
static bool make_path(char *path, const char *format, ...) OA_PRINTF(2, 3);

static bool make_path(char *path, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(path, PATH_SIZE, format, arguments);
    va_end(arguments);
    return length > 0 && length < PATH_SIZE;
}

static bool exists(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0;
}

/* Why a case is not claimed; NULL when it is. `reason` has NAME_SIZE characters. */
static const char *out_of_scope(char *reason, const oa_graph *graph)
{
    for (size_t i = 0; i < graph->live_count; i++) {
        const oa_node *node = &graph->nodes[i];
        if (!oa_executor_supports(node->domain, node->op_type)) {
            snprintf(reason, NAME_SIZE, "no kernel for %s%s%s", node->domain, node->domain[0] ? "." : "",
                     node->op_type);
            return reason;
        }
    }
    for (size_t i = 0; i < graph->input_count; i++) {
        if (graph->values[graph->inputs[i]].is_opaque) {
            return "a sequence, optional or map as graph input";
        }
    }
    for (size_t i = 0; i < graph->output_count; i++) {
        if (graph->values[graph->outputs[i]].is_opaque) {
            return "a sequence, optional or map as graph output";
        }
    }
    return NULL;
}

static void free_arrays(oa_array *arrays, size_t count)
{
    for (size_t i = 0; arrays && i < count; i++) {
        oa_array_free(&arrays[i]);
    }
    free(arrays);
}

/* The data sets hold bfloat16 as bit patterns of type uint16, since NumPy has no such type. */
static void restore_bfloat16(oa_array *array, const oa_value *declared)
{
    if (declared->dtype == OA_DTYPE_BFLOAT16 && array->dtype == OA_DTYPE_UINT16) {
        array->dtype = OA_DTYPE_BFLOAT16;
    }
}

/* The files prefix_0.pb, prefix_1.pb, ... of a data set, one for each of the graph's `values`, and no more. */
static bool load_set(oa_array **arrays, const oa_graph *graph, const size_t *values, size_t count, const char *folder,
                     const char *prefix, oa_error *error)
{
    char path[PATH_SIZE];
    *arrays = calloc(count + 1, sizeof **arrays);
    for (size_t i = 0; *arrays && i < count; i++) {
        if (!make_path(path, "%s/%s_%zu.pb", folder, prefix, i) ||
            oa_tensor_file_load(&(*arrays)[i], NULL, path, error) != OA_OK) {
            return false;
        }
        restore_bfloat16(&(*arrays)[i], &graph->values[values[i]]);
    }
    if (!make_path(path, "%s/%s_%zu.pb", folder, prefix, count) || exists(path)) {
        oa_fail(error, OA_ERROR_INPUT, "%s exists, but the graph has only %zu", path, count);
        return false;
    }
    return *arrays != NULL;
}

/* Runs one data set and compares. */
static bool run_set(oa_executor *executor, const oa_graph *graph, const char *folder, oa_error *error)
{
    oa_array *inputs = NULL, *expected = NULL;
    oa_array *actual = calloc(graph->output_count, sizeof *actual);
    char message[512];
    bool is_passed = actual && load_set(&inputs, graph, graph->inputs, graph->input_count, folder, "input", error) &&
                     load_set(&expected, graph, graph->outputs, graph->output_count, folder, "output", error) &&
                     oa_executor_run(actual, executor, inputs, NULL, error) == OA_OK;
    for (size_t i = 0; is_passed && i < graph->output_count; i++) {
        bool is_bfloat16 = expected[i].dtype == OA_DTYPE_BFLOAT16;
        if (!arrays_agree(message, sizeof message, &actual[i], &expected[i],
                          is_bfloat16 ? &bfloat16_tolerance : &runner_tolerance)) {
            oa_fail(error, OA_ERROR_DIFFERENT, "output %zu: %s", i, message);
            is_passed = false;
        }
    }
    free_arrays(inputs, graph->input_count);
    free_arrays(expected, graph->output_count);
    free_arrays(actual, graph->output_count);
    return is_passed;
}

static bool run_sets(const oa_graph *graph, const char *folder, oa_error *error)
{
    oa_executor *executor = NULL;
    char path[PATH_SIZE];
    size_t sets = 0;
    bool is_passed = oa_executor_create(&executor, graph, error) == OA_OK;
    for (; is_passed; sets++) {
        if (!make_path(path, "%s/test_data_set_%zu", folder, sets) || !exists(path)) {
            break;
        }
        is_passed = run_set(executor, graph, path, error);
    }
    if (is_passed && sets == 0) {
        oa_fail(error, OA_ERROR_INPUT, "no test_data_set_0 in %s", folder);
        is_passed = false;
    }
    oa_executor_destroy(executor);
    return is_passed;
}

static void run_case(run_counts *counts, const char *folder, const char *name)
{
    char path[PATH_SIZE], reason_text[NAME_SIZE];
    oa_error error = {0};
    oa_model *model = NULL;
    if (!make_path(path, "%s/model.onnx", folder) || oa_model_load(&model, path, &error) != OA_OK) {
        printf("UNREADABLE %s: %s\n", name, error.message);
        counts->unreadable++;
        return;
    }
    const oa_graph *graph = oa_model_graph(model);
    const char *reason = out_of_scope(reason_text, graph);
    if (reason) {
        count_name(&counts->reasons, reason, true);
        counts->out_of_scope++;
    } else {
        bool is_passed = run_sets(graph, folder, &error);
        counts->claimed++;
        counts->passed += is_passed;
        for (size_t i = 0; i < graph->live_count; i++) {
            bool is_first = true;
            for (size_t k = 0; k < i; k++) {
                is_first = is_first && strcmp(graph->nodes[i].op_type, graph->nodes[k].op_type) != 0;
            }
            if (is_first) {
                count_name(&counts->operators, graph->nodes[i].op_type, is_passed);
            }
        }
        if (!is_passed) {
            printf("FAILED %s: %s\n", name, error.message);
        }
    }
    oa_model_destroy(model);
}

static int is_case(const struct dirent *entry)
{
    return strncmp(entry->d_name, "test_", 5) == 0;
}

static bool run_folder(run_counts *counts, const char *data, const char *area)
{
    char path[PATH_SIZE];
    struct dirent **entries = NULL;
    int count = make_path(path, "%s/%s", data, area) ? scandir(path, &entries, is_case, alphasort) : 0;
    if (count <= 0) {
        printf("%s has no cases; install libonnx-testdata or name its data folder\n", path);
        free(entries);
        return false;
    }
    for (int i = 0; i < count; i++) {
        if (make_path(path, "%s/%s/%s", data, area, entries[i]->d_name)) {
            run_case(counts, path, entries[i]->d_name);
        }
        free(entries[i]);
    }
    free(entries);
    return true;
}

static void print_tally(const tally *names, bool with_passed)
{
    bool is_done[MOST_NAMES] = {false};
    for (size_t n = 0; n < names->count; n++) { /* alphabetically */
        size_t next = MOST_NAMES;
        for (size_t i = 0; i < names->count; i++) {
            if (!is_done[i] && (next == MOST_NAMES || strcmp(names->names[i], names->names[next]) < 0)) {
                next = i;
            }
        }
        is_done[next] = true;
        if (with_passed) {
            printf("  %-24s %zu of %zu\n", names->names[next], names->passed[next], names->total[next]);
        } else {
            printf("  %-48s %zu\n", names->names[next], names->total[next]);
        }
    }
}

int main(int argument_count, char **arguments)
{
    static const char *const areas[] = {"node", "simple", "pytorch-converted", "pytorch-operator"};
    if (argument_count != 2) {
        fprintf(stderr, "usage: conformance DATA\n");
        return 2;
    }
    run_counts *counts = calloc(1, sizeof *counts);
    if (!counts) {
        return 1;
    }
    bool is_complete = true;
    for (size_t i = 0; i < sizeof areas / sizeof areas[0]; i++) {
        is_complete = run_folder(counts, arguments[1], areas[i]) && is_complete;
    }
    printf("out of scope, by reason:\n");
    print_tally(&counts->reasons, false);
    printf("claimed, by operator (a case counts for each of its operators):\n");
    print_tally(&counts->operators, true);
    printf("out of scope: %zu cases; unreadable: %zu\n", counts->out_of_scope, counts->unreadable);
    printf("operators' cases: %zu of %zu pass\n", counts->passed, counts->claimed);
    bool is_plausible = counts->claimed >= LEAST_CLAIMED;
    if (!is_plausible) {
        printf("at least %d cases should be claimed\n", LEAST_CLAIMED);
    }
    int status = is_complete && is_plausible && counts->passed == counts->claimed && counts->unreadable == 0 ? 0 : 1;
    free(counts);
    return status;
}
