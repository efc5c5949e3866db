/* What the attributes of a node mean, in whatever form they are written. */
#ifndef OA_IR_NODE_AGREE_H
#define OA_IR_NODE_AGREE_H

#include "core/ir/pair.h"

/* Numbers of an attribute, or of the constant in an input slot that stands for one. A view: owns nothing. */
typedef struct oa_numbers {
    const oa_attribute *attribute; /* one of these two is NULL */
    const oa_tensor *tensor;
    size_t count;
    bool are_floats;
} oa_numbers;

/* False when there are no numbers in it: texts, tensors, subgraphs; constants of other types or without a payload. */
bool oa_numbers_of_attribute(oa_numbers *numbers, const oa_attribute *attribute);
bool oa_numbers_of_tensor(oa_numbers *numbers, const oa_tensor *tensor);
double oa_numbers_real(const oa_numbers *numbers, size_t i); /* floats */
int64_t oa_numbers_int(const oa_numbers *numbers, size_t i); /* integers; uint64 by its bits */
bool oa_numbers_equal(const oa_numbers *a, const oa_numbers *b);

/* True for attributes that do not change what the node computes at inference. */
bool oa_attribute_is_ignored(const oa_node *node, const char *name);
/* Do these numbers, or this text, under the name mean the same as leaving the attribute out? Known for operators of the
 * standard domain. */
bool oa_numbers_are_default(const oa_node *node, const char *name, const oa_numbers *numbers);
bool oa_text_is_default(const oa_node *node, const char *name, oa_string_view text);

/* True for Softmax, LogSoftmax and Hardmax, whose default axis has changed. */
bool oa_node_is_softmax(const oa_node *node);

/* A hash of attributes, and of constants in slots that stand for some, which is the same for nodes that agree.
 * O(bytes).
 */
uint64_t oa_node_meaning(const oa_graph *graph, const oa_node *node);

#endif
