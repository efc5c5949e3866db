/* Blocks and insides that have an order of their own in each block: an assignment of blocks by what the best assignment
 * of their insides is worth. */
#include "core/match/two_levels.h"

#include "core/assign/assign.h"

#include <string.h>

typedef struct levels {
    const oa_layout *layout;
    const double *const *profits;
    const oa_permutations *current;
    size_t group;
    size_t *place;  /* [blocks] where each block is in `current` */
    double *prices; /* [blocks, blocks] */
    double *part;   /* [inside, inside] of the largest inside: two blocks' */
    size_t *old;    /* [inside] the order that a block has in `current` */
    size_t *order;  /* [inside] found */
    oa_error *error;
} levels;

static size_t inside_size(const oa_layout *layout, size_t inside)
{
    return layout->groups[inside].size / layout->groups[inside].block_count;
}

/* The order of block `other` as it is now, into l->old. */
static void read_order(const levels *l, size_t inside, size_t other)
{
    size_t m = inside_size(l->layout, inside);
    const size_t *of = l->current->of[inside] + l->place[other] * m;
    for (size_t i = 0; i < m; i++) {
        l->old[i] = of[i] % m;
    }
}

/* The best order of block `other` in the place of block h, into l->order, and what it is worth. */
static oa_status assign_inside(double *worth, const levels *l, size_t inside, size_t h, size_t other)
{
    size_t m = inside_size(l->layout, inside), n = l->layout->groups[inside].size;
    const double *profit = l->profits[inside] + h * m * n + other * m;
    read_order(l, inside, other);
    for (size_t i = 0; i < m; i++) {
        memcpy(l->part + i * m, profit + i * n, m * sizeof *l->part);
    }
    oa_status status = OA_OK;
    if (m == 2 && l->part[0] + l->part[3] != l->part[1] + l->part[2]) { /* many small blocks are common */
        l->order[0] = l->part[0] + l->part[3] < l->part[1] + l->part[2];
        l->order[1] = 1 - l->order[0];
    } else {
        status = oa_assign_maximise(l->order, l->part, m, l->old, NULL, NULL, l->error);
    }
    for (size_t i = 0; i < m && status == OA_OK; i++) {
        *worth += l->part[i * m + l->order[i]];
    }
    return status;
}

static oa_status price_blocks(const levels *l)
{
    size_t n = l->layout->groups[l->group].size;
    oa_status status = OA_OK;
    if (l->profits[l->group]) {
        memcpy(l->prices, l->profits[l->group], n * n * sizeof *l->prices);
    }
    for (size_t g = oa_next_inside(l->layout, l->group, l->group); g != OA_NONE;
         g = oa_next_inside(l->layout, l->group, g)) {
        for (size_t k = 0; k < n * n && l->profits[g] && status == OA_OK; k++) {
            status = assign_inside(&l->prices[k], l, g, k / n, k % n);
        }
    }
    return status;
}

static oa_status order_insides(oa_permutations *found, const levels *l)
{
    const size_t *blocks = found->of[l->group];
    oa_status status = OA_OK;
    for (size_t g = oa_next_inside(l->layout, l->group, l->group); g != OA_NONE;
         g = oa_next_inside(l->layout, l->group, g)) {
        size_t m = inside_size(l->layout, g);
        for (size_t h = 0; h < l->layout->groups[l->group].size && status == OA_OK; h++) {
            double worth = 0.0;
            read_order(l, g, blocks[h]);
            status = l->profits[g] ? assign_inside(&worth, l, g, h, blocks[h]) : OA_OK;
            for (size_t i = 0; i < m; i++) {
                found->of[g][h * m + i] = blocks[h] * m + (l->profits[g] ? l->order : l->old)[i];
            }
        }
    }
    return status;
}

static oa_status levels_init(levels *l)
{
    size_t n = l->layout->groups[l->group].size, most = 1;
    for (size_t g = oa_next_inside(l->layout, l->group, l->group); g != OA_NONE;
         g = oa_next_inside(l->layout, l->group, g)) {
        most = inside_size(l->layout, g) > most ? inside_size(l->layout, g) : most;
    }
    size_t cells, parts;
    bool fits = !oa_mul_overflows(&cells, n, n) && !oa_mul_overflows(&parts, most, most);
    l->place = fits ? oa_malloc(n, sizeof *l->place) : NULL;
    l->prices = fits ? oa_calloc(cells, sizeof *l->prices) : NULL;
    l->part = fits ? oa_malloc(parts, sizeof *l->part) : NULL;
    l->old = oa_malloc(most, sizeof *l->old);
    l->order = oa_malloc(most, sizeof *l->order);
    if (!l->place || !l->prices || !l->part || !l->old || !l->order) {
        return oa_fail(l->error, OA_ERROR_MEMORY, "out of memory while matching %zu blocks of up to %zu units", n,
                       most);
    }
    for (size_t h = 0; h < n; h++) {
        l->place[l->current->of[l->group][h]] = h;
    }
    return OA_OK;
}

static void levels_free(levels *l)
{
    oa_free(l->place);
    oa_free(l->prices);
    oa_free(l->part);
    oa_free(l->old);
    oa_free(l->order);
}

oa_status oa_assign_levels(oa_permutations *permutations, const oa_layout *layout, size_t group,
                           const double *const *profits, const oa_permutations *current, bool keeps_blocks,
                           oa_error *error)
{
    size_t n = layout->groups[group].size;
    if (oa_next_inside(layout, group, group) == OA_NONE) {
        bool is_known = profits[group] && !keeps_blocks;
        if (!is_known) {
            memmove(permutations->of[group], current->of[group], n * sizeof *permutations->of[group]);
        }
        return is_known ? oa_assign_maximise(permutations->of[group], profits[group], n, current->of[group], NULL, NULL,
                                             error)
                        : OA_OK;
    }
    levels l = {.layout = layout, .profits = profits, .current = current, .group = group, .error = error};
    oa_permutations found = {0};
    oa_status status = levels_init(&l);
    status = status == OA_OK ? oa_permutations_init(&found, layout, error) : status;
    if (status != OA_OK) {
        goto done;
    }
    memcpy(found.of[group], current->of[group], n * sizeof *found.of[group]);
    if (!keeps_blocks) {
        status = price_blocks(&l);
        status = status == OA_OK
                     ? oa_assign_maximise(found.of[group], l.prices, n, current->of[group], NULL, NULL, error)
                     : status;
    }
    status = status == OA_OK ? order_insides(&found, &l) : status;
    for (size_t g = group; g != OA_NONE && status == OA_OK; g = oa_next_inside(layout, group, g)) {
        memcpy(permutations->of[g], found.of[g], layout->groups[g].size * sizeof *found.of[g]);
    }
done:
    levels_free(&l);
    oa_permutations_free(&found);
    return status;
}

/* The scores of a group and of the insides that it leads, as profits: [group_count], to be freed. */
static oa_status to_profits(double ***result, const oa_layout *layout, size_t group, const float *const *scores,
                            oa_error *error)
{
    double **profits = *result = oa_calloc(layout->group_count, sizeof *profits);
    oa_status status = profits ? OA_OK : oa_fail(error, OA_ERROR_MEMORY, "out of memory for the scores of a group");
    for (size_t g = group; g != OA_NONE && status == OA_OK; g = oa_next_inside(layout, group, g)) {
        size_t cells = layout->groups[g].size * layout->groups[g].size; /* so many scores are in memory already */
        profits[g] = oa_malloc(cells, sizeof **profits);
        if (!profits[g]) {
            status = oa_fail(error, OA_ERROR_MEMORY, "out of memory for the scores of a group");
        }
        for (size_t i = 0; i < cells && profits[g]; i++) {
            profits[g][i] = (double)scores[g][i];
        }
    }
    return status;
}

static void free_profits(double **profits, const oa_layout *layout)
{
    for (size_t g = 0; profits && g < layout->group_count; g++) {
        oa_free(profits[g]);
    }
    oa_free(profits);
}

oa_status oa_assign_scores(oa_permutations *permutations, const oa_layout *layout, size_t group,
                           const float *const *scores, const oa_permutations *current, oa_error *error)
{
    double **profits = NULL;
    oa_status status = to_profits(&profits, layout, group, scores, error);
    status = status == OA_OK
                 ? oa_assign_levels(permutations, layout, group, (const double *const *)profits, current, false, error)
                 : status;
    free_profits(profits, layout);
    return status;
}

oa_status oa_price_blocks(float *prices, const oa_layout *layout, size_t group, const float *const *scores,
                          const oa_permutations *current, oa_error *error)
{
    double **profits = NULL;
    size_t n = layout->groups[group].size, units = 1;
    levels l = {.layout = layout, .current = current, .group = group, .error = error};
    oa_status status = to_profits(&profits, layout, group, scores, error);
    l.profits = (const double *const *)profits;
    status = status == OA_OK ? levels_init(&l) : status;
    status = status == OA_OK ? price_blocks(&l) : status;
    for (size_t g = oa_next_inside(layout, group, group); g != OA_NONE; g = oa_next_inside(layout, group, g)) {
        units += inside_size(layout, g);
    }
    for (size_t k = 0; k < n * n && status == OA_OK; k++) {
        prices[k] = (float)(l.prices[k] / (double)units);
    }
    levels_free(&l);
    free_profits(profits, layout);
    return status;
}
