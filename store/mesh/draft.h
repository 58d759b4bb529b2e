/* Acts that are to be written: who may, which acts they come after, and what must be written with
 * them so that nobody else's standing changes. PROTOCOL.md, section 13, rules 5, 6 and 13.
 *
 * For example, the founder removes an admin that has brought in Cat and removed Dan, whom another
 * one had brought in. Both acts rest on the admin's grant, which ends; so the founder gives Cat its
 * role, and removes Dan, in its own name, and then removes the admin. What it did not know of is no
 * more. */
#ifndef PS_STORE_MESH_DRAFT_H
#define PS_STORE_MESH_DRAFT_H

#include "store/mesh/replay.h"

/* An act to be. Its `by` is the id of the act on which the author rests: `grant` of struct
 * ps_standing; without one, as the founder and the recovery key are, it has none. */
struct ps_draft {
    ps_act_kind kind; /* PS_ACT_ROLE or PS_ACT_REMOVED */
    ps_role role;     /* of PS_ACT_ROLE */
    uint32_t subject;
    uint32_t scope; /* of PS_ACT_ROLE */
    uint32_t over_count;
    struct ps_act_id over[PS_OVER_MAX];
};

/* A zeroed one is empty. */
struct ps_drafts {
    struct ps_draft *items;
    size_t count;
    size_t capacity;
};
void ps_drafts_deinit(struct ps_drafts *drafts);

/* Whether the author may write this now, and it would count. The recovery key may give a role to
 * whom others have removed: that counts if it removes the founder, too.
 *
 * who_out  set with P2PSYNC_EDENIED: the lowest rank that may; PS_ROLE_NONE: only the subject
 *          itself, or nobody.
 * Errors   P2PSYNC_EDENIED it may not; P2PSYNC_ECONFLICT the subject is removed, for good;
 *          P2PSYNC_ELIMIT there is no room for one more member.
 */
p2psync_result ps_draft_check(const struct ps_replay_input *input, const struct ps_replay *replay,
                              uint32_t author, const struct ps_draft *draft,
                              ps_role *who_out) P2PSYNC_MUST_CHECK;

/* Set which acts the author's draft is over: all that count in its record, for any of them may lose
 * its grant, and what it was over would come back; but for those that acts of its own are over, as
 * long as these rest on the same grant; and all grants that stand. If there are too many, those of
 * who ranks highest.
 *
 * Returns whether these are all. */
bool ps_draft_find_over(const struct ps_replay_input *input, const struct ps_replay *replay,
                        uint32_t author, struct ps_draft *draft);

/* Rule 13. What the author must write before these drafts, in the same log: all that keeps members
 * members, with the roles that they have, and keeps out whom nothing else would keep out, when the
 * grants that the drafts end are no more. The recovery key makes nobody an admin so: who was one
 * gets `writer`; and if it removes the founder, it ends all grants, its own ones too. Subjects of
 * drafts are left out; so who recovers names those in drafts whom it wants to be admins, and those
 * whom a thief had removed and it wants back. A list of nothing, mostly. out is added to.
 *
 * Errors  P2PSYNC_ENOMEM.
 */
p2psync_result ps_drafts_restate(const struct ps_replay_input *input,
                                 const struct ps_replay *replay, uint32_t author,
                                 const struct ps_drafts *drafts,
                                 struct ps_drafts *out) P2PSYNC_MUST_CHECK;

#endif
