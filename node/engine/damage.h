/* Logs that are damaged on this disk: an entry cannot be read. What needs it, the entry itself and
 * proofs, is passed on to nobody; all other logs go on. This device says so, because nobody else
 * can know. It looks through the log for all that is damaged, in pieces, and lists it
 * (store/log/damage.h); what is listed is fetched from others: see mend.h. */
#ifndef PS_NODE_ENGINE_DAMAGE_H
#define PS_NODE_ENGINE_DAMAGE_H

#include "node/engine/by_log.h"
#include "store/log/check.h"

struct ps_engine;
struct ps_turn;

/* Zeroed is none. */
struct ps_damage {
    struct ps_by_log found; /* 0 or FOUND, LOOKED, MENDED: see damage.c */
    bool waits;             /* a log is to be looked through */
    bool looking;           /* one is */
    bool tables;            /* a row of another table is listed; recover.h reads it */
    bool rows_tried; /* a collection is worked out anew; if that fails, it is left as it is */
    struct ps_log_check check;
};

/* The result of reading or proving changes of a log, as ps_turn_ok() takes any: false if it failed.
 * But damage does not end the turn: it is told, to the app and the app's log, once in a run. */
bool ps_damage_ok(struct ps_turn *turn, const struct ps_log *log, p2psync_result result);

/* Whether that was told of this log. */
bool ps_damage_is_known(const struct ps_turn *turn, const struct ps_log *log);

/* What was listed of the log is here again: it is looked through once more, and if it is sound,
 * that is told. */
void ps_damage_mended(struct ps_turn *turn, const struct ps_log *log);

/* Another process may have listed what is to be worked out anew: have a turn that writes. */
void ps_damage_wanted(struct ps_turn *turn);

/* What could be saved of other tables is saved (recover.h), which may have kept records from being
 * worked out anew: try that again. */
void ps_damage_salvaged(struct ps_engine *engine);

/* Whether a turn that writes is wanted. */
bool ps_damage_waits(const struct ps_engine *engine);
/* List what readers have met (store/env/met.h), and look on for what is damaged. True if some may
 * have been listed. */
bool ps_damage_tick(struct ps_turn *turn);

/* The store has failed: numbers of logs may be given to others. */
void ps_damage_forget(struct ps_engine *engine);
void ps_damage_deinit(struct ps_damage *damage);

#endif
