/* Distance: how far apart a peer and this device are, for people. */
#ifndef PS_NODE_ENGINE_DISTANCE_H
#define PS_NODE_ENGINE_DISTANCE_H

#include "store/mesh/peers.h"

struct ps_engine;
struct ps_peer;
struct ps_turn;

struct ps_distance {
    uint64_t behind; /* changes that the peer lacks; UINT64_MAX: not known */
    uint64_t ahead;  /* that are missing here; UINT64_MAX: not known */
};

struct ps_distance ps_distance_of(const struct ps_engine *engine, const struct ps_peer *peer);

/* The same from what was remembered of the peer, for a device that holds `total` changes now, those
 * of `_local` collections not counted. For example, a peer had all of 90 changes when it was last
 * in sync. Now there are 100, so it lacks 10, whoever wrote them. */
struct ps_distance ps_distance_of_row(const struct ps_peer_row *row, uint64_t total);

/* Put what is known into the rows that are to be written. */
void ps_distance_remember(struct ps_turn *turn);

#endif
