/* Numbers as text and back, for Cast. Needs the C locale: see oa_text_enter. */
#ifndef OA_EXEC_TEXT_H
#define OA_EXEC_TEXT_H

#include "core/ir/dtype.h"

#include <locale.h>

enum { OA_TEXT_SIZE = 40 }; /* holds any number that oa_text_format writes */

/* The C locale for this thread, whatever the program has set; undone by oa_text_leave. False when memory runs out. */
typedef struct oa_text_locale {
    locale_t own;
    locale_t previous;
} oa_text_locale;

bool oa_text_enter(oa_text_locale *locale);
void oa_text_leave(oa_text_locale *locale);

/* Writes element `index` of an array of numbers or bools, as NumPy prints scalars: floats with the fewest digits that
 * tell them from their neighbours in their own type, "nan", "inf", positional from 1e-4 up to 1e16 and in scientific
 * notation elsewhere; "True" and "False". `text` has OA_TEXT_SIZE characters; the result is the length, 0 for other
 * types. */
size_t oa_text_format(char *text, const void *array, oa_dtype dtype, size_t index);

/* Reads a whole string as a number of `dtype` (not bool) into element `index` of an array. False when it is not one, or
 * an integer out of range. */
bool oa_text_parse(void *array, oa_dtype dtype, size_t index, oa_string_view string);

#endif
