#include "tests/lib/paper_nodes.h"

#include <criterion/criterion.h>
#include <string.h>

static bool write_drafts(uint32_t at, uint32_t author, uint32_t log, struct ps_drafts *drafts);
static void write_draft(uint32_t at, uint32_t log, const struct ps_draft *draft);
static void report_before(uint32_t at, uint32_t subject);
static void claim(struct paper_entry *entry, uint32_t log, uint64_t size);
static void check_others_stay(uint32_t at, const struct ps_drafts *drafts, bool recovers);
static void name_kept(uint32_t at, struct ps_drafts *drafts, uint32_t admin);
static bool is_accepted(uint32_t at, struct paper_place place);
static void take(const struct paper_sync *sync, uint32_t log);
static void choose_by(uint32_t at, struct paper_entry *entry);
static uint32_t find_over(uint32_t at, const struct ps_draft *draft, struct ps_act_id *out);
static void report_anything(struct paper_entry *entry);

void paper_begin(unsigned seed)
{
    paper_clear(seed);
    mesh.nodes[PAPER_FOUNDER].joined = true;
    mesh.nodes[PAPER_FOUNDER].honest = true;
    paper_make_logs(PAPER_FOUNDER);
}

void paper_make_logs(uint32_t at)
{
    mesh.nodes[at].devices_log = paper_log(at, false);
    mesh.nodes[at].notes_log = paper_log(at, true);
}

void paper_fork(uint32_t at)
{
    struct paper_node *node = &mesh.nodes[at];
    uint32_t stem = node->devices_log;
    const struct paper_log *log = &mesh.logs[stem];
    if (log->size > log->begin && mesh.log_count < PAPER_LOGS_MAX) {
        uint64_t begin = log->begin + 1 + paper_draw((uint32_t)(log->size - log->begin));
        node->devices_log = paper_log(at, false);
        mesh.logs[node->devices_log].stem = stem;
        mesh.logs[node->devices_log].begin = begin;
        mesh.logs[node->devices_log].size = begin;
    }
}

bool paper_act(uint32_t at, const struct ps_draft *draft)
{
    struct ps_draft one = *draft;
    struct ps_drafts drafts = {.items = &one, .count = 1};
    return write_drafts(at, at, mesh.nodes[at].devices_log, &drafts);
}

/* All of them, or none. */
static bool write_drafts(uint32_t at, uint32_t author, uint32_t log, struct ps_drafts *drafts)
{
    const struct paper_view *view = paper_look(at);
    struct ps_drafts before = {0};
    ps_role who;
    if (!paper_has_room(log) || !paper_has_room(mesh.nodes[at].devices_log)) {
        return false;
    }
    for (size_t i = 0; i < drafts->count; i++) {
        if (ps_draft_check(&view->input, &view->replay, author, &drafts->items[i], &who) !=
            P2PSYNC_OK) {
            return false;
        }
        (void)ps_draft_find_over(&view->input, &view->replay, author, &drafts->items[i]);
    }
    cr_assert_eq(ps_drafts_restate(&view->input, &view->replay, author, drafts, &before),
                 P2PSYNC_OK);
    uint32_t grant = view->replay.devices[author].grant;
    struct ps_act_id by = {{0}};
    if (grant != PS_REPLAY_NONE) {
        by = view->acts[grant].id;
    }
    for (size_t i = 0; i < drafts->count; i++) {
        report_before(at, drafts->items[i].subject);
    }
    for (size_t i = 0; i < before.count + drafts->count; i++) {
        bool first = i < before.count;
        write_draft(at, log, first ? &before.items[i] : &drafts->items[i - before.count]);
        struct paper_entry *entry = &mesh.logs[log].entries[mesh.logs[log].size - 1];
        entry->has_by = grant != PS_REPLAY_NONE;
        entry->by = by;
    }
    check_others_stay(at, drafts, author == PAPER_KEY);
    ps_drafts_deinit(&before);
    return true;
}

static void write_draft(uint32_t at, uint32_t log, const struct ps_draft *draft)
{
    paper_write(at, log)->draft = *draft;
}

/* All that is settled of its logs, and what its own reports cover. */
static void report_before(uint32_t at, uint32_t subject)
{
    for (uint32_t device = 0; device < PAPER_NODES; device++) {
        const struct paper_view *view = paper_look(at);
        uint32_t devices_log = mesh.nodes[at].devices_log;
        struct paper_entry *entry = NULL;
        for (uint32_t log = 0; log < mesh.log_count; log++) {
            bool covered = device == subject ||
                           (!view->open[log] && view->known[log] == mesh.nodes[at].held[log]);
            if (mesh.logs[log].device == device && device != at && covered &&
                mesh.nodes[at].held[log] > mesh.logs[log].begin &&
                paper_may_report(view, at, log)) {
                entry = entry == NULL ? paper_write(at, devices_log) : entry;
                entry->draft.kind = PS_ACT_REPORT;
                entry->draft.subject = device;
                claim(entry, log, mesh.nodes[at].held[log]);
            }
        }
    }
}

static void claim(struct paper_entry *entry, uint32_t log, uint64_t size)
{
    if (entry->claim_count < PAPER_CLAIMS_MAX) {
        entry->claims[entry->claim_count] = (struct paper_claim){.log = log, .size = size};
        entry->claim_count++;
    }
}

/* The node itself sees nobody else's standing change by what it wrote; but for admins, if it was
 * with the recovery key. */
static void check_others_stay(uint32_t at, const struct ps_drafts *drafts, bool recovers)
{
    static struct ps_standing before[PAPER_DEVICES];
    static ps_role notes[PAPER_DEVICES];
    const struct paper_node *node = &mesh.nodes[at];
    for (uint32_t i = 0; i < PAPER_DEVICES; i++) { /* of the last look: before it wrote */
        before[i] = node->view.replay.devices[i];
        notes[i] = ps_replay_role_in(&node->view.replay, i, PAPER_NOTES);
    }
    for (size_t i = 0; i < drafts->count; i++) {
        before[drafts->items[i].subject] = (struct ps_standing){.room = UINT32_MAX};
    }
    const struct paper_view *view = paper_look(at);
    for (uint32_t i = 0; i < PAPER_NODES; i++) {
        const struct ps_standing *after = &view->replay.devices[i];
        bool subject = before[i].room == UINT32_MAX || before[i].asks; /* to be removed */
        bool lowered = recovers && before[i].role == PS_ROLE_ADMIN;
        PAPER_CHECK(subject || !before[i].is_member ||
                    (after->is_member && (after->role == before[i].role || lowered)));
        PAPER_CHECK(subject || !before[i].is_member || lowered ||
                    ps_replay_role_in(&view->replay, i, PAPER_NOTES) == notes[i]);
        PAPER_CHECK(subject || before[i].is_member || !after->is_member);
    }
}

bool paper_give(uint32_t at, uint32_t subject, ps_role role)
{
    return paper_act(at, &(struct ps_draft){.kind = PS_ACT_ROLE,
                                            .subject = subject,
                                            .role = role,
                                            .scope = role == PS_ROLE_NONE ? PAPER_NOTES : 0});
}

bool paper_remove(uint32_t at, uint32_t subject)
{
    return paper_act(at, &(struct ps_draft){.kind = PS_ACT_REMOVED, .subject = subject});
}

/* The inviter writes the role, and the newcomer gets what it has of `_devices`. */
bool paper_invite(uint32_t at, uint32_t subject, ps_role role)
{
    struct paper_node *node = &mesh.nodes[subject];
    if (mesh.log_count + 2 > PAPER_LOGS_MAX || !paper_give(at, subject, role)) {
        return false;
    }
    node->joined = true;
    node->honest = true;
    paper_make_logs(subject);
    for (uint32_t log = 0; log < mesh.log_count; log++) {
        uint64_t size = paper_least(mesh.nodes[at].held[log], paper_limit(at, log));
        if (!mesh.logs[log].is_notes && size > mesh.logs[log].begin) {
            paper_hold(subject, log, size);
        }
    }
    return true;
}

static bool is_accepted(uint32_t at, struct paper_place place)
{
    return place.seq < paper_least(mesh.nodes[at].held[place.log], paper_limit(at, place.log));
}

bool paper_edit(uint32_t at)
{
    struct paper_node *node = &mesh.nodes[at];
    struct paper_place parents[PAPER_PARENTS_MAX];
    size_t count = 0;
    if (paper_role(at, at, PAPER_NOTES) > PS_ROLE_WRITER || !paper_has_room(node->notes_log)) {
        return false;
    }
    for (size_t i = 0; i < 8 && count < PAPER_PARENTS_MAX; i++) {
        uint32_t log = paper_draw(mesh.log_count);
        struct paper_place place = {.log = log, .seq = node->held[log] - 1};
        if (mesh.logs[log].is_notes && node->held[log] > 0 && is_accepted(at, place)) {
            parents[count] = place;
            count++;
        }
    }
    struct paper_entry *entry = paper_write(at, node->notes_log);
    memcpy(entry->parents, parents, count * sizeof *parents);
    entry->parent_count = count;
    return true;
}

bool paper_recover(uint32_t at, uint32_t admin, uint32_t removed)
{
    struct ps_draft items[PAPER_DEVICES + 2];
    struct ps_drafts drafts = {.items = items};
    if (mesh.log_count == PAPER_LOGS_MAX) {
        return false;
    }
    if (admin != PS_REPLAY_NONE) {
        items[0] = (struct ps_draft){.kind = PS_ACT_ROLE, .subject = admin, .role = PS_ROLE_ADMIN};
        drafts.count = 1;
    }
    if (removed == PAPER_FOUNDER) {
        name_kept(at, &drafts, admin);
    }
    if (removed != PS_REPLAY_NONE) {
        items[drafts.count] = (struct ps_draft){.kind = PS_ACT_REMOVED, .subject = removed};
        drafts.count++;
    }
    return write_drafts(at, PAPER_KEY, paper_log(PAPER_KEY, false), &drafts);
}

/* Those whom the thief has removed; none of whom the recovery key has, and none that retired. */
static void name_kept(uint32_t at, struct ps_drafts *drafts, uint32_t admin)
{
    const struct ps_replay *replay = &paper_look(at)->replay;
    for (uint32_t i = 0; i < PAPER_NODES; i++) {
        const struct ps_standing *device = &replay->devices[i];
        bool for_good = device->removed_by == PAPER_KEY || device->removed_by == i;
        if (mesh.nodes[i].joined && mesh.nodes[i].honest && i != PAPER_FOUNDER && i != admin &&
            device->is_removed && !for_good) {
            drafts->items[drafts->count] =
                (struct ps_draft){.kind = PS_ACT_ROLE, .subject = i, .role = PS_ROLE_WRITER};
            drafts->count++;
        }
    }
}

void paper_report(uint32_t at)
{
    for (uint32_t subject = 0; subject < PAPER_NODES; subject++) {
        const struct paper_view *view = paper_look(at);
        uint32_t devices_log = mesh.nodes[at].devices_log;
        struct paper_entry *entry = NULL;
        for (uint32_t log = 0; log < mesh.log_count; log++) {
            if (mesh.logs[log].device == subject && !view->open[log] &&
                mesh.nodes[at].held[log] > view->known[log] &&
                mesh.nodes[at].held[log] > mesh.logs[log].begin &&
                paper_may_report(view, at, log) &&
                mesh.logs[devices_log].size + 2 < PAPER_ENTRIES_MAX) {
                entry = entry == NULL ? paper_write(at, devices_log) : entry;
                entry->draft.kind = PS_ACT_REPORT;
                entry->draft.subject = subject;
                claim(entry, log, mesh.nodes[at].held[log]);
            }
        }
        if (at == PAPER_FOUNDER && paper_look(at)->replay.devices[subject].asks) {
            (void)paper_remove(at, subject);
        }
    }
}

/* `_devices` first. From who is no member only that, and only what is open. */
void paper_sync(const struct paper_sync *sync)
{
    uint32_t order[PAPER_LOGS_MAX] = {0};
    for (uint32_t i = 0; i < mesh.log_count; i++) {
        uint32_t at = paper_draw(i + 1);
        order[i] = order[at];
        order[at] = i;
    }
    for (uint32_t pass = 0; pass < 2; pass++) {
        for (uint32_t i = 0; i < mesh.log_count; i++) {
            if (mesh.logs[order[i]].is_notes == (pass == 1)) {
                take(sync, order[i]);
            }
        }
        if (mesh.nodes[sync->to].honest && !sync->silent) {
            paper_report(sync->to);
        }
    }
}

static void take(const struct paper_sync *sync, uint32_t log)
{
    struct paper_node *to = &mesh.nodes[sync->to];
    const struct paper_node *from = &mesh.nodes[sync->from];
    uint32_t author = mesh.logs[log].device;
    bool stolen = author != PAPER_KEY && !mesh.nodes[author].honest;
    uint64_t offer = from->held[log];
    uint64_t limit = PAPER_ALL;
    if (offer <= to->held[log]) {
        return;
    }
    if (from->honest) {
        bool sends = !mesh.logs[log].is_notes ||
                     paper_role(sync->from, sync->to, PAPER_NOTES) < PS_ROLE_NONE;
        offer = author == sync->from ? offer : paper_least(offer, paper_limit(sync->from, log));
        offer = sends ? offer : 0;
    } else if (!sync->relayed) {
        offer = stolen && paper_chance(700) ? paper_draw((uint32_t)offer + 1) : offer;
        offer = paper_chance(100) ? 0 : offer;
    }
    if (to->honest) {
        bool is_member = paper_look(sync->to)->replay.devices[sync->from].is_member;
        limit = paper_limit(sync->to, log);
        limit = !is_member && (mesh.logs[log].is_notes || !to->view.open[log]) ? 0 : limit;
        limit =
            mesh.logs[log].is_notes && paper_role(sync->to, sync->to, PAPER_NOTES) == PS_ROLE_NONE
                ? 0
                : limit;
    }
    uint64_t size = paper_least(offer, limit);
    if (sync->in_pieces && size > to->held[log] && paper_chance(300)) {
        size = to->held[log] + 1 + paper_draw((uint32_t)(size - to->held[log]));
    }
    if (size > to->held[log] && size > mesh.logs[log].begin) {
        paper_hold(sync->to, log, size);
    }
}

void paper_name_all(uint32_t at, uint32_t subject)
{
    struct paper_entry *entry = paper_write(at, mesh.nodes[at].devices_log);
    entry->draft.kind = PS_ACT_REPORT;
    entry->draft.subject = subject;
    for (uint32_t log = 0; log < mesh.log_count; log++) {
        if (mesh.logs[log].device == subject && mesh.logs[log].size > 0) {
            claim(entry, log, mesh.logs[log].size);
        }
    }
}

/* Acts that a thief has heard of, of a record; or any. */
static uint32_t find_over(uint32_t at, const struct ps_draft *draft, struct ps_act_id *out)
{
    const struct paper_view *view = paper_look(at);
    uint32_t count = 0;
    bool all = paper_chance(600);
    for (size_t i = 0; i < view->input.act_count && count < PS_OVER_MAX; i++) {
        const struct ps_replay_act *act = &view->acts[i];
        bool same = act->kind == PS_ACT_ROLE && act->subject == draft->subject &&
                    act->scope == draft->scope;
        if ((same && (all || paper_chance(500))) || paper_chance(10)) {
            out[count] = act->id;
            count++;
        }
    }
    return count;
}

/* A grant that it had at some time, or any act: `by` is what it likes. */
static void choose_by(uint32_t at, struct paper_entry *entry)
{
    const struct paper_view *view = paper_look(at);
    uint32_t seen = 0;
    bool any = paper_chance(50);
    for (size_t i = 0; i < view->input.act_count; i++) {
        const struct ps_replay_act *act = &view->acts[i];
        bool grant = act->kind == PS_ACT_ROLE && act->role == PS_ROLE_ADMIN && act->subject == at;
        if (grant || any) {
            seen++;
            bool take_it = paper_draw(seen) == 0;
            entry->has_by = true;
            entry->by = take_it ? act->id : entry->by;
        }
    }
}

static void report_anything(struct paper_entry *entry)
{
    for (uint32_t log = 0; log < mesh.log_count; log++) {
        uint64_t size = mesh.logs[log].size;
        if (mesh.logs[log].device != entry->draft.subject || size == 0 || paper_chance(400)) {
            continue;
        }
        bool is_false = paper_chance(100);
        uint64_t named = paper_chance(700) ? size : 1 + paper_draw((uint32_t)size);
        claim(entry, log, is_false ? named + paper_draw(50) : named);
        entry->claims[entry->claim_count - 1].is_false = is_false;
    }
}

void paper_steal(uint32_t at)
{
    struct paper_node *node = &mesh.nodes[at];
    if (paper_chance(50) && mesh.log_count + 2 <= PAPER_LOGS_MAX) {
        paper_make_logs(at);
    }
    if (paper_chance(50)) {
        paper_fork(at);
    }
    if (paper_chance(250)) {
        if (paper_has_room(node->notes_log)) {
            struct paper_entry *entry = paper_write(at, node->notes_log);
            uint32_t log = paper_draw(mesh.log_count);
            entry->parent_count = mesh.logs[log].is_notes && mesh.logs[log].size > 1 ? 1 : 0;
            entry->parents[0] = (struct paper_place){.log = log};
        }
        return;
    }
    if (!paper_has_room(node->devices_log)) {
        return;
    }
    struct paper_entry junk = {.draft.kind = (ps_act_kind)paper_draw(3)};
    junk.draft.subject = paper_draw(PAPER_DEVICES);
    junk.draft.scope = paper_chance(300) ? PAPER_NOTES : 0;
    junk.draft.role = (ps_role)paper_draw(PS_ROLE_NONE + 1);
    if (junk.draft.kind == PS_ACT_REPORT) {
        report_anything(&junk);
    } else {
        choose_by(at, &junk);
        junk.draft.over_count = find_over(at, &junk.draft, junk.draft.over);
    }
    junk.written = mesh.now;
    struct paper_entry *entry = paper_write(at, node->devices_log);
    junk.shown = entry->shown;
    *entry = junk;
}
