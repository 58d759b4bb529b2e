/* When to apply, as node/engine/backlog.h says. */
#include "node/engine/backlog.h"

#include "node/engine/turn.h"
#include "store/apply/apply.h"

#define APPLY_MS 2000 /* until changes are visible, however many more come */

void ps_backlog_grew(struct ps_turn *turn)
{
    if (turn->engine->apply_ms == PS_NEVER) {
        turn->engine->apply_ms = turn->now_ms + APPLY_MS;
    }
}

void ps_backlog_found(struct ps_turn *turn)
{
    turn->engine->apply_ms = turn->now_ms;
}

bool ps_backlog_waits(const struct ps_engine *engine)
{
    return engine->apply_ms != PS_NEVER;
}

bool ps_backlog_apply(struct ps_turn *turn)
{
    struct ps_engine *engine = turn->engine;
    struct ps_applied applied = {0};
    if (engine->apply_ms == PS_NEVER || !turn->txn->writable) {
        return false;
    }
    bool more_comes = ps_transfer_fetching(turn) && !turn->members_dirty;
    if (more_comes && turn->now_ms < engine->apply_ms &&
        ps_state_ours(turn)->pending < PS_APPLY_BATCH_MAX) {
        return false;
    }
    const struct ps_apply_bounds bounds = {.limit = PS_APPLY_BATCH_MAX,
                                           .is_over = ps_pace_is_over,
                                           .context = turn,
                                           .now_ms = turn->wall_ms};
    if (!ps_turn_ok(turn, ps_apply(turn->txn, &bounds, &applied))) {
        return false;
    }
    engine->apply_ms = applied.more ? turn->now_ms : PS_NEVER;
    ps_progress_conflicts(turn, applied.conflicts_opened);
    turn->dirty = turn->dirty || applied.changes > 0;
    return applied.changes > 0;
}
