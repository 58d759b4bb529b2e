/* From acts to rows, as refresh.h says. */
#include "store/mesh/refresh.h"

#include <stdlib.h>

#include "store/log/shown.h"
#include "store/mesh/acts.h"
#include "store/mesh/cover.h"
#include "store/mesh/ends.h"
#include "store/mesh/members.h"
#include "store/mesh/named.h"
#include "store/mesh/roles.h"
#include "wire/hlc.h"

struct refresh {
    struct ps_txn *txn;
    struct ps_acts acts;
    struct ps_replay replay;
    uint64_t named; /* devices that were noted before */
    bool changed;
    bool narrowed; /* somebody may write less than before */
};

static p2psync_result replay(struct ps_txn *txn, const struct ps_mesh *mesh,
                             const struct ps_known *known, bool *changed_out, bool *damaged_out);
static p2psync_result rename_members(struct ps_txn *txn, const struct ps_mesh *mesh,
                                     const struct ps_known *known);
static p2psync_result put_all(struct refresh *refresh);
static p2psync_result check_id(struct refresh *refresh, uint32_t number);
static p2psync_result put_member(struct refresh *refresh, uint32_t number);
static p2psync_result note_narrowed(struct refresh *refresh, const struct ps_member *member);
static p2psync_result forget_removal(struct ps_txn *txn, const struct ps_device *device);
static p2psync_result put_named(struct refresh *refresh, uint32_t number);
static p2psync_result find_named(const struct refresh *refresh, bool **out);
static bool ranks_highest(const struct ps_replay_input *input, uint32_t device);
static p2psync_result drop_others(struct refresh *refresh);
static p2psync_result put_roles(struct refresh *refresh);
static p2psync_result drop_roles(struct refresh *refresh);
static bool has_role(const struct refresh *refresh, const struct ps_role_row *row);
static p2psync_result cover_logs(struct refresh *refresh, const struct ps_mesh *mesh);

p2psync_result ps_members_refresh(struct ps_txn *txn, const struct ps_mesh *mesh, bool *changed_out)
{
    struct ps_known known = {.count = 0};
    struct ps_members_came came = {.any = false};
    p2psync_result result = ps_members_refresh_known(txn, mesh, &known, &came);
    if (result == P2PSYNC_OK) {
        *changed_out = came.changed;
    }
    ps_known_forget(&known);
    return result;
}

p2psync_result ps_members_refresh_known(struct ps_txn *txn, const struct ps_mesh *mesh,
                                        struct ps_known *known, struct ps_members_came *came_out)
{
    struct ps_members_came came = {.any = false};
    p2psync_result result = ps_known_look(known, txn, mesh);
    bool damaged = result == P2PSYNC_ECORRUPT;
    if (result == P2PSYNC_OK && known->is_replayed) {
        came.any = known->renamed_count > 0;
        result = rename_members(txn, mesh, known);
        damaged = result == P2PSYNC_ECORRUPT;
    } else if (result == P2PSYNC_OK) {
        came.any = true;
        result = replay(txn, mesh, known, &came.changed, &damaged);
    }
    known->is_replayed = known->is_replayed || result == P2PSYNC_OK;
    if (result == P2PSYNC_OK) {
        known->renamed_count = 0;
    }
    /* If something is damaged, all stay what they are until it is mended. */
    if (result == P2PSYNC_OK || damaged) {
        *came_out = came;
    }
    return damaged ? P2PSYNC_OK : result;
}

static p2psync_result replay(struct ps_txn *txn, const struct ps_mesh *mesh,
                             const struct ps_known *known, bool *changed_out, bool *damaged_out)
{
    struct refresh refresh = {.txn = txn};
    p2psync_result result = ps_acts_read(txn, mesh, known, &refresh.acts);
    if (result == P2PSYNC_OK) {
        result = ps_replay_run(&refresh.acts.input, &refresh.replay);
    }
    if (result == P2PSYNC_OK) {
        result = ps_db_count(txn, PS_DB_NAMED, &refresh.named);
    }
    if (result == P2PSYNC_OK) {
        result = put_all(&refresh);
    }
    if (result == P2PSYNC_OK) {
        result = drop_others(&refresh);
    }
    *damaged_out = result == P2PSYNC_ECORRUPT;
    if (result == P2PSYNC_OK) {
        result = put_roles(&refresh);
    }
    if (result == P2PSYNC_OK) {
        result = cover_logs(&refresh, mesh);
    }
    ps_replay_deinit(&refresh.replay);
    ps_acts_deinit(&refresh.acts);
    *changed_out = refresh.changed;
    return result;
}

/* The founder is a member since it named itself. */
static p2psync_result rename_members(struct ps_txn *txn, const struct ps_mesh *mesh,
                                     const struct ps_known *known)
{
    p2psync_result result = P2PSYNC_OK;
    for (size_t i = 0; i < known->renamed_count && result == P2PSYNC_OK; i++) {
        struct ps_member member;
        uint64_t named_ms = 0;
        bool moved = false;
        result = ps_member_get(txn, &known->renamed[i], &member);
        if (result == P2PSYNC_ENOTFOUND) {
            result = P2PSYNC_OK;
            continue;
        }
        if (result == P2PSYNC_OK) {
            result = ps_member_read_name(txn, &member, &named_ms);
        }
        if (result == P2PSYNC_OK) {
            bool is_founder = ps_device_equal(&member.device, &mesh->founder);
            member.added_ms = is_founder ? named_ms : member.added_ms;
            result = ps_member_put(txn, &member, &moved);
        }
    }
    return result;
}

static p2psync_result put_all(struct refresh *refresh)
{
    bool *named = NULL;
    p2psync_result result = find_named(refresh, &named);
    for (uint32_t i = 0; i < refresh->acts.input.device_count && result == P2PSYNC_OK; i++) {
        result = check_id(refresh, i);
        if (result == P2PSYNC_OK && refresh->replay.devices[i].is_member) {
            result = put_member(refresh, i);
        } else if (result == P2PSYNC_OK && (named[i] || refresh->replay.devices[i].is_removed)) {
            result = put_named(refresh, i);
        }
    }
    free(named);
    return result;
}

/* One whose id is not valid takes room, and is no member. To look at an id takes 30 us, so it is
 * done once: whoever has a row is valid. */
static p2psync_result check_id(struct refresh *refresh, uint32_t number)
{
    const struct ps_device *device = &refresh->acts.devices[number];
    struct ps_standing *standing = &refresh->replay.devices[number];
    struct ps_member before;
    if (!standing->is_member) {
        return P2PSYNC_OK;
    }
    p2psync_result result = ps_member_get(refresh->txn, device, &before);
    standing->is_member = result == P2PSYNC_OK || ps_device_valid(device);
    return result == P2PSYNC_ENOTFOUND || result == P2PSYNC_ECORRUPT ? P2PSYNC_OK : result;
}

static p2psync_result put_member(struct refresh *refresh, uint32_t number)
{
    const struct ps_standing *standing = &refresh->replay.devices[number];
    const struct ps_device *device = &refresh->acts.devices[number];
    bool is_founder = number == refresh->acts.input.founder; /* it is there since it named itself */
    uint64_t named_ms = 0;
    bool moved = false;
    struct ps_member member = {.device = *device,
                               .added_by = refresh->acts.devices[standing->added_by],
                               .role = standing->role,
                               .room = standing->room};
    p2psync_result result = ps_member_read_name(refresh->txn, &member, &named_ms);
    member.added_ms = is_founder ? named_ms : ps_hlc_ms(standing->added_hlc);
    if (result == P2PSYNC_OK && refresh->named > 0) {
        result = forget_removal(refresh->txn, device);
    }
    if (result == P2PSYNC_OK) {
        result = note_narrowed(refresh, &member);
    }
    if (result == P2PSYNC_OK) {
        result = ps_member_put(refresh->txn, &member, &moved);
    }
    refresh->changed = refresh->changed || moved;
    return result;
}

/* A row that is damaged may have said anything. */
static p2psync_result note_narrowed(struct refresh *refresh, const struct ps_member *member)
{
    struct ps_member before;
    p2psync_result result = ps_member_get(refresh->txn, &member->device, &before);
    if (result == P2PSYNC_ECORRUPT || (result == P2PSYNC_OK && before.role < member->role)) {
        refresh->narrowed = true;
    }
    return result == P2PSYNC_ENOTFOUND || result == P2PSYNC_ECORRUPT ? P2PSYNC_OK : result;
}

/* One that was removed is a member again if whoever removed it no longer counts. */
static p2psync_result forget_removal(struct ps_txn *txn, const struct ps_device *device)
{
    struct ps_named named;
    bool moved = false;
    p2psync_result result = ps_named_get(txn, device, &named);
    if (result != P2PSYNC_OK) {
        return result == P2PSYNC_ENOTFOUND ? P2PSYNC_OK : result;
    }
    named.is_removed = false;
    return ps_named_put(txn, &named, &moved);
}

static p2psync_result put_named(struct refresh *refresh, uint32_t number)
{
    const struct ps_standing *standing = &refresh->replay.devices[number];
    struct ps_named named = {.device = refresh->acts.devices[number],
                             .is_removed = standing->is_removed};
    bool moved = false;
    if (named.is_removed) {
        named.removed_by = refresh->acts.devices[standing->removed_by];
        named.removed_ms = ps_hlc_ms(standing->removed_hlc);
    }
    p2psync_result result = ps_named_put(refresh->txn, &named, &moved);
    refresh->changed = refresh->changed || moved;
    return result;
}

/* All of whom the founder, the recovery key, or anybody whom these ever made an admin has said
 * something, whether it counts or not: so it is the same for all, whatever came first. */
static p2psync_result find_named(const struct refresh *refresh, bool **out)
{
    const struct ps_replay_input *input = &refresh->acts.input;
    bool *named = calloc((size_t)input->device_count * 2 + 1, sizeof *named);
    if (named == NULL) {
        return P2PSYNC_ENOMEM;
    }
    bool *admin = named + input->device_count;
    for (size_t i = 0; i < input->act_count; i++) {
        const struct ps_replay_act *act = &input->acts[i];
        if (act->kind == PS_ACT_ROLE && act->role == PS_ROLE_ADMIN &&
            ranks_highest(input, act->author)) {
            admin[act->subject] = true;
        }
    }
    for (size_t i = 0; i < input->act_count; i++) {
        const struct ps_replay_act *act = &input->acts[i];
        if (ranks_highest(input, act->author) || admin[act->author]) {
            named[act->subject] = true;
        }
    }
    *out = named;
    return P2PSYNC_OK;
}

static bool ranks_highest(const struct ps_replay_input *input, uint32_t device)
{
    return device == input->founder || device == input->recovery;
}

/* Take out the rows of who is no member any more. */
static p2psync_result drop_others(struct refresh *refresh)
{
    struct ps_member_walk walk = {.txn = refresh->txn};
    struct ps_member row;
    while (ps_member_walk_next(&walk, &row)) {
        uint32_t number = ps_acts_device(&refresh->acts, &row.device);
        if (number == PS_REPLAY_NONE || !refresh->replay.devices[number].is_member) {
            struct ps_key key = ps_key_device(&row.device);
            walk.result = ps_db_delete(refresh->txn, PS_DB_DEVICES, ps_key_view(&key));
            refresh->changed = true;
            refresh->narrowed = true;
        }
        if (walk.result != P2PSYNC_OK) {
            return walk.result;
        }
    }
    return walk.result;
}

/* Roles in one collection. */
static p2psync_result put_roles(struct refresh *refresh)
{
    p2psync_result result = P2PSYNC_OK;
    for (size_t i = 0; i < refresh->replay.role_count && result == P2PSYNC_OK; i++) {
        const struct ps_replay_role *role = &refresh->replay.roles[i];
        bool moved = false;
        if (refresh->replay.devices[role->device].is_member) {
            result = ps_role_put(refresh->txn, &refresh->acts.devices[role->device],
                                 refresh->acts.scopes[role->scope - 1], role->role, &moved);
        }
        refresh->changed = refresh->changed || moved;
        refresh->narrowed = refresh->narrowed || moved;
    }
    return result == P2PSYNC_OK ? drop_roles(refresh) : result;
}

static p2psync_result drop_roles(struct refresh *refresh)
{
    struct ps_role_walk walk = {.txn = refresh->txn};
    struct ps_role_row row;
    while (ps_role_walk_next(&walk, &row)) {
        if (!has_role(refresh, &row)) {
            struct ps_key key = ps_key_role(&row.device, row.collection);
            walk.result = ps_db_delete(refresh->txn, PS_DB_ROLES, ps_key_view(&key));
            refresh->changed = true;
            refresh->narrowed = true;
        }
    }
    return walk.result;
}

static bool has_role(const struct refresh *refresh, const struct ps_role_row *row)
{
    uint32_t device = ps_acts_device(&refresh->acts, &row->device);
    uint32_t scope = ps_acts_scope(&refresh->acts, row->collection);
    size_t low = 0;
    size_t high = refresh->replay.role_count;
    if (device == PS_REPLAY_NONE || scope == 0 || !refresh->replay.devices[device].is_member) {
        return false;
    }
    while (low < high) { /* by halves */
        size_t middle = low + (high - low) / 2;
        const struct ps_replay_role *at = &refresh->replay.roles[middle];
        if (at->device == device && at->scope == scope) {
            return true;
        }
        bool before = at->device < device || (at->device == device && at->scope < scope);
        low = before ? middle + 1 : low;
        high = before ? high : middle;
    }
    return false;
}

/* All logs are looked at only if what is shown of one can be another than before. */
static p2psync_result cover_logs(struct refresh *refresh, const struct ps_mesh *mesh)
{
    struct ps_shown_moves before = {.is_known = false};
    struct ps_shown_moves after = {.is_known = false};
    bool reported = false;
    bool any = false;
    p2psync_result result = ps_ends_keep(refresh->txn, mesh, &refresh->acts, &reported);
    if (result == P2PSYNC_OK) {
        result = ps_shown_any(refresh->txn, &any);
    }
    if (result == P2PSYNC_OK) {
        result = ps_shown_moves(refresh->txn, &before);
    }
    bool look = refresh->narrowed || reported || !before.is_known || (any && refresh->changed);
    if (result != P2PSYNC_OK || !look) {
        return result;
    }
    result = ps_cover_all(refresh->txn, mesh);
    if (result == P2PSYNC_OK) {
        result = ps_shown_moves(refresh->txn, &after);
    }
    if (result == P2PSYNC_OK) {
        refresh->changed = refresh->changed || reported || after.count != before.count;
    }
    return result;
}
