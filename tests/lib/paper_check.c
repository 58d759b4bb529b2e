#include "tests/lib/paper_check.h"

#include <criterion/criterion.h>
#include <string.h>

static bool is_present(uint32_t keeper, uint32_t device);
static uint64_t taken(uint32_t at, uint32_t log);
static void check_agreement(uint32_t keeper, uint32_t at);
static void check_nothing_lost(uint32_t at);
static void check_nothing_late(uint32_t keeper);
static void check_nothing_waits(uint32_t keeper, uint32_t at);
static void check_acts(const struct paper_view *view);
static bool rests_on_what_stands(const struct paper_view *view, const struct ps_replay_act *act);
static bool is_ended(const struct paper_view *view, const struct ps_replay_act *grant);

uint32_t paper_find_keeper(void)
{
    for (uint32_t i = 0; i < PAPER_NODES; i++) {
        if (!mesh.nodes[i].joined || !mesh.nodes[i].honest) {
            continue;
        }
        for (uint32_t from = 0; from < PAPER_NODES; from++) {
            if (from != i && mesh.nodes[from].joined) {
                paper_sync(&(struct paper_sync){.to = i, .from = from, .in_pieces = true});
            }
        }
        const struct ps_standing *self = &paper_look(i)->replay.devices[i];
        bool gone = self->is_removed &&
                    (i == PAPER_FOUNDER || self->removed_by == i || self->removed_by == PAPER_KEY);
        if (!gone && paper_has_room(mesh.nodes[i].devices_log)) {
            return i;
        }
    }
    return PAPER_NODES;
}

void paper_remove_thieves(uint32_t keeper)
{
    bool founds = keeper == PAPER_FOUNDER;
    for (uint32_t i = 0; i < PAPER_NODES; i++) {
        const struct paper_view *view = paper_look(keeper);
        mesh.now++;
        bool unnoticed = i != PAPER_FOUNDER && mesh.seed % 4 >= 2 && paper_chance(500);
        if (mesh.nodes[i].honest || !mesh.nodes[i].joined || unnoticed ||
            (view->replay.devices[i].is_removed &&
             (founds || view->replay.devices[i].removed_by == PAPER_KEY))) {
            continue;
        }
        if (!founds || !paper_remove(keeper, i)) {
            bool done = paper_recover(keeper, founds ? PS_REPLAY_NONE : keeper, i);
            PAPER_CHECK(done || mesh.log_count == PAPER_LOGS_MAX);
        }
    }
    paper_report(keeper);
}

void paper_settle(bool still_stealing)
{
    bool relays = mesh.seed % 2 == 1; /* else honest devices have only each other */
    mesh.moved = true;
    for (uint32_t round = 0; round < 60 && mesh.moved; round++) {
        mesh.moved = false;
        for (uint32_t i = 0; i < PAPER_NODES * PAPER_NODES; i++) {
            const struct paper_sync sync = {
                .to = i / PAPER_NODES, .from = i % PAPER_NODES, .relayed = true};
            mesh.now++;
            if (sync.to != sync.from && mesh.nodes[sync.to].joined &&
                mesh.nodes[sync.from].joined && (relays || mesh.nodes[sync.from].honest)) {
                paper_sync(&sync);
            }
        }
        for (uint32_t i = 0; i < PAPER_NODES && still_stealing && round < 4; i++) {
            if (mesh.nodes[i].joined && !mesh.nodes[i].honest) {
                paper_steal(i);
            }
        }
    }
    PAPER_CHECK(!mesh.moved);
}

void paper_check(uint32_t keeper)
{
    const struct paper_view *view = paper_look(keeper);
    if (!view->replay.devices[keeper].is_member) {
        return;
    }
    check_nothing_late(keeper);
    check_acts(view);
    for (uint32_t i = 0; i < PAPER_NODES; i++) {
        if (is_present(keeper, i)) {
            mesh.compared++;
            check_agreement(keeper, i);
            check_nothing_lost(i);
            check_nothing_waits(keeper, i);
        }
    }
}

static bool is_present(uint32_t keeper, uint32_t device)
{
    return mesh.nodes[device].joined && mesh.nodes[device].honest &&
           paper_look(keeper)->replay.devices[device].is_member;
}

/* Of a closed log: the largest report that it can check. */
static uint64_t taken(uint32_t at, uint32_t log)
{
    const struct paper_view *view = paper_look(at);
    uint64_t size = view->open[log] ? mesh.nodes[at].held[log] : view->known[log];
    return size > mesh.logs[log].begin ? size : 0;
}

static void check_agreement(uint32_t keeper, uint32_t at)
{
    for (uint32_t i = 0; i < PAPER_NODES; i++) {
        const struct ps_standing *here = &paper_look(at)->replay.devices[i];
        const struct ps_standing *there = &paper_look(keeper)->replay.devices[i];
        PAPER_CHECK(here->is_member == there->is_member);
        PAPER_CHECK(here->is_removed == there->is_removed);
        PAPER_CHECK(here->role == there->role);
        PAPER_CHECK(paper_role(at, i, PAPER_NOTES) == paper_role(keeper, i, PAPER_NOTES));
    }
    for (uint32_t log = 0; log < mesh.log_count; log++) {
        bool none =
            mesh.logs[log].is_notes && (paper_role(at, at, PAPER_NOTES) == PS_ROLE_NONE ||
                                        paper_role(keeper, keeper, PAPER_NOTES) == PS_ROLE_NONE);
        PAPER_CHECK(none || taken(at, log) == taken(keeper, log));
        bool served = none || mesh.seed % 2 == 0; /* not what thieves alone have */
        uint64_t covered = paper_look(at)->covered[log];
        served = served || covered <= mesh.logs[log].begin; /* that is the stem's */
        PAPER_CHECK(served || covered <= mesh.nodes[at].held[log]);
    }
}

/* What it could report is taken by all. */
static void check_nothing_lost(uint32_t at)
{
    for (uint32_t log = 0; log < mesh.log_count; log++) {
        PAPER_CHECK(!paper_may_report(paper_look(at), at, log) ||
                    mesh.nodes[at].held[log] <= paper_limit(at, log));
    }
}

/* When the last honest device that took a log as open did so. */
static uint64_t open_till(uint32_t log)
{
    uint64_t last = 0;
    for (uint32_t i = 0; i < PAPER_NODES; i++) {
        bool there = mesh.nodes[i].joined && mesh.nodes[i].honest;
        last = there ? paper_most(last, mesh.nodes[i].open_at[log]) : last;
    }
    return last;
}

static void check_nothing_late(uint32_t keeper)
{
    for (uint32_t log = 0; log < mesh.log_count; log++) {
        uint64_t last = open_till(log);
        uint64_t from = paper_most(mesh.logs[log].begin, mesh.league[log]);
        for (uint64_t seq = from; seq < taken(keeper, log); seq++) {
            PAPER_CHECK(mesh.logs[log].entries[seq].shown <= last);
        }
        mesh.late += taken(keeper, log) < mesh.logs[log].size ? 1 : 0;
    }
}

/* Nothing of an honest device that may write is refused, nor what it is built on. */
static void check_nothing_waits(uint32_t keeper, uint32_t at)
{
    uint32_t log = mesh.nodes[at].notes_log;
    if (paper_role(keeper, at, PAPER_NOTES) > PS_ROLE_WRITER ||
        paper_role(keeper, keeper, PAPER_NOTES) == PS_ROLE_NONE) {
        return;
    }
    PAPER_CHECK(taken(keeper, log) == mesh.logs[log].size);
    for (uint64_t seq = 0; seq < mesh.logs[log].size; seq++) {
        const struct paper_entry *entry = &mesh.logs[log].entries[seq];
        for (size_t i = 0; i < entry->parent_count && entry->written > 0; i++) {
            PAPER_CHECK(entry->parents[i].seq < taken(keeper, entry->parents[i].log));
        }
    }
}

/* The rules in other words, so that a mistake must be made twice. */
static void check_acts(const struct paper_view *view)
{
    for (size_t i = 0; i < view->input.act_count; i++) {
        const struct ps_replay_act *act = &view->acts[i];
        bool retires = act->kind == PS_ACT_REMOVED && act->author == act->subject;
        bool superior = act->author == PAPER_KEY || act->author == PAPER_FOUNDER;
        mesh.acts += view->replay.found[i].counts ? 0 : 1;
        if (!view->replay.found[i].counts || retires) {
            continue;
        }
        PAPER_CHECK(act->subject != PAPER_KEY);
        PAPER_CHECK(act->author != PAPER_FOUNDER ||
                    !view->replay.devices[PAPER_FOUNDER].is_removed);
        PAPER_CHECK(superior || rests_on_what_stands(view, act));
        bool grants = act->kind == PS_ACT_ROLE && act->role == PS_ROLE_ADMIN;
        PAPER_CHECK(superior || (act->subject != PAPER_FOUNDER && !grants));
    }
}

static bool rests_on_what_stands(const struct paper_view *view, const struct ps_replay_act *act)
{
    for (size_t i = 0; i < view->input.act_count && act->has_by; i++) {
        const struct ps_replay_act *grant = &view->acts[i];
        bool superior =
            grant->author == PAPER_KEY ||
            (grant->author == PAPER_FOUNDER && !view->replay.devices[PAPER_FOUNDER].is_removed);
        if (superior && grant->subject == act->author && grant->kind == PS_ACT_ROLE &&
            grant->role == PS_ROLE_ADMIN && memcmp(&grant->id, &act->by, sizeof act->by) == 0) {
            return !is_ended(view, grant);
        }
    }
    return false;
}

static bool is_ended(const struct paper_view *view, const struct ps_replay_act *grant)
{
    for (size_t i = 0; i < view->input.act_count; i++) {
        const struct ps_replay_act *act = &view->acts[i];
        bool superior =
            act->author == PAPER_KEY ||
            (act->author == PAPER_FOUNDER && !view->replay.devices[PAPER_FOUNDER].is_removed);
        if (!superior || act->subject != grant->subject) {
            continue;
        }
        bool lowers = false;
        for (uint32_t j = 0;
             act->kind == PS_ACT_ROLE && act->scope == 0 && act->role > PS_ROLE_ADMIN &&
             act->role < PS_ROLE_NONE && j < act->over_count;
             j++) {
            lowers = lowers || memcmp(&act->over[j], &grant->id, sizeof grant->id) == 0;
        }
        if (act->kind == PS_ACT_REMOVED || lowers) {
            return true;
        }
    }
    return false;
}
