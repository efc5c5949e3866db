/* A family: trained models of one architecture, from which an aligner learns.
 *
 * Whoever reads the models describes them here; weights are fetched by number, so that a family may be larger than
 * memory. All models are seen through the first one's graph. */
#ifndef OA_LEARN_FAMILY_H
#define OA_LEARN_FAMILY_H

#include "core/exec/exec.h"
#include "core/symmetry/layout.h"

/* Where the weights of a model lie in its block of floats: those of all float constants that the graph uses, one tensor
 * after the other. */
typedef struct oa_weight_map {
    size_t *offset; /* [tensor_count] OA_NONE for what is not among them */
    size_t tensor_count;
    size_t total; /* floats of a model */
} oa_weight_map;

/* OA_ERROR_MEMORY, OA_ERROR_INPUT for sizes that overflow. O(tensors). */
oa_status oa_weight_map_init(oa_weight_map *map, const oa_graph *graph, const oa_layout *layout, oa_error *error);
void oa_weight_map_free(oa_weight_map *map);
/* Fills a block [total] from a model's constants, as float32. `tensor_of` maps the family's tensors to the graph's
 * (NULL: the same). OA_ERROR_INPUT, naming the tensor, for a NaN or an infinity. O(total). */
oa_status oa_weight_map_read(float *weights, const oa_weight_map *map, const oa_graph *graph, const size_t *tensor_of,
                             oa_error *error);
/* pointers [tensor_count] into a block, NULL for what is not in it. */
void oa_weight_map_point(const float **pointers, const oa_weight_map *map, const float *weights);
/* The graph seen with the weights of a block: `view` and `tensors` [tensor_count] are the caller's and filled in; float
 * constants of the map become float32 ones. Borrowed from graph and weights; not to be destroyed. */
void oa_weight_map_view(oa_graph *view, oa_tensor *tensors, const oa_weight_map *map, const oa_graph *graph,
                        const float *weights);

/* Samples on which the models do what they were trained for. Everything is borrowed. With labels the loss is
 * cross-entropy; with targets the mean squared error over their variance; with neither, a model on the line between two
 * is compared with the mix of the two models' own outputs, again over the variance. */
typedef struct oa_family_samples {
    const oa_array *inputs; /* [samples, ...] of the models' only input, float32; NULL: no samples */
    const int64_t *labels;  /* [samples] classes, or NULL */
    const float *targets;   /* [samples, target_size], or NULL */
    size_t target_size;
} oa_family_samples;

typedef struct oa_family {
    const char *name; /* for messages */
    const oa_graph *graph;
    const oa_layout *layout;
    const oa_weight_map *map;
    size_t model_count;
    bool is_paired; /* only models 2i and 2i + 1 belong together */
    double weight;  /* how often it is trained on, compared with the other families */
    /* weights [map->total] of one model. May be called by several threads at once. */
    oa_status (*read)(float *weights, void *context, size_t model, oa_error *error);
    void *context;
    uint64_t fingerprint; /* of the models' weights: tells whether an interrupted training was on the same ones */
    oa_family_samples samples;
} oa_family;

#endif
