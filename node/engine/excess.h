/* Logs that nobody honest begins. A node takes every log, and drops none: so who holds what follows
 * from what was begun, and not from the order in which it came. But what goes beyond what an honest
 * device does is taken slowly, so that its author fills nobody up: logs beyond PS_BEGUN_MAX of one
 * device, and histories beyond PS_BRANCHES_MAX of one log. What is covered of a closed log is none.
 *
 * It is slowest where it comes in: from its author. Between two
 * others it is faster, since those who took it slowly have the less of it to pass on; so they stay
 * in sync with each other, whatever its author does. */
#ifndef PS_NODE_ENGINE_EXCESS_H
#define PS_NODE_ENGINE_EXCESS_H

#include <stdbool.h>

#include "wire/id.h"

struct ps_log;
struct ps_peer;
struct ps_turn;

typedef enum ps_excess {
    PS_EXCESS_NONE,  /* it is none: it may be taken */
    PS_EXCESS_TAKEN, /* it may be taken, and counts as taken */
    PS_EXCESS_OVER,  /* it is to wait; or the store has failed */
} ps_excess;

/* Whether a log of `author` that is not here may be taken from the peer now. */
ps_excess ps_excess_log(struct ps_turn *turn, struct ps_peer *peer, const struct ps_device *author);

/* The same of a history that is not here, of an origin of which `log` is. */
ps_excess ps_excess_history(struct ps_turn *turn, struct ps_peer *peer, const struct ps_log *log);

#endif
