/* One peer: a device that may connect, its one state, and what is known of it. Everything about a
 * peer that is not in the store lives here; no second state machine exists beside `state`.
 *
 * Memory per peer is bounded: PS_FETCHES_QUEUED_MAX fetches, PS_SERVES_MAX serves, PS_LOGS_MAX
 * sizes for each of PS_ROOTS_MAX collections at worst, and PS_CREDIT_MAX bytes of changes under
 * way. */
#ifndef PS_NODE_ENGINE_PEER_H
#define PS_NODE_ENGINE_PEER_H

#include "node/engine/budget.h"
#include "node/engine/engine.h"
#include "node/engine/schedule.h"
#include "store/mesh/members.h"
#include "store/mesh/peers.h"

#define PS_FETCHES_QUEUED_MAX PS_HEADS_MAX
#define PS_SERVES_MAX         32 /* logs asked for, and as many pushed */
#define PS_IN_FLIGHT_MAX      16 /* chunks under way of one log */
#define PS_LINKS_PER_PEER_MAX 4
#define PS_ACK_LOGS_MAX       64

static_assert(PS_SERVES_MAX == 2 * PS_FETCHES_MAX, "each side may fetch, and be pushed, as much");

/* A connection. A peer may have several for a moment; `session` of the peer names the one that
 * counts. */
struct ps_link {
    uint64_t id; /* 0: free */
    bool up;
    bool hello_sent;
    bool hello_received;
    uint64_t since_ms;
    uint64_t instance;
    char
        endpoint[PS_ENDPOINT_SIZE_MAX + 1]; /* dialled: where; accepted: where it says it listens */
};

/* A log that this peer has more of than we. */
struct ps_fetch {
    char collection[PS_COLLECTION_SIZE_MAX];
    size_t collection_size;
    struct ps_log_id id;
    struct ps_origin origin;
    uint64_t from;        /* our size when it was last asked for */
    uint64_t target;      /* the size that the peer says it holds */
    bool active;          /* asked for */
    bool due;             /* a WANT is to be sent at the end of this step */
    bool again;           /* and shall begin anew */
    uint64_t progress_ms; /* when it was asked for or last moved */
    uint32_t tries;       /* without progress */
};

struct ps_flight {
    uint64_t end; /* seq behind the chunk */
    size_t size;  /* bytes */
};

/* A log that is being sent to this peer, asked for by WANT or pushed. */
struct ps_serve {
    bool used;
    uint32_t log;
    uint64_t next;                             /* seq to send next */
    uint64_t credit;                           /* bytes that may be under way */
    struct ps_flight flight[PS_IN_FLIGHT_MAX]; /* oldest first */
    size_t flight_count;
    uint64_t touched_ms;
};

struct ps_peer {
    struct ps_device device;
    struct ps_tag tag; /* as in beacons */
    char name[PS_DEVICE_NAME_SIZE_MAX + 1];
    ps_peer_state state;
    bool allowed; /* still a member */

    struct ps_link links[PS_LINKS_PER_PEER_MAX];
    uint64_t session; /* id of the link that counts; 0: none */
    uint64_t session_ms;
    uint64_t instance;
    uint64_t protocol;
    bool zstd; /* it can unpack */

    struct ps_peer_row row; /* remembered: endpoints, times; `row_dirty` says that it moved */
    bool row_dirty;
    uint32_t dial_first;     /* which candidate endpoint a cycle of dials begins with */
    uint32_t dial_tried;     /* candidates of this cycle */
    uint32_t dial_failures;  /* cycles in a row */
    uint64_t dial_ms;        /* not before */
    uint32_t faults;         /* in a row: each within FAULTS_MS of the one before it */
    uint64_t fault_ms;       /* when the last one was */
    uint64_t barred_ms;      /* no session before */
    uint64_t faults_ever;    /* since the start of the node */
    const char *fault;       /* the last one; NULL: none. Static */
    struct ps_budget budget; /* what its messages have cost; outlives its sessions */

    bool heard;                         /* `theirs` is valid */
    struct ps_state theirs;             /* what it last said it holds */
    uint64_t summary_ms;                /* when to send the next SUMMARY */
    uint64_t asked_ms;                  /* when an unanswered SUMMARY was sent; PS_NEVER: none */
    uint32_t quiet_rounds;              /* in sync, nothing new: the interval grows */
    uint32_t vain_rounds;               /* not in sync, no progress: the delay grows */
    bool passed_over;                   /* it has heads of devices that we do not know yet */
    bool peers_due;                     /* it is to be told where others are */
    bool peers_again;                   /* and once more when it is in sync */
    bool ack_due;                       /* an ACK is to be sent at the end of this step */
    bool ack_again;                     /* and one more when all is applied */
    uint32_t ack_logs[PS_ACK_LOGS_MAX]; /* with the positions of these logs */
    size_t ack_count;
    uint64_t rtt_ms;
    uint64_t hello_ms;

    uint64_t *sizes; /* by log number: what it holds, as far as known */
    size_t size_count;
    struct ps_fetch *fetches;
    size_t fetch_count;
    size_t fetch_capacity;
    struct ps_serve serves[PS_SERVES_MAX];
    uint64_t slow_ms;  /* until when not to count on what it has offered */
    size_t step_bytes; /* of changes sent to it in this step */

    bool syncing_told; /* SYNC_STARTED was told, SYNC_COMPLETED not yet */
    uint64_t sync_started_ms;
    uint64_t sync_told_ms;
    uint64_t sync_received; /* changes */
    uint64_t sync_sent;
    uint64_t sync_expected;

    bool now_waiting; /* a NOW waits for it */
    bool now_heard;   /* it has told its state since */
    bool now_dialling;
};

/* Errors  P2PSYNC_ENOMEM. */
p2psync_result ps_peer_new(const struct ps_device *device, struct ps_peer **out) P2PSYNC_MUST_CHECK;
/* Nulls the pointer; NULL is fine. */
void ps_peer_destroy(struct ps_peer **peer);

/* The link of that id, or NULL. */
struct ps_link *ps_peer_link(struct ps_peer *peer, uint64_t id);
/* A free link, zeroed and named `id`; NULL if all are taken. */
struct ps_link *ps_peer_link_add(struct ps_peer *peer, uint64_t id);

/* Remember an endpoint ("host:port"). worked: it goes first; otherwise behind those that worked.
 * Unknown ones push the last out, and keep how they were found. True if it was not known. */
bool ps_peer_endpoint_add(struct ps_peer *peer, struct ps_bytes endpoint, ps_found_by found_by,
                          bool worked);

/* Where it is connected, else where it was last; "" if nowhere. Until it changes. */
const char *ps_peer_endpoint(const struct ps_peer *peer);

/* How that endpoint became known. */
ps_found_by ps_peer_found_by(const struct ps_peer *peer);

/* What the peer holds of a log, as far as known. */
uint64_t ps_peer_size(const struct ps_peer *peer, uint32_t log);
/* Errors  P2PSYNC_ENOMEM. */
p2psync_result ps_peer_set_size(struct ps_peer *peer, uint32_t log,
                                uint64_t size) P2PSYNC_MUST_CHECK;

/* Forget what belongs to a session. */
void ps_peer_reset_session(struct ps_peer *peer);

#endif
