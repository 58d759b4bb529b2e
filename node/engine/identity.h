/* The keys of this device: made, expanded and wiped. The seed in the store is the only secret;
 * CURVE keys are derived from it by whoever opens sockets. */
#ifndef PS_NODE_ENGINE_IDENTITY_H
#define PS_NODE_ENGINE_IDENTITY_H

#include "store/env/identity.h"

struct ps_keys {
    uint8_t secret_key[64]; /* Ed25519, libsodium's form */
};

/* Draw a new device, with an incarnation and a mesh of its own. Needs sodium_init(). */
void ps_identity_draw(struct ps_identity *out);

/* Name a mesh founded by identity->device, with a new nonce. */
void ps_identity_found(struct ps_identity *identity);

void ps_keys_expand(const struct ps_identity *identity, struct ps_keys *out);
void ps_keys_wipe(struct ps_keys *keys);
/* Wipes the seed. */
void ps_identity_wipe(struct ps_identity *identity);

#endif
