/* The state of an alignment run: models, layout, one permutation set for each model after the first. Private to the
 * command line. */
#ifndef OA_CLI_ALIGN_H
#define OA_CLI_ALIGN_H

#include "core/check/curve.h"
#include "core/check/evaluate.h"
#include "core/check/judge.h"
#include "core/check/repair_ends.h"
#include "core/learn/aligner.h"
#include "core/match/match.h"
#include "core/match/scores.h"
#include "core/match/similarity.h"
#include "onnx_io/model.h"
#include "plugin/cli/engine.h"
#include "plugin/cli/options.h"
#include "plugin/cli/report.h"

/* A model to align to the first. */
typedef struct oa_follower {
    oa_pairing pairing;
    oa_permutations permutations;
    oa_match_scores scores; /* of the method that has just run, when the next one can use them */
    oa_payloads payloads;   /* its reordered constants */
    oa_match_info match;
    oa_verify_info verified;
    double distance_before, distance_after;
    oa_evaluation evaluation;
    oa_similarity *before, *after; /* [groups] of units of the first model and of this one, for the report */
} oa_follower;

typedef struct oa_seconds_of {
    double load, symmetry, align, merge, repair, verify, save, evaluate, report;
} oa_seconds_of;

/* The lines between two models that are measured. */
typedef enum oa_line { OA_LINE_NAIVE, OA_LINE_ALIGNED, OA_LINE_REPAIRED, OA_LINES } oa_line;
const char *oa_line_name(oa_line line);

enum { OA_CANDIDATES_MAX = 4 }; /* chains that auto chooses from */

typedef struct oa_align_run {
    const oa_options *options;
    oa_method_chain methods;                       /* settled: never auto */
    oa_method_chain candidates[OA_CANDIDATES_MAX]; /* of auto, until one of them is chosen */
    size_t candidate_count;                        /* 0 and 1: there is no choice */
    const char *method_reason;                     /* of auto's choice; NULL when the user chose */
    size_t iterations;                             /* of the methods that optimise; 0: their own */
    bool skips_labels;      /* those methods go by what the models say: there are too few labels */
    oa_model **models;      /* [options->model_count] */
    oa_follower *followers; /* [options->model_count - 1] */
    oa_layout *layout;
    oa_aligner *aligner; /* once deep-align has asked for it */
    oa_payloads merged;
    oa_samples samples;
    oa_progress repairing;              /* shown by `repair`, which refers to it */
    oa_repair *repair;                  /* with --repair, once the parents are measured */
    oa_repair_end *ends;                /* [options->model_count], the same */
    oa_repair_info repaired;            /* of the merged model; of the worst point of a curve */
    oa_engine_choice engine;            /* once something has to run */
    oa_evaluation first, naive, result; /* when there are labels */
    oa_evaluation unrepaired;           /* the merged model's before its repair */
    oa_answers *answers; /* [model_count + 2] of the models, the plain average and the merged one, when it is judged */
    oa_verdict verdict;
    bool is_judged;          /* there is a verdict */
    oa_curve line[OA_LINES]; /* between two models, for the report; the last is there with a repair only */
    oa_seconds_of seconds;
    double started;
} oa_align_run;

size_t oa_follower_count(const oa_align_run *run);
const oa_graph *oa_run_graph(const oa_align_run *run, size_t model);
oa_match_problem oa_run_problem(const oa_align_run *run, size_t follower);

/* What runs model `model` (0: the first) with these constants, chosen when it is first asked for. Errors as of
 * oa_engine_choose. */
oa_status oa_run_runnable(oa_runnable *runnable, oa_align_run *run, size_t model, const oa_payloads *payloads,
                          oa_error *error);

/* The steps, in this order; seconds are added up in run->seconds. `run` starts zeroed but for options and started, and
 * is freed with oa_run_free in any case. */
oa_status oa_run_load(oa_align_run *run, oa_error *error); /* models and samples */
/* Pairs every model with the first and finds the layout that fits them all. */
oa_status oa_run_find_layout(oa_align_run *run, oa_error *error);
/* Lists what auto chooses from. Once samples are loaded. */
void oa_run_settle_method(oa_align_run *run);
/* The permutations of one follower, and its distances. The first one settles what auto takes for all. */
oa_status oa_run_match(oa_align_run *run, size_t follower, oa_error *error);
/* Its reordered constants. */
oa_status oa_run_reorder(oa_align_run *run, size_t follower, oa_error *error);
void oa_run_forget_answers(oa_align_run *run);
void oa_run_free(oa_align_run *run);

/* Was nothing to be reordered (--method none)? */
bool oa_run_is_plain(const oa_align_run *run);

/* Over all followers and groups. */
typedef struct oa_totals {
    size_t units; /* of the layout */
    size_t moved; /* summed over the followers, like the distances */
    double before, after;
    oa_verify_info verified; /* the worst differences */
} oa_totals;
oa_totals oa_align_totals(const oa_align_run *run);

/* Prints the outcome: text or JSON. */
oa_status oa_align_print(const oa_align_run *run, oa_error *error);

#endif
