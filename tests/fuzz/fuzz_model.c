/* libFuzzer: any bytes as a model file. What is accepted must be saved, and what was saved must be accepted again; the
 * same bytes are also tried as a single tensor. */
#include "core/base/memory.h"
#include "onnx_io/model.h"
#include "onnx_io/tensor_file.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A folder for this process, with external data for models that ask for "data.bin". */
static void paths_of(char input[64], char output[64])
{
    char folder[48];
    snprintf(folder, sizeof folder, "/dev/shm/oa-fuzz-%ld", (long)getpid());
    snprintf(input, 64, "%s/in.onnx", folder);
    snprintf(output, 64, "%s/out.onnx", folder);
    if (access(folder, F_OK) == 0) {
        return;
    }
    char command[128];
    snprintf(command, sizeof command, "mkdir %s && printf 0123456789abcdefghijklmn > %s/data.bin", folder, folder);
    if (system(command) != 0) {
        abort();
    }
}

static void write_input(const char *path, const uint8_t *data, size_t size)
{
    FILE *file = fopen(path, "wb");
    if (!file || fwrite(data, 1, size, file) != size || fclose(file) != 0) {
        abort();
    }
}

static void try_tensor(const char *path)
{
    oa_array array = {0};
    char *name = NULL;
    oa_error error = {0};
    if (oa_tensor_file_load(&array, &name, path, &error) == OA_OK) {
        oa_free(array.data);
        oa_free(name);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char input[64];
    char output[64];
    paths_of(input, output);
    write_input(input, data, size);
    try_tensor(input);
    oa_error error = {0};
    oa_model *model = NULL;
    if (oa_model_load(&model, input, &error) != OA_OK) {
        return 0;
    }
    if (oa_model_save(output, model, NULL, &error) != OA_OK) {
        fprintf(stderr, "accepted but not saved: %s\n", error.message);
        abort();
    }
    oa_model *again = NULL;
    if (oa_model_load(&again, output, &error) != OA_OK) {
        fprintf(stderr, "saved but not accepted: %s\n", error.message);
        abort();
    }
    oa_model_destroy(again);
    oa_model_destroy(model);
    return 0;
}
