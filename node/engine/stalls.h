/* Stalls: peers to which large packets vanish on the way, while small ones pass: a tunnel or a
 * router drops what does not fit, and tells nobody. The links look connected, and end again and
 * again, because nothing of what waits arrives. What the links find out is remembered here over
 * their ends, and told to people. */
#ifndef PS_NODE_ENGINE_STALLS_H
#define PS_NODE_ENGINE_STALLS_H

#include "node/engine/engine.h"

/* What to do about it. */
#define PS_STALLS_FIX                                                                              \
    "a tunnel (VPN) or a router on the way drops large packets in silence: lower the MTU of the "  \
    "tunnel, or let the system find out what gets through with 'sudo sysctl -w "                   \
    "net.ipv4.tcp_mtu_probing=1', which is for IPv6 too"

struct ps_peer;
struct ps_turn;

/* Of a peer. It outlives sessions. */
struct ps_stall {
    uint64_t until_ms; /* for so long it is said; 0: nothing is known */
};

/* Of all peers. */
struct ps_stalls {
    uint64_t first_ms; /* none is forgotten before; 0: none is known */
};

/* The turn's event: a link to its device is stalled. */
void ps_stalls_found(struct ps_turn *turn);
/* Large packets to the peer pass, or nothing waits for it. NULL is fine. */
void ps_stalls_passes(struct ps_turn *turn, struct ps_peer *peer);

/* Forget those that were not met for long. */
void ps_stalls_tick(struct ps_turn *turn);
uint64_t ps_stalls_deadline(const struct ps_engine *engine);

/* What there is to say of the way to the peer; "" if it is in order. */
void ps_stalls_describe_peer(const struct ps_peer *peer, char out[static PS_ALERT_SIZE]);

#endif
