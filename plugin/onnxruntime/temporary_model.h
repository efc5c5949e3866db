/* A model as files in a temporary folder. Private to this folder. */
#ifndef OA_ONNXRUNTIME_TEMPORARY_MODEL_H
#define OA_ONNXRUNTIME_TEMPORARY_MODEL_H

#include "onnx_io/model.h"

/* Zero-initialise. */
typedef struct oa_temporary_model {
    char *folder; /* NULL: none */
    char *path;
} oa_temporary_model;

/* Writes the model with these payloads into a folder of its own, where TMPDIR says or in /tmp. Errors as oa_model_save.
 * In any case, free with oa_temporary_model_remove, which removes the files too. */
oa_status oa_temporary_model_write(oa_temporary_model *temporary, oa_model *model, const oa_payloads *payloads,
                                   oa_error *error);
void oa_temporary_model_remove(oa_temporary_model *temporary);

#endif
