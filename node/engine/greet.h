/* The HELLO of this node. */
#ifndef PS_NODE_ENGINE_GREET_H
#define PS_NODE_ENGINE_GREET_H

#include "wire/message.h"

struct ps_turn;

/* Append it. state  what this node holds. Errors  as ps_hello_encode(). */
p2psync_result ps_greet(const struct ps_turn *turn, const struct ps_state *state,
                        struct ps_buf *out) P2PSYNC_MUST_CHECK;

#endif
