/* A picture of loss and accuracy along the line between two models. */
#ifndef OA_CLI_CURVE_SVG_H
#define OA_CLI_CURVE_SVG_H

#include "core/check/curve.h"
#include "plugin/cli/plot.h"

/* Puts both lines of losses, or of accuracies in percent, into a plot; its axes are set here. */
void oa_curve_plot(oa_svg *svg, oa_plot *plot, const oa_curve *naive, const oa_curve *aligned, bool of_accuracy);

/* Writes an SVG file with two plots (loss, accuracy; naive and aligned in each) that stands for itself and reads in
 * light and dark surroundings. `a` and `b` name the ends. OA_ERROR_OUTPUT, OA_ERROR_MEMORY; nothing half-written. */
oa_status oa_curve_svg_save(const char *path, const oa_curve *naive, const oa_curve *aligned, const char *a,
                            const char *b, oa_error *error);

#endif
