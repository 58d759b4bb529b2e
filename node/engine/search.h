/* Searching: a peer offers a history of a log that is not, or may not be, one of those that are
 * here. What it shares with them is found by asking for single entries: where the longest of ours
 * ends, and then further and further back, until one follows what is here. From there it goes
 * forward, as any other fetch. */
#ifndef PS_NODE_ENGINE_SEARCH_H
#define PS_NODE_ENGINE_SEARCH_H

#include "node/engine/transfer.h"

/* The fetch begins. If no history of the origin is here, it is no search. */
void ps_search_begin(struct ps_turn *turn, struct ps_fetch *fetch, const struct ps_log_name *name);

/* What came from the entry `from` on does not follow any history that is here. False if that is
 * the very beginning, so that it is false. */
bool ps_search_back(struct ps_fetch *fetch, uint64_t from);

/* What came is a part of a log that is here. */
void ps_search_follows(struct ps_fetch *fetch, const struct ps_branch_taken *taken);

#endif
