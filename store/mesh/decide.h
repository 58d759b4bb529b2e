/* Deciding who is a member and what it may: acts that this device writes into `_devices`. */
#ifndef PS_STORE_MESH_DECIDE_H
#define PS_STORE_MESH_DECIDE_H

#include "store/env/identity.h"
#include "store/env/secret.h"
#include "wire/act.h"

struct ps_decision {
    ps_act_kind kind; /* PS_ACT_ROLE or PS_ACT_REMOVED */
    struct ps_device subject;
    ps_role role;               /* of PS_ACT_ROLE */
    struct ps_bytes collection; /* of PS_ACT_ROLE: in which one; empty for all */
    struct ps_bytes name; /* valid: what the subject is called from now on; empty: as before */
};

/* Write an act, and before it what must be written anew so that nobody else's standing changes;
 * then work the members out anew. The caller commits.
 *
 * identity  this device.
 * now_ms    wall clock.
 * who_out   set with P2PSYNC_EDENIED: the lowest rank that may; PS_ROLE_NONE: nobody, or the
 *           subject alone.
 * Errors    P2PSYNC_EDENIED this device may not; P2PSYNC_ECONFLICT the subject is removed, for
 *           good; P2PSYNC_ELIMIT it can bring in no more devices; as ps_write() and
 *           ps_members_refresh(). After any the transaction must be aborted.
 */
p2psync_result ps_decide(struct ps_txn *txn, const struct ps_identity *identity,
                         const struct ps_decision *decision, uint64_t now_ms,
                         ps_role *who_out) P2PSYNC_MUST_CHECK;

/* What came of a recovery. */
struct ps_recovered {
    ps_role who;                /* with P2PSYNC_EDENIED: as of ps_decide() */
    size_t failed;              /* after an error: the decision that it is about */
    struct ps_device *restated; /* about whom acts were written anew; in any order, some twice */
    size_t restated_count;
};
void ps_recovered_deinit(struct ps_recovered *recovered);

struct ps_decisions {
    const struct ps_decision *items;
    size_t count;
};

/* The same with the recovery key, for all decisions at once: what each would restate is left out if
 * another one is about it. All lies in one log, those that remove somebody last; so whoever has
 * settled these has settled the rest. Names in decisions are not looked at. Whoever has no role
 * after this, and had one by the founder that is removed, is no member.
 *
 * key     the caller wipes it.
 * out     needs ps_recovered_deinit(), also after an error.
 * Errors  P2PSYNC_ENOTFOUND no act is about the subject of a decision; as ps_recovery_identity(),
 *         ps_decide(). After any the transaction must be aborted.
 */
p2psync_result ps_decide_recovery(struct ps_txn *txn, const struct ps_secret *key,
                                  const struct ps_decisions *decisions, uint64_t now_ms,
                                  struct ps_recovered *out) P2PSYNC_MUST_CHECK;

/* On the founder's device: remove the admins that have asked for it. On others nothing is done.
 *
 * changed_out  whether somebody was removed.
 * Errors       as ps_decide().
 */
p2psync_result ps_decide_asked(struct ps_txn *txn, const struct ps_identity *identity,
                               uint64_t now_ms, bool *changed_out) P2PSYNC_MUST_CHECK;

/* Which rank an act wants of its author, as people read it: "an admin or the founder". */
const char *ps_decision_who(ps_role lowest);

#endif
