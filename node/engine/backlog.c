/* When to apply, as node/engine/backlog.h says. */
#include "node/engine/backlog.h"

#include "node/engine/turn.h"
#include "store/apply/apply.h"
#include "store/apply/refresh.h"

#define APPLY_MS 2000 /* until changes are visible, however many more come */
#define PAUSE_MS 20   /* from one piece of merging to the next */

void ps_backlog_grew(struct ps_turn *turn)
{
    if (turn->engine->apply_ms == PS_NEVER) {
        turn->engine->apply_ms = turn->now_ms + APPLY_MS;
    }
}

void ps_backlog_found(struct ps_turn *turn)
{
    turn->engine->apply_ms = turn->now_ms;
    turn->engine->members_dirty = true;
}

bool ps_backlog_has_changes(const struct ps_engine *engine)
{
    return engine->apply_ms != PS_NEVER;
}

bool ps_backlog_waits(const struct ps_engine *engine, uint64_t now_ms)
{
    return ps_backlog_has_changes(engine) || now_ms >= engine->refresh_ms;
}

uint64_t ps_backlog_deadline(const struct ps_engine *engine)
{
    return ps_deadline_sooner(engine->apply_ms, engine->refresh_ms);
}

void ps_backlog_refresh(struct ps_turn *turn)
{
    struct ps_engine *engine = turn->engine;
    bool waits = false;
    if (turn->txn->writable && turn->now_ms >= engine->refresh_ms) {
        if (!ps_turn_ok(turn, ps_refresh(turn->txn))) {
            return;
        }
        engine->refresh_ms = PS_NEVER;
    }
    if (!ps_turn_ok(turn, ps_refresh_waits(turn->txn, &waits))) {
        return;
    }
    if (!waits) {
        engine->refresh_ms = PS_NEVER;
    } else if (engine->refresh_ms == PS_NEVER) {
        engine->refresh_ms = turn->now_ms + PAUSE_MS;
    }
}

bool ps_backlog_apply(struct ps_turn *turn)
{
    struct ps_engine *engine = turn->engine;
    struct ps_applied applied = {0};
    if (engine->apply_ms == PS_NEVER || !turn->txn->writable) {
        return false;
    }
    bool more_comes = ps_transfer_fetching(turn) && !engine->members_dirty;
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
    if (applied.changes > 0) {
        turn->dirty = true;
        ps_roots_applied(turn);
    }
    return applied.changes > 0;
}
