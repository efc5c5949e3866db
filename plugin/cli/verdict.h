/* The verdict on a merged model in plain words, and for programs. */
#ifndef OA_CLI_VERDICT_H
#define OA_CLI_VERDICT_H

#include "core/check/judge.h"
#include "plugin/cli/plot.h"

#include <jansson.h>

/* "A", "B", ... for the models in the order of the command line, "#27" past "Z". Returns text. */
enum { OA_LABEL_SIZE = 24 };
const char *oa_model_label(char text[static OA_LABEL_SIZE], size_t model);

/* "good", "probably usable", "not usable", "too few samples to tell", "cannot tell", ... */
const char *oa_verdict_words(const oa_verdict *verdict);
/* The figures and what they are beside, as the rest of the sentence. */
void oa_verdict_put_figures(oa_svg *text, const oa_verdict *verdict);
/* Words, a colon and figures, in one line. */
void oa_verdict_put(oa_svg *text, const oa_verdict *verdict);

/* {rating, certain, text, basis, samples, merged, naive, reference, behind, interval, limits, merged_with, naive_with};
 * null without a verdict. NULL when memory runs out. */
json_t *oa_verdict_json(const oa_verdict *verdict);

#endif
