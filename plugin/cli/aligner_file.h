/* Aligners as files: ONNX models that hold one float32 tensor a parameter and say in their metadata what they are. */
#ifndef OA_CLI_ALIGNER_FILE_H
#define OA_CLI_ALIGNER_FILE_H

#include "core/learn/aligner.h"

/* How an aligner was made, for whoever looks into its file. */
typedef struct oa_aligner_facts {
    size_t families, models, steps;
    uint64_t seed;
} oa_aligner_facts;

/* Writes a model of parameters [rows, columns] by name, with metadata format "onnx-align-aligner", version "1", kind,
 * channels, rounds, features, probes, inputs, probe_seed, and the facts. OA_ERROR_OUTPUT, OA_ERROR_MEMORY; nothing
 * half-written. */
oa_status oa_aligner_file_save(const char *path, const oa_aligner *aligner, const oa_aligner_facts *facts,
                               oa_error *error);

/* Reads one. layout and graph: of the models that it is for; only the DWS encoder asks for them, whose parameters
 * depend on the architecture (they may be NULL for others). OA_ERROR_INPUT, naming the file and what is wrong, for
 * files that are no aligner, of another version or kind, with sizes that the file does not bear out, with parameters
 * missing, too many or of other shapes, or not finite; OA_ERROR_UNSUPPORTED when the architecture does not suit the
 * encoder; OA_ERROR_MEMORY. Memory is at most a fixed multiple of the file's size. */
oa_status oa_aligner_file_load(oa_aligner **aligner, const char *path, const oa_layout *layout, const oa_graph *graph,
                               oa_error *error);
/* The same from bytes in memory; `name` is for messages. */
oa_status oa_aligner_file_parse(oa_aligner **aligner, const void *bytes, size_t size, const char *name,
                                const oa_layout *layout, const oa_graph *graph, oa_error *error);

const char *oa_encoder_name(oa_encoder_kind kind);

#endif
