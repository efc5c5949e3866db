/* ONNX Runtime as an engine: its shared library is looked for and loaded when the program runs. */
#ifndef OA_ONNXRUNTIME_ONNXRUNTIME_H
#define OA_ONNXRUNTIME_ONNXRUNTIME_H

#include "core/exec/engine.h"
#include "onnx_io/model.h"

typedef struct oa_onnxruntime oa_onnxruntime;

/* Loads the library at `path`, or the first that is found (plugin/onnxruntime/library.h). Its sessions use `threads`
 * threads, log nothing that is not fatal (failures come back as errors) and send nothing anywhere
 * (see there what this does to the environment of the process). Errors:
 * OA_ERROR_INPUT for a path that is no such library, OA_ERROR_UNSUPPORTED when none is found, saying how to get one;
 * OA_ERROR_MEMORY. */
oa_status oa_onnxruntime_create(oa_onnxruntime **runtime, const char *path, int threads, oa_error *error);
void oa_onnxruntime_destroy(oa_onnxruntime *runtime);

/* "1.20.0" */
const char *oa_onnxruntime_version(const oa_onnxruntime *runtime);

/* The models, borrowed, whose graphs the engine can be asked to run. */
void oa_onnxruntime_serve(oa_onnxruntime *runtime, oa_model *const *models, size_t count);

/* The engine; it lives as long as the runtime. Models are handed over as the bytes of their file, with the payloads in
 * it; those with external data, or past 2 GiB, by way of a temporary folder (where TMPDIR says, else /tmp). Nothing is
 * optimised: what is run is the graph as it is written. (Optimised, ONNX Runtime fuses nodes, so that values vanish,
 * and with 8-bit weights rounds activations, too.) Memory is given back after each node, not kept for later runs.
 *
 * Tensors of strings and values that are no tensors are OA_ERROR_UNSUPPORTED. */
const oa_engine *oa_onnxruntime_engine(const oa_onnxruntime *runtime);

#endif
