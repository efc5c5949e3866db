/* Sizes of axes that may be symbolic: a coefficient times a product of symbols, interned, so that equality of sizes is
 * equality of integers. A batch size stays "batch", and "batch * 16" divided by 16 is "batch" again. */
#ifndef OA_SYMMETRY_DIMS_H
#define OA_SYMMETRY_DIMS_H

#include "core/base/memory.h"
#include "core/base/names.h"

#include <stdint.h>

/* An integer that a model's shape arithmetic can hold: |value| < OA_DIM_LIMIT is itself; below -OA_DIM_LIMIT it stands
 * for an interned symbolic product. */
typedef int64_t oa_dim;

#define OA_DIM_LIMIT (INT64_C(1) << 40)

typedef struct oa_dims {
    struct oa_monomial *monomials;
    size_t count, capacity;
    size_t symbol_count;
    oa_names interned; /* of spelled-out monomials */
    oa_names symbols;
    oa_arena arena;
    bool is_out_of_memory; /* sticky; results are then meaningless but valid */
} oa_dims;                 /* zero-initialise */

void oa_dims_free(oa_dims *dims);

static inline bool oa_dim_is_symbolic(oa_dim dim)
{
    return dim <= -OA_DIM_LIMIT;
}

/* The symbol of that name, and a symbol unlike all others (a size of which nothing is known). */
oa_dim oa_dim_symbol(oa_dims *dims, const char *name);
oa_dim oa_dim_fresh(oa_dims *dims);
/* The product; a fresh symbol when it does not fit. Both are sizes: >= 0 or symbolic. */
oa_dim oa_dim_multiply(oa_dims *dims, oa_dim a, oa_dim b);
/* The size of two symbolic and different sizes broadcast against each other: it is one of them, the other one being 1
 * or the same, but which shows only at run time. A symbol of its own for the two, and the same again for it with
 * either. */
oa_dim oa_dim_broadcast(oa_dims *dims, oa_dim a, oa_dim b);
/* True, with the exact quotient, when `by` divides `dim` (by > 0). */
bool oa_dim_divide(oa_dim *quotient, oa_dims *dims, oa_dim dim, oa_dim by);

#endif
