/* What a model's first output is measured by. */
#ifndef OA_EXEC_LOSS_H
#define OA_EXEC_LOSS_H

typedef enum oa_loss_kind {
    OA_LOSS_CROSS_ENTROPY, /* of softmax(outputs) against class labels, mean over the samples, in nats */
    OA_LOSS_MSE            /* mean squared difference of all output elements from the targets */
} oa_loss_kind;

#endif
