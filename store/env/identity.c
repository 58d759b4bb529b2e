/* The row of who this device is, and its secret. It is one row, so that device, mesh and
 * incarnation can never be from different moments. All randomness is libsodium's. */
#include "store/env/identity.h"

#include <sodium.h>
#include <string.h>

/* device || seed || incarnation || mesh || has_sponsor || sponsor */
#define ROW_USED (PS_DEVICE_SIZE + PS_SEED_SIZE + 8 + PS_MESH_SIZE + 1 + PS_DEVICE_SIZE)

/* The rest of the row is zero, and may be missing. It makes the row larger than half a page of LMDB
 * (of 4 KiB), so that LMDB gives it a page of its own. LMDB copies a page to the heap when a row of
 * it is written: that of the secret is left where it is, in the file's map, which core files leave
 * out. */
#define ROW_SIZE 2112

static_assert(ROW_USED < ROW_SIZE, "the row fits");

static p2psync_result seed_for(struct ps_txn *txn, const struct ps_identity *identity,
                               uint8_t out[static PS_SEED_SIZE]);

static p2psync_result read_row(struct ps_txn *txn, const uint8_t **row_out)
{
    struct ps_bytes row;
    p2psync_result result = ps_db_get(txn, PS_DB_META, ps_bytes_text(PS_META_IDENTITY), &row);
    if (result != P2PSYNC_OK) {
        return result == P2PSYNC_ENOTFOUND ? P2PSYNC_ENODEVICE : result;
    }
    *row_out = row.data;
    return row.size >= ROW_USED ? P2PSYNC_OK : P2PSYNC_ECORRUPT;
}

p2psync_result ps_identity_read(struct ps_txn *txn, struct ps_identity *out)
{
    const uint8_t *at = NULL;
    p2psync_result result = read_row(txn, &at);
    if (result != P2PSYNC_OK) {
        return result;
    }
    memcpy(out->device.key, at, PS_DEVICE_SIZE);
    at += PS_DEVICE_SIZE;
    memset(out->seed, 0, PS_SEED_SIZE);
    at += PS_SEED_SIZE;
    out->incarnation = ps_get_u64(at);
    at += 8;
    memcpy(&out->mesh, at, PS_MESH_SIZE);
    at += PS_MESH_SIZE;
    out->has_sponsor = *at != 0;
    memcpy(out->sponsor.key, at + 1, PS_DEVICE_SIZE);
    return P2PSYNC_OK;
}

p2psync_result ps_identity_read_secret(struct ps_txn *txn, struct ps_secret *out)
{
    const uint8_t *row = NULL;
    p2psync_result result = read_row(txn, &row);
    static_assert(PS_SEED_SIZE + PS_DEVICE_SIZE == sizeof out->key, "seed, public key");
    if (result == P2PSYNC_OK) {
        memcpy(out->key, row + PS_DEVICE_SIZE, PS_SEED_SIZE);
        memcpy(out->key + PS_SEED_SIZE, row, PS_DEVICE_SIZE);
    }
    return result;
}

p2psync_result ps_identity_check_secret(struct ps_txn *txn, const struct ps_device *device)
{
    struct ps_device found;
    struct ps_secret *secret = ps_secret_new();
    if (secret == NULL) {
        return P2PSYNC_ENOMEM;
    }
    p2psync_result result = ps_identity_read_secret(txn, secret);
    if (result == P2PSYNC_OK) {
        (void)crypto_sign_seed_keypair(found.key, secret->key, secret->key);
        result = ps_device_equal(&found, device) && ps_device_valid(&found) ? P2PSYNC_OK
                                                                            : P2PSYNC_ECORRUPT;
    }
    ps_secret_destroy(&secret);
    return result;
}

p2psync_result ps_identity_write(struct ps_txn *txn, const struct ps_identity *identity)
{
    uint8_t row[ROW_SIZE] = {0};
    uint8_t *at = row;
    memcpy(at, identity->device.key, PS_DEVICE_SIZE);
    at += PS_DEVICE_SIZE;
    p2psync_result result = seed_for(txn, identity, at);
    at += PS_SEED_SIZE;
    ps_put_u64(at, identity->incarnation);
    at += 8;
    memcpy(at, &identity->mesh, PS_MESH_SIZE);
    at += PS_MESH_SIZE;
    *at = identity->has_sponsor ? 1 : 0;
    memcpy(at + 1, identity->sponsor.key, PS_DEVICE_SIZE);
    if (result == P2PSYNC_OK) {
        result =
            ps_db_put(txn, PS_DB_META, ps_bytes_text(PS_META_IDENTITY), ps_bytes(row, sizeof row));
    }
    sodium_memzero(row, ROW_USED); /* it held the secret */
    return result;
}

/* The seed of one that was drawn, or that is in the row. */
static p2psync_result seed_for(struct ps_txn *txn, const struct ps_identity *identity,
                               uint8_t out[static PS_SEED_SIZE])
{
    const uint8_t *row = NULL;
    if (!sodium_is_zero(identity->seed, PS_SEED_SIZE)) {
        memcpy(out, identity->seed, PS_SEED_SIZE);
        return P2PSYNC_OK;
    }
    p2psync_result result = read_row(txn, &row);
    if (result == P2PSYNC_OK && memcmp(row, identity->device.key, PS_DEVICE_SIZE) != 0) {
        return P2PSYNC_ECORRUPT;
    }
    if (result == P2PSYNC_OK) {
        memcpy(out, row + PS_DEVICE_SIZE, PS_SEED_SIZE);
    }
    return result;
}

void ps_identity_draw(struct ps_identity *out)
{
    uint8_t secret_key[64];
    *out = (struct ps_identity){0};
    do { /* every other key is no id */
        randombytes_buf(out->seed, sizeof out->seed);
        (void)crypto_sign_seed_keypair(out->device.key, secret_key, out->seed);
    } while (!ps_device_valid(&out->device));
    sodium_memzero(secret_key, sizeof secret_key);
    ps_identity_found(out);
}

void ps_identity_found(struct ps_identity *identity)
{
    randombytes_buf(&identity->incarnation, sizeof identity->incarnation);
    identity->mesh.founder = identity->device;
    randombytes_buf(identity->mesh.nonce, sizeof identity->mesh.nonce);
    identity->has_sponsor = false;
}

bool ps_identity_is_copy(const struct ps_identity *identity)
{
    return !identity->has_sponsor && !ps_device_equal(&identity->mesh.founder, &identity->device);
}

void ps_identity_wipe(struct ps_identity *identity)
{
    sodium_memzero(identity->seed, sizeof identity->seed);
}

p2psync_result ps_identity_read_name(struct ps_txn *txn, struct ps_bytes *out)
{
    p2psync_result result = ps_db_get(txn, PS_DB_META, ps_bytes_text(PS_META_NAME), out);
    if (result == P2PSYNC_ENOTFOUND) {
        *out = ps_bytes(NULL, 0);
        return P2PSYNC_OK;
    }
    if (result == P2PSYNC_OK && out->size > PS_DEVICE_NAME_SIZE_MAX) {
        return P2PSYNC_ECORRUPT;
    }
    return result;
}

p2psync_result ps_identity_write_name(struct ps_txn *txn, struct ps_bytes name)
{
    return ps_db_put(txn, PS_DB_META, ps_bytes_text(PS_META_NAME), name);
}

p2psync_result ps_identity_renew(struct ps_txn *txn)
{
    struct ps_identity identity = {0};
    p2psync_result result = ps_identity_read(txn, &identity);
    if (result == P2PSYNC_OK) {
        randombytes_buf(&identity.incarnation, sizeof identity.incarnation);
        result = ps_identity_write(txn, &identity);
    }
    return result;
}

p2psync_result ps_identity_copy(struct ps_txn *from, struct ps_txn *to)
{
    struct ps_identity identity = {0};
    p2psync_result result = ps_identity_read(from, &identity);
    if (result == P2PSYNC_OK) {
        result = seed_for(from, &identity, identity.seed);
    }
    if (result == P2PSYNC_OK) {
        result = ps_identity_write(to, &identity);
    }
    ps_identity_wipe(&identity);
    return result;
}

p2psync_result ps_identity_part(struct ps_txn *txn, const struct ps_mesh *mesh,
                                struct ps_bytes name)
{
    struct ps_identity identity;
    ps_identity_draw(&identity);
    identity.mesh = *mesh;
    p2psync_result result = ps_identity_write(txn, &identity);
    ps_identity_wipe(&identity);
    return result == P2PSYNC_OK ? ps_identity_write_name(txn, name) : result;
}

p2psync_result ps_identity_clear_all(struct ps_txn *txn)
{
    struct ps_bytes row;
    p2psync_result result = ps_db_get(txn, PS_DB_META, ps_bytes_text(PS_META_IDENTITY), &row);
    if (result != P2PSYNC_OK && result != P2PSYNC_ENOTFOUND) {
        return result;
    }
    static const char *const own_rows[] = {PS_META_IDENTITY, PS_META_NAME,    PS_META_COLLECTIONS,
                                           PS_META_LOGS,     PS_META_WAITING, PS_META_BACKUP};
    for (size_t i = 0; i < sizeof own_rows / sizeof own_rows[0]; i++) {
        result = ps_db_delete(txn, PS_DB_META, ps_bytes_text(own_rows[i]));
        if (result != P2PSYNC_OK) {
            return result;
        }
    }
    /* What is left in `meta` speaks of the environment, not of the mesh. */
    for (unsigned db = PS_DB_META + 1; db < PS_DB_COUNT; db++) {
        result = ps_db_clear(txn, (ps_db)db);
        if (result != P2PSYNC_OK) {
            return result;
        }
    }
    return P2PSYNC_OK;
}
