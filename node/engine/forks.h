/* Forks: logs of which an author has signed two histories. The store carries both; here the node
 * tells people, and goes on under a new incarnation if the log is its own. */
#ifndef PS_NODE_ENGINE_FORKS_H
#define PS_NODE_ENGINE_FORKS_H

#include "store/log/branch.h"
#include "wire/message.h"

struct ps_turn;

/* What of the author's histories a signed head is about: log_out is one that has all of it. False
 * if none has, or the store has failed. */
bool ps_forks_hold(struct ps_turn *turn, const struct ps_heads_item *item, struct ps_log *log_out);

/* Any history of the origin that `name` is of. False if there is none, or the store has failed. */
bool ps_forks_any(struct ps_turn *turn, const struct ps_log_name *name, struct ps_log *log_out);

/* A fork was found: `branch` is new. */
void ps_forks_found(struct ps_turn *turn, const struct ps_log *branch);

/* Somebody holds more of this origin's logs than we do, or another history. If it is our own, this
 * store has been rolled back. From here on we write in a new incarnation, so that our log does not
 * fork, or no further. What was lost comes back as others' changes do. */
void ps_forks_own(struct ps_turn *turn, const struct ps_origin *origin);

#endif
