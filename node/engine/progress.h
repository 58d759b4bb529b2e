/* Progress: how many changes went to and fro, with each peer since its sync began and in all since
 * the start, and what the app is told of that. */
#ifndef PS_NODE_ENGINE_PROGRESS_H
#define PS_NODE_ENGINE_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct ps_peer;
struct ps_turn;

/* Of one peer. */
struct ps_progress {
    bool told; /* that it has started, and not yet that it has ended */
    uint64_t started_ms;
    uint64_t told_ms;
    uint64_t received; /* changes */
    uint64_t sent;
};

/* Of all peers, since the start. */
struct ps_counts {
    uint64_t received; /* changes */
    uint64_t sent;
    uint64_t conflicts; /* opened by changes that came */
};

void ps_progress_received(struct ps_turn *turn, struct ps_peer *peer, uint64_t changes);
void ps_progress_sent(struct ps_turn *turn, struct ps_peer *peer, uint64_t changes);
void ps_progress_conflicts(struct ps_turn *turn, uint64_t opened);

/* Changes are under way with the peer, and `left` are still wanted from it: tell that, once in a
 * while. */
void ps_progress_busy(struct ps_turn *turn, struct ps_peer *peer, uint64_t left);
/* The peer is in sync. */
void ps_progress_completed(struct ps_turn *turn, struct ps_peer *peer);
/* The session has ended: cleanly, because one side stops, or otherwise. */
void ps_progress_stopped(struct ps_peer *peer);
void ps_progress_failed(struct ps_turn *turn, struct ps_peer *peer, const char *reason);

#endif
