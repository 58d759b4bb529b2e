/* What this device may write: see may.h. */
#include "store/mesh/may.h"

#include "store/log/collection.h"
#include "store/log/log.h"
#include "store/mesh/cover.h"
#include "store/mesh/removal.h"
#include "store/mesh/roles.h"

static p2psync_result check(struct ps_txn *txn, struct ps_bytes collection, bool *closed_out);
static p2psync_result cover_own(struct ps_txn *txn, struct ps_bytes name);
static p2psync_result check_removed(struct ps_txn *txn, const struct ps_identity *identity);

p2psync_result ps_may_write(struct ps_txn *txn, const struct ps_write *write, uint64_t now_ms,
                            struct ps_written *out)
{
    bool closed = false;
    p2psync_result result = check(txn, write->collection, &closed);
    if (result == P2PSYNC_OK) {
        result = ps_own_write(txn, write, now_ms, out);
    }
    return result == P2PSYNC_OK && closed ? cover_own(txn, write->collection) : result;
}

/* closed_out: others do not take it, or not yet. */
static p2psync_result check(struct ps_txn *txn, struct ps_bytes collection, bool *closed_out)
{
    struct ps_identity identity = {0};
    struct ps_member self;
    bool open = true;
    p2psync_result result = ps_identity_read(txn, &identity);
    if (result != P2PSYNC_OK || ps_collection_is_local(collection)) {
        return result;
    }
    result = ps_role_opens(txn, &identity.mesh, &identity.device, collection, &open);
    if (result != P2PSYNC_OK || open) {
        return result;
    }
    *closed_out = true;
    result = ps_member_get(txn, &identity.device, &self);
    return result == P2PSYNC_OK          ? P2PSYNC_EDENIED
           : result == P2PSYNC_ENOTFOUND ? check_removed(txn, &identity)
                                         : result;
}

/* Nothing of it is covered: so it is not shown, until this device may write here. */
static p2psync_result cover_own(struct ps_txn *txn, struct ps_bytes name)
{
    struct ps_identity identity = {0};
    struct ps_collection collection;
    struct ps_log log;
    p2psync_result result = ps_identity_read(txn, &identity);
    if (result == P2PSYNC_OK) {
        result = ps_collection_find(txn, name, &collection);
    }
    if (result == P2PSYNC_OK) {
        const struct ps_origin origin = {.device = identity.device,
                                         .incarnation = identity.incarnation};
        const struct ps_log_id id = {.origin = ps_origin_tag(&identity.mesh, &origin)};
        result = ps_log_find(txn, collection.number, &id, &log);
    }
    if (result == P2PSYNC_OK) {
        result = ps_cover_log(txn, &identity.mesh, &log);
    }
    return result == P2PSYNC_ENOTFOUND ? P2PSYNC_OK : result; /* nothing was to be written */
}

/* Only by an act: what a member tells may be wrong. */
static p2psync_result check_removed(struct ps_txn *txn, const struct ps_identity *identity)
{
    struct ps_removal removal;
    p2psync_result result = ps_removal_read(txn, identity, &removal);
    return result == P2PSYNC_OK && removal.kind == PS_REMOVAL_ACT ? P2PSYNC_EDENIED : result;
}
