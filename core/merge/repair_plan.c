#include "core/merge/repair_plan.h"

#include <string.h>

/* What is known of every value while planning. */
typedef struct value_facts {
    size_t uses;        /* by nodes, those in bodies too, and by the graph's outputs */
    size_t reader;      /* the last live node that reads it, or OA_NONE */
    size_t depth;       /* how many repairs follow one another up to here */
    bool is_data;       /* depends on a true input */
    bool is_normalised; /* a BatchNormalization takes it */
    bool is_stream;     /* a layer normalisation takes it, perhaps after further additions */
    bool is_added;      /* it is one of the summands of a stream */
} value_facts;

typedef struct planner {
    oa_repair_plan *plan;
    const oa_graph *graph;
    value_facts *values; /* [value_count] */
} planner;

static bool is_layer_type(const oa_node *node)
{
    static const char *const types[] = {"Conv", "ConvTranspose", "Gemm", "MatMul", "Einsum", "LSTM", "GRU", "RNN"};
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        if (oa_node_is(node, types[i])) {
            return true;
        }
    }
    return false;
}

/* Does it take data in one slot and weights in another? */
static bool is_layer(const planner *p, const oa_node *node)
{
    bool takes_data = false;
    bool takes_weights = false;
    for (size_t k = 0; k < node->input_count; k++) {
        size_t value = node->inputs[k];
        takes_data = takes_data || (value != OA_NONE && p->values[value].is_data);
        takes_weights = takes_weights || (value != OA_NONE && !p->values[value].is_data);
    }
    return is_layer_type(node) && takes_data && takes_weights;
}

static void find_data(planner *p)
{
    const oa_graph *graph = p->graph;
    for (size_t i = 0; i < graph->input_count; i++) {
        p->values[graph->inputs[i]].is_data = true;
    }
    for (size_t i = 0; i < graph->live_count; i++) {
        const oa_node *node = &graph->nodes[i];
        size_t count = oa_node_use_count(graph, node);
        bool is_data = node->body_count > 0;
        for (size_t k = 0; k < count && !is_data; k++) {
            size_t value = oa_node_use(graph, node, k);
            is_data = value != OA_NONE && p->values[value].is_data;
        }
        for (size_t k = 0; k < node->output_count; k++) {
            if (node->outputs[k] != OA_NONE) {
                p->values[node->outputs[k]].is_data = is_data;
            }
        }
    }
}

static bool normalises_samples(const oa_node *node, bool adds)
{
    static const char *const plain[] = {"LayerNormalization", "SimplifiedLayerNormalization", "RMSNormalization"};
    static const char *const adding[] = {"SkipLayerNormalization", "SkipSimplifiedLayerNormalization"};
    for (size_t i = 0; i < sizeof plain / sizeof plain[0] && !adds; i++) {
        if (strcmp(node->op_type, plain[i]) == 0) {
            return true;
        }
    }
    for (size_t i = 0; i < sizeof adding / sizeof adding[0] && adds; i++) {
        if (strcmp(node->op_type, adding[i]) == 0) {
            return true;
        }
    }
    return false;
}

/* Follows streams backwards through one node, all after it being done. */
static void mark_streams(planner *p, const oa_node *node)
{
    value_facts *values = p->values;
    size_t x = oa_node_input(node, 0);
    size_t y = oa_node_input(node, 1);
    if (normalises_samples(node, false) && x != OA_NONE) {
        values[x].is_stream = true;
    }
    size_t sum = node->output_count ? node->outputs[0] : OA_NONE;
    bool adds =
        x != OA_NONE && y != OA_NONE && values[x].is_data && values[y].is_data &&
        (normalises_samples(node, true) || (oa_node_is(node, "Add") && sum != OA_NONE && values[sum].is_stream));
    if (adds) {
        values[x].is_stream = values[x].is_added = true;
        values[y].is_stream = values[y].is_added = true;
    }
}

static void find_uses(planner *p)
{
    const oa_graph *graph = p->graph;
    for (size_t i = 0; i < graph->output_count; i++) {
        p->values[graph->outputs[i]].uses++;
    }
    for (size_t i = 0; i < graph->step_count; i++) {
        size_t count = oa_node_use_count(graph, graph->steps[i]);
        for (size_t k = 0; k < count; k++) {
            size_t value = oa_node_use(graph, graph->steps[i], k);
            if (value != OA_NONE) {
                p->values[value].uses++;
            }
        }
    }
    for (size_t i = graph->live_count; i-- > 0;) {
        const oa_node *node = &graph->nodes[i];
        for (size_t k = 0; k < node->input_count; k++) {
            value_facts *facts = node->inputs[k] == OA_NONE ? NULL : &p->values[node->inputs[k]];
            if (facts) {
                facts->reader = facts->reader == OA_NONE ? i : facts->reader;
                facts->is_normalised = facts->is_normalised || (k == 0 && oa_node_is(node, "BatchNormalization"));
            }
        }
        mark_streams(p, node);
    }
}

/* The constant in a slot that nothing else uses, as an index; OA_NONE with a reason otherwise. */
static size_t own_constant(const char **reason, const planner *p, const oa_node *node, size_t slot, size_t units)
{
    const oa_tensor *tensor = oa_node_constant(p->graph, node, slot);
    if (!tensor || !tensor->data || !oa_dtype_is_float(tensor->dtype)) {
        *reason = tensor ? "its weights are no floats" : "its weights are computed in the graph";
        return OA_NONE;
    }
    if (p->values[tensor->value].uses != 1) {
        *reason = "its weights are used elsewhere, too";
        return OA_NONE;
    }
    if (units && tensor->count != units) {
        *reason = "its weights are of a form that is not handled";
        return OA_NONE;
    }
    return p->graph->values[tensor->value].tensor;
}

static oa_status leave(planner *p, const oa_node *node, const char *reason, oa_error *error)
{
    oa_repair_plan *plan = p->plan;
    if (!oa_grow(&plan->left, &plan->left_capacity, plan->left_count + 1, sizeof *plan->left)) {
        return oa_fail(error, OA_ERROR_MEMORY, "out of memory while planning the repair");
    }
    plan->left[plan->left_count++] = (oa_repair_left){.node = node, .reason = reason};
    return OA_OK;
}

/* Nothing in a body is repaired: a node with bodies is as deep as what it reads around them. */
static size_t depth_of(const planner *p, const oa_node *node)
{
    size_t depth = 0;
    for (size_t k = 0; k < node->input_count + node->capture_count; k++) {
        size_t value = oa_node_source(node, k);
        size_t own = value == OA_NONE ? 0 : p->values[value].depth;
        depth = own > depth ? own : depth;
    }
    return depth;
}

static oa_status add_place(planner *p, oa_repair_place place, size_t *depth, oa_error *error)
{
    oa_repair_plan *plan = p->plan;
    if (!oa_grow(&plan->places, &plan->place_capacity, plan->place_count + 1, sizeof *plan->places)) {
        return oa_fail(error, OA_ERROR_MEMORY, "out of memory while planning the repair");
    }
    place.level = (*depth)++;
    plan->places[plan->place_count++] = place;
    plan->level_count = *depth > plan->level_count ? *depth : plan->level_count;
    return OA_OK;
}

/* A normalisation, into *place; otherwise a reason. */
static const char *plan_normalisation(oa_repair_place *place, const planner *p, size_t index)
{
    const oa_node *node = &p->graph->nodes[index];
    const char *reason = NULL;
    const oa_tensor *mean = oa_node_constant(p->graph, node, 3);
    bool trains = oa_node_int(node, "training_mode", 0) != 0;
    for (size_t k = 1; k < node->output_count; k++) {
        trains = trains || node->outputs[k] != OA_NONE;
    }
    if (trains) {
        return "it normalises by the batch that it runs on";
    }
    *place = (oa_repair_place){.kind = OA_REPAIR_STATISTICS,
                               .node = index,
                               .adder = OA_NONE,
                               .turn = OA_NONE,
                               .value = oa_node_input(node, 0),
                               .units = mean ? mean->count : 0,
                               .bias = OA_NONE,
                               .weight = OA_NONE};
    if (place->value == OA_NONE || !p->values[place->value].is_data || p->graph->values[place->value].is_input) {
        return "it takes what no layer makes";
    }
    place->mean = own_constant(&reason, p, node, 3, 0);
    place->variance = place->mean == OA_NONE ? OA_NONE : own_constant(&reason, p, node, 4, place->units);
    return reason;
}

/* Which axis of the weights has the layer's units, and how it takes its bias. */
typedef struct layer_form {
    size_t weight_axis;
    size_t bias_slot;   /* OA_NONE: it has none */
    double bias_factor; /* 0: there may be no bias */
    bool is_last;
} layer_form;

/* The weights of a layer, which may pass a Transpose on their way to it. */
typedef struct layer_weight {
    size_t tensor;
    size_t turn;              /* the Transpose, or OA_NONE */
    size_t axes[OA_MAX_RANK]; /* the constant's axis that each of the layer's is */
} layer_weight;

/* A Transpose of a constant: which, and how. */
static const char *read_turn(layer_weight *weight, const planner *p, const oa_node *turn, size_t rank)
{
    const int64_t *perm;
    size_t count;
    oa_node_ints(&perm, &count, turn, "perm");
    for (size_t k = 0; k < rank; k++) {
        weight->axes[k] = rank - 1 - k;
        if (count && (count != rank || !oa_axis_normalise(&weight->axes[k], perm[k], rank))) {
            return "its weights are of a form that is not handled";
        }
    }
    weight->turn = (size_t)(turn - p->graph->nodes);
    return NULL;
}

static const char *find_weight(layer_weight *weight, const planner *p, const oa_node *node)
{
    const char *reason = NULL;
    size_t value = oa_node_input(node, 1);
    size_t maker = value == OA_NONE ? OA_NONE : p->graph->values[value].producer;
    const oa_node *turn = maker == OA_NONE ? NULL : &p->graph->nodes[maker];
    *weight = (layer_weight){.turn = OA_NONE};
    if (turn && oa_node_is(turn, "Transpose")) {
        const oa_tensor *tensor = oa_node_constant(p->graph, turn, 0);
        reason = p->values[value].uses == 1 ? NULL : "its weights are used elsewhere, too";
        reason = reason || !tensor ? reason : read_turn(weight, p, turn, tensor->rank);
        node = turn;
    } else {
        for (size_t k = 0; k < OA_MAX_RANK; k++) {
            weight->axes[k] = k;
        }
    }
    weight->tensor = reason ? OA_NONE : own_constant(&reason, p, node, node == turn ? 0 : 1, 0);
    return reason;
}

/* `rank` of the weights. */
static const char *read_form(layer_form *form, const oa_node *node, size_t rank)
{
    *form = (layer_form){.bias_slot = 2, .bias_factor = 1.0, .is_last = true};
    if (oa_node_is(node, "Conv") && rank >= 3) {
        form->is_last = false;
    } else if (oa_node_is(node, "ConvTranspose") && rank >= 3 && oa_node_int(node, "group", 1) == 1) {
        form->is_last = false;
        form->weight_axis = 1;
    } else if (oa_node_is(node, "Gemm") && rank == 2) {
        form->weight_axis = oa_node_int(node, "transB", 0) ? 0 : 1;
        form->bias_factor = (double)oa_node_float(node, "beta", 1.0f);
    } else if (oa_node_is(node, "MatMul") && rank == 2) {
        form->weight_axis = 1;
        form->bias_slot = OA_NONE;
    } else {
        return oa_node_is(node, "LSTM") || oa_node_is(node, "GRU") || oa_node_is(node, "RNN")
                   ? "its steps cannot be seen"
                   : "its weights are of a form that is not handled";
    }
    return NULL;
}

/* The Add that gives a MatMul its bias: the only reader, with one number a unit; OA_NONE otherwise. */
static size_t bias_node(size_t *slot, const planner *p, size_t value, size_t units)
{
    size_t reader = p->values[value].reader;
    const oa_node *add = reader == OA_NONE ? NULL : &p->graph->nodes[reader];
    if (!add || p->values[value].uses != 1 || !oa_node_is(add, "Add") || add->input_count != 2) {
        return OA_NONE;
    }
    size_t other = oa_node_input(add, 0) == value ? 1 : 0;
    const oa_tensor *bias = oa_node_constant(p->graph, add, other);
    bool fits = bias && bias->count == units && bias->rank >= 1 && bias->dims[bias->rank - 1] == units;
    *slot = fits ? other : *slot;
    return fits ? reader : OA_NONE;
}

static const char *plan_layer(oa_repair_place *place, const planner *p, size_t index)
{
    const oa_node *node = &p->graph->nodes[index];
    layer_form form;
    layer_weight weight;
    size_t output = node->output_count ? node->outputs[0] : OA_NONE;
    const char *reason = find_weight(&weight, p, node);
    if (!reason) {
        reason = read_form(&form, node, p->graph->tensors[weight.tensor].rank);
    }
    if (!reason && output == OA_NONE) {
        reason = "nothing takes what it puts out";
    }
    if (reason) {
        return reason;
    }
    size_t axis = weight.axes[form.weight_axis];
    size_t units = p->graph->tensors[weight.tensor].dims[axis];
    const oa_node *adds = node;
    size_t adder = OA_NONE;
    if (form.bias_slot == OA_NONE) {
        adder = bias_node(&form.bias_slot, p, output, units);
        adds = adder == OA_NONE ? node : &p->graph->nodes[adder];
        output = adder == OA_NONE ? output : adds->outputs[0];
    }
    if (p->values[output].is_added && p->values[output].uses == 1) {
        return "it adds to a stream that layer normalisation takes";
    }
    bool has_bias =
        form.bias_slot != OA_NONE && oa_node_input(adds, form.bias_slot) != OA_NONE && form.bias_factor != 0.0;
    size_t bias = has_bias ? own_constant(&reason, p, adds, form.bias_slot, units) : OA_NONE;
    if (reason) {
        return "its bias is used elsewhere, or computed";
    }
    *place = (oa_repair_place){.kind = bias == OA_NONE ? OA_REPAIR_SCALE : OA_REPAIR_SCALE_SHIFT,
                               .node = index,
                               .adder = adder,
                               .turn = weight.turn,
                               .value = output,
                               .is_last = form.is_last,
                               .units = units,
                               .weight = weight.tensor,
                               .weight_axis = axis,
                               .bias = bias,
                               .bias_factor = form.bias_factor,
                               .mean = OA_NONE,
                               .variance = OA_NONE};
    return NULL;
}

static oa_status plan_node(planner *p, size_t index, oa_error *error)
{
    const oa_node *node = &p->graph->nodes[index];
    oa_repair_place place = {0};
    size_t depth = depth_of(p, node);
    oa_status status = OA_OK;
    bool is_normalisation = oa_node_is(node, "BatchNormalization");
    if (is_normalisation || is_layer(p, node)) {
        const char *reason = is_normalisation ? plan_normalisation(&place, p, index) : plan_layer(&place, p, index);
        if (reason) {
            status = leave(p, node, reason, error);
        } else if (is_normalisation || !p->values[place.value].is_normalised) {
            status = add_place(p, place, &depth, error);
        }
    }
    for (size_t k = 0; k < node->output_count; k++) {
        if (node->outputs[k] != OA_NONE) {
            p->values[node->outputs[k]].depth = depth;
        }
    }
    return status;
}

/* Normalisations and layers in bodies are named, so that nobody thinks them repaired. */
static oa_status leave_bodies(planner *p, oa_error *error)
{
    oa_status status = OA_OK;
    for (size_t b = 0; b < p->graph->body_count; b++) {
        const oa_body *body = &p->graph->bodies[b];
        for (size_t i = 0; i < body->node_count && status == OA_OK; i++) {
            const oa_node *node = &body->nodes[i];
            if (oa_node_is(node, "BatchNormalization") || is_layer_type(node)) {
                status = leave(p, node, "it is in a subgraph", error);
            }
        }
    }
    return status;
}

oa_status oa_repair_plan_make(oa_repair_plan *plan, const oa_graph *graph, oa_error *error)
{
    planner p = {.plan = plan, .graph = graph, .values = oa_calloc(graph->value_count, sizeof *p.values)};
    if (!p.values) {
        return oa_fail(error, OA_ERROR_MEMORY, "out of memory while planning the repair");
    }
    for (size_t v = 0; v < graph->value_count; v++) {
        p.values[v].reader = OA_NONE;
    }
    find_data(&p);
    find_uses(&p);
    oa_status status = OA_OK;
    for (size_t i = 0; i < graph->live_count && status == OA_OK; i++) {
        status = plan_node(&p, i, error);
    }
    status = status == OA_OK ? leave_bodies(&p, error) : status;
    oa_free(p.values);
    return status;
}

void oa_repair_plan_free(oa_repair_plan *plan)
{
    oa_free(plan->places);
    oa_free(plan->left);
    *plan = (oa_repair_plan){0};
}
