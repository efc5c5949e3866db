/* What a model's first output is measured by. */
#ifndef OA_EXEC_LOSS_H
#define OA_EXEC_LOSS_H

#include "core/exec/exec.h"

typedef enum oa_loss_kind {
    OA_LOSS_CROSS_ENTROPY,     /* of softmax(outputs) against class labels, mean over the labels, in nats */
    OA_LOSS_MSE,               /* mean squared difference of all output elements from the targets */
    OA_LOSS_SOFT_CROSS_ENTROPY /* of softmax(outputs) against shares of the classes, mean over the samples, in nats */
} oa_loss_kind;

/* How many classes an output [batch, positions..., classes] tells apart at each position: the size of its last axis,
 * axes of size 1 behind it left out (networks of convolutions alone end in [batch, classes, 1, 1]). 0 unless `labels`
 * labels are one for each position of each sample, or without positions one for each sample. O(rank). */
size_t oa_loss_classes(const oa_array *output, size_t labels);

#endif
