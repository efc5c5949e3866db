#include "plugin/cli/train_report.h"

#include "core/base/memory.h"
#include "plugin/cli/aligner_file.h"
#include "plugin/cli/plot.h"
#include "plugin/cli/report.h"

#include <math.h>
#include <string.h>

/* ---- Table ---- */

oa_status oa_train_table_save(const char *path, const oa_train_state *state, oa_error *error)
{
    oa_svg text = {0}; /* a growing text does here as well */
    size_t check = 0;
    oa_svg_put(&text, "step,family,loss,supervised,alignment,task,gradient,check\n");
    for (size_t i = 0; i < state->step; i++) {
        const oa_train_record *r = &state->records[i];
        oa_svg_put(&text, "%zu,%u,%.6g,%.6g,%.6g,%.6g,%.6g,", i + 1, (unsigned)r->family, (double)r->total,
                   (double)r->supervised, (double)r->alignment, (double)r->task, (double)r->norm);
        if (check < state->check_count && state->checks[check].step == i + 1) {
            oa_svg_put(&text, "%.6g", state->checks[check++].score);
        }
        oa_svg_put(&text, "\n");
    }
    return oa_svg_save_text(&text, "table", path, error);
}

/* ---- Picture ---- */

enum { WIDTH = 360, HEIGHT = 240, LEFT = 62, TOP = 64, GAP = 84, POINTS_MAX = 400 };

/* Means of a loss over windows of steps, so that any number of steps makes a picture of readable lines. */
typedef struct series {
    double *x, *y;
    size_t count;
} series;

typedef float (*oa_loss_of)(const oa_train_record *record);

static float supervised_of(const oa_train_record *r)
{
    return r->supervised;
}

static float alignment_of(const oa_train_record *r)
{
    return r->alignment;
}

static float task_of(const oa_train_record *r)
{
    return r->task;
}

static void smooth(series *s, const oa_train_state *state, oa_loss_of loss)
{
    size_t points = state->step < POINTS_MAX ? state->step : POINTS_MAX;
    s->count = 0;
    for (size_t i = 0; i < points; i++) {
        size_t first = i * state->step / points, last = (i + 1) * state->step / points, finite = 0;
        double sum = 0.0;
        for (size_t k = first; k < last; k++) {
            double value = (double)loss(&state->records[k]);
            if (isfinite(value)) {
                sum += value;
                finite++;
            }
        }
        s->x[s->count] = 0.5 * (double)(first + last) + 0.5;
        s->y[s->count++] = finite ? sum / (double)finite : NAN;
    }
}

static void put_losses(oa_svg *svg, series *s, const oa_train_state *state)
{
    static const oa_loss_of losses[] = {supervised_of, alignment_of, task_of};
    static const char *const styles[] = {"naive", "aligned", "third"};
    static const char *const names[] = {"cross-entropy of copies", "distance of the aligned weights",
                                        "task on the line"};
    double high = 0.0;
    for (size_t k = 0; k < 3; k++) {
        smooth(s, state, losses[k]);
        for (size_t i = 0; i < s->count; i++) {
            high = isfinite(s->y[i]) ? fmax(high, s->y[i]) : high;
        }
    }
    oa_plot plot = {.left = LEFT,
                    .top = TOP,
                    .width = WIDTH,
                    .height = HEIGHT,
                    .x = oa_plot_axis_round(0.0, (double)state->step),
                    .y = oa_plot_axis_round(0.0, high),
                    .title = "losses",
                    .x_title = "steps"};
    oa_plot_frame(svg, &plot);
    for (size_t k = 0; k < 3; k++) {
        smooth(s, state, losses[k]);
        oa_plot_line(svg, &plot, s->x, s->y, s->count, 1.0, styles[k]);
        oa_plot_legend(svg, LEFT, TOP + HEIGHT + 64 + 20 * (double)k, styles[k], "%s", names[k]);
    }
}

static void put_checks(oa_svg *svg, const oa_train_state *state, double *x, double *y)
{
    double high = 0.0;
    for (size_t i = 0; i < state->check_count; i++) {
        x[i] = (double)state->checks[i].step;
        y[i] = 100.0 * state->checks[i].score;
        high = fmax(high, y[i]);
    }
    oa_plot plot = {.left = LEFT + WIDTH + GAP,
                    .top = TOP,
                    .width = WIDTH,
                    .height = HEIGHT,
                    .x = oa_plot_axis_round(0.0, (double)state->step),
                    .y = oa_plot_axis_round(0.0, high),
                    .title = "what is left of the barrier, models held out, %",
                    .x_title = "steps"};
    oa_plot_frame(svg, &plot);
    oa_plot_line(svg, &plot, x, y, state->check_count, 1.0, "fourth");
    if (state->best_check != OA_NONE) {
        oa_plot_legend(svg, plot.left, TOP + HEIGHT + 64, "fourth", "best: %.3g %% after %.0f steps",
                       y[state->best_check], x[state->best_check]);
    }
}

oa_status oa_train_picture_save(const char *path, const oa_train_state *state, oa_error *error)
{
    size_t room = state->check_count > POINTS_MAX ? state->check_count : POINTS_MAX;
    series s = {.x = oa_calloc(room, sizeof *s.x), .y = oa_calloc(room, sizeof *s.y)};
    oa_status status = OA_OK;
    if (!s.x || !s.y) {
        status = oa_fail(error, OA_ERROR_MEMORY, "out of memory for the picture %s", path);
    } else {
        oa_svg svg = {0};
        oa_svg_begin(&svg, LEFT + 2 * WIDTH + GAP + 24, TOP + HEIGHT + 122);
        oa_svg_put(&svg, "<text x=\"%d\" y=\"26\">training of an aligner</text>\n", LEFT);
        put_losses(&svg, &s, state);
        put_checks(&svg, state, s.x, s.y);
        status = oa_svg_save(&svg, path, error);
    }
    oa_free(s.x);
    oa_free(s.y);
    return status;
}

/* ---- Summary ---- */

static const oa_train_check *best_of(const oa_train_state *state)
{
    return state->best_check == OA_NONE ? NULL : &state->checks[state->best_check];
}

static double measure_of(const oa_train_state *state, size_t family)
{
    return state->measures[state->best_check * state->family_count + family];
}

static json_t *json_families(const oa_train_summary *summary)
{
    json_t *list = json_array();
    for (size_t f = 0; f < summary->set->count && list; f++) {
        const oa_family *family = &summary->set->families[f];
        bool has_check = best_of(summary->state) != NULL;
        json_t *item =
            json_pack("{s:s, s:I, s:o, s:o}", "first", family->name, "models", (json_int_t)family->model_count, "naive",
                      has_check ? json_real(summary->naive[f]) : json_null(), "aligned",
                      has_check ? json_real(measure_of(summary->state, f)) : json_null());
        if (!item || json_array_append_new(list, item) != 0) {
            json_decref(list);
            list = NULL;
        }
    }
    return list;
}

static oa_status print_json(const oa_options *options, const oa_train_summary *summary, oa_error *error)
{
    const oa_train_state *state = summary->state;
    const oa_train_check *best = best_of(state);
    json_t *families = json_families(summary);
    if (!families) {
        return oa_fail(error, OA_ERROR_MEMORY, "out of memory while writing JSON");
    }
    return oa_json_print(
        json_pack("{s:s, s:s, s:I, s:I, s:I, s:I, s:o, s:o, s:o, s:f}", "output", options->output, "encoder",
                  oa_encoder_name(summary->aligner->config.kind), "parameters",
                  (json_int_t)summary->aligner->value_count, "models", (json_int_t)summary->set->model_count, "steps",
                  (json_int_t)state->step, "resumed_at", (json_int_t)summary->resumed_at, "families", families, "score",
                  best ? json_real(best->score) : json_null(), "best_step",
                  best ? json_integer((json_int_t)best->step) : json_null(), "seconds", summary->seconds),
        error);
}

oa_status oa_train_print(const oa_options *options, const oa_train_summary *summary, oa_error *error)
{
    const oa_train_state *state = summary->state;
    const oa_train_check *best = best_of(state);
    if (options->is_json) {
        return print_json(options, summary, error);
    }
    printf("%s: %zu parameters, trained on %zu models of %zu famil%s, %zu steps in %.0f s\n", options->output,
           summary->aligner->value_count, summary->set->model_count, summary->set->count,
           summary->set->count == 1 ? "y" : "ies", state->step, summary->seconds);
    for (size_t f = 0; f < summary->set->count && best; f++) {
        const oa_family *family = &summary->set->families[f];
        const char *what = family->samples.inputs ? "loss half way above the ends'" : "distance of weights, as a share";
        printf("  %zu like %s, held out: %s %.4f as they are, %.4f aligned\n", family->model_count, family->name, what,
               summary->naive[f], measure_of(state, f));
    }
    if (best && best->step < state->step) {
        printf("kept the parameters of step %zu, the best in the checks\n", (size_t)best->step);
    }
    return oa_finish_output(error);
}
