/* What a peer holds of each log. For sending only what it has said in this session counts, because
 * between two sessions its store may have gone back to an older copy. For people the last that is
 * known counts, and it outlives the session: it says how far apart both are. */
#ifndef PS_NODE_ENGINE_HOLDS_H
#define PS_NODE_ENGINE_HOLDS_H

#include <stdbool.h>

#include "node/engine/by_log.h"

struct ps_engine;
struct ps_peer;
struct ps_turn;

struct ps_holds {
    struct ps_by_log sizes; /* as far as known in this session */
    struct ps_by_log known; /* the last that is known */
    bool whole;             /* `known` has every log: both have compared everything */
    uint64_t unseen;        /* changes of logs that were not here when the last session ended ... */
    uint32_t logs;          /* ... when so many were */
};

/* What the peer holds of a log, as far as known in this session. */
uint64_t ps_holds_size(const struct ps_peer *peer, uint32_t log);
/* The peer holds `size` of a log. False if memory has failed. */
bool ps_holds_note(struct ps_turn *turn, struct ps_peer *peer, uint32_t log, uint64_t size);
/* The peer has told of every log that it holds. */
void ps_holds_whole(struct ps_peer *peer);
/* The peer holds what we hold. */
void ps_holds_same(struct ps_turn *turn, struct ps_peer *peer);

/* Both sides compared, by the last that is known. UINT64_MAX in a number: not known. */
struct ps_holds_sum {
    uint64_t common; /* changes that both hold */
    uint64_t behind; /* that the peer lacks */
    uint64_t ahead;  /* that are missing here */
};
struct ps_holds_sum ps_holds_sum(const struct ps_engine *engine, const struct ps_peer *peer);

/* The session is over. unseen: changes the peer has offered of logs that are not here. */
void ps_holds_end_session(const struct ps_engine *engine, struct ps_peer *peer, uint64_t unseen);
/* The store has failed: numbers of logs may be given to others. */
void ps_holds_forget(struct ps_peer *peer);
void ps_holds_deinit(struct ps_holds *holds);

#endif
