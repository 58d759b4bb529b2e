/* What is remembered of a peer between runs: where it was reached, when it was seen, how much went
 * to and fro. It is written to the store seldom, because each commit is a flush of the disk. */
#ifndef PS_NODE_ENGINE_REMEMBER_H
#define PS_NODE_ENGINE_REMEMBER_H

#include <stdbool.h>

#include "store/mesh/peers.h"

struct ps_engine;
struct ps_holds_sum;
struct ps_peer;
struct ps_peer_info;
struct ps_turn;

struct ps_remembered {
    struct ps_peer_row row;
    bool moved;                                 /* it is to be written soon */
    struct ps_device tellers[PS_ENDPOINTS_MAX]; /* of each endpoint, who told of it; zero: nobody,
                                                   or in an earlier run */
    uint64_t told; /* endpoints of others that were news from this peer, in this run */
};

/* A peer has become known: read what is remembered of it. */
p2psync_result ps_remember_read(struct ps_turn *turn, struct ps_peer *peer) P2PSYNC_MUST_CHECK;
/* A session has begun or ended: write it soon. */
void ps_remember_soon(struct ps_peer *peer);
/* Whether this turn writes what has moved. */
bool ps_remember_is_due(const struct ps_turn *turn);
/* Write what has moved, if it is time to. */
void ps_remember_flush(struct ps_turn *turn);
/* The node stops: write all in this turn, and who is in sync; before it says goodbye to them. */
void ps_remember_now(struct ps_turn *turn);

void ps_remember_received(struct ps_turn *turn, struct ps_peer *peer, size_t size);
void ps_remember_sent(struct ps_peer *peer, size_t size);
/* It refuses this device as one that was removed; or has admitted it. */
void ps_remember_refused(struct ps_turn *turn, struct ps_peer *peer);
void ps_remember_admitted(struct ps_peer *peer);
/* There was a sign of life. */
void ps_remember_seen(struct ps_turn *turn, struct ps_peer *peer);
void ps_remember_synced(struct ps_turn *turn, struct ps_peer *peer);
/* So far apart are both. */
void ps_remember_sum(struct ps_peer *peer, const struct ps_holds_sum *sum);
const struct ps_peer_row *ps_remember_row(const struct ps_peer *peer);
/* Its clock differs from ours by so much. */
void ps_remember_skew(struct ps_peer *peer, int64_t skew_ms);
int64_t ps_remember_skew_ms(const struct ps_peer *peer);

/* Remember an endpoint ("host:port"). worked: it goes first; otherwise after those that worked.
 * When there is no room, a new one takes the place of the last; or, of those that were only told,
 * of the last that was told by whoever told most of them. How an endpoint was found at first stays.
 * True if it was not known. */
bool ps_remember_endpoint(struct ps_peer *peer, struct ps_bytes endpoint, ps_found_by found_by,
                          bool worked);
/* The same for one that was only told. What several tell is the word of whoever has told least.
 * before: by whose word it is known until now; NULL if there is no such peer. See ps_peers_told().
 */
bool ps_remember_told(struct ps_peer *peer, struct ps_bytes endpoint, struct ps_peer *teller,
                      const struct ps_peer *before);
/* By whose word an endpoint is known; NULL if not so. */
const struct ps_device *ps_remember_told_by(const struct ps_peer *peer, struct ps_bytes endpoint);
/* Who told of an endpoint; all zero: nobody, or it is not known. */
const struct ps_device *ps_remember_teller(const struct ps_peer *peer, size_t index);
size_t ps_remember_endpoint_count(const struct ps_peer *peer);
/* "" if there are not so many. */
const char *ps_remember_endpoint_at(const struct ps_peer *peer, size_t index);
ps_found_by ps_remember_found_by(const struct ps_peer *peer, size_t index);
/* Whether the peer was reached there. */
bool ps_remember_worked(const struct ps_peer *peer, size_t index);
bool ps_remember_was_seen(const struct ps_peer *peer);
/* Where the peer is connected, else where it was last; "" if nowhere. Valid until it changes. */
const char *ps_remember_where(const struct ps_peer *peer);

/* Fill in what is remembered. */
void ps_remember_describe(const struct ps_peer *peer, struct ps_peer_info *out);

#endif
