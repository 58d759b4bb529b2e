/* Introduce: telling a peer, in a PEERS message, where the other members were reached, for networks
 * that block broadcast. */
#ifndef PS_NODE_ENGINE_INTRODUCE_H
#define PS_NODE_ENGINE_INTRODUCE_H

#include <stdbool.h>

struct ps_engine;
struct ps_peer;
struct ps_turn;

struct ps_introduction {
    bool due;   /* the peer is to be told where others are */
    bool again; /* and once more when it is in sync */
};

/* A session has begun: everyone is to be told where everyone is. */
void ps_introduce_all(struct ps_engine *engine);
/* Send what is due. in_sync: the peer knows all members that are known here. */
void ps_introduce_flush(struct ps_turn *turn, struct ps_peer *peer, bool in_sync);

#endif
