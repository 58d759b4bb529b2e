/* States: what this device holds, and what a peer last said that it holds, each as one hash and the
 * number of changes that are not applied yet. */
#ifndef PS_NODE_ENGINE_STATE_H
#define PS_NODE_ENGINE_STATE_H

#include <stdbool.h>

#include "wire/message.h"

struct ps_peer;
struct ps_turn;

/* Our own state, valid for one transaction of the store. */
struct ps_state_cache {
    struct ps_state ours;
    uint64_t txn;  /* 0: must be computed again */
    uint64_t seen; /* the newest transaction of the store when the last turn ended */
};

/* What a peer has said of itself in this session. */
struct ps_state_heard {
    bool valid;
    struct ps_state theirs;
    uint64_t times; /* how often since the start; outlives the session */
};

/* What we have said of ourselves to a peer in this session. */
struct ps_state_told {
    bool valid;
    struct ps_state ours;
};

/* Our own state, as the turn's transaction sees it. */
const struct ps_state *ps_state_ours(struct ps_turn *turn);
/* The turn begins on transaction `txn` of the store, or has ended with `txn` as the newest. */
void ps_state_begin(struct ps_turn *turn, uint64_t txn);
void ps_state_end(struct ps_turn *turn, uint64_t txn);

/* Our own state as the next message to the peer says it: what was said before is not said again, or
 * is. */
struct ps_state ps_state_tell(struct ps_turn *turn, struct ps_peer *peer);
struct ps_state ps_state_tell_anew(struct ps_turn *turn, struct ps_peer *peer);
/* Whether less waits to be applied here than the peer was told last: it takes us for not in sync.
 */
bool ps_state_has_applied(struct ps_turn *turn, const struct ps_peer *peer);
/* The session is over, or a message to the peer was dropped: what we said may not have come. */
void ps_state_untell(struct ps_peer *peer);

/* The peer said what it holds. */
void ps_state_note(struct ps_turn *turn, struct ps_peer *peer, const struct ps_state *theirs);
/* How often that was since the start. */
uint64_t ps_state_times_heard(const struct ps_peer *peer);
/* The session is over: what the peer said no longer counts. */
void ps_state_forget(struct ps_peer *peer);
/* Whether both hold the same changes, as far as the peer has said. */
bool ps_state_is_equal(struct ps_turn *turn, const struct ps_peer *peer);

#endif
