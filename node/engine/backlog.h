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
bool ps_backlog_waits(const struct ps_engine *engine);

#endif
