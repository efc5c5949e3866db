#include "plugin/cli/html.h"

#include <math.h>
#include <string.h>

static const char STYLE[] =
    ":root{color-scheme:light dark;--back:#fff;--card:#f4f5f7;--text:#1c1e21;--muted:#545a62;--line:#d5d8de;"
    "--aligned:#1a66a6;--naive:#b5362c;--other:#8b929b;--good:#176c30;--usable:#7d5200;--bad:#b3261e;--minus:#c25e00}\n"
    "@media(prefers-color-scheme:dark){:root{--back:#14161a;--card:#1e2127;--text:#e8eaed;--muted:#abb2bb;"
    "--line:#3b4048;--aligned:#6cb2f0;--naive:#ff8d80;--other:#7f8792;--good:#5fd07d;--usable:#e6b450;--bad:#ff8d80;"
    "--minus:#ffae57}}\n"
    "*{box-sizing:border-box}\n"
    "body{margin:0 auto;max-width:62rem;padding:1rem;background:var(--back);color:var(--text);"
    "font:1rem/1.55 system-ui,-apple-system,\"Segoe UI\",Roboto,\"DejaVu Sans\",sans-serif;overflow-wrap:break-word}\n"
    "header p,.note,figcaption,details{color:var(--muted);font-size:.92rem}\n"
    "header p{margin:0}h1{font-size:1.15rem;margin:0}h2{font-size:1.2rem;margin:2.2rem 0 .5rem}p{margin:.5rem 0}\n"
    "h3{font-size:1rem;margin:0 0 .4rem}code{font-size:.9em;overflow-wrap:anywhere}\n"
    ".verdict{background:var(--card);border-left:.5rem solid var(--other);border-radius:.4rem;padding:1rem 1.2rem;"
    "margin:1rem 0}\n"
    ".verdict .question{color:var(--muted);margin:0;font-size:1rem;font-weight:400}.verdict "
    ".answer{font-size:2rem;line-height:1.2;font-weight:700;"
    "margin:.1rem 0 .6rem}.verdict p.figures{font-size:1.05rem}\n"
    ".verdict.good{border-color:var(--good)}.good .answer{color:var(--good)}\n"
    ".verdict.usable{border-color:var(--usable)}.usable .answer{color:var(--usable)}\n"
    ".verdict.bad{border-color:var(--bad)}.bad .answer{color:var(--bad)}\n"
    "summary{cursor:pointer;padding:.25rem 0}\n"
    ".bars{margin:1rem 0;padding:0;list-style:none}.bars li{margin:.55rem 0}\n"
    ".bars .row{display:flex;justify-content:space-between;gap:1rem}.bars .value{white-space:nowrap;font-weight:600}\n"
    ".track{height:.7rem;background:var(--line);border-radius:.35rem;overflow:hidden}\n"
    ".fill{height:100%;background:var(--other)}.fill.naive{background:var(--naive)}"
    ".fill.merged{background:var(--aligned)}\n"
    ".scroll{overflow-x:auto;-webkit-overflow-scrolling:touch}\n"
    "table{border-collapse:collapse;font-size:.92rem;font-variant-numeric:tabular-nums;min-width:100%}\n"
    "th,td{text-align:left;padding:.35rem .8rem .35rem 0;border-bottom:1px solid var(--line);vertical-align:top}\n"
    "td.number,th.number{text-align:right;white-space:nowrap}\n"
    "td code{overflow-wrap:normal;white-space:nowrap}table.facts th{white-space:nowrap;font-weight:600}"
    "table.facts code{white-space:normal;overflow-wrap:anywhere}\n"
    ".figures-grid{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,19rem),1fr));gap:1.2rem}\n"
    ".maps{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,17rem),1fr));gap:1.4rem}\n"
    "figure{margin:0}.pair{display:grid;grid-template-columns:1fr 1fr;gap:.6rem}.pair div{font-size:.85rem;"
    "color:var(--muted)}\n"
    "svg{display:block;width:100%;height:auto}svg text{font:14px system-ui,sans-serif;fill:var(--text)}"
    "svg .title{font-weight:600}svg .tick{font-size:13px;fill:var(--muted)}svg .grid{stroke:var(--line)}\n"
    "polyline{fill:none;stroke-width:2.5}line.key{stroke-width:3}svg .naive{stroke:var(--naive);stroke-dasharray:7 4}"
    "svg .aligned{stroke:var(--aligned)}svg.sample{display:inline-block;width:2rem;height:.7rem;margin-right:.3rem}\n"
    ".map{border:1px solid var(--line);shape-rendering:crispEdges}.map path{stroke:var(--aligned);fill:none}"
    ".map path.minus{stroke:var(--minus)}\n"
    "@media(max-width:34rem){.facts tr{display:block;border-bottom:1px solid var(--line)}.facts th,.facts "
    "td{display:block;border:0;padding:.2rem 0}}\n"
    "@media print{.verdict{border:1px solid}}\n";

void oa_html_begin(oa_svg *page, const char *title)
{
    oa_svg_put(page,
               "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
               "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
               "<meta name=\"color-scheme\" content=\"light dark\">\n<title>%s</title>\n<style>\n",
               title);
    oa_svg_put(page, "%s</style>\n</head>\n<body>\n", STYLE);
}

void oa_html_end(oa_svg *page)
{
    oa_svg_put(page, "</body>\n</html>\n");
}

/* Bytes of the character at `at`, or 0 when it is none in UTF-8: too long a form, a surrogate, beyond Unicode, cut off.
 */
static size_t character_size(const unsigned char *at)
{
    size_t size = at[0] < 0x80                    ? 1
                  : at[0] >= 0xc2 && at[0] < 0xe0 ? 2
                  : at[0] >= 0xe0 && at[0] < 0xf0 ? 3
                  : at[0] >= 0xf0 && at[0] < 0xf5 ? 4
                                                  : 0;
    for (size_t i = 1; i < size; i++) {
        if ((at[i] & 0xc0) != 0x80) {
            return 0;
        }
    }
    bool is_outside = (at[0] == 0xe0 && at[1] < 0xa0) || (at[0] == 0xed && at[1] > 0x9f) ||
                      (at[0] == 0xf0 && at[1] < 0x90) || (at[0] == 0xf4 && at[1] > 0x8f);
    return is_outside ? 0 : size;
}

static void put_character(oa_svg *page, const unsigned char *at, size_t size)
{
    bool is_control = size == 1 && (at[0] < 0x20 || at[0] == 0x7f);
    bool is_upper_control = size == 2 && at[0] == 0xc2 && at[1] < 0xa0;
    if (size == 0 || is_control || is_upper_control) {
        oa_svg_put(page, "\xef\xbf\xbd");
        return;
    }
    char text[5] = {0};
    memcpy(text, at, size);
    oa_svg_put_escaped(page, text);
}

void oa_html_put_text(oa_svg *page, const char *text)
{
    const unsigned char *bytes = (const unsigned char *)text;
    size_t count = 0;
    for (size_t i = 0; bytes[i]; count++) {
        size_t size = character_size(bytes + i);
        i += size ? size : 1;
    }
    size_t head = count > OA_HTML_TEXT_MAX ? OA_HTML_TEXT_MAX / 2 : count;
    size_t tail = count > OA_HTML_TEXT_MAX ? count - OA_HTML_TEXT_MAX / 2 : count;
    for (size_t i = 0, k = 0; bytes[i]; k++) {
        size_t size = character_size(bytes + i);
        if (k < head || k >= tail) {
            put_character(page, bytes + i, size);
        } else if (k == head) {
            oa_svg_put(page, " ... ");
        }
        i += size ? size : 1;
    }
}

void oa_html_put_name(oa_svg *page, const char *name)
{
    oa_svg_put(page, "<code><bdi>");
    oa_html_put_text(page, name);
    oa_svg_put(page, "</bdi></code>");
}

void oa_html_put_bars(oa_svg *page, const oa_html_bar *bars, size_t count, double full)
{
    oa_svg_put(page, "<ul class=\"bars\">\n");
    for (size_t i = 0; i < count; i++) {
        double share = full > 0.0 && isfinite(bars[i].value) ? fmin(fmax(bars[i].value / full, 0.0), 1.0) : 0.0;
        oa_svg_put(page, "<li><div class=\"row\"><span>%s ", bars[i].label);
        if (bars[i].name) {
            oa_html_put_name(page, bars[i].name);
        }
        oa_svg_put(page,
                   "</span> <span class=\"value\">%s</span></div><div class=\"track\" aria-hidden=\"true\"><div "
                   "class=\"fill %s\" style=\"width:%.1f%%\"></div></div></li>\n",
                   bars[i].text, bars[i].style, 100.0 * share);
    }
    oa_svg_put(page, "</ul>\n");
}
