/* Dialling: which endpoints of a peer are tried, and when. Every endpoint that the peer was ever
 * reached at is tried, the last good one first, then those that were given for no peer in
 * particular. Several dials race, each a moment after the one before: a network that swallows what
 * is sent to it costs no time. When all have failed, the next cycle comes after a back-off, which
 * grows to a minute, or to an hour for a peer that nobody here knows but from what others say. */
#ifndef PS_NODE_ENGINE_DIAL_H
#define PS_NODE_ENGINE_DIAL_H

#include <stdbool.h>
#include <stdint.h>

struct ps_engine;
struct ps_peer;
struct ps_turn;

struct ps_dial {
    uint32_t first;    /* which candidate endpoint a cycle begins with */
    uint32_t tried;    /* candidates of this cycle */
    uint32_t failures; /* cycles in a row */
    uint64_t cycles;   /* that failed, ever */
    uint64_t at_ms;    /* not before */
    bool unresolved;   /* a name is being looked up: this cycle says nothing */
};

/* Of all peers. */
struct ps_dials {
    uint64_t due_ms; /* none of those that are absent is due before, unless peers.look says so */
};

/* Dial whom it is time to dial, as many as may be dialled at once: those first that have failed
 * least often, and of these those that have waited longest. */
void ps_dial_tick(struct ps_turn *turn);
/* A dial of the peer has ended without a session. */
void ps_dial_failed(struct ps_turn *turn, struct ps_peer *peer, const char *reason);
/* Before that: it was not dialled, for its name is being looked up. */
void ps_dial_unresolved(struct ps_peer *peer);
/* Begin a new cycle, without back-off, at `at_ms`. */
void ps_dial_again(struct ps_peer *peer, uint64_t at_ms);
/* Begin it with that endpoint, if it is known as the peer's. */
void ps_dial_first(struct ps_peer *peer, const char *endpoint);
/* Go on with the cycle at `at_ms`, whatever was planned, or at the latest then. */
void ps_dial_at(struct ps_peer *peer, uint64_t at_ms);
void ps_dial_by(struct ps_peer *peer, uint64_t at_ms);
/* The peer has closed the link for a reason of its own: go on after a back-off. */
void ps_dial_back_off(struct ps_turn *turn, struct ps_peer *peer);

/* How long this side waits before it dials, so that both do not dial at once: the device with the
 * lower id does not wait. */
uint64_t ps_dial_yield_ms(struct ps_turn *turn, const struct ps_peer *peer);
/* Whether there is any endpoint to try. */
bool ps_dial_is_known(const struct ps_engine *engine, const struct ps_peer *peer);
/* How many cycles have failed since the start: those in which every endpoint could be tried. */
uint64_t ps_dial_cycles_failed(const struct ps_peer *peer);
/* When to call ps_dial_tick() next. */
uint64_t ps_dial_deadline(const struct ps_engine *engine);

#endif
