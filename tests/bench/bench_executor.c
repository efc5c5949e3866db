/* Times a model on the built-in executor, for docs/experiments/throughput.py, which has the peer run in turn.
 *
 *     bench_executor MODEL.onnx THREADS OUTPUT INPUT...
 *
 * An input is TYPE:DIMS:FILE, with f32 or i64, sizes joined by commas, and a file of packed elements. The first run's
 * first output goes to OUTPUT, packed, and its count to standard output; then every line "N" on standard input is
 * answered by the seconds that N runs took, and by the processor seconds. */
#include "core/base/memory.h"
#include "core/exec/exec.h"
#include "core/linalg/blas.h"
#include "onnx_io/model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { MOST_INPUTS = 8, MOST_OUTPUTS = 64 };

static void demand(bool is_fine, const char *what)
{
    if (!is_fine) {
        fprintf(stderr, "bench_executor: %s\n", what);
        exit(1);
    }
}

static double seconds(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static void read_input(oa_array *input, const char *text)
{
    size_t dims[OA_MAX_RANK], rank = 0;
    oa_dtype dtype = strncmp(text, "i64:", 4) == 0 ? OA_DTYPE_INT64 : OA_DTYPE_FLOAT;
    demand(strlen(text) > 4 && text[3] == ':', text);
    const char *at = text + 4;
    while (*at != ':') {
        char *end;
        demand(rank < OA_MAX_RANK, text);
        dims[rank++] = strtoul(at, &end, 10);
        demand(end != at && (*end == ',' || *end == ':'), text);
        at = *end == ',' ? end + 1 : end;
    }
    demand(oa_array_init(input, dtype, dims, rank, NULL) == OA_OK, text);
    FILE *file = fopen(at + 1, "rb");
    demand(file && fread(input->data, oa_dtype_size(dtype), input->count, file) == input->count, at + 1);
    fclose(file);
}

static void run(oa_array *outputs, oa_executor *executor, const oa_array *inputs)
{
    oa_error error = {0};
    demand(oa_executor_run(outputs, executor, inputs, NULL, &error) == OA_OK, error.message);
}

static void write_output(const char *path, const oa_array *output)
{
    FILE *file = fopen(path, "wb");
    demand(file && fwrite(output->data, oa_dtype_size(output->dtype), output->count, file) == output->count, path);
    demand(fclose(file) == 0, path);
    printf("%zu\n", output->count);
    fflush(stdout);
}

int main(int argc, char **argv)
{
    oa_array inputs[MOST_INPUTS] = {0}, outputs[MOST_OUTPUTS] = {0};
    oa_model *model = NULL;
    oa_executor *executor = NULL;
    oa_error error = {0};
    char line[64];
    demand(argc >= 5 && argc - 4 <= MOST_INPUTS, "MODEL.onnx THREADS OUTPUT INPUT...");
    oa_blas_fit_processor();
    oa_blas_set_threads(atoi(argv[2]));
    demand(oa_model_load(&model, argv[1], &error) == OA_OK, error.message);
    const oa_graph *graph = oa_model_graph(model);
    demand(graph->input_count == (size_t)argc - 4 && graph->output_count <= MOST_OUTPUTS, "other inputs or outputs");
    for (int i = 4; i < argc; i++) {
        read_input(&inputs[i - 4], argv[i]);
    }
    demand(oa_executor_create(&executor, graph, &error) == OA_OK, error.message);
    run(outputs, executor, inputs);
    write_output(argv[3], &outputs[0]);
    while (fgets(line, sizeof line, stdin)) {
        double start = seconds(CLOCK_MONOTONIC), start_processor = seconds(CLOCK_PROCESS_CPUTIME_ID);
        for (long i = 0, count = strtol(line, NULL, 10); i < count; i++) {
            for (size_t o = 0; o < graph->output_count; o++) {
                oa_array_free(&outputs[o]);
            }
            run(outputs, executor, inputs);
        }
        printf("%.9f %.9f\n", seconds(CLOCK_MONOTONIC) - start, seconds(CLOCK_PROCESS_CPUTIME_ID) - start_processor);
        fflush(stdout);
    }
    for (size_t o = 0; o < graph->output_count; o++) {
        oa_array_free(&outputs[o]);
    }
    for (int i = 4; i < argc; i++) {
        oa_array_free(&inputs[i - 4]);
    }
    oa_executor_destroy(executor);
    oa_model_destroy(model);
    return 0;
}
