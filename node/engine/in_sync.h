/* In sync: what that means, in one place. */
#ifndef PS_NODE_ENGINE_IN_SYNC_H
#define PS_NODE_ENGINE_IN_SYNC_H

#include <stdbool.h>

struct ps_peer;
struct ps_turn;

/* Whether both held the same when the peer last spoke, and neither has changes that it could apply.
 * What waits for its parents for good is the same on both then, and as much. So who has more
 * pending than we have when we have applied all that can be is not done; unless we still have what
 * it waits for, and show it to nobody: shown.h. */
bool ps_in_sync_with(struct ps_turn *turn, const struct ps_peer *peer);

#endif
