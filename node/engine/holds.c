/* Sizes by log, as node/engine/holds.h says. */
#include "node/engine/holds.h"

#include "node/engine/turn.h"

uint64_t ps_holds_size(const struct ps_peer *peer, uint32_t log)
{
    return ps_by_log_get(&peer->holds.sizes, log);
}

bool ps_holds_note(struct ps_turn *turn, struct ps_peer *peer, uint32_t log, uint64_t size)
{
    return ps_turn_ok(turn, ps_by_log_set(&peer->holds.sizes, log, size));
}

void ps_holds_same(struct ps_turn *turn, struct ps_peer *peer)
{
    for (uint32_t log = 0; log < ps_logs_count(turn->engine); log++) {
        (void)ps_holds_note(turn, peer, log, ps_logs_size(turn->engine, log));
    }
}

uint64_t ps_holds_behind(const struct ps_engine *engine, const struct ps_peer *peer)
{
    uint64_t behind = 0;
    for (uint32_t log = 0; log < ps_logs_count(engine) && peer->state != PS_PEER_IN_SYNC; log++) {
        uint64_t ours = ps_logs_size(engine, log);
        uint64_t theirs = ps_holds_size(peer, log);
        behind += !ps_logs_is_local(engine, log) && theirs < ours ? ours - theirs : 0;
    }
    return behind;
}

void ps_holds_forget(struct ps_peer *peer)
{
    ps_by_log_clear(&peer->holds.sizes);
}

void ps_holds_deinit(struct ps_holds *holds)
{
    ps_by_log_deinit(&holds->sizes);
}
