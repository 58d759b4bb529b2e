/* The pace of the node's own writing, as node/engine/pace.h says. */
#include "node/engine/pace.h"

#include "node/engine/turn.h"

#define SHARE_MIN_MS 5 /* a shorter one does not shorten the flush, and costs more of them */

static bool is_awaited(struct ps_engine *engine, uint64_t now_ms);

void ps_pace_begin(struct ps_turn *turn)
{
    struct ps_pace *pace = &turn->engine->pace;
    if (pace->clock_ms != NULL) {
        pace->began_ms = pace->clock_ms();
    }
}

void ps_pace_end(struct ps_turn *turn)
{
    struct ps_pace *pace = &turn->engine->pace;
    if (pace->clock_ms == NULL) {
        return;
    }
    uint64_t now_ms = pace->clock_ms();
    uint64_t took_ms = now_ms - pace->began_ms;
    if (!is_awaited(turn->engine, now_ms) || took_ms <= PS_PACE_TURN_MS) {
        pace->share_ms += pace->share_ms < PS_PACE_TURN_MS ? 1 : 0;
    } else {
        uint64_t share_ms = pace->share_ms * PS_PACE_TURN_MS / took_ms;
        pace->share_ms = share_ms > SHARE_MIN_MS ? share_ms : SHARE_MIN_MS;
    }
}

bool ps_pace_is_over(void *turn)
{
    const struct ps_turn *it = turn;
    const struct ps_pace *pace = &it->engine->pace;
    if (pace->clock_ms == NULL || !it->txn->writable) {
        return false;
    }
    uint64_t now_ms = pace->clock_ms();
    return now_ms - pace->began_ms >= pace->share_ms && is_awaited(it->engine, now_ms);
}

/* Whether somebody waits, or has a moment ago. */
static bool is_awaited(struct ps_engine *engine, uint64_t now_ms)
{
    struct ps_pace *pace = &engine->pace;
    if (ps_txn_is_awaited(engine->store)) {
        pace->awaited_ms = now_ms;
    }
    return pace->awaited_ms != 0 && now_ms - pace->awaited_ms < PS_PACE_MEMORY_MS;
}
