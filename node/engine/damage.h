/* Logs that are damaged on this disk: an entry cannot be read. What needs it, the entry itself and
 * proofs, is passed on to nobody; all other logs go on. This device says so, because nobody else
 * can know. */
#ifndef PS_NODE_ENGINE_DAMAGE_H
#define PS_NODE_ENGINE_DAMAGE_H

#include "store/log/log.h"

struct ps_turn;

/* The result of reading or proving changes of a log, as ps_turn_ok() takes any: false if it failed.
 * But damage does not end the turn: it is told, to the app and the app's log, once in a run. */
bool ps_damage_ok(struct ps_turn *turn, const struct ps_log *log, p2psync_result result);

/* Whether that was told of this log. */
bool ps_damage_is_known(const struct ps_turn *turn, const struct ps_log *log);

#endif
