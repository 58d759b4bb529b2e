/* Introduce: telling a peer, in a PEERS message, where the other members were reached, for networks
 * that block broadcast. */
#ifndef PS_NODE_ENGINE_INTRODUCE_H
#define PS_NODE_ENGINE_INTRODUCE_H

#include <stdbool.h>
#include <stdint.h>

struct ps_engine;
struct ps_peer;
struct ps_turn;

struct ps_introduction {
    bool due;         /* the peer is to be told where others are */
    bool again;       /* and once more when it is in sync */
    bool known;       /* others were told where it is */
    uint64_t next_ms; /* they are told of no other place before */
    uint64_t moved;   /* the number of the news that it is where it is; they ascend */
    uint64_t told;    /* the last news that it was told */
};

/* A session with the peer has begun: it is to be told where the others are, and they where it is,
 * unless they know. */
void ps_introduce_begin(struct ps_turn *turn, struct ps_peer *peer);
/* The peer is at an endpoint that was not known. The others are told when its next session begins,
 * and not more often than once in a minute: it can say that it is wherever it likes. */
void ps_introduce_moved(struct ps_peer *peer);
/* After all were sent what is due in this turn. */
void ps_introduce_end(struct ps_turn *turn);
/* Send what is due. in_sync: the peer knows all members that are known here. */
void ps_introduce_flush(struct ps_turn *turn, struct ps_peer *peer, bool in_sync);

#endif
