/* Sessions: which link of a peer counts. Of two links between the same two devices the one that the
 * lower device id has dialled stays, unless the other belongs to a newer run of the peer. A link
 * that fails is dialled again for ever, with back-off; libzmq itself never re-dials. */
#ifndef PS_NODE_ENGINE_SESSION_H
#define PS_NODE_ENGINE_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "wire/message.h"

struct ps_engine;
struct ps_link;
struct ps_peer;
struct ps_peer_info;
struct ps_turn;

struct ps_session {
    uint64_t id;       /* of the link that counts; 0: none. Everyone may read it */
    uint64_t protocol; /* the version that both speak */
    uint64_t hello_ms; /* when our HELLO went out */
    uint64_t rtt_ms;   /* UINT64_MAX: not known yet */
    uint64_t ended;    /* how many have ended since the start */
    bool doubted;      /* it may be dead, or both may have moved: see ps_session_doubt() */
    uint64_t doubt_ms; /* no doubt is taken before */
};

#define PS_SESSION_NONE ((struct ps_session){.rtt_ms = UINT64_MAX})

/* ---- links come and go ---- */

void ps_session_link_up(struct ps_turn *turn, uint64_t id);
void ps_session_link_down(struct ps_turn *turn, uint64_t id, bool refused);
/* The link that the turn's message of that type came on; an accepted link is known from its first
 * message on. NULL if the link is not to live. */
struct ps_link *ps_session_link_of_message(struct ps_turn *turn, struct ps_peer *peer,
                                           uint64_t type);
/* Make `link`, on which a valid HELLO has come, the session, or give it up for a better one. True
 * if it is the session now. */
bool ps_session_adopt(struct ps_turn *turn, struct ps_peer *peer, struct ps_link *link);
void ps_session_send_hello(struct ps_turn *turn, struct ps_peer *peer, struct ps_link *link);

/* ---- ending them ---- */

/* Close a link. If it is the session, the peer is offline. */
void ps_session_close(struct ps_turn *turn, struct ps_peer *peer, uint64_t id, const char *reason);
/* The peer says goodbye on a link: close it. That is no failure of a sync. */
void ps_session_take_goodbye(struct ps_turn *turn, struct ps_peer *peer, uint64_t id);
/* Send ERROR without blame, then close the link. */
void ps_session_refuse(struct ps_turn *turn, struct ps_peer *peer, uint64_t id, ps_error_code code,
                       const char *text);
/* Send ERROR, close the link, and count it against the peer. */
void ps_session_fault(struct ps_turn *turn, struct ps_peer *peer, uint64_t id, ps_error_code code,
                      const char *text);
/* Charge the peer for what a message on a link cost; over its budget, that is a fault. False if the
 * link is closed. */
bool ps_session_spend(struct ps_turn *turn, struct ps_peer *peer, uint64_t id, uint64_t cost);
/* Close all links of the peer: with a goodbye, or as those of a stranger. */
void ps_session_say_goodbye(struct ps_turn *turn, struct ps_peer *peer);
void ps_session_expel(struct ps_turn *turn, struct ps_peer *peer);

/* ---- doubt ---- */

/* Whether the session still lives is in doubt: the end of the turn asks the peer to compare, and
 * gives it little time to reply. Anybody can raise doubts, with beacons that it sends in the peer's
 * name, so that of many at once one is taken, and the next one PS_DOUBT_MS later. */
#define PS_DOUBT_MS 5000
void ps_session_doubt(struct ps_peer *peer);
/* Whether it is; after this call it is not. */
bool ps_session_take_doubt(struct ps_peer *peer, uint64_t now_ms);
/* When a doubt that was raised is to be taken; PS_NEVER: there is none. */
uint64_t ps_session_doubt_ms(const struct ps_peer *peer);
/* What was known of connections may be void, for this reason: dial everyone who is not connected,
 * and doubt all sessions. */
void ps_session_resume(struct ps_turn *turn, const char *reason);

/* ---- what is known of one ---- */

void ps_session_set_protocol(struct ps_peer *peer, uint64_t protocol);
uint64_t ps_session_hello_ms(const struct ps_peer *peer);
/* A reply came to what was sent at `sent_ms`. */
void ps_session_replied(struct ps_turn *turn, struct ps_peer *peer, uint64_t sent_ms);
/* Fill in the protocol and the round-trip time. */
void ps_session_describe(const struct ps_peer *peer, struct ps_peer_info *out);
/* How many sessions with the peer have ended since the start. */
uint64_t ps_session_times_ended(const struct ps_peer *peer);

/* ---- time ---- */

/* Give up links that say nothing. */
void ps_session_tick(struct ps_turn *turn, struct ps_peer *peer);
uint64_t ps_session_deadline(const struct ps_peer *peer);

#endif
