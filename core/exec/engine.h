/* What runs whole models: the built-in executor, or something else behind the same three functions. Verification,
 * evaluation and activation matching know models by this interface alone. */
#ifndef OA_EXEC_ENGINE_H
#define OA_EXEC_ENGINE_H

#include "core/exec/exec.h"

/* Sees a value of a run, as oa_executor_watcher does. */
typedef oa_executor_watcher oa_watcher;

/* A way to run models. What it points at outlives every session that it prepares. */
typedef struct oa_engine {
    const char *name; /* for reports: "builtin", "onnxruntime" */
    void *context;    /* handed to `prepare` */
    /* Makes *session ready to run the graph with some constants replaced (NULL: none): for its outputs, or, when
     * `wanted` [value_count] is not NULL, for nothing but the values that are flagged there, and what these do not need
     * is left out. All three are borrowed until the session is finished. Errors: OA_ERROR_UNSUPPORTED for what the
     * engine cannot run, naming it; OA_ERROR_INPUT, OA_ERROR_MEMORY. */
    oa_status (*prepare)(void **session, void *context, const oa_graph *graph, const oa_payloads *payloads,
                         const bool *wanted, oa_error *error);
    /* See oa_session_run. */
    oa_status (*run)(oa_array *outputs, void *session, const oa_array *inputs, oa_watcher *watcher,
                     void *watcher_context, oa_error *error);
    void (*finish)(void *session);
} oa_engine;

/* The built-in executor (core/exec/exec.h). */
const oa_engine *oa_engine_builtin(void);

/* The name of an engine; NULL stands for the built-in one, here and below. */
const char *oa_engine_name(const oa_engine *engine);

/* A model to run: a graph and the payloads that replace its own (NULL: none). Borrowed. */
typedef struct oa_runnable {
    const oa_graph *graph;
    const oa_payloads *payloads;
    const size_t *input_of; /* [inputs of the reference, or of the model that samples are for] its input in the place of
                               each (OA_NONE: it has none), or NULL when they are the same */
    const oa_engine *engine; /* what runs it; NULL: the built-in executor */
} oa_runnable;

/* A model that is ready to run. */
typedef struct oa_session oa_session;

/* Arguments and errors as oa_engine.prepare has them. */
oa_status oa_session_create(oa_session **session, const oa_engine *engine, const oa_graph *graph,
                            const oa_payloads *payloads, const bool *wanted, oa_error *error);
void oa_session_destroy(oa_session *session);

/* Runs the model, one run of a session at a time.
 *
 * - outputs [graph->output_count], outputs: owned by the caller, who frees each with oa_array_free; untouched on
 *   failure. Not used by sessions that show values: NULL will do.
 * - inputs [graph->input_count], borrowed, in the order of graph->inputs, of the declared types; those that no output
 *   depends on too.
 * - watcher: sees each wanted value that a node makes and something reads, once, in an order of the engine's own; NULL
 *   without any. The built-in engine frees a value after its last reader, others may hold all of them until the run
 * ends.
 *
 * Errors: OA_ERROR_INPUT for inputs that do not fit, OA_ERROR_UNSUPPORTED, OA_ERROR_MEMORY, what the watcher returns.
 */
oa_status oa_session_run(oa_array *outputs, oa_session *session, const oa_array *inputs, oa_watcher *watcher,
                         void *watcher_context, oa_error *error);

#endif
