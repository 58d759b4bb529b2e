/* Who this device is, as kept in the store: its secret, its mesh, and its incarnation. */
#ifndef PS_STORE_ENV_IDENTITY_H
#define PS_STORE_ENV_IDENTITY_H

#include "store/env/store.h"
#include "wire/id.h"

struct ps_identity {
    struct ps_device device;
    uint8_t seed[PS_SEED_SIZE]; /* the secret */
    uint64_t incarnation;
    struct ps_mesh mesh;
    bool has_sponsor; /* joined, and trusts the inviter until `_devices` has come */
    struct ps_device sponsor;
};

/* Errors  P2PSYNC_ENODEVICE; P2PSYNC_ECORRUPT. */
p2psync_result ps_identity_read(struct ps_txn *txn, struct ps_identity *out) P2PSYNC_MUST_CHECK;

/* Write it, replacing what is there. */
p2psync_result ps_identity_write(struct ps_txn *txn,
                                 const struct ps_identity *identity) P2PSYNC_MUST_CHECK;

/* The name under which this device joined: it has no other until `_devices` has come. Empty if it
 * did not join. */
p2psync_result ps_identity_read_name(struct ps_txn *txn, struct ps_bytes *out) P2PSYNC_MUST_CHECK;
p2psync_result ps_identity_write_name(struct ps_txn *txn, struct ps_bytes name) P2PSYNC_MUST_CHECK;

/* Forget everything but the format version: the first step of joining another mesh. */
p2psync_result ps_identity_clear_all(struct ps_txn *txn) P2PSYNC_MUST_CHECK;

#endif
