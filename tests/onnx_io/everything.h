/* One small model with all that the reader has a branch for; for the tests that damage it or starve it. */
#ifndef OA_TESTS_ONNX_IO_EVERYTHING_H
#define OA_TESTS_ONNX_IO_EVERYTHING_H

#include "support.h"

/* Builds it in f->message, with its external data in the folder. Constants to replace: "w" and "external". */
void build_everything(fixture *f);

#endif
