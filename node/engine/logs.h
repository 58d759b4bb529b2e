/* What this device holds of each log, as last looked at, and which logs others may not know of yet.
 * Logs of `_local` collections never leave this device. */
#ifndef PS_NODE_ENGINE_LOGS_H
#define PS_NODE_ENGINE_LOGS_H

#include <stdbool.h>

#include "node/engine/by_log.h"
#include "store/log/log.h"

struct ps_engine;
struct ps_turn;

struct ps_logs {
    struct ps_by_log sizes;
    struct ps_by_log flags; /* FRESH, LOCAL: see logs.c */
    uint32_t used;          /* logs that hold anything */
    uint64_t total;         /* changes in those that are not LOCAL */
};

/* Read from the store how far every log is. True if changes wait to be applied. */
bool ps_logs_load(struct ps_turn *turn);
/* Note how far one log is. False if the store has failed. */
bool ps_logs_note(struct ps_turn *turn, const struct ps_log *log);
/* Numbers below this may be logs; those that are not have size 0. */
uint32_t ps_logs_count(const struct ps_engine *engine);
uint64_t ps_logs_size(const struct ps_engine *engine, uint32_t log);
/* How many logs hold anything; how many changes those hold that may leave this device. */
uint32_t ps_logs_used(const struct ps_engine *engine);
uint64_t ps_logs_total(const struct ps_engine *engine);
bool ps_logs_is_local(const struct ps_engine *engine, uint32_t log);

/* Others may not know yet how far this log is. */
void ps_logs_freshen(struct ps_turn *turn, uint32_t log);
bool ps_logs_is_fresh(const struct ps_engine *engine, uint32_t log);
/* What is fresh has been announced. */
void ps_logs_announced(struct ps_engine *engine);

/* Forget everything: ps_logs_load() comes next. */
void ps_logs_forget(struct ps_engine *engine);
void ps_logs_deinit(struct ps_logs *logs);

#endif
