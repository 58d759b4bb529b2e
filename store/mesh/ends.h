/* How far logs that are closed are reported, by the reports that count: wire/PROTOCOL.md, section
 * 13, rules 10 and 11. Refreshing the members keeps the rows. */
#ifndef PS_STORE_MESH_ENDS_H
#define PS_STORE_MESH_ENDS_H

#include "store/env/keys.h"
#include "store/log/receive.h"
#include "store/mesh/acts.h"

/* Keep what the counting reports say of logs that are closed. Rows of members and roles must be as
 * they are to be. moved_out: it is not what it was.
 *
 * Errors  P2PSYNC_ENOMEM; P2PSYNC_EFULL; P2PSYNC_EIO.
 */
p2psync_result ps_ends_keep(struct ps_txn *txn, const struct ps_mesh *mesh,
                            const struct ps_acts *acts, bool *moved_out) P2PSYNC_MUST_CHECK;

/* The logs of an origin in a collection. */
struct ps_ends_of {
    struct ps_tag origin;
    struct ps_bytes collection;
};

/* The largest reported size of a log, at most its own, that it has with that root.
 *
 * Errors  P2PSYNC_ENOTFOUND there is none; P2PSYNC_ECORRUPT; P2PSYNC_EIO.
 */
struct ps_end {
    uint64_t size;
    struct ps_hash root;
};
p2psync_result ps_ends_cover(struct ps_txn *txn, struct ps_bytes collection,
                             const struct ps_log *log, struct ps_end *out) P2PSYNC_MUST_CHECK;

/* Whether a proof shows that the log with this head had, at the size where it begins, a root that
 * is reported. The head must be verified.
 *
 * Errors  P2PSYNC_ENOTFOUND it shows no such thing; P2PSYNC_EIO.
 */
p2psync_result ps_ends_prove(struct ps_txn *txn, const struct ps_ends_of *of,
                             const struct ps_head_offer *offer,
                             struct ps_end *out) P2PSYNC_MUST_CHECK;

#endif
