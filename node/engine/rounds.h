/* Rounds: when a peer is asked to compare. A round begins with our SUMMARY, from one hash down to
 * the sizes of logs, and the peer replies with its own. Quiet peers in sync exchange one hash per
 * interval, with back-off; peers that differ and have nothing under way compare again soon, and
 * later and later while that brings nothing.
 *
 * With many peers a round goes to a few of those that are due, drawn by lot, and the next one comes
 * a little later. All get their turn, so that who is in sync becomes known of each, and what a mesh
 * of n devices says grows with n and not with its square. */
#ifndef PS_NODE_ENGINE_ROUNDS_H
#define PS_NODE_ENGINE_ROUNDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "node/engine/deadline.h"
#include "wire/limits.h"

struct ps_engine;
struct ps_peer;
struct ps_turn;

/* Of one peer, in one session. */
struct ps_round {
    uint64_t next_ms;     /* when to ask the peer; PS_NEVER: not planned */
    uint64_t asked_ms;    /* when our SUMMARY went out that has no reply yet; PS_NEVER: none */
    uint64_t put_off_ms;  /* to when it was put off last */
    uint64_t latest_ms;   /* to when it may be put off; PS_NEVER: it was not */
    bool fetches;         /* that is for longer, because logs are fetched */
    uint64_t reply_by_ms; /* when the link counts as dead without a reply */
    uint32_t quiet;       /* rounds in sync with nothing new: the interval grows */
    uint32_t vain;        /* rounds not in sync without progress: the delay grows */
    uint32_t put_off;     /* rounds that were put off since both were in sync: it may take longer */
    bool passed_over;     /* it has heads of devices that we do not know yet */
    size_t page_size;     /* the next round tells the roots from this collection on; 0: from ... */
    uint8_t page[PS_COLLECTION_SIZE_MAX]; /* ... the first one on ... */
    bool devices_first; /* ... or, once in a session, from `_devices` on: false until that was */
};

#define PS_ROUND_NONE                                                                              \
    ((struct ps_round){.next_ms = PS_NEVER, .asked_ms = PS_NEVER, .latest_ms = PS_NEVER})

/* The round that is going on, where peers are many. */
struct ps_crowd {
    uint64_t begun_ms;
    size_t count; /* peers it has gone to */
};

/* Send a SUMMARY that wants a reply: the state alone if both hold the same as far as known, else
 * roots, and heads if few. If the last one has no reply yet nothing is sent: that reply will do. */
void ps_rounds_ask(struct ps_turn *turn, struct ps_peer *peer);
/* How many short heads a SUMMARY may have. */
size_t ps_rounds_heads_max(const struct ps_engine *engine);
/* Send our state as the reply to a SUMMARY that was equal. If both are in sync, this round was the
 * peer's, and the next may be ours. */
void ps_rounds_reply(struct ps_turn *turn, struct ps_peer *peer);
/* A SUMMARY that wants a reply has gone out by other hands. */
void ps_rounds_asked(struct ps_turn *turn, struct ps_peer *peer);
/* The peer has sent a SUMMARY: if we had asked, that is the reply. */
void ps_rounds_replied(struct ps_turn *turn, struct ps_peer *peer);

/* The other side begins this round; if it does not, we do, a little later. */
void ps_rounds_await(struct ps_turn *turn, struct ps_peer *peer);
/* Compare soon, unless a round is due sooner. */
void ps_rounds_soon(struct ps_turn *turn, struct ps_peer *peer);
/* Compare at `at_ms`, whatever was planned. */
void ps_rounds_at(struct ps_peer *peer, uint64_t at_ms);
/* Something has come or has arrived: rounds are neither quiet nor in vain. */
void ps_rounds_moved(struct ps_peer *peer);
/* Changes come from the peer or reach it: wait a little whether they go on, before comparing again.
 */
void ps_rounds_put_off(struct ps_turn *turn, struct ps_peer *peer);
/* Whether this is the first round, or the last one brought something. */
bool ps_rounds_are_fresh(const struct ps_peer *peer);
/* The peer has come in sync, or out of it. */
void ps_rounds_in_sync(struct ps_turn *turn, struct ps_peer *peer);
void ps_rounds_out_of_sync(struct ps_peer *peer);
/* The peer has offered a log of a device that we do not know: compare again when members come. */
void ps_rounds_pass_over(struct ps_peer *peer);
void ps_rounds_members_came(struct ps_turn *turn);

/* Ask those whose session is in doubt, and those for whom it is time, with many peers a few at a
 * time. Close sessions that did not reply. */
void ps_rounds_tick(struct ps_turn *turn);
uint64_t ps_rounds_deadline(const struct ps_engine *engine, const struct ps_peer *peer);

#endif
