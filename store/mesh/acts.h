/* The acts that lie in `_devices`, read from the store as a replay wants them: replay.h. */
#ifndef PS_STORE_MESH_ACTS_H
#define PS_STORE_MESH_ACTS_H

#include "store/env/db.h"
#include "store/mesh/known.h"
#include "store/mesh/replay.h"
#include "wire/id.h"

/* One that somebody has written, whether it counts or not. */
struct ps_report {
    struct ps_device author;
    struct ps_device subject;
    size_t at;   /* its `ends`, which ps_claim_next() reads: so many bytes of ps_acts.ends ... */
    size_t size; /* ... from `at` on */
};

/* What was read. It owns all of it. */
struct ps_acts {
    struct ps_replay_input input;
    struct ps_device *devices; /* by number; ascending */
    struct ps_bytes *scopes;   /* the name of scope i + 1; ascending; in `names` */
    size_t scope_count;
    struct ps_buf names;
    struct ps_replay_act *acts;
    struct ps_act_id *over; /* of all acts */
    struct ps_report *reports;
    size_t report_count;
    struct ps_buf ends; /* of all reports */
};

/* Read all acts of roles and removals that were settled and may count when it was looked (known.h),
 * and all reports. 10,000 take some 20 ms. out needs ps_acts_deinit(), also after an error.
 *
 * Errors  P2PSYNC_ECORRUPT; P2PSYNC_EIO; P2PSYNC_ENOMEM.
 */
p2psync_result ps_acts_read(struct ps_txn *txn, const struct ps_mesh *mesh,
                            const struct ps_known *known, struct ps_acts *out) P2PSYNC_MUST_CHECK;
/* The same, of what is there now, and give numbers to what is to be decided about: a device, and
 * the name of a scope, which is empty for all collections. */
struct ps_acts_about {
    struct ps_device author;
    struct ps_device subject;
    struct ps_bytes collection;
};
p2psync_result ps_acts_read_about(struct ps_txn *txn, const struct ps_mesh *mesh,
                                  const struct ps_acts_about *about,
                                  struct ps_acts *out) P2PSYNC_MUST_CHECK;
void ps_acts_deinit(struct ps_acts *acts);

/* The number of a device; PS_REPLAY_NONE if it is in no act. */
uint32_t ps_acts_device(const struct ps_acts *acts, const struct ps_device *device);
/* The number of the scope of one collection; 0 if it is in no act. */
uint32_t ps_acts_scope(const struct ps_acts *acts, struct ps_bytes collection);

#endif
