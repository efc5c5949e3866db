/* Line plots as SVG: what the pictures of the tool share. */
#ifndef OA_CLI_PLOT_H
#define OA_CLI_PLOT_H

#include "core/base/error.h"

#include <stdbool.h>
#include <stddef.h>

/* A growing text; is_full is sticky: memory has run out. Zero-initialise, free data with oa_free. */
typedef struct oa_svg {
    char *data;
    size_t size, capacity;
    bool is_full;
} oa_svg;

void oa_svg_put(oa_svg *svg, const char *format, ...) OA_PRINTF(2, 3);
/* Text in XML: the characters that mean something there are written as entities. */
void oa_svg_put_escaped(oa_svg *svg, const char *value);
/* A share as a percentage with one digit, two where hardly anything is missing; "no number" for NaN and infinities. */
void oa_svg_put_percent(oa_svg *svg, double share);
/* The first lines: size, background, and the styles of text, frames and lines (classes "naive", "aligned", "third",
 * "fourth"; "faint" beside them for what is only to be seen behind), for light and dark surroundings. */
void oa_svg_begin(oa_svg *svg, int width, int height);
/* Writes the text as it is; `what` names it in messages. OA_ERROR_OUTPUT, OA_ERROR_MEMORY; nothing half-written. Frees
 * the text. */
oa_status oa_svg_save_text(oa_svg *text, const char *what, const char *path, oa_error *error);
/* The last line, and writing the file: OA_ERROR_OUTPUT, OA_ERROR_MEMORY; nothing half-written. Frees the text. */
oa_status oa_svg_save(oa_svg *svg, const char *path, oa_error *error);

typedef struct oa_plot_axis {
    double low, high, step;
} oa_plot_axis;

/* A range that covers [low, high] with about five round steps. */
oa_plot_axis oa_plot_axis_round(double low, double high);

/* A plot in the picture: its frame in pixels, and what its sides stand for. */
typedef struct oa_plot {
    double left, top, width, height;
    oa_plot_axis x, y;
    const char *title;
    const char *x_title;
} oa_plot;

void oa_plot_frame(oa_svg *svg, const oa_plot *plot);
/* A line through (x[i], scale * y[i]); it breaks off where a value is not finite, and stays inside the frame. */
void oa_plot_line(oa_svg *svg, const oa_plot *plot, const double *x, const double *y, size_t count, double scale,
                  const char *style);
/* A line sample with its meaning, at a place in the picture. */
void oa_plot_legend(oa_svg *svg, double x, double y, const char *style, const char *format, ...) OA_PRINTF(5, 6);

#endif
