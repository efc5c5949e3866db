/* A picture of loss and accuracy along the line between two models. */
#ifndef OA_CLI_CURVE_SVG_H
#define OA_CLI_CURVE_SVG_H

#include "core/check/curve.h"

/* Writes an SVG file with two plots (loss, accuracy; in each the naive line, the aligned one and, with three curves,
 * the repaired one) that stands for itself and reads in light and dark surroundings. `a` and `b` name the ends.
 * OA_ERROR_OUTPUT, OA_ERROR_MEMORY; nothing half-written. */
oa_status oa_curve_svg_save(const char *path, const oa_curve *curves, size_t count, const char *a, const char *b,
                            oa_error *error);

#endif
