/* What this device may write: see may.h. */
#include "store/mesh/may.h"

#include "store/mesh/removal.h"

static ps_role lowest_for(struct ps_bytes collection);
static p2psync_result check(struct ps_txn *txn, struct ps_bytes collection);
static p2psync_result check_removed(struct ps_txn *txn, const struct ps_identity *identity);

p2psync_result ps_may_write(struct ps_txn *txn, const struct ps_write *write, uint64_t now_ms,
                            struct ps_written *out)
{
    p2psync_result result = check(txn, write->collection);
    return result == P2PSYNC_OK ? ps_own_write(txn, write, now_ms, out) : result;
}

/* Which rank at least one must have to write there. */
static ps_role lowest_for(struct ps_bytes collection)
{
    if (ps_bytes_equal(collection, ps_bytes_text(PS_DEVICES_COLLECTION)) ||
        ps_bytes_equal(collection, ps_bytes_text("_seen"))) {
        return PS_ROLE_READER;
    }
    return ps_collection_is_internal(collection) && !ps_collection_is_local(collection)
               ? PS_ROLE_ADMIN
               : PS_ROLE_WRITER;
}

static p2psync_result check(struct ps_txn *txn, struct ps_bytes collection)
{
    struct ps_identity identity = {0};
    struct ps_member self;
    p2psync_result result = ps_identity_read(txn, &identity);
    if (result != P2PSYNC_OK || ps_collection_is_local(collection)) {
        return result;
    }
    result = ps_member_get(txn, &identity.device, &self);
    if (result != P2PSYNC_OK) {
        return result == P2PSYNC_ENOTFOUND ? check_removed(txn, &identity) : result;
    }
    return self.role <= lowest_for(collection) ? P2PSYNC_OK : P2PSYNC_EDENIED;
}

/* Only by an act: what a member tells may be wrong. */
static p2psync_result check_removed(struct ps_txn *txn, const struct ps_identity *identity)
{
    struct ps_removal removal;
    p2psync_result result = ps_removal_read(txn, identity, &removal);
    return result == P2PSYNC_OK && removal.kind == PS_REMOVAL_ACT ? P2PSYNC_EDENIED : result;
}
