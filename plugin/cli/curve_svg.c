#include "plugin/cli/curve_svg.h"

#include "core/base/memory.h"
#include "plugin/cli/files.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { PLOT_WIDTH = 360, PLOT_HEIGHT = 240, LEFT = 62, TOP = 64, GAP = 84, TICKS = 5 };

/* A growing text; is_full is sticky. */
typedef struct text {
    char *data;
    size_t size, capacity;
    bool is_full;
} text;

static void put(text *t, const char *format, ...) OA_PRINTF(2, 3);

static void put(text *t, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    if (length < 0 || !oa_grow(&t->data, &t->capacity, t->size + (size_t)length + 1, 1)) {
        t->is_full = true;
        return;
    }
    va_start(arguments, format);
    vsnprintf(t->data + t->size, (size_t)length + 1, format, arguments);
    va_end(arguments);
    t->size += (size_t)length;
}

/* Text in XML: the five characters that mean something there are written as entities. */
static void put_escaped(text *t, const char *value)
{
    for (; *value; value++) {
        switch (*value) {
        case '&':
            put(t, "&amp;");
            break;
        case '<':
            put(t, "&lt;");
            break;
        case '>':
            put(t, "&gt;");
            break;
        case '"':
            put(t, "&quot;");
            break;
        default:
            put(t, "%c", (unsigned char)*value < 0x20 ? ' ' : *value);
        }
    }
}

typedef struct axis {
    double low, high, step;
} axis;

/* A range that covers [low, high] with about TICKS round steps. */
static axis round_axis(double low, double high)
{
    double span = high - low > 1e-12 ? high - low : fmax(fabs(high), 1.0) * 0.1;
    double raw = span / TICKS;
    double power = pow(10.0, floor(log10(raw)));
    double step = raw / power > 5.0   ? 10.0 * power
                  : raw / power > 2.0 ? 5.0 * power
                  : raw / power > 1.0 ? 2.0 * power
                                      : power;
    return (axis){.low = floor(low / step) * step, .high = ceil((low + span) / step) * step, .step = step};
}

static double x_of(size_t plot, double lambda)
{
    return LEFT + (double)plot * (PLOT_WIDTH + GAP) + lambda * PLOT_WIDTH;
}

static double y_of(const axis *range, double value)
{
    return TOP + PLOT_HEIGHT * (1.0 - (value - range->low) / (range->high - range->low));
}

static void put_line(text *t, size_t plot, const axis *range, const oa_curve *curve, const double *values, double scale,
                     const char *class)
{
    put(t, "<polyline class=\"%s\" points=\"", class);
    for (size_t i = 0; i < curve->count; i++) {
        put(t, "%.1f,%.1f ", x_of(plot, curve->lambda[i]), y_of(range, scale * values[i]));
    }
    put(t, "\"/>\n");
}

static void put_frame(text *t, size_t plot, const axis *range, const char *title)
{
    double left = x_of(plot, 0.0);
    double right = x_of(plot, 1.0);
    put(t, "<text class=\"title\" x=\"%.1f\" y=\"%d\">%s</text>\n", left, TOP - 12, title);
    for (double value = range->low; value <= range->high + 0.5 * range->step; value += range->step) {
        double y = y_of(range, value);
        double shown = fabs(value) < 1e-9 * range->step ? 0.0 : value;
        put(t, "<line class=\"grid\" x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\"/>\n", left, y, right, y);
        put(t, "<text class=\"tick\" text-anchor=\"end\" x=\"%.1f\" y=\"%.1f\">%.4g</text>\n", left - 8, y + 4, shown);
    }
    for (int i = 0; i <= 4; i++) {
        put(t, "<text class=\"tick\" text-anchor=\"middle\" x=\"%.1f\" y=\"%d\">%.2g</text>\n", x_of(plot, i / 4.0),
            TOP + PLOT_HEIGHT + 20, i / 4.0);
    }
    put(t, "<text class=\"tick\" text-anchor=\"middle\" x=\"%.1f\" y=\"%d\">share of A</text>\n", 0.5 * (left + right),
        TOP + PLOT_HEIGHT + 40);
}

static void put_plot(text *t, size_t plot, const char *title, const oa_curve *naive, const oa_curve *aligned,
                     const double *naive_values, const double *aligned_values, double scale)
{
    double low = INFINITY;
    double high = -INFINITY;
    for (size_t i = 0; i < naive->count; i++) {
        low = fmin(low, scale * fmin(naive_values[i], aligned_values[i]));
        high = fmax(high, scale * fmax(naive_values[i], aligned_values[i]));
    }
    axis range = round_axis(low, high);
    put_frame(t, plot, &range, title);
    put_line(t, plot, &range, naive, naive_values, scale, "naive");
    put_line(t, plot, &range, aligned, aligned_values, scale, "aligned");
}

oa_status oa_curve_svg_save(const char *path, const oa_curve *naive, const oa_curve *aligned, const char *a,
                            const char *b, oa_error *error)
{
    text t = {0};
    int width = LEFT + 2 * PLOT_WIDTH + GAP + 24;
    int height = TOP + PLOT_HEIGHT + 88;
    put(&t, "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" width=\"%d\" height=\"%d\">\n", width,
        height, width, height);
    put(&t, "<style>text{font:13px sans-serif;fill:#333}.title{font-weight:bold}.tick{font-size:11px}"
            ".grid{stroke:#8884}polyline{fill:none;stroke-width:2.5}.naive{stroke:#d1495b}.aligned{stroke:#2a7fba}"
            ".back{fill:#fff}@media(prefers-color-scheme:dark){text{fill:#ddd}.back{fill:#1b1b1b}}</style>\n");
    put(&t, "<rect class=\"back\" width=\"100%%\" height=\"100%%\"/>\n<text x=\"%d\" y=\"26\">A: ", LEFT);
    put_escaped(&t, a);
    put(&t, ", B: ");
    put_escaped(&t, b);
    put(&t, "</text>\n");
    put_plot(&t, 0, "loss", naive, aligned, naive->loss, aligned->loss, 1.0);
    put_plot(&t, 1, "accuracy, %", naive, aligned, naive->accuracy, aligned->accuracy, 100.0);
    int y = height - 18;
    put(&t, "<line class=\"naive\" stroke-width=\"3\" x1=\"%d\" y1=\"%d\" x2=\"%d\" y2=\"%d\"/>\n", LEFT, y - 4,
        LEFT + 26, y - 4);
    put(&t, "<text x=\"%d\" y=\"%d\">averaged as they are: barrier %.4g, area %.4g</text>\n", LEFT + 34, y,
        naive->barrier, naive->auc);
    int middle = LEFT + PLOT_WIDTH + GAP;
    put(&t, "<line class=\"aligned\" stroke-width=\"3\" x1=\"%d\" y1=\"%d\" x2=\"%d\" y2=\"%d\"/>\n", middle, y - 4,
        middle + 26, y - 4);
    put(&t, "<text x=\"%d\" y=\"%d\">aligned first: barrier %.4g, area %.4g</text>\n</svg>\n", middle + 34, y,
        aligned->barrier, aligned->auc);
    oa_status status = t.is_full ? oa_fail(error, OA_ERROR_MEMORY, "out of memory for the picture %s", path)
                                 : oa_write_text(path, t.data, error);
    oa_free(t.data);
    return status;
}
