/* The backlog: changes that have come and are not applied yet. They are applied at once if nothing
 * more is on its way, else in batches that grow with the backlog (DESIGN, "Applying"). */
#ifndef PS_NODE_ENGINE_BACKLOG_H
#define PS_NODE_ENGINE_BACKLOG_H

#include <stdbool.h>
#include <stdint.h>

struct ps_engine;
struct ps_turn;

/* Changes have come. */
void ps_backlog_grew(struct ps_turn *turn);
/* The store was found with changes that wait. */
void ps_backlog_found(struct ps_turn *turn);
/* Apply what is due. True if anything moved. */
bool ps_backlog_apply(struct ps_turn *turn);
/* Merge a piece of what was left to be merged later (store/apply/refresh.h), if it is time for one.
 * Pieces are short and have pauses between them, so that nobody who wants to write waits long. */
void ps_backlog_refresh(struct ps_turn *turn);
/* Whether changes have come that may be applied. What waits for its parents for good is not of
 * them, nor what is to be merged later. */
bool ps_backlog_has_changes(const struct ps_engine *engine);
/* Whether there is anything to write now. */
bool ps_backlog_waits(const struct ps_engine *engine, uint64_t now_ms);
/* When there is anything to do, at the latest. */
uint64_t ps_backlog_deadline(const struct ps_engine *engine);

#endif
