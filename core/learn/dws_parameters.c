/* The parameters of the DWS encoder, in the order in which dws.c takes them. */
#include "core/learn/dws.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>

typedef struct listing {
    oa_parameter *list; /* NULL: only counts */
    size_t count;
} listing;

/* A matrix that starts with results of size `gain` from inputs of size 1; gain 0: zeros, and no decay. */
static void add(listing *l, size_t rows, size_t columns, float gain, const char *format, ...) OA_PRINTF(5, 6);

static void add(listing *l, size_t rows, size_t columns, float gain, const char *format, ...)
{
    if (l->list) {
        oa_parameter *p = &l->list[l->count];
        va_list values;
        *p = (oa_parameter){.rows = rows, .columns = columns, .decays = gain != 0.0f};
        p->deviation = rows ? gain / sqrtf((float)rows) : 0.0f;
        va_start(values, format);
        (void)vsnprintf(p->name, sizeof p->name, format, values);
        va_end(values);
    }
    l->count++;
}

/* The pools tell all units the same: they start small, so that units differ from the beginning. */
static const float POOLED_GAIN = 0.1f;

/* What reaches features on the units of an axis after `layer` layers: the axis itself, the pools around it, a bias. */
static void add_units(listing *l, const oa_dws_plan *plan, size_t axis, size_t layer, size_t columns, const char *name)
{
    size_t first, count, pooled = 0;
    oa_dws_neighbours(&first, &count, plan, axis);
    for (size_t k = first; k < first + count; k++) {
        pooled += oa_dws_axis_width(plan, k, layer);
    }
    add(l, oa_dws_axis_width(plan, axis, layer), columns, 1.0f, "layer%zu.%s.units", layer, name);
    add(l, pooled, columns, POOLED_GAIN, "layer%zu.%s.pooled", layer, name);
    add(l, 1, columns, 0.0f, "layer%zu.%s.bias", layer, name);
}

static void add_matrix(listing *l, const oa_dws_plan *plan, size_t matrix, size_t layer)
{
    const oa_dws_matrix *m = &plan->matrices[matrix];
    size_t rows = oa_dws_axis_width(plan, m->rows, layer), columns = oa_dws_axis_width(plan, m->columns, layer);
    size_t channels = plan->base.config.channels;
    add(l, oa_dws_matrix_width(plan, matrix, layer), channels, 1.0f, "layer%zu.matrix%zu.pairs", layer, matrix);
    add(l, rows, channels, 1.0f, "layer%zu.matrix%zu.rows", layer, matrix);
    add(l, columns, channels, 1.0f, "layer%zu.matrix%zu.columns", layer, matrix);
    add(l, rows + columns, channels, POOLED_GAIN, "layer%zu.matrix%zu.pooled", layer, matrix);
    add(l, 1, channels, 0.0f, "layer%zu.matrix%zu.bias", layer, matrix);
}

size_t oa_dws_parameters(oa_parameter *parameters, const oa_aligner_config *config, const oa_aligner_plan *base)
{
    const oa_dws_plan *plan = (const oa_dws_plan *)base;
    listing l = {.list = parameters};
    char name[40];
    if (!plan) {
        return 0;
    }
    for (size_t a = 0; a < plan->axis_count; a++) {
        for (size_t i = 0; i < plan->axes[a].fixed_count; i++) {
            size_t f = plan->axes[a].fixed[i];
            add(&l, plan->relations.fixed[f].places, oa_dws_places(plan, f), 1.0f, "reduce.fixed%zu", f);
        }
    }
    for (size_t layer = 0; layer < config->rounds; layer++) {
        for (size_t a = 0; a < plan->axis_count; a++) {
            (void)snprintf(name, sizeof name, "vectors%zu", a);
            add_units(&l, plan, a, layer, config->channels, name);
            for (size_t i = 0; i < plan->axes[a].fixed_count; i++) {
                size_t f = plan->axes[a].fixed[i];
                (void)snprintf(name, sizeof name, "fixed%zu", f);
                add_units(&l, plan, a, layer, oa_dws_fixed_width(plan, f, 1), name);
            }
        }
        for (size_t m = 0; m + 1 < plan->axis_count; m++) {
            add_matrix(&l, plan, m, layer);
        }
    }
    for (size_t a = 0; a < plan->axis_count; a++) {
        (void)snprintf(name, sizeof name, "features%zu", a);
        add_units(&l, plan, a, config->rounds, config->features, name);
    }
    add(&l, 1, 1, 0.0f, "log_scale");
    if (parameters) {
        parameters[l.count - 1].start = 3.4f; /* exp(3.4) = 30: scores that tell units apart and still have a slope */
    }
    return l.count;
}
