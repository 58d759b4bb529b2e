/* What a peer holds of each log, as far as known in this session. */
#ifndef PS_NODE_ENGINE_HOLDS_H
#define PS_NODE_ENGINE_HOLDS_H

#include <stdbool.h>

#include "node/engine/by_log.h"

struct ps_engine;
struct ps_peer;
struct ps_turn;

struct ps_holds {
    struct ps_by_log sizes;
};

uint64_t ps_holds_size(const struct ps_peer *peer, uint32_t log);
/* The peer holds `size` of a log. False if the store or memory has failed. */
bool ps_holds_note(struct ps_turn *turn, struct ps_peer *peer, uint32_t log, uint64_t size);
/* The peer holds what we hold. */
void ps_holds_same(struct ps_turn *turn, struct ps_peer *peer);
/* How many changes the peer lacks, as far as known. */
uint64_t ps_holds_behind(const struct ps_engine *engine, const struct ps_peer *peer);
/* The session is over, or the store has failed. */
void ps_holds_forget(struct ps_peer *peer);
void ps_holds_deinit(struct ps_holds *holds);

#endif
