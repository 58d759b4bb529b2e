/* Acts: what changes of `_devices` say of roles. PROTOCOL.md, section 13.
 *
 * Each change counts by itself, with the fields that its own body has, so it is whole: `full`, or
 * without parents. Which parents it has, whether it waits for them, and whether it is inert, plays
 * no part. One that says nothing that this file knows is no act, and harms nobody. */
#ifndef PS_WIRE_ACT_H
#define PS_WIRE_ACT_H

#include "wire/change.h"

/* A lower number ranks higher. Roles are written by name; these numbers are kept nowhere. */
typedef enum ps_role {
    PS_ROLE_RECOVERY, /* the key that belongs to the mesh and to no device */
    PS_ROLE_FOUNDER,
    PS_ROLE_ADMIN,
    PS_ROLE_WRITER,
    PS_ROLE_READER,
    PS_ROLE_NONE, /* of one collection only */
} ps_role;

typedef enum ps_act_kind {
    PS_ACT_ROLE,    /* the subject has a role */
    PS_ACT_REMOVED, /* the subject is removed; by itself: retired */
    PS_ACT_REPORT,  /* how far the author has settled the subject's logs */
    PS_ACT_NAME,    /* the subject is called so. It is no act by itself: the merged record counts */
} ps_act_kind;

/* Other acts name an act by the first bytes of its leaf hash. */
struct ps_act_id {
    uint8_t bytes[PS_HASH_SHORT_SIZE];
};

/* A role by its name: "admin", "writer" or "reader"; false: it is none of these. */
bool ps_role_parse(struct ps_bytes name, ps_role *out);
/* "recovery", "founder", "admin", "writer", "reader" or "none". */
const char *ps_role_text(ps_role role);

struct ps_act {
    ps_act_kind kind;
    struct ps_device subject;           /* its id need not be valid */
    struct ps_bytes name;               /* of PS_ACT_NAME */
    ps_role role;                       /* of PS_ACT_ROLE */
    struct ps_bytes collection;         /* likewise: in which one; empty for all */
    bool has_by;                        /* of PS_ACT_ROLE and PS_ACT_REMOVED: `by` is there, */
    struct ps_act_id by;                /* the grant on which the author rests */
    uint32_t over_count;                /* of PS_ACT_ROLE: which acts it comes after */
    struct ps_act_id over[PS_OVER_MAX]; /* in any order; one may be there twice, or be nowhere */
    struct ps_bytes ends;               /* of PS_ACT_REPORT: a map that ps_claim_next() reads */
};

/* The author has settled the first `size` changes of a log of the subject. */
struct ps_claim {
    struct ps_bytes collection;
    uint64_t incarnation;
    uint64_t size;       /* at least 1 */
    struct ps_hash root; /* of so many; whole, because a proof from this size on needs it so */
};

/* What an entry of `_devices` says. out points into its bytes.
 *
 * Errors  P2PSYNC_ENOTFOUND its record is not about a device; P2PSYNC_EFORMAT, P2PSYNC_ELIMIT it
 *         is, and says nothing that counts: it is no act; P2PSYNC_ENOMEM.
 */
p2psync_result ps_act_decode(const struct ps_entry *entry, const struct ps_device *author,
                             struct ps_act *out) P2PSYNC_MUST_CHECK;

/* A walk over the claims of a report that was decoded; PS_CLAIMS_MAX steps at most. A zeroed one
 * with `act` set begins. */
struct ps_claim_walk {
    const struct ps_act *act;
    bool begun;
    struct ps_bytes rest;  /* not read yet */
    uint32_t collections;  /* that follow the one that is read */
    uint32_t incarnations; /* that follow in it */
    uint32_t claims;       /* that follow of one incarnation */
    struct ps_claim at;
};
bool ps_claim_next(struct ps_claim_walk *walk, struct ps_claim *out);

/* The id of the record that an act is a change of. author: of a report.
 *
 * Returns its size. */
size_t ps_act_record(const struct ps_act *act, const struct ps_device *author,
                     char out[static PS_RECORD_ID_SIZE_MAX]);

/* Append the fields of an act.
 *
 * claims  of a report: ascending by (collection, incarnation, size), no two alike; PS_CLAIMS_MAX at
 *         most.
 * Errors  P2PSYNC_ELIMIT; P2PSYNC_ENOMEM.
 */
p2psync_result ps_act_fields(const struct ps_act *act, const struct ps_claim *claims, size_t count,
                             struct ps_buf *out) P2PSYNC_MUST_CHECK;

#endif
