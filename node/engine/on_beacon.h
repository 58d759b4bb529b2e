/* A beacon was heard: a hint that a device of our mesh can be reached at an address. */
#ifndef PS_NODE_ENGINE_ON_BEACON_H
#define PS_NODE_ENGINE_ON_BEACON_H

#include "wire/id.h"
#include "wire/limits.h"

struct ps_peer;
struct ps_turn;

#define PS_STRANGERS_MAX 16
#define PS_STRANGERS_RATE                                                                          \
    20                  /* a second; anybody can send them, and each costs a hash for each member */
#define PS_NONCES_MAX 8 /* of one member: it has one on each network */

/* A device of our mesh whose beacon was heard, and that is no member as far as known. */
struct ps_stranger {
    uint64_t nonce;
    struct ps_tag tag;
    char endpoint[PS_ENDPOINT_SIZE_MAX + 1]; /* "": none */
};

/* The latest. */
struct ps_strangers {
    struct ps_stranger items[PS_STRANGERS_MAX];
    size_t next;
    uint64_t begun_ms; /* the second in which ... */
    size_t count;      /* ... so many were looked at */
};

/* Under which nonces a member's beacons were heard last. */
struct ps_nonces {
    uint64_t items[PS_NONCES_MAX];
    size_t count;
    size_t next;
};

void ps_on_beacon(struct ps_turn *turn);
/* A device whose beacon may have been heard before it was known has become a peer: dial it there.
 */
void ps_on_beacon_recall(struct ps_turn *turn, struct ps_peer *peer);

#endif
