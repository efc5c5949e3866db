#include "core/learn/store.h"

#include "core/base/parallel.h"

typedef struct slot {
    size_t family;
    size_t model;
    float *weights;
    oa_packed *packed;
    bool is_listed; /* among those being fetched */
} slot;

struct oa_store {
    const oa_family *families;
    oa_aligner_plan *const *plans;
    size_t family_count;
    size_t *first; /* [family_count] slot of each family's first model */
    slot *slots;   /* [slot_count] */
    size_t slot_count;
    size_t budget;
    size_t bytes;
    size_t hand;     /* where trimming goes on */
    slot **fetching; /* [slot_count] */
    bool packs;
};

oa_status oa_store_create(oa_store **result, const oa_family *families, oa_aligner_plan *const *plans,
                          size_t family_count, size_t budget, oa_error *error)
{
    oa_store *store = oa_calloc(1, sizeof *store);
    size_t total = 0;
    for (size_t f = 0; f < family_count; f++) {
        total += families[f].model_count;
    }
    if (store) {
        *store = (oa_store){.families = families,
                            .plans = plans,
                            .family_count = family_count,
                            .first = oa_calloc(family_count, sizeof *store->first),
                            .slots = oa_calloc(total, sizeof *store->slots),
                            .slot_count = total,
                            .budget = budget,
                            .fetching = oa_calloc(total, sizeof *store->fetching)};
    }
    if (!store || !store->first || !store->slots || !store->fetching) {
        oa_store_destroy(store);
        return oa_fail(error, OA_ERROR_MEMORY, "out of memory for a list of %zu models", total);
    }
    size_t at = 0;
    for (size_t f = 0; f < family_count; f++) {
        store->first[f] = at;
        for (size_t m = 0; m < families[f].model_count; m++) {
            store->slots[at++] = (slot){.family = f, .model = m};
        }
    }
    *result = store;
    return OA_OK;
}

void oa_store_destroy(oa_store *store)
{
    if (store) {
        for (size_t i = 0; i < store->slot_count && store->slots; i++) {
            oa_free(store->slots[i].weights);
            oa_packed_destroy(store->slots[i].packed);
        }
        oa_free(store->first);
        oa_free(store->slots);
        oa_free(store->fetching);
        oa_free(store);
    }
}

static oa_status pack(slot *s, const oa_store *store, oa_error *error)
{
    const oa_weight_map *map = store->families[s->family].map;
    const float **pointers = oa_calloc(map->tensor_count, sizeof *pointers);
    if (!pointers) {
        return oa_fail(error, OA_ERROR_MEMORY, "out of memory for the weights of a model");
    }
    oa_weight_map_point(pointers, map, s->weights);
    oa_status status = oa_packed_create(&s->packed, store->plans[s->family], pointers, error);
    oa_free(pointers);
    return status;
}

static oa_status fetch_one(void *context, size_t item, size_t worker, oa_error *error)
{
    oa_store *store = context;
    slot *s = store->fetching[item];
    const oa_family *family = &store->families[s->family];
    oa_status status = OA_OK;
    (void)worker;
    if (!s->weights) {
        float *weights = oa_malloc(family->map->total, sizeof *weights);
        status = weights ? family->read(weights, family->context, s->model, error)
                         : oa_fail(error, OA_ERROR_MEMORY, "out of memory for the weights of a model");
        if (status != OA_OK) {
            oa_free(weights);
            return status;
        }
        s->weights = weights;
    }
    return store->packs && !s->packed ? pack(s, store, error) : OA_OK;
}

static size_t bytes_of(const slot *s, const oa_store *store)
{
    return (s->weights ? store->families[s->family].map->total * sizeof(float) : 0) +
           (s->packed ? oa_packed_bytes(s->packed) : 0);
}

oa_status oa_store_fetch(oa_store *store, size_t family, const size_t *models, size_t count, bool packs, size_t threads,
                         oa_error *error)
{
    size_t wanted = 0;
    store->packs = packs;
    for (size_t i = 0; i < count; i++) {
        slot *s = &store->slots[store->first[family] + models[i]];
        if (!s->is_listed && (!s->weights || (packs && !s->packed))) {
            s->is_listed = true;
            store->bytes -= bytes_of(s, store);
            store->fetching[wanted++] = s;
        }
    }
    oa_status status = oa_parallel(wanted, threads, fetch_one, store, error);
    for (size_t i = 0; i < wanted; i++) {
        store->fetching[i]->is_listed = false;
        store->bytes += bytes_of(store->fetching[i], store);
    }
    if (status != OA_OK) {
        oa_error_context(error, "%s", store->families[family].name);
    }
    return status;
}

oa_objective_model oa_store_model(const oa_store *store, size_t family, size_t model)
{
    const slot *s = &store->slots[store->first[family] + model];
    return (oa_objective_model){.weights = s->weights, .packed = s->packed};
}

void oa_store_trim(oa_store *store)
{
    for (int round = 0; round < 2; round++) {
        for (size_t i = 0; i < store->slot_count && store->bytes > store->budget; i++) {
            slot *s = &store->slots[store->hand++ % store->slot_count];
            size_t before = bytes_of(s, store);
            oa_packed_destroy(s->packed);
            s->packed = NULL;
            if (round == 1) {
                oa_free(s->weights);
                s->weights = NULL;
            }
            store->bytes -= before - bytes_of(s, store);
        }
    }
}

size_t oa_store_bytes(const oa_store *store)
{
    return store->bytes;
}
