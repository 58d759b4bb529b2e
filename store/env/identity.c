/* The row of who this device is, and its secret. It is one row, so that device, mesh and
 * incarnation can never be from different moments. All randomness is libsodium's. */
#include "store/env/identity.h"

#include <sodium.h>
#include <string.h>

/* device || seed || incarnation || mesh || has_sponsor || sponsor */
#define ROW_SIZE (PS_DEVICE_SIZE + PS_SEED_SIZE + 8 + PS_MESH_SIZE + 1 + PS_DEVICE_SIZE)

p2psync_result ps_identity_read(struct ps_txn *txn, struct ps_identity *out)
{
    struct ps_bytes row;
    p2psync_result result = ps_db_get(txn, PS_DB_META, ps_bytes_text(PS_META_IDENTITY), &row);
    if (result != P2PSYNC_OK) {
        return result == P2PSYNC_ENOTFOUND ? P2PSYNC_ENODEVICE : result;
    }
    if (row.size != ROW_SIZE) {
        return P2PSYNC_ECORRUPT;
    }
    const uint8_t *at = row.data;
    memcpy(out->device.key, at, PS_DEVICE_SIZE);
    at += PS_DEVICE_SIZE;
    memcpy(out->seed, at, PS_SEED_SIZE);
    at += PS_SEED_SIZE;
    out->incarnation = ps_get_u64(at);
    at += 8;
    memcpy(&out->mesh, at, PS_MESH_SIZE);
    at += PS_MESH_SIZE;
    out->has_sponsor = *at != 0;
    memcpy(out->sponsor.key, at + 1, PS_DEVICE_SIZE);
    return P2PSYNC_OK;
}

p2psync_result ps_identity_write(struct ps_txn *txn, const struct ps_identity *identity)
{
    uint8_t row[ROW_SIZE];
    uint8_t *at = row;
    memcpy(at, identity->device.key, PS_DEVICE_SIZE);
    at += PS_DEVICE_SIZE;
    memcpy(at, identity->seed, PS_SEED_SIZE);
    at += PS_SEED_SIZE;
    ps_put_u64(at, identity->incarnation);
    at += 8;
    memcpy(at, &identity->mesh, PS_MESH_SIZE);
    at += PS_MESH_SIZE;
    *at = identity->has_sponsor ? 1 : 0;
    memcpy(at + 1, identity->sponsor.key, PS_DEVICE_SIZE);
    p2psync_result result =
        ps_db_put(txn, PS_DB_META, ps_bytes_text(PS_META_IDENTITY), ps_bytes(row, sizeof row));
    sodium_memzero(row, sizeof row); /* it held the secret */
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

bool ps_identity_is_sound(const struct ps_identity *identity)
{
    struct ps_device device;
    uint8_t secret_key[64];
    (void)crypto_sign_seed_keypair(device.key, secret_key, identity->seed);
    sodium_memzero(secret_key, sizeof secret_key);
    return ps_device_equal(&device, &identity->device) && ps_device_valid(&device);
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

void ps_identity_secret(const struct ps_identity *identity, struct ps_secret *out)
{
    /* libsodium's secret key is the seed and the public key: nothing needs to be computed. */
    static_assert(PS_SEED_SIZE + PS_DEVICE_SIZE == sizeof out->key, "seed, public key");
    memcpy(out->key, identity->seed, PS_SEED_SIZE);
    memcpy(out->key + PS_SEED_SIZE, identity->device.key, PS_DEVICE_SIZE);
}

void ps_identity_secret_wipe(struct ps_secret *secret)
{
    sodium_memzero(secret, sizeof *secret);
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
