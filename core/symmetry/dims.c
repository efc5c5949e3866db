#include "core/symmetry/dims.h"

#include <stdio.h>
#include <string.h>

enum { OA_MONOMIAL_MAX = 8, OA_SPELLING_SIZE = 256 };

struct oa_monomial {
    int64_t coefficient;
    size_t count;
    size_t symbols[OA_MONOMIAL_MAX]; /* ascending */
};

typedef struct oa_monomial monomial;

void oa_dims_free(oa_dims *dims)
{
    if (!dims) {
        return;
    }
    oa_free(dims->monomials);
    oa_names_free(&dims->interned);
    oa_names_free(&dims->symbols);
    oa_arena_free(&dims->arena);
    *dims = (oa_dims){0};
}

static monomial load(const oa_dims *dims, oa_dim dim)
{
    if (!oa_dim_is_symbolic(dim)) {
        return (monomial){.coefficient = dim};
    }
    return dims->monomials[(size_t)(-OA_DIM_LIMIT - dim)];
}

/* The integer for a monomial; equal monomials get equal integers. */
static oa_dim intern(oa_dims *dims, const monomial *m)
{
    if (m->count == 0) {
        return m->coefficient;
    }
    char spelling[OA_SPELLING_SIZE];
    int length = snprintf(spelling, sizeof spelling, "%lld", (long long)m->coefficient);
    for (size_t i = 0; i < m->count; i++) {
        length += snprintf(spelling + length, sizeof spelling - (size_t)length, "*%zu", m->symbols[i]);
    }
    size_t index = oa_names_find(&dims->interned, spelling);
    if (index == OA_NONE) {
        index = dims->count;
        char *key = oa_arena_strdup(&dims->arena, spelling);
        if (!key || !oa_grow(&dims->monomials, &dims->capacity, index + 1, sizeof *dims->monomials) ||
            !oa_names_put(&dims->interned, key, index)) {
            dims->is_out_of_memory = true;
            return 0;
        }
        dims->monomials[dims->count++] = *m;
    }
    return -OA_DIM_LIMIT - (int64_t)index;
}

oa_dim oa_dim_fresh(oa_dims *dims)
{
    monomial m = {.coefficient = 1, .count = 1, .symbols = {dims->symbol_count++}};
    return intern(dims, &m);
}

/* Makes `name` stand for a symbol; false when memory runs out. */
static bool name_symbol(oa_dims *dims, const char *name, size_t symbol)
{
    char *key = oa_arena_strdup(&dims->arena, name);
    if (!key || !oa_names_put(&dims->symbols, key, symbol)) {
        dims->is_out_of_memory = true;
        return false;
    }
    return true;
}

oa_dim oa_dim_symbol(oa_dims *dims, const char *name)
{
    size_t symbol = oa_names_find(&dims->symbols, name);
    if (symbol == OA_NONE) {
        symbol = dims->symbol_count++;
        if (!name_symbol(dims, name, symbol)) {
            return 0;
        }
    }
    monomial m = {.coefficient = 1, .count = 1, .symbols = {symbol}};
    return intern(dims, &m);
}

/* A name that no symbol of a model has: those are text. */
static void broadcast_name(char name[static OA_SPELLING_SIZE], oa_dim a, oa_dim b)
{
    snprintf(name, OA_SPELLING_SIZE, "\x01%lld|%lld", (long long)(a < b ? a : b), (long long)(a < b ? b : a));
}

oa_dim oa_dim_broadcast(oa_dims *dims, oa_dim a, oa_dim b)
{
    char name[OA_SPELLING_SIZE];
    broadcast_name(name, a, b);
    size_t known = dims->symbol_count;
    oa_dim both = oa_dim_symbol(dims, name);
    if (dims->symbol_count > known) {
        broadcast_name(name, both, a);
        if (name_symbol(dims, name, known)) {
            broadcast_name(name, both, b);
            name_symbol(dims, name, known);
        }
    }
    return both;
}

oa_dim oa_dim_multiply(oa_dims *dims, oa_dim a, oa_dim b)
{
    if (a == 0 || b == 0) {
        return 0;
    }
    monomial x = load(dims, a);
    monomial y = load(dims, b);
    if (x.count + y.count > OA_MONOMIAL_MAX || x.coefficient >= OA_DIM_LIMIT / y.coefficient) {
        return oa_dim_fresh(dims);
    }
    monomial product = {.coefficient = x.coefficient * y.coefficient};
    size_t i = 0;
    size_t j = 0;
    while (i < x.count || j < y.count) {
        bool take_x = j == y.count || (i < x.count && x.symbols[i] <= y.symbols[j]);
        product.symbols[product.count++] = take_x ? x.symbols[i++] : y.symbols[j++];
    }
    return intern(dims, &product);
}

bool oa_dim_divide(oa_dim *quotient, oa_dims *dims, oa_dim dim, oa_dim by)
{
    monomial x = load(dims, dim);
    monomial y = load(dims, by);
    if (y.coefficient <= 0 || x.coefficient % y.coefficient != 0) {
        return false;
    }
    monomial rest = {.coefficient = x.coefficient / y.coefficient};
    size_t j = 0;
    for (size_t i = 0; i < x.count; i++) {
        if (j < y.count && y.symbols[j] == x.symbols[i]) {
            j++;
        } else {
            rest.symbols[rest.count++] = x.symbols[i];
        }
    }
    if (j != y.count) {
        return false;
    }
    *quotient = intern(dims, &rest);
    return true;
}
