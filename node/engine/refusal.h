/* Refusals: what a peer sends or offers rightly, and what is not taken here all the same, because a
 * bound is reached. Peers offer it again in each round, for ever, so it is told seldom. */
#ifndef PS_NODE_ENGINE_REFUSAL_H
#define PS_NODE_ENGINE_REFUSAL_H

#include <p2psync.h>

#include "wire/message.h"

struct ps_peer;
struct ps_turn;

/* Log why a log of the peer is not taken, unless one was logged lately. */
void ps_refusal_tell(struct ps_turn *turn, const struct ps_peer *peer,
                     const struct ps_log_name *name, p2psync_result why);

#endif
