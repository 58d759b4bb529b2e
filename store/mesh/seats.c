/* Room, as PROTOCOL.md section 13 has it. The founder and admins come first; then whom the founder
 * or the recovery key gave a role, in the order of their ids; then whom each admin gave one. So an
 * admin that names devices without end crowds out nobody but those that it has brought in itself.
 */
#include "store/mesh/seats.h"

#include <assert.h>
#include <stdlib.h>

/* An author has given a device a role in all collections. */
struct gift {
    uint32_t by; /* the founder, too, if it was the recovery key */
    uint32_t to;
};

static size_t find_gifts(const struct ps_replay_input *input, struct ps_replay *replay,
                         struct gift *gifts);
static int compare_gifts(const void *a, const void *b);
static void note_adding(struct ps_standing *standing, uint32_t by, uint64_t hlc);
static uint32_t seat_superiors(const struct ps_replay_input *input, struct ps_replay *replay);

p2psync_result ps_seats_take(const struct ps_replay_input *input, struct ps_replay *replay)
{
    struct gift *gifts = calloc(input->act_count + 1, sizeof *gifts);
    uint32_t taken = 0;
    if (gifts == NULL) {
        return P2PSYNC_ENOMEM;
    }
    size_t count = find_gifts(input, replay, gifts);
    taken = seat_superiors(input, replay);
    for (int round = 0; round < 2; round++) { /* the founder's first */
        for (size_t i = 0; i < count && taken < PS_MEMBERS_MAX; i++) {
            struct ps_standing *to = &replay->devices[gifts[i].to];
            struct ps_standing *by = &replay->devices[gifts[i].by];
            bool founders = gifts[i].by == input->founder;
            if (founders != (round == 0) || to->is_member || (!founders && by->room == 0)) {
                continue;
            }
            to->is_member = true;
            by->room -= founders ? 0 : 1;
            taken++;
        }
    }
    for (uint32_t i = 0; i < input->device_count; i++) {
        struct ps_standing *standing = &replay->devices[i];
        uint32_t left = PS_MEMBERS_MAX - taken;
        bool may = standing->is_member && standing->role <= PS_ROLE_ADMIN;
        standing->room = !may                                           ? 0
                         : i == input->founder || left < standing->room ? left
                                                                        : standing->room;
    }
    free(gifts);
    return P2PSYNC_OK;
}

/* Those to whom a role was given that counts, and that are not removed; by author, then device. */
static size_t find_gifts(const struct ps_replay_input *input, struct ps_replay *replay,
                         struct gift *gifts)
{
    size_t count = 0;
    for (uint32_t i = 0; i < input->device_count; i++) {
        replay->devices[i].room = PS_INVITED_MAX;
        replay->devices[i].added_by = PS_REPLAY_NONE;
    }
    for (size_t i = 0; i < input->act_count; i++) {
        const struct ps_replay_act *act = &input->acts[i];
        if (replay->found[i].counts && act->kind == PS_ACT_ROLE && act->scope == 0) {
            uint32_t by = act->author;
            note_adding(&replay->devices[act->subject], by, act->hlc);
            if (!replay->devices[act->subject].is_removed) {
                by = by == input->recovery ? input->founder : by;
                gifts[count] = (struct gift){.by = by, .to = act->subject};
                count++;
            }
        }
    }
    qsort(gifts, count, sizeof *gifts, compare_gifts);
    return count;
}

static int compare_gifts(const void *a, const void *b)
{
    const struct gift *left = a;
    const struct gift *right = b;
    if (left->by != right->by) {
        return left->by < right->by ? -1 : 1;
    }
    return left->to == right->to ? 0 : left->to < right->to ? -1 : 1;
}

/* The first by time has added it, then by id. */
static void note_adding(struct ps_standing *standing, uint32_t by, uint64_t hlc)
{
    if (standing->added_by == PS_REPLAY_NONE || hlc < standing->added_hlc ||
        (hlc == standing->added_hlc && by < standing->added_by)) {
        standing->added_by = by;
        standing->added_hlc = hlc;
    }
}

/* The founder and all admins; returns how many. There are never more of them than seats. */
static uint32_t seat_superiors(const struct ps_replay_input *input, struct ps_replay *replay)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < input->device_count; i++) {
        struct ps_standing *standing = &replay->devices[i];
        bool founds = i == input->founder;
        standing->is_member = founds ? !standing->is_removed : standing->grant != PS_REPLAY_NONE;
        count += standing->is_member ? 1 : 0;
    }
    replay->devices[input->founder].added_by = input->founder;
    replay->devices[input->founder].added_hlc = 0;
    assert(count <= PS_MEMBERS_MAX);
    return count;
}
