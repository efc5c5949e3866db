#include "plugin/cli/curve_svg.h"

#include "plugin/cli/plot.h"

#include <math.h>

enum { PLOT_WIDTH = 360, PLOT_HEIGHT = 240, LEFT = 62, TOP = 64, GAP = 84, LINE = 22 };

static const char *const styles[] = {"naive", "aligned", "third"};
static const char *const meanings[] = {"averaged as they are", "aligned first", "aligned, then repaired"};

void oa_curve_plot(oa_svg *svg, oa_plot *plot, const oa_curve *curves, size_t count, bool of_accuracy)
{
    double scale = of_accuracy ? 100.0 : 1.0;
    double low = INFINITY;
    double high = -INFINITY;
    for (size_t i = 0; i < count * curves[0].count; i++) {
        const oa_curve *curve = &curves[i / curves[0].count];
        double value = scale * (of_accuracy ? curve->accuracy : curve->loss)[i % curves[0].count];
        low = isfinite(value) ? fmin(low, value) : low;
        high = isfinite(value) ? fmax(high, value) : high;
    }
    plot->x = (oa_plot_axis){0.0, 1.0, 0.25};
    plot->y = low <= high ? oa_plot_axis_round(low, high) : oa_plot_axis_round(0.0, 1.0);
    oa_plot_frame(svg, plot);
    for (size_t c = 0; c < count; c++) {
        oa_plot_line(svg, plot, curves[c].lambda, of_accuracy ? curves[c].accuracy : curves[c].loss, curves[c].count,
                     scale, styles[c]);
    }
}

/* `width`: both places when there is but one plot. */
static void put_plot(oa_svg *svg, size_t place, int width, const oa_curve *curves, size_t count, bool of_accuracy)
{
    oa_plot plot = {.left = LEFT + (double)place * (PLOT_WIDTH + GAP),
                    .top = TOP,
                    .width = width,
                    .height = PLOT_HEIGHT,
                    .title = of_accuracy ? "accuracy, %" : "loss",
                    .x_title = "share of A"};
    oa_curve_plot(svg, &plot, curves, count, of_accuracy);
}

oa_status oa_curve_svg_save(const char *path, const oa_curve *curves, size_t count, const char *a, const char *b,
                            oa_error *error)
{
    oa_svg svg = {0};
    bool has_accuracy = curves[0].has_accuracy;
    int first = TOP + PLOT_HEIGHT + 70; /* of the legend's lines, two curves in each */
    oa_svg_begin(&svg, LEFT + 2 * PLOT_WIDTH + GAP + 24, first + LINE * (int)((count - 1) / 2) + 18);
    oa_svg_put(&svg, "<text x=\"%d\" y=\"26\">A: ", LEFT);
    oa_svg_put_escaped(&svg, a);
    oa_svg_put(&svg, ", B: ");
    oa_svg_put_escaped(&svg, b);
    oa_svg_put(&svg, "</text>\n");
    put_plot(&svg, 0, has_accuracy ? PLOT_WIDTH : 2 * PLOT_WIDTH + GAP, curves, count, false);
    if (has_accuracy) {
        put_plot(&svg, 1, PLOT_WIDTH, curves, count, true);
    }
    for (size_t c = 0; c < count; c++) {
        oa_plot_legend(&svg, LEFT + (int)(c % 2) * (PLOT_WIDTH + GAP), first + LINE * (int)(c / 2), styles[c],
                       "%s: barrier %.4g, area %.4g", meanings[c], curves[c].barrier, curves[c].auc);
    }
    return oa_svg_save(&svg, path, error);
}
