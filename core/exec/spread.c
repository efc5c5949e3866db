#include "core/exec/spread.h"

/* A part costs at least so much: some ten microseconds, more than handing it to a thread. */
enum { LEAST_COST = 1 << 15, PARTS_A_THREAD = 4 };

typedef struct spread {
    size_t count;
    size_t parts;
    oa_spread_work work;
    void *context;
} spread;

static oa_status do_part(void *context, size_t item, size_t worker, oa_error *error)
{
    const spread *s = context;
    size_t share = s->count / s->parts, rest = s->count % s->parts; /* the first `rest` parts have one more */
    size_t first = item * share + (item < rest ? item : rest);
    (void)worker;
    (void)error;
    s->work(s->context, first, first + share + (item < rest));
    return OA_OK;
}

void oa_spread(oa_team *team, size_t count, size_t cost, oa_spread_work work, void *context)
{
    size_t most = PARTS_A_THREAD * oa_team_size(team), unit = LEAST_COST / (cost ? cost : 1) + 1;
    size_t parts = count / unit < most ? count / unit : most;
    spread s = {.count = count, .parts = parts, .work = work, .context = context};
    if (oa_team_size(team) < 2 || parts < 2 || oa_team_run(team, parts, do_part, &s, NULL) != OA_OK) {
        work(context, 0, count);
    }
}
