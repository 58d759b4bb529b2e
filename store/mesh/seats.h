/* Who is a member: whoever has a role in all collections and is not removed, as long as there is
 * room. */
#ifndef PS_STORE_MESH_SEATS_H
#define PS_STORE_MESH_SEATS_H

#include "store/mesh/replay.h"

/* Say of each device whether it is a member, who has added it, and how many more it may bring in.
 * What else is in replay->devices, and which acts count, must be there.
 *
 * Errors  P2PSYNC_ENOMEM.
 */
p2psync_result ps_seats_take(const struct ps_replay_input *input,
                             struct ps_replay *replay) P2PSYNC_MUST_CHECK;

#endif
