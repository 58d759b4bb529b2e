/* Who is a member of the mesh, with which role, who is removed, and how far each log of `_devices`
 * counts: worked out from nothing, from all acts that are held. wire/PROTOCOL.md, section 13, has
 * the rules; their numbers stand in the code.
 *
 * It is a pure function of the set of acts. No clock decides, nor the order in which they came, so
 * whoever holds the same comes to the same. It goes rank by rank: the recovery key first, then the
 * founder, then admins, then all others. No step looks at what a later one found.
 *
 * A log of `_devices` has two ends. `acts_end` says how far what its author decided counts, and
 * only who is an admin or ranks above can move it. `log_end` says how far its entries are accepted,
 * and every member can move it, by a report of what it has. Both are the least that follow from
 * what is held: an end is moved by acts below another end, from those logs on that have none. A
 * claim names the root of what it is about, so all that it opens was written before the claim was;
 * hence two removed devices that report for each other open nothing.
 *
 * Devices are numbered in the order of their ids, logs and acts as they come. */
#ifndef PS_STORE_MESH_REPLAY_H
#define PS_STORE_MESH_REPLAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/act.h"

#define PS_REPLAY_NONE UINT32_MAX
#define PS_REPLAY_OPEN UINT64_MAX /* an end: there is none */

/* One history of a device's log of `_devices`. */
struct ps_replay_log {
    uint32_t device;
    uint32_t stem; /* the log that has the entries before `begin`; PS_REPLAY_NONE if this one has */
    uint64_t begin; /* 0 without a stem */
};

/* Says that the first `size` entries of a log were settled by who wrote it. */
struct ps_replay_claim {
    uint32_t log;
    uint64_t size;
    bool held; /* so many are here, and their root is the one that it names. One whose entries are
                  here and have another root must be left out */
    bool acts; /* what they decide counted, where it was written */
};

/* One act. */
struct ps_replay_act {
    ps_act_kind kind;
    ps_role role; /* of PS_ACT_ROLE */
    uint32_t log; /* where it lies: */
    uint64_t seq;
    uint64_t hlc;
    uint32_t subject; /* whom it is about: a device */
    uint32_t scope;   /* of PS_ACT_ROLE, PS_ACT_VOID: 0 for all collections, else a number for the
                         name of one */
    size_t parent;    /* its parents: `parent_count` of input->parents from here on */
    size_t parent_count;
    size_t claim; /* its claims, likewise: of logs of the subject */
    size_t claim_count;
};

struct ps_replay_input {
    uint32_t device_count;
    uint32_t founder;
    uint32_t recovery; /* PS_REPLAY_NONE if it has written nothing, or the mesh has none */
    const struct ps_replay_log *logs;
    uint32_t log_count;
    /* Those that are settled, ascending by (log, seq), each place once. What was fetched only to
     * see whether a claim is true is no act yet. */
    const struct ps_replay_act *acts;
    size_t act_count;
    const size_t *parents; /* of these acts; those of another record are passed over */
    const struct ps_replay_claim *claims;
};

/* What a device is. */
struct ps_standing {
    ps_role role; /* in all collections, but for those of which `roles` says another one */
    bool is_member;
    bool is_removed; /* for good; retired if by itself */
    bool was_admin;  /* the recovery key or the founder made it one: only these act on it */
    bool is_closed;  /* of one that was, and of the founder: what it decides has an end */
    uint32_t added_by;
    uint64_t added_hlc;
    uint32_t removed_by;
    uint64_t removed_hlc;
    uint32_t room; /* how many more it may bring in */
};

/* How far a log of `_devices` counts: entries below. */
struct ps_replay_end {
    uint64_t acts_end;
    uint64_t log_end;
    uint64_t
        wanted; /* at least log_end: so far it may be fetched, to see whether a claim is true */
};

/* A role in one collection that is another than that in all others. */
struct ps_replay_role {
    uint32_t device;
    uint32_t scope;
    ps_role role;
};

struct ps_replay {
    struct ps_standing *devices;  /* as input->device_count */
    struct ps_replay_end *ends;   /* of each log */
    bool *counts;                 /* whether each act of PS_ACT_ROLE and PS_ACT_REMOVED counts */
    bool *accepted;               /* whether each act lies below its log's log_end: claims count */
    struct ps_replay_role *roles; /* ascending by device, scope */
    size_t role_count;
};

/* Replay. Bounds: memory and time grow as the input, but for sorting; 4,000 devices with 10,000
 * acts take 1 ms. out needs ps_replay_deinit(), also after an error.
 *
 * Errors  P2PSYNC_ENOMEM.
 */
p2psync_result ps_replay_run(const struct ps_replay_input *input,
                             struct ps_replay *out) P2PSYNC_MUST_CHECK;
void ps_replay_deinit(struct ps_replay *replay);

#endif
