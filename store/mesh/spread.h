/* How far logs count, by what is claimed of them in logs that count. Some logs are open, and have
 * no end; the others end at the largest size that an act below an end claims of them. So one end
 * may move another: worked out from the open logs on until nothing moves, which gives the least
 * ends that fit, whatever comes first. */
#ifndef PS_STORE_MESH_SPREAD_H
#define PS_STORE_MESH_SPREAD_H

#include "store/mesh/replay.h"

struct ps_spread {
    const struct ps_replay_input *input;
    const bool *may_claim; /* of each act: whether its claims count once it lies below an end */
    bool acts_only;        /* only claims of what was decided count */
    uint64_t *ends;        /* in: PS_REPLAY_OPEN or 0 of each log; out: where it ends */
    uint64_t *wanted; /* out: the same as if all claims that are not held were; NULL: not needed */
};

/* Errors  P2PSYNC_ENOMEM. */
p2psync_result ps_spread_run(const struct ps_spread *spread) P2PSYNC_MUST_CHECK;

#endif
