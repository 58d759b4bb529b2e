/* Who is a member of the mesh, with which role, and who is removed: worked out from nothing, from
 * all acts that are settled. wire/PROTOCOL.md, section 13, has the rules; their numbers stand in
 * the code.
 *
 * It is a pure function of the set of acts. No clock decides, nor the order in which they came, so
 * whoever holds the same comes to the same. It goes rank by rank: the recovery key first, then the
 * founder, then admins. No step looks at what a later one found.
 *
 * An admin's act names the grant that its author rests on, and counts as long as this grant stands.
 * So a removal or a lowering needs no end: all that rests on the grant is dead wherever it lies,
 * and what is to stay is written anew by whoever ends the grant (draft.h).
 *
 * Devices are numbered in the order of their ids. */
#ifndef PS_STORE_MESH_REPLAY_H
#define PS_STORE_MESH_REPLAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/act.h"

#define PS_REPLAY_NONE UINT32_MAX

/* One act. Of one change that lies in several logs, each of another device, each is an act. */
struct ps_replay_act {
    ps_act_kind kind; /* those that are neither of PS_ACT_ROLE nor PS_ACT_REMOVED are passed over */
    ps_role role;     /* of PS_ACT_ROLE */
    uint32_t author;
    uint32_t subject; /* whom it is about: a device */
    uint32_t scope;   /* of PS_ACT_ROLE: 0 for all collections, else a number for the name of one */
    uint64_t hlc;
    struct ps_act_id id;
    bool has_by;
    struct ps_act_id by;
    const struct ps_act_id *over; /* of PS_ACT_ROLE */
    uint32_t over_count;          /* at most PS_OVER_MAX */
};

struct ps_replay_input {
    uint32_t device_count;
    uint32_t founder;
    uint32_t recovery; /* PS_REPLAY_NONE if it has written nothing, or the mesh has none */
    const struct ps_replay_act *acts; /* in any order */
    size_t act_count;
};

/* What a device is. Whether its id is valid is not looked at: one whose id is not takes room like
 * any other, and must not be let in. */
struct ps_standing {
    ps_role role; /* in all collections, but for those of which `roles` says another one;
                     PS_ROLE_NONE if it was given none */
    bool is_member;
    bool is_removed;     /* for good; retired if by itself */
    bool was_granted;    /* the founder or the recovery key made it an admin, now or before: only
                            these act on it */
    bool asks;           /* it is an admin that wants to be removed: so it retires */
    uint32_t grant;      /* of an admin: the act that it rests on, and names in `by`; of all others
                            PS_REPLAY_NONE */
    uint32_t added_by;   /* PS_REPLAY_NONE: nobody */
    uint64_t added_hlc;  /* when, by the clock of that */
    uint32_t removed_by; /* likewise */
    uint64_t removed_hlc;
    uint32_t room; /* how many more it may bring in */
};

/* A role in one collection that is another than that in all others. */
struct ps_replay_role {
    uint32_t device;
    uint32_t scope;
    ps_role role;
};

/* What is found of an act. */
struct ps_replay_found {
    bool counts;
    bool stands; /* it counts, and is a grant that stands */
};

struct ps_replay {
    struct ps_standing *devices;   /* input->device_count */
    struct ps_replay_found *found; /* of each act */
    struct ps_replay_role *roles;  /* ascending by device, scope; none of admins and the founder */
    size_t role_count;
};

/* Replay. Bounds: memory and time grow as the input, but for sorting; 4,000 devices with 10,000
 * acts, each over as many as it may be, take some 60 ms. out needs ps_replay_deinit(), also after
 * an error.
 *
 * Errors  P2PSYNC_ENOMEM.
 */
p2psync_result ps_replay_run(const struct ps_replay_input *input,
                             struct ps_replay *out) P2PSYNC_MUST_CHECK;
void ps_replay_deinit(struct ps_replay *replay);

/* Which role a device has in a scope; PS_ROLE_NONE if it is no member. */
ps_role ps_replay_role_in(const struct ps_replay *replay, uint32_t device, uint32_t scope);

/* Whether the device may write this collection now, so that its log of it is open: rule 9
 * of PROTOCOL.md, section 13. The recovery key's is, of `_devices`.
 *
 * scope  the number of this collection; 0 if no act names it. */
bool ps_replay_opens(const struct ps_replay_input *input, const struct ps_replay *replay,
                     uint32_t device, struct ps_bytes collection, uint32_t scope);

struct ps_replay_report {
    uint32_t author;
    uint32_t subject;
    struct ps_bytes collection;
    uint32_t scope; /* as above */
};

/* Whether a report of this device's logs of a collection counts: rule 11. Its author could write
 * there itself, and does not speak for itself. */
bool ps_replay_may_report(const struct ps_replay_input *input, const struct ps_replay *replay,
                          const struct ps_replay_report *report);

#endif
