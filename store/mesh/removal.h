/* What this device knows of its own removal: it has read the act, or members tell it so. */
#ifndef PS_STORE_MESH_REMOVAL_H
#define PS_STORE_MESH_REMOVAL_H

#include "store/env/identity.h"

typedef enum ps_removal_kind {
    PS_REMOVAL_NONE, /* it was not, as far as it knows */
    PS_REMOVAL_TOLD, /* members refuse it as removed, and since then it was in sync with nobody. No
                        act of it is here: any of them may be wrong */
    PS_REMOVAL_ACT,  /* an act that counts here says so */
} ps_removal_kind;

struct ps_removal {
    ps_removal_kind kind;
    struct ps_device by; /* who decided it; of PS_REMOVAL_TOLD: who told it last */
    uint64_t at_ms;      /* by the clock of that; of PS_REMOVAL_TOLD: when it was told, by ours */
};

/* Errors  P2PSYNC_ECORRUPT; P2PSYNC_EIO. */
p2psync_result ps_removal_read(struct ps_txn *txn, const struct ps_identity *identity,
                               struct ps_removal *out) P2PSYNC_MUST_CHECK;

#endif
