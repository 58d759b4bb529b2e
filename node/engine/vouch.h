/* Vouching: before a head of another device's log is told, its signature is checked, once in a run.
 * It was verified when it came; but the disk may have changed it since, and whoever gets a false
 * head blames the sender. */
#ifndef PS_NODE_ENGINE_VOUCH_H
#define PS_NODE_ENGINE_VOUCH_H

#include <stdbool.h>

#include "store/log/log.h"

struct ps_turn;

/* Whether the log has a head that may be told. One that nobody signed is dropped from the store, if
 * this turn writes. False, too, if the store has failed. */
bool ps_vouch(struct ps_turn *turn, const struct ps_log *log);

#endif
