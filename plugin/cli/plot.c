#include "plugin/cli/plot.h"

#include "core/base/memory.h"
#include "plugin/cli/files.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>

enum { TICKS = 5 };

static void put_arguments(oa_svg *svg, const char *format, va_list arguments)
{
    va_list again;
    va_copy(again, arguments);
    int length = vsnprintf(NULL, 0, format, arguments);
    if (length < 0 || !oa_grow(&svg->data, &svg->capacity, svg->size + (size_t)length + 1, 1)) {
        svg->is_full = true;
    } else {
        vsnprintf(svg->data + svg->size, (size_t)length + 1, format, again);
        svg->size += (size_t)length;
    }
    va_end(again);
}

void oa_svg_put(oa_svg *svg, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    put_arguments(svg, format, arguments);
    va_end(arguments);
}

void oa_svg_put_escaped(oa_svg *svg, const char *value)
{
    for (; *value; value++) {
        switch (*value) {
        case '&':
            oa_svg_put(svg, "&amp;");
            break;
        case '<':
            oa_svg_put(svg, "&lt;");
            break;
        case '>':
            oa_svg_put(svg, "&gt;");
            break;
        case '"':
            oa_svg_put(svg, "&quot;");
            break;
        default:
            oa_svg_put(svg, "%c", (unsigned char)*value < 0x20 ? ' ' : *value);
        }
    }
}

void oa_svg_put_percent(oa_svg *svg, double share)
{
    if (!isfinite(share)) {
        oa_svg_put(svg, "no number");
        return;
    }
    double missing = fmin(fabs(1.0 - share), fabs(share));
    oa_svg_put(svg, "%.*f %%", missing > 1e-6 && missing < 0.01 ? 2 : 1, 100.0 * share);
}

void oa_svg_begin(oa_svg *svg, int width, int height)
{
    oa_svg_put(svg, "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" width=\"%d\" height=\"%d\">\n",
               width, height, width, height);
    oa_svg_put(svg, "<style>text{font:13px sans-serif;fill:#333}.title{font-weight:bold}.tick{font-size:11px}"
                    ".grid{stroke:#8884}polyline{fill:none;stroke-width:2.5}.naive{stroke:#d1495b}"
                    ".aligned{stroke:#2a7fba}.third{stroke:#5a9a3c}.fourth{stroke:#c98a1b}"
                    ".faint{stroke-width:1;stroke-opacity:.3}.back{fill:#fff}"
                    "@media(prefers-color-scheme:dark){text{fill:#ddd}.back{fill:#1b1b1b}}</style>\n");
    oa_svg_put(svg, "<rect class=\"back\" width=\"100%%\" height=\"100%%\"/>\n");
}

oa_status oa_svg_save_text(oa_svg *text, const char *what, const char *path, oa_error *error)
{
    oa_status status = text->is_full ? oa_fail(error, OA_ERROR_MEMORY, "out of memory for the %s %s", what, path)
                                     : oa_write_text(path, text->data, error);
    oa_free(text->data);
    *text = (oa_svg){0};
    return status;
}

oa_status oa_svg_save(oa_svg *svg, const char *path, oa_error *error)
{
    oa_svg_put(svg, "</svg>\n");
    return oa_svg_save_text(svg, "picture", path, error);
}

oa_plot_axis oa_plot_axis_round(double low, double high)
{
    double span = high - low > 1e-12 ? high - low : fmax(fabs(high), 1.0) * 0.1;
    double raw = span / TICKS;
    double power = pow(10.0, floor(log10(raw)));
    double step = raw / power > 5.0   ? 10.0 * power
                  : raw / power > 2.0 ? 5.0 * power
                  : raw / power > 1.0 ? 2.0 * power
                                      : power;
    return (oa_plot_axis){.low = floor(low / step) * step, .high = ceil((low + span) / step) * step, .step = step};
}

static double x_of(const oa_plot *plot, double value)
{
    return plot->left + plot->width * (value - plot->x.low) / (plot->x.high - plot->x.low);
}

static double y_of(const oa_plot *plot, double value)
{
    double share = (value - plot->y.low) / (plot->y.high - plot->y.low);
    return plot->top + plot->height * (1.0 - fmin(fmax(share, 0.0), 1.0));
}

static double shown(const oa_plot_axis *axis, double value)
{
    return fabs(value) < 1e-9 * axis->step ? 0.0 : value;
}

void oa_plot_frame(oa_svg *svg, const oa_plot *plot)
{
    double right = plot->left + plot->width, bottom = plot->top + plot->height;
    oa_svg_put(svg, "<text class=\"title\" x=\"%.1f\" y=\"%.1f\">%s</text>\n", plot->left, plot->top - 12, plot->title);
    for (double value = plot->y.low; value <= plot->y.high + 0.5 * plot->y.step; value += plot->y.step) {
        double y = y_of(plot, value);
        oa_svg_put(svg, "<line class=\"grid\" x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\"/>\n", plot->left, y,
                   right, y);
        oa_svg_put(svg, "<text class=\"tick\" text-anchor=\"end\" x=\"%.1f\" y=\"%.1f\">%.4g</text>\n", plot->left - 8,
                   y + 4, shown(&plot->y, value));
    }
    for (double value = plot->x.low; value <= plot->x.high + 0.5 * plot->x.step; value += plot->x.step) {
        oa_svg_put(svg, "<text class=\"tick\" text-anchor=\"middle\" x=\"%.1f\" y=\"%.1f\">%.6g</text>\n",
                   x_of(plot, value), bottom + 20, shown(&plot->x, value));
    }
    oa_svg_put(svg, "<text class=\"tick\" text-anchor=\"middle\" x=\"%.1f\" y=\"%.1f\">%s</text>\n",
               0.5 * (plot->left + right), bottom + 40, plot->x_title);
}

void oa_plot_line(oa_svg *svg, const oa_plot *plot, const double *x, const double *y, size_t count, double scale,
                  const char *style)
{
    bool is_open = false;
    for (size_t i = 0; i < count; i++) {
        if (isfinite(y[i]) && !is_open) {
            oa_svg_put(svg, "<polyline class=\"%s\" points=\"", style);
            is_open = true;
        } else if (!isfinite(y[i]) && is_open) {
            oa_svg_put(svg, "\"/>\n");
            is_open = false;
        }
        if (is_open) {
            oa_svg_put(svg, "%.1f,%.1f ", x_of(plot, x[i]), y_of(plot, scale * y[i]));
        }
    }
    if (is_open) {
        oa_svg_put(svg, "\"/>\n");
    }
}

void oa_plot_legend(oa_svg *svg, double x, double y, const char *style, const char *format, ...)
{
    va_list arguments;
    oa_svg_put(svg, "<line class=\"%s\" stroke-width=\"3\" x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\"/>\n", style,
               x, y - 4, x + 26, y - 4);
    oa_svg_put(svg, "<text x=\"%.1f\" y=\"%.1f\">", x + 34, y);
    va_start(arguments, format);
    put_arguments(svg, format, arguments);
    va_end(arguments);
    oa_svg_put(svg, "</text>\n");
}
