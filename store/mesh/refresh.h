/* Who is a member, who is removed, which logs are closed, and what of these is shown: worked out
 * anew from `_devices`, as section 13 of PROTOCOL.md says, and kept in rows for all who ask. */
#ifndef PS_STORE_MESH_REFRESH_H
#define PS_STORE_MESH_REFRESH_H

#include "store/env/db.h"
#include "store/mesh/known.h"
#include "wire/id.h"

/* Work it out anew from all acts of `_devices` that are settled. Call it in the transaction that
 * settled some there. If one of them is damaged, all stays as it is: call it again when that is
 * mended.
 *
 * changed_out  whether somebody came, went or got another role, or others or more of closed logs
 *              are taken; a new name does not count.
 * Errors       P2PSYNC_ECORRUPT; P2PSYNC_EFULL; P2PSYNC_EIO; P2PSYNC_ENOMEM.
 */
p2psync_result ps_members_refresh(struct ps_txn *txn, const struct ps_mesh *mesh,
                                  bool *changed_out) P2PSYNC_MUST_CHECK;

/* The same for who calls it often: only what has come since the last time is looked at. If no act
 * is among it, members are not worked out anew, but get their new names. After an error, and when
 * the transaction is aborted, `known` must be forgotten.
 *
 * came_out  whether an act or a name had come.
 */
struct ps_members_came {
    bool any;
    bool changed; /* as above */
};
p2psync_result ps_members_refresh_known(struct ps_txn *txn, const struct ps_mesh *mesh,
                                        struct ps_known *known,
                                        struct ps_members_came *came_out) P2PSYNC_MUST_CHECK;

#endif
