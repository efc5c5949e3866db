/* What networks of a family are trained for: batches to learn from, and samples to judge them on.
 *
 * Signals (sine, image) differ from network to network; everything else is shared. */
#ifndef OA_TOOLS_EXERCISE_H
#define OA_TOOLS_EXERCISE_H

#include "core/base/random.h"
#include "core/exec/samples.h"
#include "models/tools/fashion.h"

typedef enum oa_exercise_kind {
    OA_EXERCISE_FASHION,    /* classes of Fashion-MNIST */
    OA_EXERCISE_DISJOINT_A, /* the same, 95 of 100 training images from classes 0 to 4 */
    OA_EXERCISE_DISJOINT_B, /* from classes 5 to 9 */
    OA_EXERCISE_ROTATED,    /* the same, all images turned by 45 degrees */
    OA_EXERCISE_SINE,       /* sin(a x) for x in [-pi, pi] */
    OA_EXERCISE_IMAGE       /* the pixels of an image of Fashion-MNIST, from 0 to 1, by coordinates in [-1, 1] */
} oa_exercise_kind;

/* Points that a signal is judged at when it has no pixels. */
enum { OA_SINE_POINTS = 512 };

typedef struct oa_exercise {
    oa_exercise_kind kind;
    oa_loss_kind loss;
    size_t inputs;  /* numbers of a sample */
    size_t outputs; /* classes, or numbers of a target */
    bool has_signals;
    oa_fashion training, test; /* as far as the kind needs them */
} oa_exercise;

/* One signal. */
typedef struct oa_signal {
    double frequency; /* sine: a, uniform in [0.5, 10) */
    size_t image;     /* image */
} oa_signal;

/* Kinds by name: fashion disjoint-a disjoint-b rotated sine image. False for another name. */
bool oa_exercise_find(oa_exercise_kind *kind, const char *name);
const char *oa_exercise_name(oa_exercise_kind kind);

/* Reads what the kind needs from the folder of Fashion-MNIST. OA_ERROR_INPUT, OA_ERROR_MEMORY. */
oa_status oa_exercise_open(oa_exercise *exercise, oa_exercise_kind kind, const char *folder, oa_error *error);
void oa_exercise_close(oa_exercise *exercise);

/* The signal of a number, the same for all networks of that number. */
oa_signal oa_exercise_signal(const oa_exercise *exercise, uint64_t seed, size_t number);

/* Draws a random batch: inputs [batch, inputs], and labels [batch] or targets [batch, outputs] as the loss wants. */
void oa_exercise_draw(float *inputs, int64_t *labels, float *targets, const oa_exercise *exercise,
                      const oa_signal *signal, oa_random *random, size_t batch);

/* Samples as arrays: owned, freed with oa_exercise_set_free. */
typedef struct oa_exercise_set {
    oa_array inputs; /* [count, ...] */
    oa_array truth;  /* int64 [count], or float [count, outputs] */
} oa_exercise_set;

/* At most `limit` samples to judge on (from_training: of those trained on), inputs in the shape [count, dims[1], ...]
 * of a network's input of this rank. Signals: all points of `signal`. OA_ERROR_MEMORY; *set is then untouched. */
oa_status oa_exercise_make_set(oa_exercise_set *set, const oa_exercise *exercise, const oa_signal *signal,
                               bool from_training, size_t limit, const size_t *dims, size_t rank, oa_error *error);
void oa_exercise_set_free(oa_exercise_set *set);
/* Views of the set. */
oa_samples oa_exercise_samples(const oa_exercise *exercise, const oa_exercise_set *set);

#endif
