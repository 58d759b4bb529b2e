/* What is covered of logs that are closed, and so is shown of them: wire/PROTOCOL.md, section 13,
 * rules 9 and 10. It is found anew when others may write, when reports come or go, and when such a
 * log grows; store/log/shown.h keeps it.
 *
 * For example, a removed device's log is held up to 9, and members report 5 and 7: 7 are shown. Of
 * two histories of it that part at 6, and of which nobody has reported more than 5, one is shown,
 * as if it had never forked: so does who holds no more than is covered. */
#ifndef PS_STORE_MESH_COVER_H
#define PS_STORE_MESH_COVER_H

#include "store/log/log.h"
#include "wire/id.h"

/* Of all logs. Errors  P2PSYNC_ECORRUPT; P2PSYNC_EFULL; P2PSYNC_EIO; P2PSYNC_ENOMEM. */
p2psync_result ps_cover_all(struct ps_txn *txn, const struct ps_mesh *mesh) P2PSYNC_MUST_CHECK;
/* Of all histories of this log, which has grown. Errors  as above. */
p2psync_result ps_cover_log(struct ps_txn *txn, const struct ps_mesh *mesh,
                            const struct ps_log *log) P2PSYNC_MUST_CHECK;

#endif
