/* Rows of roles, as roles.h says. */
#include "store/mesh/roles.h"

#include "store/log/collection.h"
#include "store/mesh/named.h"

static p2psync_result role_in(struct ps_txn *txn, const struct ps_mesh *mesh,
                              const struct ps_device *device, struct ps_bytes collection,
                              ps_role *out);
static p2psync_result role_of(struct ps_txn *txn, const struct ps_mesh *mesh,
                              const struct ps_device *device, ps_role *out);

p2psync_result ps_role_put(struct ps_txn *txn, const struct ps_device *device,
                           struct ps_bytes collection, ps_role role, bool *moved_out)
{
    struct ps_key key = ps_key_role(device, collection);
    uint8_t byte = (uint8_t)role;
    struct ps_bytes row = ps_bytes(&byte, 1);
    struct ps_bytes before;
    p2psync_result result = ps_db_get(txn, PS_DB_ROLES, ps_key_view(&key), &before);
    *moved_out = result != P2PSYNC_OK || !ps_bytes_equal(before, row);
    if (result != P2PSYNC_OK && result != P2PSYNC_ENOTFOUND && result != P2PSYNC_ECORRUPT) {
        return result;
    }
    return *moved_out ? ps_db_put(txn, PS_DB_ROLES, ps_key_view(&key), row) : P2PSYNC_OK;
}

static p2psync_result role_in(struct ps_txn *txn, const struct ps_mesh *mesh,
                              const struct ps_device *device, struct ps_bytes collection,
                              ps_role *out)
{
    struct ps_key key = ps_key_role(device, collection);
    struct ps_bytes row;
    ps_role role = PS_ROLE_NONE;
    p2psync_result result = role_of(txn, mesh, device, &role);
    if (result != P2PSYNC_OK || role == PS_ROLE_NONE) {
        *out = role;
        return result;
    }
    result = ps_db_get(txn, PS_DB_ROLES, ps_key_view(&key), &row);
    if (result == P2PSYNC_OK && (row.size != 1 || row.data[0] > PS_ROLE_NONE)) {
        return P2PSYNC_ECORRUPT;
    }
    if (result == P2PSYNC_OK || result == P2PSYNC_ENOTFOUND) {
        *out = result == P2PSYNC_OK ? (ps_role)row.data[0] : role;
        result = P2PSYNC_OK;
    }
    return result;
}

/* In all collections. */
static p2psync_result role_of(struct ps_txn *txn, const struct ps_mesh *mesh,
                              const struct ps_device *device, ps_role *out)
{
    struct ps_member member;
    struct ps_named named = {.is_removed = false};
    p2psync_result result = ps_member_get(txn, device, &member);
    if (result == P2PSYNC_OK) {
        *out = member.role;
        return P2PSYNC_OK;
    }
    if (result != P2PSYNC_ENOTFOUND) {
        return result;
    }
    *out = PS_ROLE_NONE;
    if (!ps_device_equal(device, &mesh->founder)) {
        return P2PSYNC_OK;
    }
    result = ps_named_get(txn, device, &named); /* the recovery key may have removed it */
    if (result == P2PSYNC_OK || result == P2PSYNC_ENOTFOUND) {
        *out = named.is_removed ? PS_ROLE_NONE : PS_ROLE_FOUNDER;
        result = P2PSYNC_OK;
    }
    return result;
}

p2psync_result ps_role_opens(struct ps_txn *txn, const struct ps_mesh *mesh,
                             const struct ps_device *device, struct ps_bytes collection, bool *out)
{
    bool devices = ps_bytes_equal(collection, ps_bytes_text(PS_DEVICES_COLLECTION));
    bool everybody = devices || ps_bytes_equal(collection, ps_bytes_text("_seen"));
    bool settings = ps_bytes_equal(collection, ps_bytes_text("_collections")) ||
                    ps_bytes_equal(collection, ps_bytes_text("_forgotten"));
    ps_role role = PS_ROLE_NONE;
    if (devices && ps_mesh_recovers(mesh, device)) {
        *out = ps_device_valid(device);
        return P2PSYNC_OK;
    }
    p2psync_result result = everybody || settings ? role_of(txn, mesh, device, &role)
                                                  : role_in(txn, mesh, device, collection, &role);
    if (result == P2PSYNC_OK) {
        *out = role <= (everybody ? PS_ROLE_READER : settings ? PS_ROLE_ADMIN : PS_ROLE_WRITER);
    }
    return result;
}

bool ps_role_walk_next(struct ps_role_walk *walk, struct ps_role_row *out)
{
    struct ps_row row;
    if (!ps_db_walk_next(walk->txn, PS_DB_ROLES, &walk->from, &walk->result, &row)) {
        return false;
    }
    if (!ps_key_split_role(row.key, &out->device, &out->collection)) {
        walk->result = P2PSYNC_ECORRUPT;
    }
    return walk->result == P2PSYNC_OK;
}
