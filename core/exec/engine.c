#include "core/exec/engine.h"

#include "core/exec/execution.h"

struct oa_session {
    const oa_engine *engine;
    void *state; /* the engine's own */
};

/* A session of the built-in engine. */
typedef struct builtin_session {
    oa_executor *executor;
    const oa_payloads *payloads;
    const bool *wanted;
    bool *nodes;         /* [live_count] that make what is wanted; NULL: all, for the outputs */
    oa_watcher *watcher; /* of the run */
    void *watcher_context;
} builtin_session;

static oa_status show_wanted(void *context, size_t value, const oa_array *array, oa_error *error)
{
    const builtin_session *session = context;
    return session->wanted[value] && session->watcher ? session->watcher(session->watcher_context, value, array, error)
                                                      : OA_OK;
}

static void finish_builtin(void *session)
{
    builtin_session *finished = session;
    oa_executor_destroy(finished->executor);
    oa_free(finished->nodes);
    oa_free(finished);
}

static oa_status watch_wanted(builtin_session *session, const oa_graph *graph, oa_error *error)
{
    session->nodes = oa_calloc(graph->live_count, sizeof *session->nodes);
    if (!session->nodes) {
        return oa_fail(error, OA_ERROR_MEMORY, "out of memory while preparing to run the graph");
    }
    oa_graph_needs(session->nodes, graph, session->wanted);
    oa_executor_watch(session->executor, show_wanted, session);
    return OA_OK;
}

static oa_status prepare_builtin(void **session, void *context, const oa_graph *graph, const oa_payloads *payloads,
                                 const bool *wanted, oa_error *error)
{
    (void)context;
    builtin_session *made = oa_calloc(1, sizeof *made);
    if (!made) {
        return oa_fail(error, OA_ERROR_MEMORY, "out of memory while preparing to run the graph");
    }
    made->payloads = payloads;
    made->wanted = wanted;
    oa_status status = oa_executor_create(&made->executor, graph, error);
    if (status == OA_OK && wanted) {
        status = watch_wanted(made, graph, error);
    }
    if (status != OA_OK) {
        finish_builtin(made);
        return status;
    }
    *session = made;
    return OA_OK;
}

static oa_status show_values(builtin_session *session, const oa_array *inputs, oa_error *error)
{
    oa_execution *run = NULL;
    oa_status status = oa_execution_create(&run, session->executor, inputs, error);
    if (status == OA_OK) {
        status = oa_execution_advance(run, session->nodes, session->payloads, error);
    }
    oa_execution_destroy(run);
    return status;
}

static oa_status run_builtin(oa_array *outputs, void *session, const oa_array *inputs, oa_watcher *watcher,
                             void *watcher_context, oa_error *error)
{
    builtin_session *running = session;
    if (!running->wanted) {
        return oa_executor_run(outputs, running->executor, inputs, running->payloads, error);
    }
    running->watcher = watcher;
    running->watcher_context = watcher_context;
    return show_values(running, inputs, error);
}

const oa_engine *oa_engine_builtin(void)
{
    static const oa_engine builtin = {
        .name = "builtin", .prepare = prepare_builtin, .run = run_builtin, .finish = finish_builtin};
    return &builtin;
}

const char *oa_engine_name(const oa_engine *engine)
{
    return engine ? engine->name : oa_engine_builtin()->name;
}

oa_status oa_session_create(oa_session **session, const oa_engine *engine, const oa_graph *graph,
                            const oa_payloads *payloads, const bool *wanted, oa_error *error)
{
    oa_session *made = oa_calloc(1, sizeof *made);
    if (!made) {
        return oa_fail(error, OA_ERROR_MEMORY, "out of memory while preparing to run the graph");
    }
    made->engine = engine ? engine : oa_engine_builtin();
    oa_status status = made->engine->prepare(&made->state, made->engine->context, graph, payloads, wanted, error);
    if (status != OA_OK) {
        oa_free(made);
        return status;
    }
    *session = made;
    return OA_OK;
}

void oa_session_destroy(oa_session *session)
{
    if (session) {
        session->engine->finish(session->state);
        oa_free(session);
    }
}

oa_status oa_session_run(oa_array *outputs, oa_session *session, const oa_array *inputs, oa_watcher *watcher,
                         void *watcher_context, oa_error *error)
{
    return session->engine->run(outputs, session->state, inputs, watcher, watcher_context, error);
}
