/* Sizes by log, as node/engine/holds.h says. */
#include "node/engine/holds.h"

#include "node/engine/turn.h"
#include "store/log/shown.h"

uint64_t ps_holds_size(const struct ps_peer *peer, uint32_t log)
{
    return ps_by_log_get(&peer->holds.sizes, log);
}

bool ps_holds_note(struct ps_turn *turn, struct ps_peer *peer, uint32_t log, uint64_t size)
{
    return ps_turn_ok(turn, ps_by_log_set(&peer->holds.sizes, log, size)) &&
           ps_turn_ok(turn, ps_by_log_set(&peer->holds.known, log, size));
}

void ps_holds_whole(struct ps_peer *peer)
{
    peer->holds.whole = true;
}

/* Of logs that are not shown whole it holds what is shown, as far as is known. */
void ps_holds_same(struct ps_turn *turn, struct ps_peer *peer)
{
    struct ps_shown_walk walk = {.txn = turn->txn};
    struct ps_log_brief hidden;
    struct ps_shown shown;
    for (uint32_t log = 0; log < ps_logs_count(turn->engine); log++) {
        (void)ps_holds_note(turn, peer, log, ps_logs_size(turn->engine, log));
    }
    while (ps_shown_walk_next(&walk, &hidden, &shown)) {
        (void)ps_holds_note(turn, peer, hidden.number, shown.size);
    }
    (void)ps_turn_ok(turn, walk.result);
    peer->holds.unseen = 0;
    ps_holds_whole(peer);
}

struct ps_holds_sum ps_holds_sum(const struct ps_engine *engine, const struct ps_peer *peer)
{
    const struct ps_holds *holds = &peer->holds;
    struct ps_holds_sum sum = {0};
    if (!holds->whole) {
        return (struct ps_holds_sum){UINT64_MAX, UINT64_MAX, UINT64_MAX};
    }
    for (uint32_t log = 0; log < ps_logs_count(engine); log++) {
        if (!ps_logs_is_local(engine, log)) {
            uint64_t ours = ps_logs_size(engine, log);
            uint64_t theirs = ps_by_log_get(&holds->known, log);
            sum.common += theirs < ours ? theirs : ours;
            sum.behind += theirs < ours ? ours - theirs : 0;
            sum.ahead += theirs > ours ? theirs - ours : 0;
        }
    }
    /* A log that has come since may be one of those that were not here. */
    bool known = holds->unseen == 0 || holds->logs == ps_logs_used(engine);
    sum.ahead = known ? sum.ahead + holds->unseen : UINT64_MAX;
    return sum;
}

void ps_holds_end_session(const struct ps_engine *engine, struct ps_peer *peer, uint64_t unseen)
{
    ps_by_log_clear(&peer->holds.sizes);
    peer->holds.unseen = unseen;
    peer->holds.logs = ps_logs_used(engine);
}

void ps_holds_forget(struct ps_peer *peer)
{
    ps_by_log_clear(&peer->holds.sizes);
    ps_by_log_clear(&peer->holds.known);
    peer->holds.whole = false;
    peer->holds.unseen = 0;
}

void ps_holds_deinit(struct ps_holds *holds)
{
    ps_by_log_deinit(&holds->sizes);
    ps_by_log_deinit(&holds->known);
}
