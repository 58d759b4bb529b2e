/* Transfer: logs on their way from a peer and to it. A fetch asks the peer for a log. A serve sends
 * a log that the peer asked for, or that we push. The receiver's credit bounds what is under way. A
 * fetch without progress is asked for again, and a serve that nobody acknowledges is forgotten. The
 * next round finds whatever was not transferred. */
#ifndef PS_NODE_ENGINE_TRANSFER_H
#define PS_NODE_ENGINE_TRANSFER_H

#include <stdbool.h>

#include "store/log/branch.h"
#include "wire/message.h"

#define PS_FETCHES_QUEUED_MAX (PS_SHORT_HEADS_MAX / 4) /* one takes some 300 bytes */
#define PS_SERVES_MAX         32                       /* logs asked for, and as many pushed */
#define PS_IN_FLIGHT_MAX      16                       /* chunks of one log that are under way */

static_assert(PS_SERVES_MAX == 2 * PS_FETCHES_MAX, "each side may fetch, and be pushed, as much");

struct ps_peer;
struct ps_turn;

/* A log of which the peer has more than we. */
struct ps_fetch {
    char collection[PS_COLLECTION_SIZE_MAX];
    size_t collection_size;
    struct ps_log_id id;
    struct ps_origin origin;
    uint64_t number;     /* the peer's, 0: none */
    uint64_t from;       /* our size when it was last asked for */
    uint64_t target;     /* the size that the peer says it holds */
    bool search;         /* it is, or may be, another history than any that is here: what both
                            share is looked for, backwards from the end of ours ... */
    uint64_t step;       /* ... so many entries back the next time; 0: found, and it goes forward */
    bool covered;        /* the log is closed: up to `target` it is reported, as is proven ... */
    struct ps_head head; /* ... from this head, with which alone it is taken: closed.h */
    bool excess;         /* it was taken as a log that nobody honest begins: excess.h */
    bool has_log;        /* what comes is of our log `log` */
    uint32_t log;
    bool active;          /* asked for */
    bool due;             /* a WANT is to be sent at the end of this turn ... */
    bool again;           /* ... which asks the peer to begin anew */
    uint64_t progress_ms; /* when it was asked for or last moved */
    uint32_t tries;       /* without progress */
};

/* A chunk that is under way. */
struct ps_flight {
    uint64_t end; /* the number of the entry after its last */
    size_t size;  /* bytes */
};

/* A log that is being sent to the peer. */
struct ps_serve {
    bool used;
    uint32_t log;
    uint64_t next;                             /* number of the entry to send next */
    uint64_t end;                              /* so much of the log is told to the peer */
    uint64_t credit;                           /* bytes that may be under way */
    struct ps_flight flight[PS_IN_FLIGHT_MAX]; /* oldest first */
    size_t flight_count;
    uint64_t touched_ms;
};

/* All transfers of one peer. */
struct ps_transfer {
    struct ps_fetch *fetches; /* oldest first, from somewhere in fetch_room on */
    size_t fetch_count;
    struct ps_fetch *fetch_room;
    size_t fetch_capacity; /* of that */
    struct ps_serve serves[PS_SERVES_MAX];
    uint32_t *pushes; /* numbers of logs to push when there is room, from push_at on */
    size_t push_at;
    size_t push_count;
    size_t push_capacity;
    uint64_t slow_ms;  /* until when nobody counts on what it has offered */
    size_t turn_bytes; /* of changes and offers sent to it in this turn */
    bool pack;         /* it understands compressed entries */
};

/* ---- from the peer ---- */

/* Note that the peer holds `target` of a log of which we hold `from`. */
struct ps_fetch_want {
    struct ps_log_name log;
    struct ps_log_id id;
    uint64_t from;
    uint64_t target;
    bool search;
    bool excess; /* it was taken as that: excess.h */
    bool covered;
    struct ps_head head;
};
void ps_transfer_fetch(struct ps_turn *turn, struct ps_peer *peer,
                       const struct ps_fetch_want *want);
/* The fetch of the log that the peer names so, or NULL. */
struct ps_fetch *ps_transfer_find(struct ps_peer *peer, const struct ps_mesh *mesh,
                                  const struct ps_log_name *name);
/* We hold `size` of a log now: the peer's fetch of it goes on or ends. */
void ps_transfer_moved(struct ps_turn *turn, struct ps_peer *peer, struct ps_fetch *fetch,
                       uint64_t size);
/* Something of the log is missing that was under way: ask for it again. */
void ps_transfer_again(struct ps_fetch *fetch);
void ps_transfer_drop(struct ps_peer *peer, struct ps_fetch *fetch);
/* Activate what may be, send the WANTs that are due, repeat those that brought nothing. */
void ps_transfer_flush(struct ps_turn *turn, struct ps_peer *peer);
/* How many logs are fetched or wait to be, and how many changes of them are missing here. */
size_t ps_transfer_count(const struct ps_peer *peer);
uint64_t ps_transfer_left(const struct ps_peer *peer);
/* How many of those are of logs that are not here at all. */
uint64_t ps_transfer_unseen(const struct ps_peer *peer);
/* Whether changes are on their way from any peer that sends what it offers. */
bool ps_transfer_fetching(const struct ps_turn *turn);

/* ---- to the peer ---- */

/* Begin or go on to send a log from entry `from` on. again: what is under way counts as lost. False
 * if as many logs are being sent as may be. */
struct ps_serve_want {
    uint64_t from;
    uint64_t credit;
    bool again;
};
bool ps_transfer_serve(struct ps_turn *turn, struct ps_peer *peer, uint32_t log,
                       const struct ps_serve_want *want);
/* Send a log without being asked, from what the peer holds of it on, as soon as there is room. */
void ps_transfer_push(struct ps_turn *turn, struct ps_peer *peer, uint32_t log);
/* What waits to be pushed will be found anew: the peer tells what it holds. */
void ps_transfer_push_anew(struct ps_peer *peer);
/* Bytes of a log that are under way. */
uint64_t ps_transfer_flight(const struct ps_peer *peer, uint32_t log);
/* The peer holds `size` of a log: what was under way below it has arrived. */
void ps_transfer_arrived(struct ps_turn *turn, struct ps_peer *peer, uint32_t log, uint64_t size);
/* Send what credit allows. */
void ps_transfer_pump(struct ps_turn *turn, struct ps_peer *peer);

/* ---- both ---- */

bool ps_transfer_busy(const struct ps_peer *peer);
uint64_t ps_transfer_deadline(const struct ps_peer *peer);
/* A turn begins. */
void ps_transfer_begin(struct ps_peer *peer);
/* Whether more may be sent to it in this turn; and so many bytes were. */
bool ps_transfer_has_room(const struct ps_peer *peer);
void ps_transfer_spend(struct ps_peer *peer, size_t size);
/* Whether the peer understands compressed entries. */
void ps_transfer_pack(struct ps_peer *peer, bool understands);
/* The peer is in sync: there is nothing left to fetch. */
void ps_transfer_fetched_all(struct ps_peer *peer);
/* The session is over, or the store has failed. */
void ps_transfer_forget(struct ps_peer *peer);
void ps_transfer_deinit(struct ps_transfer *transfer);

#endif
