/* The acts that lie in `_devices`, read from the store as a replay wants them: replay.h. */
#ifndef PS_STORE_MESH_ACTS_H
#define PS_STORE_MESH_ACTS_H

#include "store/env/db.h"
#include "store/mesh/replay.h"
#include "wire/id.h"

/* What was read. The names of scopes point into the map, until the next write of the transaction.
 */
struct ps_acts {
    struct ps_replay_input input;
    struct ps_device *devices; /* by number; ascending */
    struct ps_bytes *scopes;   /* the name of scope i + 1 */
    size_t scope_count;
    uint32_t *numbers; /* what each log of the input is called in the store */
    struct ps_replay_log *logs;
    struct ps_replay_act *acts;
    size_t *parents;
    struct ps_replay_claim *claims;
};

/* Read all acts that are settled, void ones among them, and see which of their claims about logs of
 * `_devices` are true. Reads each entry once, and those of logs that are named in claims once more;
 * 10,000 acts take some 20 ms. out needs ps_acts_deinit(), also after an error.
 *
 * Errors  P2PSYNC_ECORRUPT; P2PSYNC_EIO; P2PSYNC_ENOMEM.
 */
p2psync_result ps_acts_read(struct ps_txn *txn, const struct ps_mesh *mesh,
                            struct ps_acts *out) P2PSYNC_MUST_CHECK;
void ps_acts_deinit(struct ps_acts *acts);

#endif
