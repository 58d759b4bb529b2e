/* All peers, in order of their device ids, so that every walk over them is the same in every run.
 * trust.c says who comes and goes; everyone may read the items and their count.
 *
 * Most members of a large mesh are away. So a turn walks over those that are *present*: whoever had
 * a link when it began, or has one now, and those of whom something was heard in this turn. */
#ifndef PS_NODE_ENGINE_PEERS_H
#define PS_NODE_ENGINE_PEERS_H

#include <stdbool.h>
#include <stddef.h>

#include "wire/id.h"

struct ps_engine;
struct ps_peer;
struct ps_turn;

struct ps_peers {
    struct ps_peer **items;
    size_t count;
    size_t capacity;
    struct ps_peer **present; /* by device id; with room for all */
    size_t present_count;
    size_t connected; /* when this turn began */
    bool look;        /* something has moved of those that are not present: dial.c looks at all */
};

/* The peer of that device, or NULL. */
struct ps_peer *ps_peers_find(struct ps_engine *engine, const struct ps_device *device);
/* A member has told an endpoint of a peer: remember it. What several tell is the word of whoever
 * has told least. True if it was not known. */
bool ps_peers_told(struct ps_turn *turn, struct ps_peer *peer, struct ps_bytes endpoint,
                   struct ps_peer *teller);
/* Add a peer that is not there. NULL if memory or the store has failed. */
struct ps_peer *ps_peers_add(struct ps_turn *turn, const struct ps_device *device);
/* Take out and destroy those that are not allowed any more. They have no links. */
void ps_peers_drop_others(struct ps_engine *engine);
void ps_peers_deinit(struct ps_peers *peers);

/* The peer gets a link, or something was heard of it: it is present. */
void ps_peers_come(struct ps_engine *engine, struct ps_peer *peer);

/* Something has moved of peers that are not present, or may have; and all were looked at since. */
void ps_peers_look(struct ps_engine *engine);
void ps_peers_looked(struct ps_engine *engine);

/* A turn begins. */
void ps_peers_begin(struct ps_engine *engine);
/* Whether so many peers are connected that rounds and news go to a few of them at a time. */
bool ps_peers_are_many(const struct ps_engine *engine);
/* Whether our device id is lower than the peer's. */
bool ps_peers_we_are_lower(const struct ps_engine *engine, const struct ps_peer *peer);

#endif
