/* Blame: what a peer has done wrong, and what its messages have cost. Both outlive its sessions. A
 * peer that was at fault gets no session for a while, and a longer while each time. */
#ifndef PS_NODE_ENGINE_BLAME_H
#define PS_NODE_ENGINE_BLAME_H

#include <stdbool.h>
#include <stdint.h>

#include "node/engine/budget.h"

struct ps_peer;
struct ps_peer_info;
struct ps_turn;

struct ps_blame {
    uint32_t faults;         /* in a row: each within FAULTS_MS of the one before it */
    uint64_t fault_ms;       /* when the last one was */
    uint64_t barred_ms;      /* no session before */
    uint64_t faults_ever;    /* since the start of the node */
    const char *last;        /* the last fault; NULL: none. Static */
    struct ps_budget budget; /* what its messages have cost */
    uint64_t owed;           /* what answering them has, and is not in there yet */
};

/* Count a fault; `text` is static. */
void ps_blame_fault(struct ps_turn *turn, struct ps_peer *peer, const char *text);
bool ps_blame_is_barred(const struct ps_turn *turn, const struct ps_peer *peer);
/* When that is over. */
uint64_t ps_blame_barred_ms(const struct ps_peer *peer);
/* Charge the peer for a message. False if that is over its budget. */
bool ps_blame_spend(struct ps_turn *turn, struct ps_peer *peer, uint64_t cost);

/* Note what answering the peer has cost, which is known only then. It is charged with its next
 * message. */
void ps_blame_owe(struct ps_peer *peer, uint64_t cost);

/* Fill in the faults. */
void ps_blame_describe(const struct ps_peer *peer, struct ps_peer_info *out);

#endif
