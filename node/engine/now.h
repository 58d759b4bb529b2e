/* Now: p2psync_now(), which wants every peer that can be reached to be in sync, and waits for that
 * up to a time limit. */
#ifndef PS_NODE_ENGINE_NOW_H
#define PS_NODE_ENGINE_NOW_H

#include <stdbool.h>
#include <stdint.h>

#include "node/engine/progress.h"
#include "wire/limits.h"

struct ps_engine;
struct ps_peer;
struct ps_turn;

#define PS_NOWS_MAX 8

/* A request that waits. */
struct ps_now {
    bool waiting;
    uint64_t request;
    uint64_t begun_ms;
    uint64_t expires_ms;
    struct ps_counts before; /* when it came */
};

/* What the newest request waits for of one peer, and the peer's counts when that request came. */
struct ps_now_peer {
    bool waiting;
    uint64_t states_heard;
    uint64_t sessions_ended;
    uint64_t cycles_failed;
};

/* A request has come. */
void ps_now_begin(struct ps_turn *turn);
/* Whether requests are done; at the end of a turn. */
void ps_now_check(struct ps_turn *turn);
uint64_t ps_now_deadline(const struct ps_engine *engine);

#endif
