/* The recovery key: see recovery.h. All randomness is libsodium's. */
#include "store/mesh/recovery.h"

#include <sodium.h>
#include <string.h>

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
