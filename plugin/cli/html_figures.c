/* What the report shows of the line between two models and of their units. */
#include "core/base/memory.h"
#include "plugin/cli/curve_svg.h"
#include "plugin/cli/html.h"
#include "plugin/cli/html_report.h"
#include "plugin/cli/report.h"

#include <math.h>

static void put_curve_plot(oa_svg *page, const oa_align_run *run, bool of_accuracy)
{
    const char *title = of_accuracy ? "right, %" : run->samples.loss == OA_LOSS_MSE ? "mean squared error" : "loss";
    oa_plot plot = {.left = 46, .top = 30, .width = 322, .height = 200, .title = title, .x_title = "share of A"};
    oa_svg_put(
        page,
        "<figure><svg viewBox=\"0 0 380 280\" role=\"img\" aria-label=\"%s along the line from B to A, averaged as "
        "they are and aligned\">\n",
        title);
    oa_curve_plot(page, &plot, run->line, 2, of_accuracy);
    oa_svg_put(page, "</svg></figure>\n");
}

void oa_html_put_curve(oa_svg *page, const oa_align_run *run)
{
    const oa_curve *naive = &run->line[0];
    if (!naive->count) {
        return;
    }
    oa_svg_put(page,
               "<section><h2>Between the two models</h2>\n<p>Every mixture of the two models, from B alone (left) to "
               "A alone (right): half of each is in the middle. Where the line sags (%s), mixtures are worse than "
               "the models; the deeper, the less they fit together.</p>\n<div class=\"figures-grid\">\n",
               naive->has_accuracy ? "or the loss rises" : "the error rises");
    if (naive->has_accuracy) {
        put_curve_plot(page, run, true);
    }
    put_curve_plot(page, run, false);
    oa_svg_put(page, "</div>\n");
    static const char *const names[] = {"averaged as they are", "aligned first"};
    for (size_t i = 0; i < 2; i++) {
        oa_svg_put(
            page,
            "<p class=\"note\"><svg class=\"sample\" viewBox=\"0 0 32 10\" aria-hidden=\"true\"><line class=\"key "
            "%s\" x1=\"0\" y1=\"5\" x2=\"32\" y2=\"5\"/></svg>%s: barrier %.4g, area under the curve %.4g</p>\n",
            i ? "aligned" : "naive", names[i], run->line[i].barrier, run->line[i].auc);
    }
    oa_svg_put(page,
               "<p class=\"note\">The barrier is the largest rise of the loss above the straight line between its "
               "two ends: 0 means that no mixture is worse than what it is mixed of.</p>\n</section>\n");
}

/* What a group is known by: the constant that makes its units, else the first one. *axes is how many it reorders. */
static const char *group_name(size_t *axes, const oa_align_run *run, size_t group)
{
    const oa_layout *layout = run->layout;
    const oa_occurrence *named = NULL;
    bool is_maker = false;
    const oa_occurrence *o;
    for (*axes = 0; (o = oa_moved_by(layout, group, *axes)); ++*axes) {
        bool makes = !o->is_input && !layout->tensors[o->tensor].is_statistic;
        if (!named || (makes && !is_maker)) {
            named = o;
            is_maker = makes;
        }
    }
    return named ? oa_run_graph(run, 0)->tensors[named->tensor].name : "";
}

/* Is this one of the `most` largest groups? Of equal ones the first count. O(groups). */
static bool is_among_largest(const oa_layout *layout, size_t group, size_t most)
{
    size_t larger = 0;
    for (size_t g = 0; g < layout->group_count && larger < most; g++) {
        size_t size = layout->groups[g].size;
        larger += size > layout->groups[group].size || (size == layout->groups[group].size && g < group);
    }
    return larger < most;
}

bool oa_html_has_map(const oa_layout *layout, size_t group)
{
    return layout->groups[group].size > 1 && layout->groups[group].occurrence_count &&
           is_among_largest(layout, group, OA_HTML_MAPS_MAX);
}

/* The value, or 0 when it is less than half of the last digit that is shown: that has no sign. */
static double rounded(double value, double half)
{
    return fabs(value) < half ? 0.0 : value;
}

/* The largest similarity in both maps of a group: what is drawn in full colour. Not less than what chance makes of it.
 */
static double strongest_of(const oa_similarity *before, const oa_similarity *after)
{
    double strongest = 0.1;
    for (size_t i = 0; i < before->shown * before->shown; i++) {
        strongest = fmax(strongest, fmax(fabs((double)before->map[i]), fabs((double)after->map[i])));
    }
    return strongest;
}

static int level_of(float similarity, double strongest)
{
    double share = fabs((double)similarity) / strongest;
    return share < 0.2 ? 0 : share < 0.35 ? 1 : share < 0.5 ? 2 : share < 0.75 ? 3 : 4;
}

/* One path for each strength and sign; runs of equal cells are one stroke. */
static void put_cells(oa_svg *page, const oa_similarity *similarity, double strongest)
{
    static const char *const opacity[] = {"", "0.2", "0.4", "0.65", "1"};
    size_t n = similarity->shown;
    for (int level = 1; level <= 4; level++) {
        for (int sign = 0; sign < 2; sign++) {
            bool is_open = false;
            for (size_t i = 0; i < n * n; i++) {
                size_t run = 0;
                while (i % n + run < n && level_of(similarity->map[i + run], strongest) == level &&
                       (similarity->map[i + run] < 0.0f) == (sign == 1)) {
                    run++;
                }
                if (run && !is_open) {
                    oa_svg_put(page, "<path%s opacity=\"%s\" d=\"", sign ? " class=\"minus\"" : "", opacity[level]);
                    is_open = true;
                }
                if (run) {
                    oa_svg_put(page, "M%zu %zu.5h%zu", i % n, i / n, run);
                    i += run - 1;
                }
            }
            oa_svg_put(page, "%s", is_open ? "\"/>" : "");
        }
    }
}

static void put_map(oa_svg *page, const oa_similarity *similarity, double strongest, const char *when)
{
    oa_svg_put(
        page,
        "<div>%s<svg class=\"map\" viewBox=\"0 0 %zu %zu\" role=\"img\" aria-label=\"%s: mean similarity of units "
        "in the same place %.3f\">",
        when, similarity->shown, similarity->shown, when, similarity->mean);
    put_cells(page, similarity, strongest);
    oa_svg_put(page, "</svg></div>\n");
}

void oa_html_put_maps(oa_svg *page, const oa_align_run *run)
{
    const oa_follower *follower = &run->followers[0];
    size_t left_out = 0;
    if (!run->layout->group_count) {
        return;
    }
    oa_svg_put(page,
               "<section><h2>Layer by layer, before and after</h2>\n<p>Each square compares units of model A (rows) "
               "with units of model B (columns) by their weights: the stronger the blue, the more alike; orange is "
               "opposite. Averaging adds up units in the same place, on the diagonal from the upper left to the "
               "lower right. Before aligning, units that are alike stand anywhere; after it, on the diagonal.%s</p>\n"
               "<div class=\"maps\">\n",
               oa_follower_count(run) > 1
                   ? " Those of the other models are left out; the table below has means over all."
                   : "");
    for (size_t g = 0; g < run->layout->group_count; g++) {
        const oa_similarity *before = &follower->before[g];
        const oa_similarity *after = &follower->after[g];
        if (!before->shown) {
            left_out++;
            continue;
        }
        double strongest = strongest_of(before, after);
        size_t axes;
        oa_svg_put(page, "<figure><figcaption>");
        oa_html_put_name(page, group_name(&axes, run, g));
        oa_svg_put(page,
                   "<br>%zu of %zu units; similarity in the same place %.2f, then %.2f; full colour is "
                   "%.2f</figcaption>\n<div "
                   "class=\"pair\">\n",
                   before->shown, run->layout->groups[g].size, rounded(before->mean, 0.005),
                   rounded(after->mean, 0.005), strongest);
        put_map(page, before, strongest, "before");
        put_map(page, after, strongest, "after");
        oa_svg_put(page, "</div></figure>\n");
    }
    oa_svg_put(page, "</div>\n");
    if (left_out) {
        oa_svg_put(page, "<p class=\"note\">The largest groups are shown; %zu more are not.</p>\n", left_out);
    }
    oa_svg_put(page, "</section>\n");
}

static void put_group(oa_svg *page, const oa_align_run *run, size_t group)
{
    const oa_group *g = &run->layout->groups[group];
    size_t followers = oa_follower_count(run);
    size_t axes;
    size_t moved = 0;
    double before = 0.0;
    double after = 0.0;
    for (size_t i = 0; i < followers; i++) {
        moved += oa_permutations_moved(&run->followers[i].permutations, run->layout, group);
        before += run->followers[i].before[group].mean / (double)followers;
        after += run->followers[i].after[group].mean / (double)followers;
    }
    oa_svg_put(page, "<tr><td class=\"number\">%zu</td><td>", group);
    oa_html_put_name(page, group_name(&axes, run, group));
    if (axes > 1) {
        oa_svg_put(page, " and %zu more", axes - 1);
    }
    oa_svg_put(page, "</td><td>%s</td><td class=\"number\">%zu</td><td class=\"number\">%zu (",
               oa_group_kind_name(g->kind), g->size, moved);
    oa_svg_put_percent(page, (double)moved / (double)(g->size * followers));
    if (g->occurrence_count) {
        oa_svg_put(page, ")</td><td class=\"number\">%.3f</td><td class=\"number\">%.3f</td></tr>\n",
                   rounded(before, 0.0005), rounded(after, 0.0005));
    } else { /* blocks that lie on no axis: what is inside of them has the figures */
        oa_svg_put(page, ")</td><td class=\"number\">-</td><td class=\"number\">-</td></tr>\n");
    }
}

void oa_html_put_groups(oa_svg *page, const oa_align_run *run)
{
    const oa_layout *layout = run->layout;
    size_t left_out = 0;
    size_t units = 0;
    oa_svg_put(page,
               "<section><h2>Groups of units</h2>\n<p>Units that must move together make a group: a layer's outputs "
               "and the next layer's inputs, for one. Similarity is that of units in the same place, 1 being the "
               "same.%s</p>\n",
               oa_follower_count(run) > 1 ? " Moved units are summed over the models, similarities are means." : "");
    oa_svg_put(page,
               "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Groups\"><table id=\"groups\">\n"
               "<thead><tr><th class=\"number\">group</th><th>weights</th><th>kind</th><th class=\"number\">units</th>"
               "<th class=\"number\">moved</th><th class=\"number\">similarity before</th><th class=\"number\">after"
               "</th></tr></thead>\n<tbody>\n");
    for (size_t g = 0; g < layout->group_count; g++) {
        if (layout->group_count <= OA_HTML_GROUPS_MAX || is_among_largest(layout, g, OA_HTML_GROUPS_MAX)) {
            put_group(page, run, g);
        } else {
            left_out++;
            units += layout->groups[g].size;
        }
    }
    oa_svg_put(page, "</tbody></table></div>\n");
    if (left_out) {
        oa_svg_put(page, "<p class=\"note\">%zu smaller groups with %zu units in all are left out.</p>\n", left_out,
                   units);
    }
    oa_svg_put(page, "</section>\n");
}
