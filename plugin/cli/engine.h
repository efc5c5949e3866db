/* Which engine runs the models of a command. */
#ifndef OA_CLI_ENGINE_H
#define OA_CLI_ENGINE_H

#include "core/check/random_input.h"
#include "core/exec/samples.h"
#include "onnx_io/model.h"
#include "plugin/cli/options.h"
#include "plugin/onnxruntime/onnxruntime.h"

/* Zero-initialise; free with oa_engine_choice_free. */
typedef struct oa_engine_choice {
    const oa_engine *engine; /* NULL until it has been chosen */
    oa_onnxruntime *runtime; /* when it is ONNX Runtime */
    oa_sizes sizes;          /* for random inputs, those of --dim among them */
} oa_engine_choice;

/* Chooses once, by --engine and --onnxruntime; later calls do nothing.
 *
 * auto takes the built-in engine when it runs all the models: it has every operator, and gets through the first sample
 * or, without data, through a random input. Otherwise it takes ONNX Runtime, with a note that says why, when that can
 * be loaded; and also when a run takes the built-in engine long, and more than three times as long as ONNX Runtime
 * (oa_engine_is_slow). Nearer than that, speed does not matter to it: the choice would change from machine to machine,
 * and with it the rounding.
 *
 * Random inputs of models that leave sizes open need some: 8 for all that do not count samples when the first model
 * runs on it, else the first of 32, 64, 224 and 1 (one step of a sequence, say, would show nothing of attention, and
 * too small an image nothing at all).
 *
 * Errors: OA_ERROR_UNSUPPORTED when no engine runs the models, naming the operators and what to do; OA_ERROR_INPUT for
 * an --onnxruntime that cannot be loaded; OA_ERROR_MEMORY. */
oa_status oa_engine_choose(oa_engine_choice *choice, const oa_options *options, oa_model *const *models, size_t count,
                           const oa_batches *data, oa_error *error);
/* Does an engine that takes so many seconds for a run of a model take too long, when another needs `other_seconds`?
 * Never below a fifth of a second; above, when it takes more than three times as long. */
bool oa_engine_is_slow(double seconds, double other_seconds);
void oa_engine_choice_free(oa_engine_choice *choice);

#endif
