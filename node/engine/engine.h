/* The engine: all that a node decides, without sockets, clock or threads. Events go in, effects
 * come out.
 *
 * One call takes a batch of events in order, in one transaction of the store, and gives the effects
 * when that transaction is durable: so nothing is sent, told or acknowledged that a crash could
 * undo. The caller (the loop, or a simulator) carries the effects out afterwards, in order. Time
 * and randomness come in with events and options, so the same inputs have the same effects.
 *
 * How one exchange goes: A has dialled B, and each has written while they were apart.
 *
 *     A -> B  HELLO     my state is a hash, which covers all that I hold
 *     B -> A  HELLO     so is mine, and it is another one
 *     B -> A  SUMMARY   my roots by collection and my sizes by log; B is at 3 of its log, 5 of A's
 *     A -> B  CHANGES   entry 6 of A's log: few, and A's own, so B need not ask
 *     A -> B  SUMMARY   my sizes of the collections in which you have more: B's log, 1
 *     B -> A  CHANGES   entries 2 and 3 of B's log
 *     B -> A  ACK       I hold 6 of A's log, all is applied, and this is my state
 *     A -> B  ACK       I hold 3 of B's log, all is applied, and this is my state
 *
 * Each side that hears a state equal to its own, with nothing to apply on either side, is in sync.
 * With many changes, or another author's, HEADS (an offer) and WANT (a request) come before
 * CHANGES.
 *
 * A link is one connection as the caller sees it. Links that the engine asked for (DIAL) have
 * numbers that it chose, below PS_LINK_ACCEPTED; links that came from outside have numbers that the
 * caller chose, with that bit set. Who is at the other end is known before the engine hears of a
 * link. */
#ifndef PS_NODE_ENGINE_ENGINE_H
#define PS_NODE_ENGINE_ENGINE_H

#include "node/engine/effects.h"
#include "store/env/identity.h"
#include "store/env/store.h"
#include "store/mesh/members.h"
#include "store/mesh/peers.h"
#include "wire/address.h"
#include "wire/id.h"
#include "wire/message.h"

#define PS_LINK_ACCEPTED (1ULL << 63)
#define PS_ALERT_SIZE    768 /* bytes of a sentence about what people must know, with its NUL */

struct ps_engine;

struct ps_engine_options {
    struct ps_store *store;
    uint64_t instance; /* random at each start of a node */
    uint64_t seed;     /* of jitter; not secret */
    uint64_t now_ms;   /* monotonic */
    uint64_t wall_ms;
    const char *const *listen; /* "host:port" or ":port", for HELLO; copied */
    size_t listen_count;
    const char *const *peers; /* static endpoints, "host:port"; copied */
    size_t peer_count;
    uint32_t interval_ms; /* between rounds with a quiet peer; 0: 30 s, with back-off */
    bool no_push;         /* tests: never push, reconcile only */
    uint32_t page_max; /* tests: so many collections or short heads in a SUMMARY, and so many logs
                          that are offered in reply to it; 0: the limits */
    uint64_t (*clock_ms)(void); /* monotonic: how long a turn takes; NULL: no turn is cut short */
};

/* ---- events ---- */

typedef enum ps_event_type {
    PS_EVENT_TICK = 1,  /* the deadline has come */
    PS_EVENT_LINK_UP,   /* link: a dialled one is connected and authenticated */
    PS_EVENT_LINK_DOWN, /* link: gone, or never came up; refused: the other side does not admit us
                         */
    PS_EVENT_LINK_STALLED, /* device: large packets on a link to it vanish, while small ones pass */
    PS_EVENT_LINK_PASSES,  /* device: large packets on a link to it pass */
    PS_EVENT_MESSAGE,      /* link, device, address, bytes */
    PS_EVENT_BEACON_HEARD, /* nonce, tag, address: a beacon of our mesh; address is "ip:port" */
    PS_EVENT_NETWORK_CHANGED, /* this device has come to other networks or addresses */
    PS_EVENT_STORE_CHANGED,   /* another thread or process has committed something */
    PS_EVENT_NOW,    /* request, timeout_ms: sync with every peer and reply with NOW_DONE */
    PS_EVENT_INVITE, /* token, timeout_ms, endpoints: the caller has opened the pairing socket */
    PS_EVENT_INVITE_CANCEL, /* close the invite that is open, if any */
    PS_EVENT_PAIR_MESSAGE,  /* link, curve_key, address, bytes: on the pairing socket */
    PS_EVENT_STOP,          /* say goodbye to all */
} ps_event_type;

struct ps_event {
    ps_event_type type;
    uint64_t now_ms;  /* monotonic; never less than before */
    uint64_t wall_ms; /* since 1970; may jump */
    uint64_t link;
    struct ps_device device;              /* MESSAGE, LINK_STALLED, LINK_PASSES: authenticated */
    uint8_t curve_key[PS_CURVE_KEY_SIZE]; /* PAIR_MESSAGE: authenticated */
    struct ps_bytes bytes;
    struct ps_bytes address; /* text: "ip" of the sender, IPv6 in brackets, or "ip:port" for HEARD;
                                may be empty */
    struct ps_tag tag;       /* HEARD: of the device */
    uint64_t nonce;          /* HEARD: with which the tag was made */
    bool refused;            /* LINK_DOWN */
    bool overrun;            /* LINK_DOWN: what waited to be sent on it became too much */
    bool unresolved;     /* LINK_DOWN: it was not dialled yet, for its name is being looked up */
    uint64_t request;    /* NOW */
    uint64_t timeout_ms; /* NOW, INVITE */
    uint8_t token[PS_TOKEN_SIZE]; /* INVITE */
};

/* ---- the engine ---- */

/* Make an engine for the device in options->store.
 *
 * Errors  P2PSYNC_ENODEVICE; P2PSYNC_ENOMEM; what reading the store gives.
 */
p2psync_result ps_engine_new(const struct ps_engine_options *options,
                             struct ps_engine **out) P2PSYNC_MUST_CHECK;
/* Nulls the pointer; NULL is fine. */
void ps_engine_destroy(struct ps_engine **engine);

/* Take up other static endpoints and another interval, as in the options, between two steps. A
 * connection stays as it is.
 *
 * Errors  P2PSYNC_ENOMEM: nothing has changed.
 */
p2psync_result ps_engine_configure(struct ps_engine *engine, const char *const *peers,
                                   size_t peer_count, uint32_t interval_ms) P2PSYNC_MUST_CHECK;

/* Tell it which networks this device is on, between two steps: PS_NETWORKS_MAX count. None are
 * known before the first call. */
void ps_engine_networks(struct ps_engine *engine, const struct ps_network *networks, size_t count);

/* Take events in order, `count` of them, or fewer if another writer waits for the store: see above.
 * effects is cleared first; effects->events_taken says how many were taken, one at least. The
 * others are to be given again, after the one who waits has had its turn.
 *
 * Errors  P2PSYNC_ENOSPC, P2PSYNC_EFULL, P2PSYNC_EIO, P2PSYNC_ECORRUPT, P2PSYNC_ENOMEM: the store
 * took nothing of the batch, all of which is gone; effects hold what to tell of it, and the engine
 * goes on: call again with later events.
 */
p2psync_result ps_engine_step(struct ps_engine *engine, const struct ps_event *events, size_t count,
                              struct ps_effects *effects) P2PSYNC_MUST_CHECK;

/* When the engine wants a TICK, in its monotonic milliseconds; UINT64_MAX: never. */
uint64_t ps_engine_deadline_ms(const struct ps_engine *engine);

/* The devices whose links are to be admitted, for the ZAP handler: `*count_out` of them, until the
 * next step. To be read once after ps_engine_new(), and at each PS_EFFECT_ALLOW. */
const struct ps_device *ps_engine_allowed(const struct ps_engine *engine, size_t *count_out);

/* ---- looking at it ---- */

/* The number of the invite that is open, 0 if there is none. It is the beginning of the token, so
 * that whoever has the code can name its invite. */
uint64_t ps_engine_invite(const struct ps_engine *engine);

typedef enum ps_peer_state {
    PS_PEER_OFFLINE,    /* no link; dialled again when there is an endpoint, after its back-off */
    PS_PEER_CONNECTING, /* a dial is under way */
    PS_PEER_REFUSED,    /* it replied, but does not admit us (yet) */
    PS_PEER_SYNCING,    /* HELLOs exchanged, not known to hold the same */
    PS_PEER_IN_SYNC,    /* equal roots at one moment, nothing pending on either side */
} ps_peer_state;

/* "offline", "connecting", ... as in `p2psync peers`. Static. */
const char *ps_peer_state_name(ps_peer_state state);

struct ps_peer_info {
    struct ps_device device;
    char name[PS_DEVICE_NAME_SIZE_MAX + 1];
    char endpoint[PS_ENDPOINT_SIZE_MAX + 1]; /* "" if none is known */
    ps_found_by found_by;                    /* how that endpoint became known */
    ps_peer_state state;
    bool skewed;             /* connected, and its clock is off by more than five minutes */
    uint64_t rtt_ms;         /* of the last HELLO or SUMMARY; UINT64_MAX: unknown */
    uint64_t last_seen_ms;   /* wall clock; 0: never */
    uint64_t last_sync_ms;   /* wall clock; 0: never */
    uint64_t behind;         /* changes that it lacks; UINT64_MAX: unknown */
    uint64_t ahead;          /* changes that are missing here; UINT64_MAX: unknown */
    int64_t skew_ms;         /* its clock less ours */
    uint64_t received_bytes; /* from it, ever */
    uint64_t sent_bytes;
    uint64_t protocol;         /* 0: not connected */
    uint64_t faults;           /* why it was cut off, how often since the start ... */
    const char *last_fault;    /* ... and the last time; NULL: never. Static */
    uint64_t barred_ms;        /* until when it gets no session for that; monotonic */
    char alert[PS_ALERT_SIZE]; /* what people must know of it, a sentence; "": nothing */
    char stall[PS_ALERT_SIZE]; /* the same of the way to it */
};

/* What people must know of this device, a sentence; "" if there is nothing. */
void ps_engine_alert(const struct ps_engine *engine, char out[static PS_ALERT_SIZE]);

/* The peers in order of id: fills `out` for the one at `index`; false after the last. */
bool ps_engine_peer(const struct ps_engine *engine, size_t index, struct ps_peer_info *out);

/* The same of what is asked for often: there may be thousands. */
struct ps_peer_brief {
    const struct ps_device *device; /* until the next step */
    ps_peer_state state;
    uint64_t last_sync_ms; /* wall clock; 0: never */
};
bool ps_engine_peer_brief(const struct ps_engine *engine, size_t index, struct ps_peer_brief *out);

#endif
