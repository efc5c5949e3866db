/* Pairing two graphs given as text, with what is expected of it. */
#ifndef OA_TESTS_IR_PAIR_CHECK_H
#define OA_TESTS_IR_PAIR_CHECK_H

#include "core/ir/pair.h"

/* The graphs must pair, also the other way round, with the first one against itself under other names and in another
 * order, and so must the second. `expected` tells the constants as "w1=v1 w2=v2", each of the first graph with its
 * counterpart in the second or "-"; NULL: not checked. */
void pairs(const char *a, const char *b, const char *expected);

/* They must not, either way, with a message that has all texts ("" matches always). The texts are in terms of (a, b):
 * for the other way round the words "first" and "second" of the message are exchanged before. */
void differs(const char *a, const char *b, const char *text, const char *other, const char *third);

#endif
