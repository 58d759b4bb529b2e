#include "tests/lib/paper_check.h"

#include <criterion/criterion.h>
#include <string.h>

struct outcome {
    bool member[PAPER_NODES];
    bool removed[PAPER_NODES];
    ps_role role[PAPER_NODES];
    ps_role notes_role[PAPER_NODES];
    uint64_t acts_end[PAPER_LOGS_MAX];
    uint64_t accepted[PAPER_LOGS_MAX];
};

static uint64_t paper_recoveries(const struct paper_node *node)
{
    uint64_t count = 0;
    for (uint32_t log = 0; log < mesh.paper.log_count; log++) {
        count += mesh.paper.logs[log].device == PAPER_KEY ? node->held[log] : 0;
    }
    return count;
}

/* Who is left to put things right: the founder, or whoever knows what the recovery key has done. */
uint32_t paper_find_keeper(void)
{
    uint32_t keeper = PAPER_NODES;
    for (uint32_t i = 0; i < PAPER_NODES; i++) {
        if (mesh.nodes[i].joined && mesh.nodes[i].honest) {
            paper_look(i);
            if (mesh.view.replay.devices[i].is_member &&
                (keeper == PAPER_NODES ||
                 paper_recoveries(&mesh.nodes[i]) > paper_recoveries(&mesh.nodes[keeper]))) {
                keeper = i;
            }
        }
    }
    return keeper;
}

void paper_remove_thieves(uint32_t keeper)
{
    uint32_t log = mesh.nodes[keeper].devices_log;
    for (uint32_t i = 0; i < PAPER_NODES; i++) {
        mesh.now++;
        paper_look(keeper);
        if (mesh.nodes[i].honest || !mesh.nodes[i].joined ||
            mesh.view.replay.devices[i].is_removed) {
            continue;
        }
        if (keeper == mesh.paper.founder && paper_has_room(log)) {
            paper_remove(&mesh.nodes[keeper], log, i);
        } else {
            paper_recover(keeper, i, true);
        }
    }
    paper_report(keeper);
}

/* Whoever is left takes from whoever is left, until nothing moves. */
void paper_settle(void (*still_stealing)(uint32_t at))
{
    mesh.relayed = true;
    for (uint32_t round = 0; round < 40; round++) {
        mesh.moved = false;
        for (uint32_t i = 0; i < PAPER_NODES * PAPER_NODES; i++) {
            uint32_t to = i / PAPER_NODES;
            uint32_t from = i % PAPER_NODES;
            mesh.now++;
            if (to != from && mesh.nodes[to].joined && mesh.nodes[from].joined) {
                paper_sync(to, from, false);
            }
        }
        if (!mesh.moved) {
            return;
        }
        for (uint32_t i = 0; i < PAPER_NODES; i++) {
            if (mesh.nodes[i].joined && !mesh.nodes[i].honest && round < 5) {
                still_stealing(i);
            }
        }
    }
    PAPER_CHECK(!mesh.moved);
}

static void find_outcome(uint32_t at, struct outcome *out)
{
    memset(out, 0, sizeof *out);
    paper_look(at);
    for (uint32_t i = 0; i < PAPER_NODES; i++) {
        out->member[i] = mesh.view.replay.devices[i].is_member;
        out->removed[i] = mesh.view.replay.devices[i].is_removed;
        out->role[i] = mesh.view.replay.devices[i].role;
        out->notes_role[i] = paper_role(&mesh.view, i, PAPER_NOTES);
    }
    for (uint32_t log = 0; log < mesh.paper.log_count; log++) {
        uint64_t end = paper_end(&mesh.paper, &mesh.view, log);
        uint64_t accepted = paper_least(end, mesh.nodes[at].held[log]);
        out->accepted[log] = accepted > mesh.paper.logs[log].begin ? accepted : 0;
        bool own = mesh.paper.logs[log].device == at; /* what it wrote and may not send, it keeps */
        PAPER_CHECK(own ||
                    mesh.nodes[at].settled[log] <= end); /* else others lack what is settled here */
        if (!mesh.paper.logs[log].is_notes) {
            out->acts_end[log] = paper_end_of(log)->acts_end;
        }
    }
}

/* When all who could have spoken for a device that has no say any more knew that it has none; 0 if
 * somebody could who is a thief. */
static uint64_t known_at(uint32_t device)
{
    uint64_t last = mesh.recovered_at[device];
    for (uint32_t i = 0; i < PAPER_NODES; i++) {
        const struct ps_standing *standing = &mesh.view.replay.devices[i];
        bool superior = i == mesh.paper.founder || standing->was_admin;
        if (superior && mesh.nodes[i].honest) {
            last = paper_most(last, mesh.nodes[i].open_at[device]);
        } else if (superior && standing->is_member) {
            return UINT64_MAX;
        }
    }
    for (size_t i = 0; i < mesh.view.input.act_count && !mesh.nodes[mesh.paper.founder].honest;
         i++) {
        const struct ps_replay_act *act = &mesh.view.acts[i];
        if (mesh.view.logs[act->log].device == mesh.paper.founder && act->subject == device &&
            act->seq < mesh.view.replay.ends[act->log].acts_end) {
            last = paper_most(last, act->hlc);
        }
    }
    return last;
}

/* No act of somebody who has no say any more counts, if it was written after that. What thieves
 * said before their own end counts, too. The view is the keeper's. */
static void check_acts(void)
{
    uint64_t of_thieves = 0;
    for (uint32_t i = 0; i < PAPER_NODES; i++) {
        if (!mesh.nodes[i].honest && mesh.view.replay.devices[i].is_closed) {
            of_thieves = paper_most(of_thieves, known_at(i));
        }
    }
    for (size_t i = 0; i < mesh.view.input.act_count; i++) {
        const struct ps_replay_act *act = &mesh.view.acts[i];
        uint32_t by = mesh.view.logs[act->log].device;
        if (mesh.view.replay.devices[by].is_closed && mesh.view.replay.counts[i] &&
            by != act->subject) {
            mesh.checked++;
            PAPER_CHECK(act->hlc <= paper_most(known_at(by), of_thieves));
        }
    }
}

/* When an honest node took a log as open, last. */
static uint64_t open_till(uint32_t log)
{
    uint64_t last = 0;
    for (uint32_t i = 0; i < PAPER_NODES; i++) {
        if (mesh.nodes[i].joined && mesh.nodes[i].honest) {
            last = paper_most(last, mesh.nodes[i].log_open_at[log]);
        }
    }
    return last;
}

/* Nothing is accepted that was written after all honest nodes knew that its log is closed; but for
 * what thieves reported while they were members. */
static void check_logs(const struct outcome *outcome)
{
    uint64_t of_thieves = 0;
    for (uint32_t log = 0; log < mesh.paper.log_count; log++) {
        uint32_t by = mesh.paper.logs[log].device;
        if (by != PAPER_KEY && !mesh.nodes[by].honest && !mesh.paper.logs[log].is_notes) {
            of_thieves = paper_most(of_thieves, open_till(log));
        }
    }
    for (uint32_t log = 0; log < mesh.paper.log_count; log++) {
        uint64_t last = paper_most(of_thieves, open_till(log));
        for (uint64_t seq = mesh.paper.logs[log].begin; seq < outcome->accepted[log]; seq++) {
            PAPER_CHECK(mesh.paper.logs[log].entries[seq].hlc <= last ||
                        mesh.paper.logs[log].device == PAPER_KEY);
        }
    }
}

void paper_check(uint32_t keeper)
{
    static struct outcome expected;
    static struct outcome outcome;
    bool
        parted[PAPER_NODES]; /* a founder that is a thief has shown it less than others, and left */
    paper_look(keeper);
    if (!mesh.view.replay.devices[keeper].is_member) {
        return; /* thieves had removed it, and all others */
    }
    find_outcome(keeper, &expected);
    check_acts();
    check_logs(&expected);
    for (uint32_t i = 0; i < PAPER_NODES; i++) {
        paper_look(i);
        parted[i] = expected.member[i] && !mesh.view.replay.devices[keeper].is_member;
        mesh.apart += parted[i] && mesh.nodes[i].honest && mesh.nodes[i].joined ? 1 : 0;
        PAPER_CHECK(!parted[i] || !mesh.nodes[mesh.paper.founder].honest ||
                    paper_recoveries(&mesh.nodes[i]) > 0 ||
                    paper_recoveries(&mesh.nodes[keeper]) > 0 || !mesh.nodes[i].honest ||
                    !mesh.nodes[i].joined);
    }
    for (uint32_t i = 0; i < PAPER_NODES; i++) {
        struct paper_node *node = &mesh.nodes[i];
        if (!node->joined || !node->honest || !expected.member[i]) {
            continue;
        }
        if (parted[i]) {
            continue;
        }
        find_outcome(i, &outcome);
        mesh.compared++;
        PAPER_CHECK(memcmp(outcome.member, expected.member, sizeof outcome.member) == 0);
        PAPER_CHECK(memcmp(&outcome, &expected, sizeof outcome) == 0);
        PAPER_CHECK(expected.accepted[node->devices_log] == node->held[node->devices_log]);
        paper_apply(node);
        for (uint32_t log = 0; log < mesh.paper.log_count; log++) {
            uint32_t by = mesh.paper.logs[log].device;
            bool counts = mesh.paper.logs[log].is_notes && mesh.nodes[by].honest && !parted[by] &&
                          expected.notes_role[by] <= PS_ROLE_WRITER;
            PAPER_CHECK(!counts || expected.accepted[log] == mesh.paper.logs[log].size);
            for (uint64_t seq = 0; counts && seq < node->settled[log]; seq++) {
                PAPER_CHECK(node->applied[log][seq]); /* nothing honest waits */
            }
        }
    }
}
