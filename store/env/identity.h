/* Who this device is, as kept in the store: its secret, its mesh, and its incarnation. */
#ifndef PS_STORE_ENV_IDENTITY_H
#define PS_STORE_ENV_IDENTITY_H

#include "store/env/db.h"
#include "store/env/secret.h"
#include "wire/id.h"

struct ps_identity {
    struct ps_device device;
    uint8_t seed[PS_SEED_SIZE]; /* of the secret: whoever knows it is this device. Zero, but in one
                                   that was just drawn */
    uint64_t incarnation;
    struct ps_mesh mesh;
    bool has_sponsor; /* joined, and trusts the inviter until `_devices` has come */
    struct ps_device sponsor;
};

/* Draw a new device, with an incarnation and a mesh of its own. Needs sodium_init(). */
void ps_identity_draw(struct ps_identity *out);

/* Name a mesh founded by identity->device, with a new nonce and a new incarnation. */
void ps_identity_found(struct ps_identity *identity);

/* Whether it was made of a copy of another device and is no member of its mesh yet: nobody has
 * invited it, and another device founded the mesh. */
bool ps_identity_is_copy(const struct ps_identity *identity);

/* Wipe the seed of one that was drawn. */
void ps_identity_wipe(struct ps_identity *identity);

/* All but the secret. Errors  P2PSYNC_ENODEVICE; P2PSYNC_ECORRUPT. */
p2psync_result ps_identity_read(struct ps_txn *txn, struct ps_identity *out) P2PSYNC_MUST_CHECK;

/* The secret. Errors  P2PSYNC_ENODEVICE; P2PSYNC_ECORRUPT. */
p2psync_result ps_identity_read_secret(struct ps_txn *txn,
                                       struct ps_secret *out) P2PSYNC_MUST_CHECK;

/* Whether the secret is that of `device`. Errors  as above; P2PSYNC_ECORRUPT if not. */
p2psync_result ps_identity_check_secret(struct ps_txn *txn,
                                        const struct ps_device *device) P2PSYNC_MUST_CHECK;

/* Write it, replacing what is there. One that was read leaves the secret as it is, which must be
 * the same device's. Errors  P2PSYNC_ENODEVICE; P2PSYNC_ECORRUPT; P2PSYNC_EFULL; P2PSYNC_EIO. */
p2psync_result ps_identity_write(struct ps_txn *txn,
                                 const struct ps_identity *identity) P2PSYNC_MUST_CHECK;

/* Make another store this device's, in the same incarnation. Errors  P2PSYNC_ENODEVICE;
 * P2PSYNC_ECORRUPT; P2PSYNC_EFULL; P2PSYNC_EIO. */
p2psync_result ps_identity_copy(struct ps_txn *from, struct ps_txn *to) P2PSYNC_MUST_CHECK;

/* Draw a new incarnation. Errors  P2PSYNC_ENODEVICE; P2PSYNC_ECORRUPT; P2PSYNC_EFULL; P2PSYNC_EIO.
 */
p2psync_result ps_identity_renew(struct ps_txn *txn) P2PSYNC_MUST_CHECK;

/* Make what is held a device of its own: a new key and name in a mesh that has to admit it. What
 * there is of others stays what it is, signed by them, and what the store's device wrote until now
 * is another's from here on. Errors  P2PSYNC_EFULL; P2PSYNC_EIO. */
p2psync_result ps_identity_part(struct ps_txn *txn, const struct ps_mesh *mesh,
                                struct ps_bytes name) P2PSYNC_MUST_CHECK;

/* The name under which this device joined: it has no other until `_devices` has come. Empty if it
 * did not join. */
p2psync_result ps_identity_read_name(struct ps_txn *txn, struct ps_bytes *out) P2PSYNC_MUST_CHECK;
p2psync_result ps_identity_write_name(struct ps_txn *txn, struct ps_bytes name) P2PSYNC_MUST_CHECK;

/* Forget everything but the format version: the first step of joining another mesh. */
p2psync_result ps_identity_clear_all(struct ps_txn *txn) P2PSYNC_MUST_CHECK;

#endif
