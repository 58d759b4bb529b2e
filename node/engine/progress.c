/* Counts, and when they are told, as node/engine/progress.h says. */
#include "node/engine/progress.h"

#include "node/engine/tell.h"
#include "node/engine/turn.h"

#define TELL_MS 500 /* between two SYNC_PROGRESS */

void ps_progress_received(struct ps_turn *turn, struct ps_peer *peer, uint64_t changes)
{
    turn->engine->counts.received += changes;
    peer->progress.received += changes;
}

void ps_progress_sent(struct ps_turn *turn, struct ps_peer *peer, uint64_t changes)
{
    turn->engine->counts.sent += changes;
    peer->progress.sent += changes;
}

void ps_progress_conflicts(struct ps_turn *turn, uint64_t opened)
{
    turn->engine->counts.conflicts += opened;
}

void ps_progress_busy(struct ps_turn *turn, struct ps_peer *peer, uint64_t left)
{
    struct ps_progress *progress = &peer->progress;
    if (!progress->told) {
        progress->told = true;
        progress->started_ms = turn->now_ms;
        progress->told_ms = turn->now_ms;
        progress->received = 0;
        ps_tell_sync_started(turn, peer);
    } else if (turn->now_ms >= progress->told_ms + TELL_MS) {
        struct ps_tell_sync sync = {.received = progress->received,
                                    .expected = progress->received + left};
        progress->told_ms = turn->now_ms;
        ps_tell_sync_progress(turn, peer, &sync);
    }
}

void ps_progress_completed(struct ps_turn *turn, struct ps_peer *peer)
{
    struct ps_progress *progress = &peer->progress;
    if (progress->told) {
        struct ps_tell_sync sync = {.received = progress->received,
                                    .sent = progress->sent,
                                    .duration_ms = turn->now_ms - progress->started_ms};
        ps_tell_sync_completed(turn, peer, &sync);
        progress->told = false;
        progress->sent = 0;
    }
}

void ps_progress_stopped(struct ps_peer *peer)
{
    peer->progress.told = false;
}

void ps_progress_failed(struct ps_turn *turn, struct ps_peer *peer, const char *reason)
{
    if (peer->progress.told) {
        peer->progress.told = false;
        ps_tell_sync_failed(turn, peer, reason);
    }
}
