/* What must be written anew is found by a second replay, of the acts as they would be: whatever
 * comes to less there is written. So it is complete, whatever the rules are. */
#include "store/mesh/draft.h"

#include <stdlib.h>
#include <string.h>

#define ROUNDS_MAX 16 /* a chain of admins, each kept out by the one before */

/* The acts as they would be, and what they come to. */
struct other {
    struct ps_replay_input input;
    struct ps_replay replay;
    struct ps_replay_act *acts;
};

/* The acts of one record, by number; NULL: look at all acts. */
struct record {
    const uint32_t *acts;
    size_t count;
};

/* How acts are sorted for that. */
struct act_key {
    uint32_t subject;
    uint32_t scope;
    uint32_t number;
};

struct restating {
    const struct ps_replay_input *input;
    uint32_t *acts; /* those on roles, by subject and scope, then by number */
    size_t act_count;
    uint32_t *table; /* hash table of what was added: its number among these, and 1 */
    size_t table_size;
    const struct ps_replay *before;
    struct other after;
    uint32_t author;
    bool *is_subject; /* of each device: of a draft */
    bool ends_founder;
    size_t first; /* in `out`: what was there before is not ours */
    struct ps_drafts *out;
};

static ps_role rank_of(const struct ps_replay_input *input, const struct ps_replay *replay,
                       uint32_t device);
static bool stays_removed(const struct ps_replay_input *input, const struct ps_replay *replay,
                          ps_role rank, const struct ps_draft *draft);
static ps_role who_may(const struct ps_replay_input *input, const struct ps_replay *replay,
                       const struct ps_draft *draft);
static bool find_over(const struct ps_replay_input *input, const struct ps_replay *replay,
                      uint32_t author, const struct record *record, struct ps_draft *draft);
static bool is_of_record(const struct ps_replay *replay, const struct ps_draft *draft,
                         const struct ps_replay_act *act, size_t at);
static bool is_under_own(const struct ps_replay_input *input, const struct ps_replay *replay,
                         uint32_t author, const struct record *record, size_t at);
static bool is_same(const struct ps_act_id *a, const struct ps_act_id *b);
static p2psync_result list_acts(struct restating *work);
static int compare_keys(const void *a, const void *b);
static struct record record_of(const struct restating *work, const struct ps_draft *draft);
static size_t first_act(const struct restating *work, uint32_t subject, uint32_t scope);
static p2psync_result begin_other(const struct ps_replay_input *input, size_t more,
                                  struct other *other);
static void take_drafts(uint32_t author, const struct ps_replay *replay,
                        const struct ps_drafts *drafts, struct other *other);
static p2psync_result restate_all(struct restating *work, const struct ps_drafts *drafts);
static p2psync_result end_grants(struct restating *work, uint32_t device);
static p2psync_result restate(struct restating *work, uint32_t device);
static p2psync_result restate_scopes(struct restating *work, uint32_t device);
static const struct ps_replay_role *find_role(const struct ps_replay *replay, uint32_t device,
                                              uint32_t scope);
static size_t first_role(const struct ps_replay *replay, uint32_t device);
static p2psync_result add(struct restating *work, struct ps_draft draft);
static p2psync_result grow_table(struct restating *work);
static uint32_t *slot_of(const struct restating *work, const struct ps_draft *draft);

void ps_drafts_deinit(struct ps_drafts *drafts)
{
    free(drafts->items);
    *drafts = (struct ps_drafts){0};
}

p2psync_result ps_draft_check(const struct ps_replay_input *input, const struct ps_replay *replay,
                              uint32_t author, const struct ps_draft *draft, ps_role *who_out)
{
    const struct ps_standing *subject = &replay->devices[draft->subject];
    const struct ps_standing *by = &replay->devices[author];
    bool removes = draft->kind == PS_ACT_REMOVED;
    ps_role rank = rank_of(input, replay, author);
    bool retires = removes && author == draft->subject && rank > PS_ROLE_FOUNDER && by->is_member;
    ps_role who = who_may(input, replay, draft);
    if (subject->is_removed && stays_removed(input, replay, rank, draft)) {
        return P2PSYNC_ECONFLICT;
    }
    if (!retires && (who == PS_ROLE_NONE || rank > who)) {
        *who_out = who;
        return P2PSYNC_EDENIED;
    }
    bool joins = !removes && draft->scope == 0 && !subject->is_member;
    return joins && rank != PS_ROLE_RECOVERY && by->room == 0 ? P2PSYNC_ELIMIT : P2PSYNC_OK;
}

/* Whoever ranks above confirms a removal. With the recovery key devices are taken back when the
 * founder is removed, who had removed them, or had made those admins who did. */
static bool stays_removed(const struct ps_replay_input *input, const struct ps_replay *replay,
                          ps_role rank, const struct ps_draft *draft)
{
    uint32_t by = replay->devices[draft->subject].removed_by;
    if (draft->kind == PS_ACT_REMOVED) {
        return rank_of(input, replay, by) <= rank;
    }
    return rank != PS_ROLE_RECOVERY || by == input->recovery || by == draft->subject;
}

/* What may be acted on, by rule 5. Who is removed or has retired may nothing. */
static ps_role rank_of(const struct ps_replay_input *input, const struct ps_replay *replay,
                       uint32_t device)
{
    const struct ps_standing *standing = &replay->devices[device];
    return device == input->recovery                                  ? PS_ROLE_RECOVERY
           : standing->is_removed                                     ? PS_ROLE_NONE
           : device == input->founder                                 ? PS_ROLE_FOUNDER
           : standing->grant != PS_REPLAY_NONE && standing->is_member ? PS_ROLE_ADMIN
                                                                      : PS_ROLE_WRITER;
}

static ps_role who_may(const struct ps_replay_input *input, const struct ps_replay *replay,
                       const struct ps_draft *draft)
{
    bool role = draft->kind == PS_ACT_ROLE;
    if (draft->subject == input->recovery || (draft->subject == input->founder && role)) {
        return PS_ROLE_NONE;
    }
    if (draft->subject == input->founder) {
        return PS_ROLE_RECOVERY;
    }
    bool high =
        replay->devices[draft->subject].was_granted || (role && draft->role == PS_ROLE_ADMIN);
    return high ? PS_ROLE_FOUNDER : PS_ROLE_ADMIN;
}

bool ps_draft_find_over(const struct ps_replay_input *input, const struct ps_replay *replay,
                        uint32_t author, struct ps_draft *draft)
{
    const struct record all = {.count = input->act_count};
    return find_over(input, replay, author, &all, draft);
}

static bool find_over(const struct ps_replay_input *input, const struct ps_replay *replay,
                      uint32_t author, const struct record *record, struct ps_draft *draft)
{
    bool whole = true;
    draft->over_count = 0;
    for (ps_role rank = PS_ROLE_RECOVERY; rank <= PS_ROLE_ADMIN; rank++) {
        for (size_t i = 0; i < record->count; i++) {
            size_t at = record->acts != NULL ? record->acts[i] : i;
            const struct ps_replay_act *act = &input->acts[at];
            ps_role by = act->author == input->recovery  ? PS_ROLE_RECOVERY
                         : act->author == input->founder ? PS_ROLE_FOUNDER
                                                         : PS_ROLE_ADMIN;
            if (by != rank || !is_of_record(replay, draft, act, at) ||
                (!replay->found[at].stands && is_under_own(input, replay, author, record, at))) {
                continue;
            }
            whole = draft->over_count < PS_OVER_MAX;
            if (whole) {
                draft->over[draft->over_count] = act->id;
                draft->over_count++;
            }
        }
    }
    return whole;
}

static bool is_of_record(const struct ps_replay *replay, const struct ps_draft *draft,
                         const struct ps_replay_act *act, size_t at)
{
    return replay->found[at].counts && draft->kind == PS_ACT_ROLE && act->kind == PS_ACT_ROLE &&
           act->subject == draft->subject && act->scope == draft->scope;
}

/* Whether an act of the author is over this one, and stays as long as the next one will. */
static bool is_under_own(const struct ps_replay_input *input, const struct ps_replay *replay,
                         uint32_t author, const struct record *record, size_t at)
{
    const struct ps_replay_act *act = &input->acts[at];
    uint32_t grant = replay->devices[author].grant;
    bool found = false;
    for (size_t i = 0; i < record->count && !found; i++) {
        size_t number = record->acts != NULL ? record->acts[i] : i;
        const struct ps_replay_act *own = &input->acts[number];
        if (own->author != author || !replay->found[number].counts || own->kind != PS_ACT_ROLE ||
            own->subject != act->subject || own->scope != act->scope ||
            (grant != PS_REPLAY_NONE && !is_same(&own->by, &input->acts[grant].id))) {
            continue;
        }
        for (uint32_t j = 0; j < own->over_count && !found; j++) {
            found = is_same(&own->over[j], &act->id);
        }
    }
    return found;
}

static bool is_same(const struct ps_act_id *a, const struct ps_act_id *b)
{
    return memcmp(a->bytes, b->bytes, sizeof a->bytes) == 0;
}

p2psync_result ps_drafts_restate(const struct ps_replay_input *input,
                                 const struct ps_replay *replay, uint32_t author,
                                 const struct ps_drafts *drafts, struct ps_drafts *out)
{
    struct restating work = {
        .input = input, .before = replay, .author = author, .out = out, .first = out->count};
    bool again = false;
    p2psync_result result = list_acts(&work);
    work.is_subject = calloc(input->device_count, sizeof *work.is_subject);
    if (result != P2PSYNC_OK || work.is_subject == NULL) {
        free(work.is_subject);
        free(work.acts);
        return P2PSYNC_ENOMEM;
    }
    for (size_t i = 0; i < drafts->count; i++) {
        again = again || replay->devices[drafts->items[i].subject].was_granted ||
                drafts->items[i].subject == input->founder; /* else no grant ends */
        work.is_subject[drafts->items[i].subject] = true;
        work.ends_founder = work.ends_founder || (drafts->items[i].kind == PS_ACT_REMOVED &&
                                                  drafts->items[i].subject == input->founder);
    }
    for (uint32_t round = 0; round < ROUNDS_MAX && again && result == P2PSYNC_OK; round++) {
        size_t count = out->count;
        result = restate_all(&work, drafts);
        again = out->count > count;
    }
    free(work.table);
    free(work.is_subject);
    free(work.acts);
    return result;
}

/* A thief may have written on many records. */
static p2psync_result list_acts(struct restating *work)
{
    const struct ps_replay_input *input = work->input;
    struct act_key *keys = calloc(input->act_count + 1, sizeof *keys);
    work->acts = calloc(input->act_count + 1, sizeof *work->acts);
    if (keys == NULL || work->acts == NULL) {
        free(keys);
        return P2PSYNC_ENOMEM;
    }
    for (uint32_t i = 0; i < input->act_count; i++) {
        const struct ps_replay_act *act = &input->acts[i];
        if (act->kind == PS_ACT_ROLE) {
            keys[work->act_count] =
                (struct act_key){.subject = act->subject, .scope = act->scope, .number = i};
            work->act_count++;
        }
    }
    qsort(keys, work->act_count, sizeof *keys, compare_keys);
    for (size_t i = 0; i < work->act_count; i++) {
        work->acts[i] = keys[i].number;
    }
    free(keys);
    return P2PSYNC_OK;
}

static int compare_keys(const void *a, const void *b)
{
    const struct act_key *left = a;
    const struct act_key *right = b;
    if (left->subject != right->subject) {
        return left->subject < right->subject ? -1 : 1;
    }
    if (left->scope != right->scope) {
        return left->scope < right->scope ? -1 : 1;
    }
    return left->number < right->number ? -1 : left->number > right->number ? 1 : 0;
}

static struct record record_of(const struct restating *work, const struct ps_draft *draft)
{
    size_t begin = first_act(work, draft->subject, draft->scope);
    size_t end = first_act(work, draft->subject, draft->scope + 1);
    return (struct record){.acts = work->acts + begin, .count = end - begin};
}

/* Where those of a record begin, by halves. */
static size_t first_act(const struct restating *work, uint32_t subject, uint32_t scope)
{
    size_t low = 0;
    size_t high = work->act_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct ps_replay_act *act = &work->input->acts[work->acts[middle]];
        bool below = act->subject < subject || (act->subject == subject && act->scope < scope);
        low = below ? middle + 1 : low;
        high = below ? high : middle;
    }
    return low;
}

/* What is restated may end a grant in turn: that of an admin that is removed. */
static p2psync_result restate_all(struct restating *work, const struct ps_drafts *drafts)
{
    struct ps_drafts before = {.count = work->out->count - work->first};
    if (before.count > 0) {
        before.items = work->out->items + work->first;
    }
    p2psync_result result = begin_other(work->input, drafts->count + before.count, &work->after);
    if (result == P2PSYNC_OK) {
        take_drafts(work->author, work->before, drafts, &work->after);
        take_drafts(work->author, work->before, &before, &work->after);
        result = ps_replay_run(&work->after.input, &work->after.replay);
    }
    for (size_t i = 0; i < work->input->act_count && result == P2PSYNC_OK; i++) {
        if (work->ends_founder && work->after.replay.found[i].stands) {
            result = end_grants(work, work->input->acts[i].subject);
        }
    }
    for (uint32_t i = 0; i < work->input->device_count && result == P2PSYNC_OK; i++) {
        result = restate(work, i);
    }
    ps_replay_deinit(&work->after.replay);
    free(work->after.acts);
    return result;
}

static p2psync_result begin_other(const struct ps_replay_input *input, size_t more,
                                  struct other *other)
{
    other->acts = calloc(input->act_count + more + 1, sizeof *other->acts);
    if (other->acts == NULL) {
        return P2PSYNC_ENOMEM;
    }
    if (input->act_count > 0) {
        memcpy(other->acts, input->acts, input->act_count * sizeof *other->acts);
    }
    other->input = *input;
    other->input.acts = other->acts;
    return P2PSYNC_OK;
}

/* They have no ids yet, and need none: nothing comes after them. */
static void take_drafts(uint32_t author, const struct ps_replay *replay,
                        const struct ps_drafts *drafts, struct other *other)
{
    uint32_t grant = replay->devices[author].grant;
    for (size_t i = 0; i < drafts->count; i++) {
        const struct ps_draft *draft = &drafts->items[i];
        struct ps_replay_act *act = &other->acts[other->input.act_count];
        *act = (struct ps_replay_act){.kind = draft->kind,
                                      .role = draft->role,
                                      .author = author,
                                      .subject = draft->subject,
                                      .scope = draft->scope,
                                      .over = draft->over,
                                      .over_count = draft->over_count};
        if (grant != PS_REPLAY_NONE) {
            act->has_by = true;
            act->by = other->acts[grant].id;
        }
        other->input.act_count++;
    }
}

/* Those that the recovery key gave before: by them acts may have been written about whom the
 * founder had made admins, which count as soon as the founder's grants do not. */
static p2psync_result end_grants(struct restating *work, uint32_t device)
{
    const struct ps_standing *before = &work->before->devices[device];
    bool lower = before->is_member && before->role > PS_ROLE_WRITER;
    return add(work, (struct ps_draft){.kind = PS_ACT_ROLE,
                                       .role = lower ? before->role : PS_ROLE_WRITER,
                                       .subject = device});
}

static p2psync_result restate(struct restating *work, uint32_t device)
{
    const struct ps_standing *before = &work->before->devices[device];
    const struct ps_standing *after = &work->after.replay.devices[device];
    if (work->is_subject[device] || device == work->input->founder) {
        return P2PSYNC_OK;
    }
    if (before->is_removed && !after->is_removed && after->role != PS_ROLE_NONE) {
        return add(work, (struct ps_draft){.kind = PS_ACT_REMOVED, .subject = device});
    }
    if (!before->is_member) {
        return P2PSYNC_OK;
    }
    bool admin = before->role == PS_ROLE_ADMIN;
    bool recovers = work->author == work->input->recovery;
    bool lowered = recovers && admin && after->role == PS_ROLE_WRITER;
    p2psync_result result = P2PSYNC_OK;
    if (!after->is_member || (after->role != before->role && !lowered)) {
        result =
            add(work, (struct ps_draft){.kind = PS_ACT_ROLE,
                                        .role = recovers && admin ? PS_ROLE_WRITER : before->role,
                                        .subject = device});
    }
    return result == P2PSYNC_OK ? restate_scopes(work, device) : result;
}

/* An admin has one role everywhere, so nothing is to be kept of it by collection. */
static p2psync_result restate_scopes(struct restating *work, uint32_t device)
{
    const struct ps_replay *before = work->before;
    const struct ps_replay *after = &work->after.replay;
    ps_role all = before->devices[device].role;
    p2psync_result result = P2PSYNC_OK;
    for (size_t i = first_role(before, device);
         i < before->role_count && before->roles[i].device == device && result == P2PSYNC_OK; i++) {
        const struct ps_replay_role *was = &before->roles[i];
        const struct ps_replay_role *is = find_role(after, device, was->scope);
        if (is == NULL || is->role != was->role) {
            result = add(work, (struct ps_draft){.kind = PS_ACT_ROLE,
                                                 .role = was->role,
                                                 .subject = device,
                                                 .scope = was->scope});
        }
    }
    for (size_t i = first_role(after, device);
         i < after->role_count && after->roles[i].device == device && result == P2PSYNC_OK; i++) {
        const struct ps_replay_role *is = &after->roles[i];
        if (find_role(before, device, is->scope) == NULL && all != is->role &&
            all != PS_ROLE_ADMIN) {
            result = add(
                work, (struct ps_draft){
                          .kind = PS_ACT_ROLE, .role = all, .subject = device, .scope = is->scope});
        }
    }
    return result;
}

static const struct ps_replay_role *find_role(const struct ps_replay *replay, uint32_t device,
                                              uint32_t scope)
{
    size_t low = first_role(replay, device);
    size_t high = first_role(replay, device + 1);
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (replay->roles[middle].scope == scope) {
            return &replay->roles[middle];
        }
        if (replay->roles[middle].scope < scope) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return NULL;
}

/* Where those of a device begin, by halves. */
static size_t first_role(const struct ps_replay *replay, uint32_t device)
{
    size_t low = 0;
    size_t high = replay->role_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (replay->roles[middle].device < device) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* One that is there has been written, and does not help. */
static p2psync_result add(struct restating *work, struct ps_draft draft)
{
    struct ps_drafts *out = work->out;
    p2psync_result result = P2PSYNC_OK;
    if (out->count - work->first >= work->table_size / 2) {
        result = grow_table(work);
    }
    if (result != P2PSYNC_OK) {
        return result;
    }
    uint32_t *slot = slot_of(work, &draft);
    if (*slot != 0) {
        return P2PSYNC_OK;
    }
    if (out->count == out->capacity) {
        size_t more = out->capacity == 0 ? 16 : out->capacity * 2;
        struct ps_draft *larger = realloc(out->items, more * sizeof *larger);
        if (larger == NULL) {
            return P2PSYNC_ENOMEM;
        }
        out->items = larger;
        out->capacity = more;
    }
    const struct record record = record_of(work, &draft);
    (void)find_over(work->input, &work->after.replay, work->author, &record, &draft);
    out->items[out->count] = draft;
    out->count++;
    *slot = (uint32_t)(out->count - work->first);
    return P2PSYNC_OK;
}

static p2psync_result grow_table(struct restating *work)
{
    size_t size = work->table_size == 0 ? 64 : work->table_size * 2;
    uint32_t *table = calloc(size, sizeof *table);
    if (table == NULL) {
        return P2PSYNC_ENOMEM;
    }
    free(work->table);
    work->table = table;
    work->table_size = size;
    for (size_t i = work->first; i < work->out->count; i++) {
        *slot_of(work, &work->out->items[i]) = (uint32_t)(i - work->first + 1);
    }
    return P2PSYNC_OK;
}

/* Where a draft of this record is, or belongs. Numbers of devices and scopes are our own, so nobody
 * makes many alike. */
static uint32_t *slot_of(const struct restating *work, const struct ps_draft *draft)
{
    uint64_t hash = ((uint64_t)draft->subject << 32 | draft->scope) * UINT64_C(0x9e3779b97f4a7c15);
    for (uint64_t i = (hash >> 32) + draft->kind;; i++) { /* ends: half of the slots are free */
        uint32_t *slot = &work->table[i & (work->table_size - 1)];
        const struct ps_draft *other =
            *slot == 0 ? NULL : &work->out->items[work->first + *slot - 1];
        if (other == NULL || (other->kind == draft->kind && other->subject == draft->subject &&
                              other->scope == draft->scope)) {
            return slot;
        }
    }
}
