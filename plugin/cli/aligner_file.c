#include "plugin/cli/aligner_file.h"

#include "core/base/memory.h"
#include "onnx_io/builder.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char FORMAT[] = "onnx-align-aligner";
static const char VERSION[] = "1";
enum { OPSET = 13 };

static const char *const kinds[] = {[OA_ENCODER_MESSAGES] = "messages", [OA_ENCODER_DWS] = "dws"};

const char *oa_encoder_name(oa_encoder_kind kind)
{
    return kinds[kind];
}

/* ---- Writing ---- */

static void add_number(oa_builder *builder, const char *key, uint64_t number)
{
    char text[24];
    (void)snprintf(text, sizeof text, "%" PRIu64, number);
    oa_builder_add_metadata(builder, key, text);
}

oa_status oa_aligner_file_save(const char *path, const oa_aligner *aligner, const oa_aligner_facts *facts,
                               oa_error *error)
{
    const oa_aligner_config *config = &aligner->config;
    oa_builder *builder = NULL;
    oa_model *model = NULL;
    oa_status status = oa_builder_create(&builder, "aligner", OPSET, error);
    if (status != OA_OK) {
        return status;
    }
    oa_builder_add_metadata(builder, "format", FORMAT);
    oa_builder_add_metadata(builder, "version", VERSION);
    oa_builder_add_metadata(builder, "kind", kinds[config->kind]);
    add_number(builder, "channels", config->channels);
    add_number(builder, "rounds", config->rounds);
    add_number(builder, "features", config->features);
    add_number(builder, "refinements", config->refinements);
    add_number(builder, "probes", config->probes);
    add_number(builder, "inputs", config->inputs);
    add_number(builder, "probe_seed", config->probe_seed);
    add_number(builder, "training_families", facts->families);
    add_number(builder, "training_models", facts->models);
    add_number(builder, "training_steps", facts->steps);
    add_number(builder, "training_seed", facts->seed);
    oa_builder_add_metadata(builder, "tool_version", OA_VERSION);
    for (size_t i = 0; i < aligner->parameter_count; i++) {
        const oa_parameter *p = &aligner->parameters[i];
        const size_t dims[2] = {p->rows, p->columns};
        oa_builder_add_tensor(builder, p->name, OA_DTYPE_FLOAT, dims, 2, aligner->values + p->offset);
    }
    status = oa_builder_finish(&model, builder, error);
    status = status == OA_OK ? oa_model_save(path, model, NULL, error) : status;
    oa_model_destroy(model);
    oa_builder_destroy(builder);
    return status;
}

/* ---- Reading ---- */

static oa_status read_number(uint64_t *number, const oa_model *model, const char *key, uint64_t most, oa_error *error)
{
    const char *text = oa_model_metadata(model, key);
    char *end = NULL;
    if (!text) {
        return oa_fail(error, OA_ERROR_INPUT, "is a damaged aligner: its metadata lacks '%s'", key);
    }
    errno = 0;
    unsigned long long value = strtoull(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end || errno || value > most) {
        return oa_fail(error, OA_ERROR_INPUT, "is a damaged aligner: '%s' is '%.40s', not a number from 0 to %" PRIu64,
                       key, text, most);
    }
    *number = value;
    return OA_OK;
}

/* Do the sizes fit the tensors that are there? Every product below is the size of some parameter, or of several: what
 * the metadata claims must not make the reader ask for more memory than a few times the file. */
static bool sizes_fit(const oa_aligner_config *config, const oa_graph *graph)
{
    size_t total = 0, product;
    for (size_t t = 0; t < graph->tensor_count; t++) {
        if (oa_add_overflows(&total, total, graph->tensors[t].count)) {
            return false;
        }
    }
    const size_t products[][3] = {{config->channels, config->channels, config->rounds},
                                  {config->channels, config->probes, config->rounds},
                                  {config->channels, config->features, 1},
                                  {config->probes, config->features, 1}};
    for (size_t i = 0; i < sizeof products / sizeof *products; i++) {
        if (oa_mul_overflows(&product, products[i][0], products[i][1]) ||
            oa_mul_overflows(&product, product, products[i][2]) || product > total) {
            return false;
        }
    }
    return true;
}

static oa_status read_config(oa_aligner_config *config, const oa_model *model, oa_error *error)
{
    const char *format = oa_model_metadata(model, "format");
    const char *version = oa_model_metadata(model, "version");
    const char *kind = oa_model_metadata(model, "kind");
    uint64_t channels = 0, rounds = 0, features = 0, refinements = 0, probes = 0, inputs = 0, probe_seed = 0;
    if (!format || strcmp(format, FORMAT) != 0) {
        return oa_fail(error, OA_ERROR_INPUT, "is not an aligner; 'onnx-align train' makes one");
    }
    if (!version || strcmp(version, VERSION) != 0) {
        return oa_fail(error, OA_ERROR_INPUT, "is an aligner of version '%.20s'; this tool reads version %s",
                       version ? version : "", VERSION);
    }
    bool is_dws = kind && strcmp(kind, kinds[OA_ENCODER_DWS]) == 0;
    if (!is_dws && (!kind || strcmp(kind, kinds[OA_ENCODER_MESSAGES]) != 0)) {
        return oa_fail(error, OA_ERROR_INPUT, "is an aligner of kind '%.40s', which this tool does not know",
                       kind ? kind : "");
    }
    const struct {
        uint64_t *number;
        const char *key;
        uint64_t most;
    } numbers[] = {{&channels, "channels", 1 << 16},       {&rounds, "rounds", 1 << 10},
                   {&features, "features", 1 << 16},       {&refinements, "refinements", 1 << 10},
                   {&probes, "probes", 1 << 16},           {&inputs, "inputs", 1 << 16},
                   {&probe_seed, "probe_seed", UINT64_MAX}};
    oa_status status = OA_OK;
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers && status == OA_OK; i++) {
        status = read_number(numbers[i].number, model, numbers[i].key, numbers[i].most, error);
    }
    if (status != OA_OK) {
        return status;
    }
    *config = (oa_aligner_config){.kind = is_dws ? OA_ENCODER_DWS : OA_ENCODER_MESSAGES,
                                  .channels = (size_t)channels,
                                  .rounds = (size_t)rounds,
                                  .features = (size_t)features,
                                  .refinements = (size_t)refinements,
                                  .probes = (size_t)probes,
                                  .inputs = (size_t)inputs,
                                  .probe_seed = probe_seed};
    if (!channels || !rounds || !features || !(is_dws ? inputs : probes) || !sizes_fit(config, oa_model_graph(model))) {
        return oa_fail(error, OA_ERROR_INPUT,
                       "is a damaged aligner: the sizes in its metadata are not those of its "
                       "parameters");
    }
    return OA_OK;
}

static const oa_tensor *find_tensor(const oa_graph *graph, const char *name)
{
    size_t value = oa_names_find(&graph->value_names, name);
    size_t tensor = value == OA_NONE ? OA_NONE : graph->values[value].tensor;
    return tensor == OA_NONE ? NULL : &graph->tensors[tensor];
}

/* Says what is wrong with an aligner's parameters. Those of the DWS encoder are made for one architecture. */
static oa_status misfit(const oa_aligner *aligner, oa_error *error, const char *what, const char *name)
{
    bool is_dws = aligner->config.kind == OA_ENCODER_DWS;
    return oa_fail(error, is_dws ? OA_ERROR_ARCHITECTURE : OA_ERROR_INPUT, "%s: parameter '%s' %s",
                   is_dws ? "is an aligner for another architecture, or damaged" : "is a damaged aligner", name, what);
}

/* Fills in the parameters, all of which must be there, and nothing else. */
static oa_status fill(oa_aligner *aligner, const oa_graph *graph, oa_error *error)
{
    for (size_t i = 0; i < aligner->parameter_count; i++) {
        const oa_parameter *p = &aligner->parameters[i];
        const oa_tensor *tensor = find_tensor(graph, p->name);
        if (!tensor || !tensor->data) {
            return misfit(aligner, error, "is missing", p->name);
        }
        if (tensor->dtype != OA_DTYPE_FLOAT || tensor->rank != 2 || tensor->dims[0] != p->rows ||
            tensor->dims[1] != p->columns) {
            char shape[80];
            (void)snprintf(shape, sizeof shape, "is not float32 [%zu, %zu]", p->rows, p->columns);
            return misfit(aligner, error, shape, p->name);
        }
        float *to = aligner->values + p->offset;
        memcpy(to, tensor->data, tensor->count * sizeof *to);
        for (size_t k = 0; k < tensor->count; k++) {
            if (!isfinite(to[k])) {
                return oa_fail(error, OA_ERROR_INPUT, "is a damaged aligner: parameter '%s' holds NaN or infinity",
                               p->name);
            }
        }
    }
    for (size_t t = 0; t < graph->tensor_count; t++) {
        size_t i = 0;
        while (i < aligner->parameter_count && strcmp(aligner->parameters[i].name, graph->tensors[t].name) != 0) {
            i++;
        }
        if (i == aligner->parameter_count) {
            return misfit(aligner, error, "is one too many", graph->tensors[t].name);
        }
    }
    return OA_OK;
}

static oa_status read_model(oa_aligner **result, const oa_model *model, const oa_layout *layout, const oa_graph *graph,
                            oa_error *error)
{
    oa_aligner_config config;
    oa_aligner_plan *plan = NULL;
    oa_aligner *aligner = NULL;
    oa_status status = read_config(&config, model, error);
    if (status == OA_OK && config.kind == OA_ENCODER_DWS) {
        status = layout ? oa_aligner_plan_create(&plan, &config, layout, graph, error)
                        : oa_fail(error, OA_ERROR_UNSUPPORTED, "is an aligner for one architecture only");
    }
    status = status == OA_OK ? oa_aligner_create(&aligner, &config, plan, 0, error) : status;
    status = status == OA_OK ? fill(aligner, oa_model_graph(model), error) : status;
    oa_aligner_plan_destroy(plan);
    if (status == OA_OK) {
        *result = aligner;
    } else {
        oa_aligner_destroy(aligner);
    }
    return status;
}

oa_status oa_aligner_file_load(oa_aligner **aligner, const char *path, const oa_layout *layout, const oa_graph *graph,
                               oa_error *error)
{
    oa_model *model = NULL;
    oa_status status = oa_model_load(&model, path, error); /* names the file */
    if (status != OA_OK) {
        return status;
    }
    status = read_model(aligner, model, layout, graph, error);
    if (status != OA_OK) {
        oa_error_context(error, "%s", path);
    }
    oa_model_destroy(model);
    return status;
}

oa_status oa_aligner_file_parse(oa_aligner **aligner, const void *bytes, size_t size, const char *name,
                                const oa_layout *layout, const oa_graph *graph, oa_error *error)
{
    oa_model *model = NULL;
    oa_status status = oa_model_parse(&model, bytes, size, name, error); /* names it */
    if (status != OA_OK) {
        return status;
    }
    status = read_model(aligner, model, layout, graph, error);
    if (status != OA_OK) {
        oa_error_context(error, "%s", name);
    }
    oa_model_destroy(model);
    return status;
}
