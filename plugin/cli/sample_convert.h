/* The elements of a sample file as elements of a model's input. */
#ifndef OA_CLI_SAMPLE_CONVERT_H
#define OA_CLI_SAMPLE_CONVERT_H

#include "plugin/cli/raw_samples.h"

/* Whether elements of this type can be read from files, and made for inputs: floats, integers and booleans. */
bool oa_is_sample_dtype(oa_dtype dtype);

/* elements [count], of type `dtype`, receives elements first .. first + count - 1 of `raw`, in row-major order; `raw`
 * must have them at hand.
 *
 * scale: what each is multiplied by; when it is negative nothing is, but uint8 elements for a float type are divided by
 * 255. Floats are computed in double and rounded once to `dtype`; integers are carried over exactly unless they are
 * scaled. Elements of a bool type are 0 and 1.
 *
 * OA_ERROR_INPUT, naming the element by its index in the whole, for a NaN, an infinity, and what `dtype` cannot hold:
 * values beyond its range, fractions for integers. `elements` is then undefined. O(count), without memory. */
oa_status oa_sample_convert(void *elements, oa_dtype dtype, const oa_raw_samples *raw, size_t first, size_t count,
                            double scale, oa_error *error);

#endif
