/* The recovery key: see recovery.h. All randomness is libsodium's. */
#include "store/mesh/recovery.h"

#include <sodium.h>
#include <string.h>

#include "store/mesh/members.h"
#include "store/mesh/refresh.h"

void ps_recovery_draw(char code_out[static PS_RECOVERY_CODE_SIZE])
{
    uint8_t secret[PS_RECOVERY_SIZE];
    uint8_t key[PS_RECOVERY_KEY_SIZE];
    do { /* every other key is no id */
        randombytes_buf(secret, sizeof secret);
    } while (!ps_recovery_code_key(secret, key));
    ps_recovery_code_encode(secret, code_out);
    sodium_memzero(key, sizeof key);
    sodium_memzero(secret, sizeof secret);
}

p2psync_result ps_recovery_read(const char *code, struct ps_secret *out, const char **why_out)
{
    uint8_t secret[PS_RECOVERY_SIZE];
    static_assert(sizeof out->key == PS_RECOVERY_KEY_SIZE, "it signs as a device's does");
    p2psync_result result = ps_recovery_code_decode(code, secret, why_out);
    if (result == P2PSYNC_OK) {
        bool valid = ps_recovery_code_key(secret, out->key);
        assert(valid);
        (void)valid;
    }
    sodium_memzero(secret, sizeof secret);
    return result;
}

struct ps_device ps_recovery_device(const struct ps_secret *key)
{
    struct ps_device device;
    memcpy(device.key, key->key + PS_SEED_SIZE, PS_DEVICE_SIZE);
    return device;
}

p2psync_result ps_recovery_identity(struct ps_txn *txn, const struct ps_secret *key,
                                    struct ps_identity *out)
{
    struct ps_identity identity = {0};
    p2psync_result result = ps_identity_read(txn, &identity);
    identity.device = ps_recovery_device(key);
    if (result == P2PSYNC_OK && !ps_mesh_recovers(&identity.mesh, &identity.device)) {
        result = P2PSYNC_EDENIED;
    }
    if (result == P2PSYNC_OK) {
        randombytes_buf(&identity.incarnation, sizeof identity.incarnation);
        *out = identity;
    }
    return result;
}

p2psync_result ps_recovery_write(struct ps_txn *txn, const struct ps_secret *key,
                                 const struct ps_write *write, uint64_t now_ms,
                                 struct ps_written *out)
{
    struct ps_identity identity = {0};
    struct ps_write whole = *write;
    bool changed = false;
    p2psync_result result = ps_recovery_identity(txn, key, &identity);
    if (result == P2PSYNC_OK) {
        whole.identity = &identity;
        whole.secret = key;
        whole.of_other = true;
        whole.now_ms = now_ms;
        whole.collection = ps_bytes_text(PS_DEVICES_COLLECTION);
        result = ps_write(txn, &whole, out);
    }
    return result == P2PSYNC_OK ? ps_members_refresh(txn, &identity.mesh, &changed) : result;
}
