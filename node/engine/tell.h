/* Tell: the events that an app learns of, written as the maps that p2psync.h describes. */
#ifndef PS_NODE_ENGINE_TELL_H
#define PS_NODE_ENGINE_TELL_H

#include <stdint.h>

#include <p2psync.h>

#include "wire/act.h"

struct ps_join;
struct ps_member;
struct ps_named;
struct ps_peer;
struct ps_removal;
struct ps_turn;

void ps_tell_peer_up(struct ps_turn *turn, const struct ps_peer *peer);
void ps_tell_peer_down(struct ps_turn *turn, const struct ps_peer *peer, const char *reason);

/* How far a sync with a peer is; what an event does not say is passed over. */
struct ps_tell_sync {
    uint64_t received; /* changes */
    uint64_t sent;
    uint64_t expected; /* received, and those that are still wanted */
    uint64_t duration_ms;
};
void ps_tell_sync_started(struct ps_turn *turn, const struct ps_peer *peer);
void ps_tell_sync_progress(struct ps_turn *turn, const struct ps_peer *peer,
                           const struct ps_tell_sync *sync);
void ps_tell_sync_completed(struct ps_turn *turn, const struct ps_peer *peer,
                            const struct ps_tell_sync *sync);
void ps_tell_sync_failed(struct ps_turn *turn, const struct ps_peer *peer, const char *reason);

/* A device was invited and has joined. */
void ps_tell_joined(struct ps_turn *turn, const struct ps_join *join);
/* A device has presented the code, and waits until somebody accepts it. */
void ps_tell_pending(struct ps_turn *turn, const struct ps_join *join);
/* A log of a device was found to fork. `name` may be empty. */
struct ps_tell_fork {
    struct ps_device device;
    struct ps_bytes name;
    struct ps_bytes collection;
    const char *text; /* what to do */
};
void ps_tell_forked(struct ps_turn *turn, const struct ps_tell_fork *fork);
/* What the disk had lost of a log is here again. */
struct ps_tell_healed {
    struct ps_device device; /* whose log */
    struct ps_bytes collection;
};
void ps_tell_healed(struct ps_turn *turn, const struct ps_tell_healed *healed);
/* A member has another role than `before`. */
void ps_tell_role(struct ps_turn *turn, const struct ps_member *member, ps_role before);
/* A peer was removed from the mesh. */
void ps_tell_gone(struct ps_turn *turn, const struct ps_peer *peer, const struct ps_named *named);
/* This device was. */
void ps_tell_removed(struct ps_turn *turn, const struct ps_removal *removal);
void ps_tell_invite_closed(struct ps_turn *turn, const char *reason);
void ps_tell_error(struct ps_turn *turn, p2psync_result result);
/* The same where there is more to say than the result does. */
void ps_tell_error_text(struct ps_turn *turn, p2psync_result result, const char *text);

#endif
