/* The inside of the engine: its state, and the turn, which is what one step works with. For the
 * files of the engine only. */
#ifndef PS_NODE_ENGINE_TURN_H
#define PS_NODE_ENGINE_TURN_H

#include "node/engine/engine.h"
#include "node/engine/peer.h"
#include "node/engine/schedule.h"
#include "store/log/log.h"
#include "store/mesh/members.h"

/* An invite that is open. */
struct ps_invite {
    bool open;
    uint8_t token[PS_TOKEN_SIZE];
    uint64_t expires_ms; /* monotonic */
    uint32_t wrong;
    bool used;
    struct ps_device used_by;
};

/* A p2psync_now() that waits. */
struct ps_now {
    bool waiting;
    uint64_t request;
    uint64_t begun_ms;
    uint64_t expires_ms;
    uint64_t peers;
    uint64_t received_before;
    uint64_t sent_before;
    uint64_t conflicts_before;
};

#define PS_NOWS_MAX 8

/* A device of our mesh that was heard but is no member as far as known. */
struct ps_stranger {
    struct ps_tag tag;
    uint64_t instance;
    char endpoint[PS_ENDPOINT_SIZE_MAX + 1]; /* "": none */
};

#define PS_STRANGERS_MAX 16

#define PS_LOG_FRESH 1U /* others may not know of it yet */
#define PS_LOG_LOCAL 2U /* never leaves this device */

struct ps_engine {
    struct ps_store *store;
    struct ps_identity identity;
    uint64_t instance;
    char name[PS_DEVICE_NAME_SIZE_MAX + 1];
    struct ps_prng prng;
    uint64_t interval_ms;
    bool no_push;
    char (*listen)[PS_ENDPOINT_SIZE_MAX + 1];
    size_t listen_count;
    char (*statics)[PS_ENDPOINT_SIZE_MAX + 1];
    size_t static_count;

    struct ps_peer **peers; /* ascending by device */
    size_t peer_count;
    size_t peer_capacity;
    struct ps_device *allowed;
    size_t allowed_count;
    uint64_t next_link;

    struct ps_state state; /* ours, as of store transaction `state_txn` */
    uint64_t state_txn;
    uint64_t *sizes; /* by log number: as last looked at */
    uint8_t *flags;  /* by log number: PS_LOG_FRESH, PS_LOG_LOCAL */
    size_t size_count;
    uint64_t announce_ms;     /* when to tell of fresh logs; PS_NEVER: none */
    uint64_t apply_ms;        /* when to apply a backlog at the latest; PS_NEVER: none */
    uint64_t persist_ms;      /* when to write peer rows at the latest; PS_NEVER: none */
    uint64_t round_ms;        /* when this round began, with many peers */
    size_t round_count;       /* peers it has gone to */
    size_t connected;         /* peers, at the beginning of this step */
    uint64_t resume_ms;       /* when to go on with what the effects had no room for */
    uint64_t clock_offset_ms; /* wall clock less monotonic, at the last step */
    bool stopped;
    bool reload;       /* the store has failed: read again what was assumed of it */
    uint64_t hold_ms;  /* nothing is written before: the store has failed */
    uint32_t failures; /* of the store, without one success between */

    struct ps_stranger strangers[PS_STRANGERS_MAX]; /* the latest */
    size_t stranger_next;

    struct ps_invite invite;
    struct ps_now nows[PS_NOWS_MAX];

    uint64_t changes_received;
    uint64_t changes_sent;
    uint64_t conflicts;
};

/* One step in progress. `result` is sticky: after an error of the store nothing more is done. */
struct ps_turn {
    struct ps_engine *engine;
    struct ps_txn *txn;
    struct ps_effects *effects;
    const struct ps_event *event;
    uint64_t now_ms;
    uint64_t wall_ms;
    p2psync_result result;
    bool dirty;         /* logs moved in this turn: our state is to be worked out anew */
    bool members_dirty; /* `_devices` moved */
    bool out_of_room;   /* a message did not fit the effects */
};

/* Keep the first error of the store; true if there is none. P2PSYNC_OK in, nothing kept. */
bool ps_turn_ok(struct ps_turn *turn, p2psync_result result);

/* ---- effects.c ---- */

/* Encode a message into the effects with `begin` and `end` around the encoder: begin gives the
 * buffer, end turns what was appended into a SEND. If the encoder failed for lack of room the
 * message is dropped: reconciliation makes up for it. */
struct ps_buf *ps_emit_begin(struct ps_turn *turn);
void ps_emit_send(struct ps_turn *turn, struct ps_peer *peer, uint64_t link,
                  p2psync_result encoded);
void ps_emit_pair_send(struct ps_turn *turn, uint64_t link, p2psync_result encoded);
void ps_emit_tell(struct ps_turn *turn, p2psync_event_type event, p2psync_result encoded);
void ps_emit_now_done(struct ps_turn *turn, uint64_t request, p2psync_result result,
                      p2psync_result encoded);
void ps_emit_dial(struct ps_turn *turn, uint64_t link, const struct ps_device *device,
                  const char *endpoint);
void ps_emit_hangup(struct ps_turn *turn, uint64_t link);
/* Whether this step has closed the link already: what else came on it in the batch is void. */
bool ps_emit_hung_up(const struct ps_turn *turn, uint64_t link);
void ps_emit_plain(struct ps_turn *turn, ps_effect_type type);
/* `name` is static; `format` as printf. */
void ps_emit_log(struct ps_turn *turn, p2psync_log_level level, const char *name,
                 const char *format, ...) __attribute__((format(printf, 4, 5)));
/* Whether a largest message still fits. */
bool ps_emit_has_room(const struct ps_turn *turn);
void ps_effects_clear(struct ps_effects *effects);

/* ---- session.c: links, dials and who is connected ---- */

struct ps_peer *ps_session_find(struct ps_engine *engine, const struct ps_device *device);
void ps_session_link_up(struct ps_turn *turn, uint64_t id);
void ps_session_link_down(struct ps_turn *turn, uint64_t id, bool refused);
void ps_session_heard(struct ps_turn *turn);
/* What was known of connections may be void, for this reason: dial and compare with everyone now.
 */
void ps_session_resume(struct ps_turn *turn, const char *reason);
/* Make `link`, on which a valid HELLO has come, the session, or give it up for a better one. True
 * if it is the session now. */
bool ps_session_adopt(struct ps_turn *turn, struct ps_peer *peer, struct ps_link *link);
/* Close a link; if it is the session, the peer is offline. */
void ps_session_close(struct ps_turn *turn, struct ps_peer *peer, uint64_t id, const char *reason);
/* Send ERROR, close the link, and count it against the peer. */
void ps_session_fault(struct ps_turn *turn, struct ps_peer *peer, uint64_t link, ps_error_code code,
                      const char *text);
/* Charge the peer for what a message on `link` cost; over its budget, that is a fault. False if the
 * link is closed. */
bool ps_session_spend(struct ps_turn *turn, struct ps_peer *peer, uint64_t link, uint64_t cost);
/* Send ERROR without blame, then close the link. */
void ps_session_refuse(struct ps_turn *turn, struct ps_peer *peer, uint64_t id, ps_error_code code,
                       const char *text);
void ps_session_send_hello(struct ps_turn *turn, struct ps_peer *peer, struct ps_link *link);
/* Dial whom it is time to dial, give up on links that say nothing. */
void ps_session_tick(struct ps_turn *turn, struct ps_peer *peer);
uint64_t ps_session_deadline(const struct ps_engine *engine, const struct ps_peer *peer);
/* A device that was heard before it was known has become a peer: dial it where it was heard. */
void ps_session_recall(struct ps_turn *turn, struct ps_peer *peer);

/* ---- dial.c: which endpoints are tried, and when ---- */

/* Dial the next endpoint if it is time to. */
void ps_dial_tick(struct ps_turn *turn, struct ps_peer *peer);
/* A dial of the peer has ended without a session. */
void ps_dial_failed(struct ps_turn *turn, struct ps_peer *peer, const char *reason);
/* Begin a new cycle, without back-off, at `at_ms`. */
void ps_dial_again(struct ps_peer *peer, uint64_t at_ms);
bool ps_dial_possible(const struct ps_engine *engine, const struct ps_peer *peer);
/* Whether there is any endpoint to try. */
bool ps_dial_known(const struct ps_engine *engine, const struct ps_peer *peer);

/* ---- transfer.c: logs on their way to and from a peer ---- */

/* Note that the peer holds `target` of a log of which we hold `from`. */
struct ps_fetch_want {
    struct ps_log_name log;
    struct ps_log_id id;
    uint64_t from;
    uint64_t target;
};
void ps_transfer_fetch(struct ps_turn *turn, struct ps_peer *peer,
                       const struct ps_fetch_want *want);
struct ps_fetch *ps_transfer_find(struct ps_peer *peer, struct ps_bytes collection,
                                  const struct ps_log_id *id);
/* We hold `size` of a log now: the peer's fetch of it goes on or ends. */
void ps_transfer_moved(struct ps_turn *turn, struct ps_peer *peer, struct ps_fetch *fetch,
                       uint64_t size);
void ps_transfer_drop(struct ps_peer *peer, struct ps_fetch *fetch);
/* Activate what may be, send the WANTs that are due, repeat those that nobody answered. */
void ps_transfer_flush(struct ps_turn *turn, struct ps_peer *peer);
/* Begin or go on to send a log from `from` on. False: as many are being sent as may be. */
struct ps_serve_want {
    uint64_t from;
    uint64_t credit;
    bool again;
};
bool ps_transfer_serve(struct ps_turn *turn, struct ps_peer *peer, uint32_t log,
                       const struct ps_serve_want *want);
/* The peer holds `size` of a log: what was under way below it has arrived. */
void ps_transfer_arrived(struct ps_turn *turn, struct ps_peer *peer, uint32_t log, uint64_t size);
/* Send what credit allows. */
void ps_transfer_pump(struct ps_turn *turn, struct ps_peer *peer);
bool ps_transfer_busy(const struct ps_peer *peer);
/* Whether changes are on their way from a peer that sends what it offers. */
bool ps_transfer_fetching(const struct ps_turn *turn);
uint64_t ps_transfer_deadline(const struct ps_peer *peer);

/* ---- rounds.c: comparing what both hold ---- */

/* Our own state, as the turn's transaction sees it. */
const struct ps_state *ps_rounds_state(struct ps_turn *turn);
/* The peer said what it holds. */
void ps_rounds_heard(struct ps_turn *turn, struct ps_peer *peer, const struct ps_state *state);
/* Whether both held the same when the peer last spoke, and neither has changes pending. */
bool ps_rounds_same(struct ps_turn *turn, const struct ps_peer *peer);
/* Send a SUMMARY: the state alone if both hold the same as far as known, else roots, and heads if
 * few. */
void ps_rounds_send(struct ps_turn *turn, struct ps_peer *peer, bool answer);
/* Nothing to do with a peer in sync for an interval, which grows while nothing happens. */
void ps_rounds_rest(struct ps_turn *turn, struct ps_peer *peer);
/* Give the peer less time than usual for the answer it owes. */
void ps_rounds_hurry(struct ps_turn *turn, struct ps_peer *peer);
/* Compare soon, unless a round is due sooner. */
void ps_rounds_soon(struct ps_turn *turn, struct ps_peer *peer);
/* At the end of a step: who is in sync, what is to be told and sent. */
void ps_rounds_settle(struct ps_turn *turn);
/* Compare with whom it is time to, with many peers a few at a time. */
void ps_rounds_tick(struct ps_turn *turn);
uint64_t ps_rounds_deadline(const struct ps_engine *engine, const struct ps_peer *peer);
/* Whether so many peers are connected that rounds and news go to a few of them at a time. */
bool ps_rounds_crowded(const struct ps_engine *engine);
void ps_rounds_now(struct ps_turn *turn);
void ps_rounds_now_check(struct ps_turn *turn);
/* How many changes the peer lacks, and how many are missing here, as far as known. */
void ps_rounds_distance(const struct ps_engine *engine, const struct ps_peer *peer,
                        uint64_t *behind_out, uint64_t *ahead_out);
void ps_rounds_sync_ended(struct ps_turn *turn, struct ps_peer *peer, const char *reason);

/* ---- news.c: own and learnt changes on their way to others ---- */

/* Look which of our own logs have moved: another thread or process may have written. */
void ps_news_scan(struct ps_turn *turn);
/* Note how far a log is, without telling anyone. */
void ps_news_known(struct ps_turn *turn, const struct ps_log *log);
/* A log holds `size` now. own: written by this device, so pushed at once. */
void ps_news_moved(struct ps_turn *turn, const struct ps_log *log);
void ps_news_announce(struct ps_turn *turn);
/* One item of a HEADS message for the peer. */
bool ps_news_heads_item(struct ps_turn *turn, const struct ps_log *log, uint64_t proof_size,
                        struct ps_heads_item *out);
/* Send HEADS of up to PS_HEADS_MAX items. */
void ps_news_send_heads(struct ps_turn *turn, struct ps_peer *peer,
                        const struct ps_heads_item *items, size_t count);

/* ---- trust.c: who is admitted ---- */

/* Read the members from the store; keeps peers that stay. */
void ps_trust_load(struct ps_turn *turn);
bool ps_trust_member(struct ps_turn *turn, const struct ps_device *device);

/* ---- recover.c ---- */

/* The store has failed: see there. */
void ps_recover(struct ps_turn *turn, p2psync_result result);

/* ---- pairing.c ---- */

void ps_pairing_invite(struct ps_turn *turn);
void ps_pairing_message(struct ps_turn *turn);
void ps_pairing_tick(struct ps_turn *turn);
uint64_t ps_pairing_deadline(const struct ps_engine *engine);

/* ---- on_*.c: one handler per message, on the session of a peer ---- */

void ps_on_hello(struct ps_turn *turn, struct ps_peer *peer, struct ps_link *link);
void ps_on_summary(struct ps_turn *turn, struct ps_peer *peer);
void ps_on_heads(struct ps_turn *turn, struct ps_peer *peer);
void ps_on_want(struct ps_turn *turn, struct ps_peer *peer);
void ps_on_changes(struct ps_turn *turn, struct ps_peer *peer);
void ps_on_ack(struct ps_turn *turn, struct ps_peer *peer);
void ps_on_peers(struct ps_turn *turn, struct ps_peer *peer);
/* Tell a peer where the others are; and note that all are to be told. */
void ps_peers_tell(struct ps_turn *turn, struct ps_peer *peer);
void ps_peers_due(struct ps_engine *engine);
void ps_on_error(struct ps_turn *turn, struct ps_peer *peer, struct ps_link *link);

#endif
