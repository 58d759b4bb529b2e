#include "tests/lib/paper_nodes.h"

#include <criterion/criterion.h>
#include <string.h>

struct paper_mesh mesh;

void paper_begin(unsigned seed)
{
    memset(mesh.nodes, 0, sizeof mesh.nodes);
    memset(mesh.recovered_at, 0, sizeof mesh.recovered_at);
    paper_init(&mesh.paper, PAPER_NODES + 1);
    mesh.paper.recovery = PAPER_KEY;
    mesh.seed = seed;
    mesh.relayed = false;
    mesh.prng = prng_new(seed, 10);
    mesh.now = 1;
    mesh.nodes[0].joined = true;
    mesh.nodes[0].honest = true;
    paper_make_logs(0);
    paper_look(0);
}

bool paper_has_room(uint32_t log)
{
    return mesh.paper.logs[log].size + 2 < PAPER_ENTRIES_MAX;
}

struct paper_entry *paper_write(struct paper_node *node, uint32_t log)
{
    struct paper_entry *entry = paper_add(&mesh.paper, log);
    entry->hlc = mesh.now;
    node->held[log] = mesh.paper.logs[log].size;
    node->settled[log] = node->held[log];
    mesh.moved = true;
    return entry;
}

const struct ps_replay_end *paper_end_of(uint32_t log)
{
    return &mesh.view.replay.ends[mesh.view.number[log]];
}

/* A history is a log from its first entry on, what it shares with its stem among it. */
static void settle_log(struct paper_node *node, uint32_t log, uint64_t size)
{
    while (log != PS_REPLAY_NONE) {
        node->held[log] = paper_most(node->held[log], size);
        node->settled[log] = paper_most(node->settled[log], size);
        size = mesh.paper.logs[log].begin;
        log = mesh.paper.logs[log].stem;
    }
}

/* Take entries of a log, or of a history, that are not settled by that. */
static void hold_log(struct paper_node *node, uint32_t log, uint64_t size)
{
    while (log != PS_REPLAY_NONE) {
        node->held[log] = paper_most(node->held[log], size);
        size = mesh.paper.logs[log].begin;
        log = mesh.paper.logs[log].stem;
    }
}

/* Work out what a node comes to, and what it has settled by that. */
void paper_look(uint32_t at)
{
    struct paper_node *node = &mesh.nodes[at];
    bool again = true;
    while (again) {
        again = false;
        ps_replay_deinit(&mesh.view.replay);
        paper_read(&mesh.paper, &(struct paper_held){node->held, node->settled}, NULL, &mesh.view);
        for (uint32_t log = 0; log < mesh.paper.log_count; log++) {
            uint64_t accepted =
                paper_least(paper_end(&mesh.paper, &mesh.view, log), node->held[log]);
            if (accepted > mesh.paper.logs[log].begin && accepted > node->settled[log]) {
                again = again || !mesh.paper.logs[log].is_notes;
                settle_log(node, log, accepted);
            }
        }
    }
    for (uint32_t log = 0; log < mesh.paper.log_count; log++) {
        if (!mesh.paper.logs[log].is_notes) {
            uint64_t acts_end = paper_end_of(log)->acts_end;
            bool open = acts_end == PS_REPLAY_OPEN;
            node->belief[log] =
                open ? node->settled[log]
                     : paper_most(node->belief[log], paper_least(acts_end, node->held[log]));
        }
    }
    for (uint32_t log = 0; log < mesh.paper.log_count; log++) {
        bool open = paper_is_open(&mesh.paper, &mesh.view, log);
        node->log_open_at[log] = open ? mesh.now : node->log_open_at[log];
    }
    for (uint32_t i = 0; i < PAPER_NODES; i++) {
        node->open_at[i] = mesh.view.replay.devices[i].is_closed ? node->open_at[i] : mesh.now;
    }
}

void paper_claim_one(struct paper_entry *entry, uint32_t log, uint64_t size, bool acts)
{
    while (mesh.paper.logs[log].stem != PS_REPLAY_NONE && size <= mesh.paper.logs[log].begin) {
        log = mesh.paper.logs[log].stem; /* it has the same root there */
    }
    if (size > 0 && entry->claim_count < PAPER_CLAIMS_MAX) {
        entry->claims[entry->claim_count] =
            (struct paper_claim){.log = log, .size = size, .acts = acts};
        entry->claim_count++;
    }
}

/* All that an honest node knows of a device's logs. */
static void claim_all(const struct paper_node *node, struct paper_entry *entry, uint32_t subject)
{
    bool superior = subject == mesh.paper.founder || mesh.view.replay.devices[subject].was_admin;
    for (uint32_t log = 0; log < mesh.paper.log_count; log++) {
        if (mesh.paper.logs[log].device == subject) {
            paper_claim_one(entry, log, node->settled[log], false);
            if (superior && !mesh.paper.logs[log].is_notes) {
                paper_claim_one(entry, log, node->belief[log], true);
            }
        }
    }
}

/* Whether a node has settled more of a device's logs than what is said. */
static bool has_more(uint32_t at, uint32_t subject)
{
    const struct paper_node *node = &mesh.nodes[at];
    const struct ps_standing *standing = &mesh.view.replay.devices[subject];
    bool may_say = standing->was_admin && standing->is_closed &&
                   paper_role(&mesh.view, at, 0) <= PS_ROLE_ADMIN;
    /* Of a founder that has left each says so: others may know whom it made a member by nobody
     * else's report. */
    bool left = subject == mesh.paper.founder && standing->is_removed && !standing->is_closed;
    for (uint32_t log = 0; log < mesh.paper.log_count; log++) {
        if (mesh.paper.logs[log].device != subject) {
            continue;
        }
        uint64_t end = left ? 0 : paper_end(&mesh.paper, &mesh.view, log);
        if (node->settled[log] > paper_most(end, node->told[log])) {
            return true;
        }
        if (may_say && !mesh.paper.logs[log].is_notes &&
            node->belief[log] > paper_most(paper_end_of(log)->acts_end, node->told_belief[log])) {
            return true;
        }
    }
    return false;
}

static void note_told(struct paper_node *node, uint32_t subject)
{
    for (uint32_t log = 0; log < mesh.paper.log_count; log++) {
        if (mesh.paper.logs[log].device == subject) {
            node->told[log] = node->settled[log];
            node->told_belief[log] = node->belief[log];
        }
    }
}

/* What an honest node does when `_devices` has moved: also if it is no member by what it sees,
 * because others may not have seen that, and learn it so. */
void paper_report(uint32_t at)
{
    struct paper_node *node = &mesh.nodes[at];
    paper_look(at);
    for (uint32_t subject = 0; subject < PAPER_NODES; subject++) {
        const struct ps_standing *standing = &mesh.view.replay.devices[subject];
        bool confirms = at == mesh.paper.founder && standing->is_removed && standing->was_admin &&
                        !standing->is_closed && mesh.view.replay.devices[at].is_member;
        bool speaks = paper_has_room(node->devices_log);
        if (subject != at && speaks && (confirms || has_more(at, subject))) {
            struct paper_entry *entry = paper_write(node, node->devices_log);
            entry->kind = confirms ? PS_ACT_REMOVED : PS_ACT_REPORT;
            entry->subject = subject;
            claim_all(node, entry, subject);
            note_told(node, subject);
            paper_look(at);
        }
    }
}

static bool is_applied(const struct paper_node *node, struct paper_place place)
{
    return place.seq < node->settled[place.log] && node->applied[place.log][place.seq];
}

void paper_apply(struct paper_node *node)
{
    bool again = true;
    while (again) {
        again = false;
        for (uint32_t log = 0; log < mesh.paper.log_count; log++) {
            for (uint64_t seq = 0; mesh.paper.logs[log].is_notes && seq < node->settled[log];
                 seq++) {
                const struct paper_entry *entry = &mesh.paper.logs[log].entries[seq];
                bool ready = !node->applied[log][seq];
                for (size_t i = 0; i < entry->parent_count && ready; i++) {
                    ready = is_applied(node, entry->parents[i]);
                }
                node->applied[log][seq] = node->applied[log][seq] || ready;
                again = again || ready;
            }
        }
    }
}

static void take(uint32_t to, uint32_t from, uint32_t log, bool in_pieces)
{
    struct paper_node *node = &mesh.nodes[to];
    uint64_t offer =
        mesh.nodes[from].honest ? mesh.nodes[from].settled[log] : mesh.nodes[from].held[log];
    uint64_t limit = node->honest ? paper_wanted(&mesh.paper, &mesh.view, log) : PS_REPLAY_OPEN;
    uint64_t size = paper_least(offer, limit);
    if (size <= node->held[log]) {
        return;
    }
    if (in_pieces && prng_chance(&mesh.prng, 300)) {
        size = node->held[log] + 1 + paper_draw((uint32_t)(size - node->held[log]));
    }
    if (size <= mesh.paper.logs[log].begin) {
        return;
    }
    /* What comes into an open log is applied before it is looked at: it may be the author's
     * retirement. */
    bool open = paper_is_open(&mesh.paper, &mesh.view, log);
    hold_log(node, log, size);
    if (open) {
        settle_log(node, log, size);
    }
    mesh.moved = true;
    if (!mesh.paper.logs[log].is_notes) {
        paper_look(to);
    }
}

static bool lets_in(uint32_t at, uint32_t other)
{
    if (!mesh.nodes[at].honest) {
        return true;
    }
    paper_look(at);
    return mesh.view.replay.devices[other].is_member;
}

/* `to` takes what `from` has. Thieves talk to whoever lets them. Who is removed is told so, and so
 * can tell others: they may not know whoever removed it. */
void paper_sync(uint32_t to, uint32_t from, bool in_pieces)
{
    uint32_t order[PAPER_LOGS_MAX] = {0};
    bool relayed = mesh.relayed && !mesh.nodes[from].honest;
    bool is_member = lets_in(from, to);
    bool is_told = !is_member && mesh.view.replay.devices[to].is_removed;
    if ((!is_member && !is_told) || (!lets_in(to, from) && !relayed)) {
        return;
    }
    for (uint32_t i = 0; i < mesh.paper.log_count; i++) {
        uint32_t at = paper_draw(i + 1);
        order[i] = order[at];
        order[at] = i;
    }
    paper_look(to);
    for (uint32_t i = 0; i < mesh.paper.log_count; i++) {
        if (!mesh.paper.logs[order[i]].is_notes) {
            take(to, from, order[i], in_pieces);
        }
    }
    if (mesh.nodes[to].honest) {
        paper_report(to);
    }
    for (uint32_t i = 0; i < mesh.paper.log_count && is_member; i++) {
        if (mesh.paper.logs[order[i]].is_notes) {
            take(to, from, order[i], in_pieces);
        }
    }
    if (mesh.nodes[to].honest) {
        paper_report(to);
    }
}

void paper_edit(uint32_t at)
{
    struct paper_node *node = &mesh.nodes[at];
    if (paper_role(&mesh.view, at, PAPER_NOTES) > PS_ROLE_WRITER ||
        !paper_has_room(node->notes_log)) {
        return;
    }
    struct paper_place parents[2];
    size_t count = 0;
    paper_apply(node);
    for (size_t i = 0; i < 8 && count < 2; i++) {
        uint32_t log = paper_draw(mesh.paper.log_count);
        if (mesh.paper.logs[log].is_notes && node->settled[log] > 0) {
            struct paper_place place = {.log = log, .seq = node->settled[log] - 1};
            if (is_applied(node, place)) {
                parents[count] = place;
                count++;
            }
        }
    }
    struct paper_entry *entry = paper_write(node, node->notes_log);
    memcpy(entry->parents, parents, count * sizeof *parents);
    entry->parent_count = count;
}

/* The acts that a new one on this role is built on: those on which no other is. */
void paper_find_parents(const struct paper_node *node, struct paper_entry *entry)
{
    struct paper_place all[PAPER_ENTRIES_MAX];
    bool covered[PAPER_ENTRIES_MAX] = {false};
    size_t count = 0;
    for (uint32_t log = 0; log < mesh.paper.log_count; log++) {
        for (uint64_t seq = 0; !mesh.paper.logs[log].is_notes && seq < node->settled[log]; seq++) {
            const struct paper_entry *other = &mesh.paper.logs[log].entries[seq];
            if (other != entry && other->kind == PS_ACT_ROLE && other->subject == entry->subject &&
                other->scope == entry->scope && count < PAPER_ENTRIES_MAX) {
                all[count] = (struct paper_place){.log = log, .seq = seq};
                count++;
            }
        }
    }
    for (size_t i = 0; i < count; i++) {
        const struct paper_entry *other = &mesh.paper.logs[all[i].log].entries[all[i].seq];
        for (size_t j = 0; j < other->parent_count; j++) {
            for (size_t k = 0; k < count; k++) {
                covered[k] = covered[k] || (all[k].log == other->parents[j].log &&
                                            all[k].seq == other->parents[j].seq);
            }
        }
    }
    for (size_t i = 0; i < count && entry->parent_count < PAPER_PARENTS_MAX; i++) {
        if (!covered[i]) {
            entry->parents[entry->parent_count] = all[i];
            entry->parent_count++;
        }
    }
}

/* The inviter writes the role, and the newcomer gets what it has of `_devices`. */
void paper_join(uint32_t by, uint32_t subject, ps_role role)
{
    struct paper_node *node = &mesh.nodes[subject];
    paper_give(&mesh.nodes[by], mesh.nodes[by].devices_log, subject, role);
    node->joined = true;
    node->honest = true;
    paper_make_logs(subject);
    for (uint32_t log = 0; log < mesh.paper.log_count; log++) {
        bool notes = mesh.paper.logs[log].is_notes;
        node->held[log] = notes ? 0 : mesh.nodes[by].settled[log];
        node->settled[log] = node->held[log];
    }
    paper_report(subject);
}

void paper_give(struct paper_node *node, uint32_t log, uint32_t subject, ps_role role)
{
    struct paper_entry *entry = paper_write(node, log);
    entry->kind = PS_ACT_ROLE;
    entry->subject = subject;
    entry->role = role;
    entry->scope = role == PS_ROLE_NONE ? PAPER_NOTES : 0;
    paper_find_parents(node, entry);
    claim_all(node, entry, subject);
}

void paper_fork(uint32_t at)
{
    struct paper_node *node = &mesh.nodes[at];
    uint32_t stem = node->devices_log;
    const struct paper_log *log = &mesh.paper.logs[stem];
    if (log->size > log->begin && mesh.paper.log_count < PAPER_LOGS_MAX) {
        uint64_t begin = log->begin + 1 + paper_draw((uint32_t)(log->size - log->begin));
        node->devices_log = paper_log(&mesh.paper, at, false);
        mesh.paper.logs[node->devices_log].stem = stem;
        mesh.paper.logs[node->devices_log].begin = begin;
        mesh.paper.logs[node->devices_log].size = begin;
    }
}

void paper_make_logs(uint32_t at)
{
    struct paper_node *node = &mesh.nodes[at];
    node->devices_log = paper_log(&mesh.paper, at, false);
    node->notes_log = paper_log(&mesh.paper, at, true);
}

/* Whether an honest device may act on another, as far as it sees. */
bool paper_may_act(uint32_t at, uint32_t subject)
{
    const struct ps_standing *standing = &mesh.view.replay.devices[subject];
    ps_role role = paper_role(&mesh.view, at, 0);
    return at != subject && subject < PAPER_NODES && !standing->is_removed && standing->is_member &&
           role <= PS_ROLE_ADMIN && subject != mesh.paper.founder &&
           (role == PS_ROLE_FOUNDER || !standing->was_admin);
}

void paper_remove(struct paper_node *node, uint32_t log, uint32_t subject)
{
    struct paper_entry *entry = paper_write(node, log);
    entry->kind = PS_ACT_REMOVED;
    entry->subject = subject;
    claim_all(node, entry, subject);
}

void paper_retire(uint32_t at)
{
    if (at != mesh.paper.founder) {
        struct paper_entry *entry = paper_write(&mesh.nodes[at], mesh.nodes[at].devices_log);
        entry->kind = PS_ACT_REMOVED;
        entry->subject = at;
        claim_all(&mesh.nodes[at], entry, at);
    }
}

/* Take from all, as far as that goes; or let all take. */
static void meet_all(uint32_t at, bool takes)
{
    for (uint32_t i = 0; i < PAPER_NODES; i++) {
        if (i != at && mesh.nodes[i].joined) {
            paper_sync(takes ? at : i, takes ? i : at, false);
        }
    }
    paper_look(at);
}

/* With the recovery key, under an origin of its own; who did it is a member then. A founder is
 * removed on a device that is in sync: who was not heard of there is no member afterwards. */
void paper_recover(uint32_t at, uint32_t subject, bool removes)
{
    bool in_sync = subject == mesh.paper.founder || prng_chance(&mesh.prng, 800);
    if (in_sync) {
        meet_all(at, true);
    }
    if (mesh.paper.log_count + 1 > PAPER_LOGS_MAX || subject == PAPER_KEY ||
        mesh.view.replay.devices[subject].is_removed) {
        return;
    }
    uint32_t log = paper_log(&mesh.paper, PAPER_KEY, false);
    mesh.recovered_at[subject] =
        paper_most(mesh.recovered_at[subject], mesh.nodes[at].open_at[subject]);
    if (removes) {
        paper_remove(&mesh.nodes[at], log, subject);
    } else if (subject != mesh.paper.founder) {
        paper_give(&mesh.nodes[at], log, subject, PS_ROLE_ADMIN);
    }
    paper_look(at);
    if (!mesh.view.replay.devices[at].is_member && !mesh.view.replay.devices[at].is_removed) {
        paper_give(&mesh.nodes[at], log, at, PS_ROLE_ADMIN);
    }
    paper_report(at);
    if (in_sync) {
        meet_all(at, false);
    }
}
