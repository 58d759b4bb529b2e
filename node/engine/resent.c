/* Counting what goes out, as node/engine/resent.h says. */
#include "node/engine/resent.h"

#include "node/engine/turn.h"

void ps_resent_note(struct ps_turn *turn, struct ps_peer *peer, const struct ps_log *log,
                    const struct ps_log_run *run, size_t size)
{
    struct ps_resent *resent = &peer->resent;
    uint64_t count = ps_by_log_get(&resent->sent, log->number) + run->end - run->begin;
    (void)ps_turn_ok(turn, ps_by_log_set(&resent->sent, log->number, count));
    resent->bytes += count > log->size * 2 ? size : 0;
    if (run->end < log->size) { /* the block where it ends, and the last one of the log */
        ps_blame_owe(peer, UINT64_C(2) * PS_BUDGET_BLOCK);
    }
}

uint64_t ps_resent_take(struct ps_peer *peer)
{
    uint64_t bytes = peer->resent.bytes;
    peer->resent.bytes = 0;
    return bytes;
}

void ps_resent_forget(struct ps_resent *resent)
{
    ps_by_log_clear(&resent->sent);
}

void ps_resent_deinit(struct ps_resent *resent)
{
    ps_by_log_deinit(&resent->sent);
}
