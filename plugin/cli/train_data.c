#include "plugin/cli/train_data.h"

#include "core/exec/samples.h"
#include "plugin/cli/files.h"

#include <string.h>

enum { OA_TRAIN_BYTES = 64 << 20 };

/* Reads `kept` evenly spaced samples of size bytes each. In ascending order: files are read on, not again. */
static oa_status read_some(void **elements, const oa_batches *batches, size_t kept, size_t size, oa_error *error)
{
    unsigned char *made = oa_malloc(kept, size);
    oa_status status = made ? OA_OK : oa_fail(error, OA_ERROR_MEMORY, "out of memory for %zu samples", kept);
    if (status == OA_OK && kept == batches->count) {
        status = batches->read(made, batches->context, 0, kept, error);
    }
    for (size_t i = 0; i < kept && status == OA_OK && kept < batches->count; i++) {
        size_t from = (size_t)((double)i * (double)batches->count / (double)kept);
        status = batches->read(made + i * size, batches->context, from, 1, error);
    }
    if (status != OA_OK) {
        oa_free(made);
        return status;
    }
    *elements = made;
    return OA_OK;
}

static oa_status read_inputs(oa_train_member *member, const oa_batches *batches, size_t kept, oa_error *error)
{
    void *elements = NULL;
    size_t each = oa_batches_elements(batches);
    oa_status status = read_some(&elements, batches, kept, each * sizeof(float), error);
    if (status != OA_OK) {
        return status;
    }
    member->inputs = (oa_array){.dtype = OA_DTYPE_FLOAT, .rank = batches->rank, .count = kept * each, .data = elements};
    memcpy(member->inputs.dims, batches->dims, sizeof member->inputs.dims);
    member->inputs.dims[0] = kept;
    return OA_OK;
}

static oa_status read_answers(oa_train_member *member, const oa_train_source *source, size_t samples, size_t kept,
                              oa_error *error)
{
    oa_batches batches = {0};
    void *elements = NULL;
    bool are_classes = source->loss == OA_LOSS_CROSS_ENTROPY;
    oa_status status = are_classes ? oa_labels_open(&batches, source->labels, NULL, OA_TRAIN_BYTES, error)
                                   : oa_targets_open(&batches, source->labels, OA_TRAIN_BYTES, error);
    if (status != OA_OK) {
        return status;
    }
    size_t each = oa_batches_elements(&batches);
    if (batches.count != samples) {
        status = oa_fail(error, OA_ERROR_INPUT, "%s holds %zu samples, but %s holds %zu %s", source->data, samples,
                         source->labels, batches.count, are_classes ? "labels" : "targets");
    } else {
        status = read_some(&elements, &batches, kept, each * oa_dtype_size(batches.dtype), error);
    }
    if (status == OA_OK && are_classes) {
        member->labels = elements;
    } else if (status == OA_OK) {
        member->targets = elements;
        member->target_size = each;
    }
    oa_batches_close(&batches);
    return status;
}

oa_status oa_train_data_load(oa_train_member *member, const oa_train_source *source, double data_scale, oa_error *error)
{
    const oa_graph *graph = oa_model_graph(member->first);
    oa_batches batches = {0};
    if (!source->data) {
        return OA_OK;
    }
    if (graph->input_count != 1) {
        return oa_fail(error, OA_ERROR_UNSUPPORTED, "%s: samples fit models with one input; this one has %zu",
                       member->paths[0], graph->input_count);
    }
    const oa_value *declared = &graph->values[graph->inputs[0]];
    if (declared->dtype != OA_DTYPE_FLOAT) {
        return oa_fail(error, OA_ERROR_UNSUPPORTED, "%s: a loss on data needs float32 inputs, '%s' is of type %s",
                       member->paths[0], declared->name, oa_dtype_name(declared->dtype));
    }
    oa_status status = oa_data_open(&batches, source->data, declared, data_scale, OA_TRAIN_BYTES, error);
    if (status != OA_OK) {
        return status;
    }
    size_t fits = OA_TRAIN_BYTES / (oa_batches_elements(&batches) * sizeof(float));
    size_t kept = batches.count < fits ? batches.count : fits ? fits : 1;
    status = read_inputs(member, &batches, kept, error);
    if (status == OA_OK && source->labels) {
        status = read_answers(member, source, batches.count, kept, error);
    }
    oa_batches_close(&batches);
    return status;
}
