#include "plugin/cli/curve_svg.h"

#include "plugin/cli/plot.h"

#include <math.h>

enum { PLOT_WIDTH = 360, PLOT_HEIGHT = 240, LEFT = 62, TOP = 64, GAP = 84 };

void oa_curve_plot(oa_svg *svg, oa_plot *plot, const oa_curve *naive, const oa_curve *aligned, bool of_accuracy)
{
    const double *naive_values = of_accuracy ? naive->accuracy : naive->loss;
    const double *aligned_values = of_accuracy ? aligned->accuracy : aligned->loss;
    double scale = of_accuracy ? 100.0 : 1.0;
    double low = INFINITY;
    double high = -INFINITY;
    for (size_t i = 0; i < 2 * naive->count; i++) {
        double value = scale * (i < naive->count ? naive_values[i] : aligned_values[i - naive->count]);
        low = isfinite(value) ? fmin(low, value) : low;
        high = isfinite(value) ? fmax(high, value) : high;
    }
    plot->x = (oa_plot_axis){0.0, 1.0, 0.25};
    plot->y = low <= high ? oa_plot_axis_round(low, high) : oa_plot_axis_round(0.0, 1.0);
    oa_plot_frame(svg, plot);
    oa_plot_line(svg, plot, naive->lambda, naive_values, naive->count, scale, "naive");
    oa_plot_line(svg, plot, aligned->lambda, aligned_values, aligned->count, scale, "aligned");
}

/* `width`: both places when there is but one plot. */
static void put_plot(oa_svg *svg, size_t place, int width, const char *title, const oa_curve *naive,
                     const oa_curve *aligned, bool of_accuracy)
{
    oa_plot plot = {.left = LEFT + (double)place * (PLOT_WIDTH + GAP),
                    .top = TOP,
                    .width = width,
                    .height = PLOT_HEIGHT,
                    .title = title,
                    .x_title = "share of A"};
    oa_curve_plot(svg, &plot, naive, aligned, of_accuracy);
}

oa_status oa_curve_svg_save(const char *path, const oa_curve *naive, const oa_curve *aligned, const char *a,
                            const char *b, oa_error *error)
{
    oa_svg svg = {0};
    int height = TOP + PLOT_HEIGHT + 88;
    oa_svg_begin(&svg, LEFT + 2 * PLOT_WIDTH + GAP + 24, height);
    oa_svg_put(&svg, "<text x=\"%d\" y=\"26\">A: ", LEFT);
    oa_svg_put_escaped(&svg, a);
    oa_svg_put(&svg, ", B: ");
    oa_svg_put_escaped(&svg, b);
    oa_svg_put(&svg, "</text>\n");
    put_plot(&svg, 0, naive->has_accuracy ? PLOT_WIDTH : 2 * PLOT_WIDTH + GAP, "loss", naive, aligned, false);
    if (naive->has_accuracy) {
        put_plot(&svg, 1, PLOT_WIDTH, "accuracy, %", naive, aligned, true);
    }
    oa_plot_legend(&svg, LEFT, height - 18, "naive", "averaged as they are: barrier %.4g, area %.4g", naive->barrier,
                   naive->auc);
    oa_plot_legend(&svg, LEFT + PLOT_WIDTH + GAP, height - 18, "aligned", "aligned first: barrier %.4g, area %.4g",
                   aligned->barrier, aligned->auc);
    return oa_svg_save(&svg, path, error);
}
