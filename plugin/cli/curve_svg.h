/* A picture of loss and accuracy along the line between two models. */
#ifndef OA_CLI_CURVE_SVG_H
#define OA_CLI_CURVE_SVG_H

#include "core/check/curve.h"
#include "plugin/cli/plot.h"

/* Puts the lines of losses, or of accuracies in percent, into a plot; its axes are set here. The curves are, in this
 * order, the naive one, the aligned one and, when there are three, the repaired one. */
void oa_curve_plot(oa_svg *svg, oa_plot *plot, const oa_curve *curves, size_t count, bool of_accuracy);

/* Writes an SVG file with two plots of these curves (loss, accuracy) that stands for itself and reads in light and dark
 * surroundings. `a` and `b` name the ends. OA_ERROR_OUTPUT, OA_ERROR_MEMORY; nothing half-written. */
oa_status oa_curve_svg_save(const char *path, const oa_curve *curves, size_t count, const char *a, const char *b,
                            oa_error *error);

#endif
