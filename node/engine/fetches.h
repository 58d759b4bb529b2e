/* The queue of what is fetched from a peer, oldest first. Most often one of the first is taken out,
 * so that these are moved, and not the thousands that may come after it. */
#ifndef PS_NODE_ENGINE_FETCHES_H
#define PS_NODE_ENGINE_FETCHES_H

#include "node/engine/transfer.h"

/* Make room for one more after the last; fetches may move. Errors  P2PSYNC_ENOMEM. */
p2psync_result ps_fetches_reserve(struct ps_transfer *transfer) P2PSYNC_MUST_CHECK;
/* Take one out. Those before it may move. */
void ps_fetches_drop(struct ps_transfer *transfer, struct ps_fetch *fetch);

/* The log is offered again while it is being fetched. */
struct ps_fetch_want;
void ps_fetches_renew(struct ps_fetch *fetch, const struct ps_fetch_want *want);

#endif
