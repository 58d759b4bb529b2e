/* Twins: two nodes that run at once with the key of one device, because its directory was copied to
 * a second machine and both are on. Each of them is told, and so is every other device that meets
 * both.
 *
 * Nothing is believed that a beacon says. Who hears one of this device's own tag that it has not
 * sent dials there: only a node with the same key can answer, and its HELLO names another run, or
 * it is this node itself. Others hear the runs of a device come in turn. A run that is over never
 * comes back, so one that does is proof; twice, because its last HELLO may have come late. */
#ifndef PS_NODE_ENGINE_TWINS_H
#define PS_NODE_ENGINE_TWINS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "node/engine/engine.h"
#include "wire/bytes.h"
#include "wire/limits.h"

#define PS_TWINS_RUNS_MAX 4 /* of a peer that are known again */

/* What to do about it. */
#define PS_TWINS_FIX                                                                               \
    "end one of the two; if both are to stay, run 'p2psync init --from-copy' in the copied "       \
    "directory, which makes it a device of its own, and let that join by an invite"

struct ps_engine;
struct ps_link;
struct ps_peer;
struct ps_turn;

/* Of this device. */
struct ps_twins {
    uint64_t link; /* to who may be its twin; 0: none */
    char dialled[PS_ENDPOINT_SIZE_MAX + 1];
    uint64_t dial_ms;                     /* no dial before */
    uint64_t until_ms;                    /* for so long it is said; 0: no twin is known */
    uint64_t peers_ms;                    /* none of a peer is forgotten before; 0: none is known */
    char where[PS_ENDPOINT_SIZE_MAX + 1]; /* of the twin; "": not known */
    char said_by[PS_DEVICE_NAME_SIZE_MAX + 1]; /* who says so; "": it was met here */
};

/* Of a peer. */
struct ps_runs {
    struct ps_run {
        uint64_t instance;
        char where[PS_ENDPOINT_SIZE_MAX + 1];
    } items[PS_TWINS_RUNS_MAX]; /* the last one that was heard first */
    size_t count;
    unsigned returns;  /* how often one came back */
    uint64_t until_ms; /* for so long it is said to have a twin; 0: none is known */
};

/* A beacon with this device's tag was heard from an endpoint. */
void ps_twins_hear(struct ps_turn *turn, const char *endpoint);
/* True if the link is one to who may be a twin: nobody else's concern. */
bool ps_twins_link_up(struct ps_turn *turn, uint64_t link);
bool ps_twins_link_down(struct ps_turn *turn, uint64_t link);
/* The turn's event is a message from a node with this device's key. */
void ps_twins_message(struct ps_turn *turn);
/* A peer has closed a link with PS_ERROR_TWIN, and says where the other one is. */
void ps_twins_take_word(struct ps_turn *turn, const struct ps_peer *peer, struct ps_bytes where);

/* A peer has said HELLO on a link, from this place. */
void ps_twins_note(struct ps_turn *turn, struct ps_peer *peer, const struct ps_link *link);
/* Whether the peer has a twin now. */
bool ps_twins_has(const struct ps_peer *peer);

/* Forget twins that were not met for long. */
void ps_twins_tick(struct ps_turn *turn);
uint64_t ps_twins_deadline(const struct ps_engine *engine);

/* What there is to say of this device's twin, or of a peer's; "" if it has none. */
void ps_twins_describe(const struct ps_engine *engine, char out[static PS_ALERT_SIZE]);
void ps_twins_describe_peer(const struct ps_peer *peer, char out[static PS_ALERT_SIZE]);

#endif
