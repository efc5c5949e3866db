/* Writes the models of made_models.h to the files named: NETWORK.onnx TENSORS.onnx. Exits 0 when both are there. */
#include "made_models.h"

#include <stdio.h>

static oa_status write(const char *path, oa_status (*make)(oa_model **model, oa_error *error), oa_error *error)
{
    oa_model *model = NULL;
    oa_status status = make(&model, error);
    if (status == OA_OK) {
        status = oa_model_save(path, model, NULL, error);
    }
    oa_model_destroy(model);
    return status;
}

int main(int argc, char **argv)
{
    oa_error error = {0};
    oa_status status = argc == 3 ? OA_OK : oa_fail(&error, OA_ERROR_USAGE, "give two paths");
    if (status == OA_OK) {
        status = write(argv[1], make_network, &error);
    }
    if (status == OA_OK) {
        status = write(argv[2], make_tensors, &error);
    }
    if (status != OA_OK) {
        fprintf(stderr, "%s\n", error.message);
    }
    return oa_status_exit(status);
}
