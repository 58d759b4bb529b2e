/* What a peer has sent to it more than once. Each change is sent once in a session, but for a few
 * where a search went back, and once more if its disk loses it (mend.h). A peer that has a log sent
 * again and again, and says each time that it has arrived, is to pay for that. And for each proof
 * that is worked out: a peer may ask for one small change from here, and another from there. */
#ifndef PS_NODE_ENGINE_RESENT_H
#define PS_NODE_ENGINE_RESENT_H

#include "node/engine/by_log.h"
#include "store/log/log.h"

struct ps_peer;
struct ps_turn;

struct ps_resent {
    struct ps_by_log sent; /* how many changes of each log were sent to it in this session */
    uint64_t bytes;        /* that went out beyond twice as many as the log has */
};

/* The entries of `run`, with `size` bytes, go out. */
void ps_resent_note(struct ps_turn *turn, struct ps_peer *peer, const struct ps_log *log,
                    const struct ps_log_run *run, size_t size);
/* How many bytes are to be paid for since the last call. */
uint64_t ps_resent_take(struct ps_peer *peer);
/* The session is over, or the store has failed. */
void ps_resent_forget(struct ps_resent *resent);
void ps_resent_deinit(struct ps_resent *resent);

#endif
