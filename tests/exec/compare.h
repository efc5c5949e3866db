/* Comparing run-time tensors: written for the tests alone, apart from the code under test. */
#ifndef OA_TESTS_EXEC_COMPARE_H
#define OA_TESTS_EXEC_COMPARE_H

#include "core/exec/exec.h"

/* Floats are close when |actual - expected| <= absolute + relative * |expected|. */
typedef struct closeness {
    double relative;
    double absolute;
} closeness;

/* True when both arrays have one dtype and shape and equal elements: floats close, with NaN equal to NaN and infinities
 * to themselves only; everything else exactly. Otherwise `message` says what is wrong first or worst. */
bool arrays_agree(char *message, size_t message_size, const oa_array *actual, const oa_array *expected,
                  const closeness *limits);

#endif
