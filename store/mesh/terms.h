/* What the invite that was opened last gives to whoever uses it: which roles, and whether a person
 * has to accept it first. It lies in the store, so that an app can say so beside the node that
 * runs, and that node can say who waits. */
#ifndef PS_STORE_MESH_TERMS_H
#define PS_STORE_MESH_TERMS_H

#include "store/env/db.h"
#include "wire/act.h"

#define PS_TERMS_SCOPES_MAX 16 /* collections with a role of their own */

typedef enum ps_waits {
    PS_WAITS_NOBODY = 0,
    PS_WAITS_ASKED = 1, /* a device has presented the code, and waits */
    PS_WAITS_ACCEPTED = 2,
    PS_WAITS_REJECTED = 3,
} ps_waits;

struct ps_terms_scope {
    size_t collection_size;
    char collection[PS_COLLECTION_SIZE_MAX];
    ps_role role;
};

struct ps_terms {
    uint64_t number;     /* of the invite: the beginning of its token */
    uint64_t expires_ms; /* wall clock */
    bool has_role;       /* else what the inviter gives by itself */
    ps_role role;        /* in all collections */
    bool confirm;        /* a person has to accept the device */
    size_t scope_count;
    struct ps_terms_scope scopes[PS_TERMS_SCOPES_MAX];
    ps_waits waits; /* and of whom: */
    struct ps_device device;
    size_t name_size;
    char name[PS_DEVICE_NAME_SIZE_MAX];
};

/* Errors  P2PSYNC_EFULL; P2PSYNC_EIO; P2PSYNC_ENOMEM. */
p2psync_result ps_terms_write(struct ps_txn *txn, const struct ps_terms *terms) P2PSYNC_MUST_CHECK;

/* Those of the invite that was opened last. What is damaged is as if nothing had been said.
 *
 * Errors  P2PSYNC_ENOTFOUND; P2PSYNC_EIO. */
p2psync_result ps_terms_read(struct ps_txn *txn, struct ps_terms *out) P2PSYNC_MUST_CHECK;

#endif
