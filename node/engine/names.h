/* Names of logs on a connection. A log is named to a peer in full, with the number that it has
 * here, until the peer has acknowledged it under that number; after that the number says it. Each
 * side numbers the logs that it sends HEADS and CHANGES of; WANT and ACK use the numbers of the
 * side that they answer. */
#ifndef PS_NODE_ENGINE_NAMES_H
#define PS_NODE_ENGINE_NAMES_H

#include "node/engine/by_log.h"
#include "store/log/log.h"
#include "wire/message.h"

struct ps_peer;
struct ps_turn;

/* Both are bounded: by the logs that are here, and by PS_NUMBERS_MAX. */
struct ps_names {
    struct ps_by_log given; /* by our own numbers: 0, GIVEN or KNOWN: see names.c */
    struct ps_by_log heard; /* by the peer's: our own number of that log and 1; 0: none */
};

/* ---- logs that we send ---- */

/* How to name a log of this collection to the peer now. False if memory has failed. */
bool ps_names_give(struct ps_turn *turn, struct ps_peer *peer, const struct ps_log *log,
                   struct ps_bytes collection, struct ps_log_name *out);
/* The log that a WANT or an ACK of the peer names.
 *
 * Errors  P2PSYNC_ENOTFOUND it is not here; P2PSYNC_EFORK its tag is another origin's here;
 * P2PSYNC_EFORMAT the number was never given; P2PSYNC_ECORRUPT; P2PSYNC_EIO.
 */
p2psync_result ps_names_answered(struct ps_turn *turn, const struct ps_peer *peer,
                                 const struct ps_log_name *name,
                                 struct ps_log *out) P2PSYNC_MUST_CHECK;
/* The peer has acknowledged the log by the number of this name, if that has one. */
bool ps_names_acknowledged(struct ps_turn *turn, struct ps_peer *peer,
                           const struct ps_log_name *name);

/* ---- logs that the peer sends ---- */

/* What a number alone stands for is filled in; the collection's name is copied to `text`.
 *
 * Errors  P2PSYNC_EFORMAT the number stands for nothing; P2PSYNC_ECORRUPT; P2PSYNC_EIO.
 */
p2psync_result ps_names_heard(struct ps_turn *turn, const struct ps_peer *peer,
                              struct ps_log_name *name,
                              char text[static PS_COLLECTION_SIZE_MAX]) P2PSYNC_MUST_CHECK;
/* The peer's number in this name, if it has one, stands for this log, of which changes are here. */
bool ps_names_learn(struct ps_turn *turn, struct ps_peer *peer, const struct ps_log_name *name,
                    uint32_t log);

/* The store took nothing of this turn, at whose beginning all logs had numbers below `logs`: it
 * will give the numbers of those that were new to others. What the peer named them by stands for
 * nothing.
 */
void ps_names_forget_new(struct ps_peer *peer, uint32_t logs);
/* The connection is another one. */
void ps_names_forget(struct ps_peer *peer);
void ps_names_deinit(struct ps_names *names);

#endif
