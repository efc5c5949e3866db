/* Pages that stand for themselves: no script, nothing from elsewhere, light and dark, narrow and wide. */
#ifndef OA_CLI_HTML_H
#define OA_CLI_HTML_H

#include "plugin/cli/plot.h"

/* The head with the style, and the start of the body. `title` is plain text of the tool's own. */
void oa_html_begin(oa_svg *page, const char *title);
void oa_html_end(oa_svg *page);

/* Text from outside, in elements and in attributes between double quotes. What means something in HTML is escaped, what
 * is no UTF-8 or a control character becomes U+FFFD, and of more than OA_HTML_TEXT_MAX characters the middle is left
 * out. */
enum { OA_HTML_TEXT_MAX = 80 };
void oa_html_put_text(oa_svg *page, const char *text);
/* The same as a <code> that does not change the direction of what is around it. */
void oa_html_put_name(oa_svg *page, const char *name);

/* A horizontal bar with its label and value. */
typedef struct oa_html_bar {
    const char *label; /* plain text of the tool's own */
    const char *name;  /* text from outside behind it, or NULL */
    double value;      /* in [0, full] */
    const char *text;  /* the value for people */
    const char *style; /* class: "parent", "naive", "merged" */
} oa_html_bar;
void oa_html_put_bars(oa_svg *page, const oa_html_bar *bars, size_t count, double full);

#endif
