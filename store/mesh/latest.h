/* Which values of a role come before no other one. */
#ifndef PS_STORE_MESH_LATEST_H
#define PS_STORE_MESH_LATEST_H

#include "store/mesh/replay.h"

/* Find the acts that come before one that counts: it is built on them, or on what is built on them,
 * whether that counts or not. Only acts of PS_ACT_ROLE and PS_ACT_VOID about the same subject and
 * scope are looked at.
 *
 * counts       of each act.
 * covered_out  of each act; an array of input->act_count, all of which are set.
 * Errors       P2PSYNC_ENOMEM.
 */
p2psync_result ps_latest_find(const struct ps_replay_input *input, const bool *counts,
                              bool *covered_out) P2PSYNC_MUST_CHECK;

#endif
