/* What the method `auto` stands for. Private to the command line. */
#ifndef OA_CLI_AUTO_H
#define OA_CLI_AUTO_H

#include "plugin/cli/align.h"

/* The chains of methods that come into question by what there is: samples, an aligner. With samples that is several,
 * the safest first, and oa_auto_choose has the last word. */
void oa_auto_list(oa_align_run *run);

/* Tries the candidates on a follower, averages it half and half with the first model by each, and keeps the
 * permutations of the one that does best on some of the samples: that has the least loss, or, without labels, is
 * nearest to what the two models say on average. run->methods is that chain from then on. Where the models cannot be
 * run, or say nothing that can be compared, the first candidate is it. Errors as oa_run_methods. */
oa_status oa_auto_choose(oa_align_run *run, size_t follower, oa_error *error);

#endif
