/* Keys of this device, as node/engine/identity.h says. All randomness is libsodium's. */
#include "node/engine/identity.h"

#include <sodium.h>
#include <string.h>

void ps_identity_draw(struct ps_identity *out)
{
    uint8_t secret_key[64];
    *out = (struct ps_identity){0};
    randombytes_buf(out->seed, sizeof out->seed);
    (void)crypto_sign_seed_keypair(out->device.key, secret_key, out->seed);
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

void ps_keys_expand(const struct ps_identity *identity, struct ps_keys *out)
{
    /* libsodium's secret key is the seed and the public key: nothing needs to be computed. */
    static_assert(PS_SEED_SIZE + PS_DEVICE_SIZE == sizeof out->secret_key, "seed, public key");
    memcpy(out->secret_key, identity->seed, PS_SEED_SIZE);
    memcpy(out->secret_key + PS_SEED_SIZE, identity->device.key, PS_DEVICE_SIZE);
}

void ps_keys_wipe(struct ps_keys *keys)
{
    sodium_memzero(keys, sizeof *keys);
}

void ps_identity_wipe(struct ps_identity *identity)
{
    sodium_memzero(identity->seed, sizeof identity->seed);
}
