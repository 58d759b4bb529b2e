/* Random meshes on paper, in which devices edit, invite, lower, remove, retire, take new
 * incarnations and use the recovery key; of which some turn thieves, who write what they like, fork
 * their logs, and name whatever is written anywhere. Nodes take from each other what the protocol
 * lets them take, in pieces. In the end thieves are removed, and those who are left must agree and
 * have lost nothing. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "tests/lib/paper_check.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SCHEDULES 500U
#endif
#endif
#ifndef SCHEDULES
#define SCHEDULES 10000U
#endif

static void invite(uint32_t at)
{
    bool founder = at == mesh.paper.founder;
    ps_role role = founder && prng_chance(&mesh.prng, 500) ? PS_ROLE_ADMIN
                   : prng_chance(&mesh.prng, 700)          ? PS_ROLE_WRITER
                                                           : PS_ROLE_READER;
    for (uint32_t i = 0; i < PAPER_NODES; i++) {
        if (!mesh.nodes[i].joined && mesh.paper.log_count + 2 <= PAPER_LOGS_MAX) {
            paper_join(at, i, role);
            return;
        }
    }
}

static void lower_or_raise(uint32_t at, uint32_t subject)
{
    static const ps_role roles[] = {PS_ROLE_WRITER, PS_ROLE_READER, PS_ROLE_NONE, PS_ROLE_ADMIN};
    if (paper_may_act(at, subject)) {
        uint32_t count = at == mesh.paper.founder ? 4 : 3;
        paper_give(&mesh.nodes[at], mesh.nodes[at].devices_log, subject, roles[paper_draw(count)]);
    }
}

static void steal(uint32_t at)
{
    struct paper_node *node = &mesh.nodes[at];
    if (prng_chance(&mesh.prng, 60) && mesh.paper.log_count + 2 <= PAPER_LOGS_MAX) {
        paper_make_logs(at);
    }
    if (prng_chance(&mesh.prng, 60)) {
        paper_fork(at);
    }
    if (prng_chance(&mesh.prng, 300)) {
        if (paper_has_room(node->notes_log)) {
            struct paper_entry *entry = paper_write(node, node->notes_log);
            uint32_t log = paper_draw(mesh.paper.log_count);
            if (mesh.paper.logs[log].is_notes && mesh.paper.logs[log].size > 1) {
                entry->parents[0] = (struct paper_place){.log = log, .seq = 0};
                entry->parent_count = 1;
            }
        }
        return;
    }
    if (!paper_has_room(node->devices_log)) {
        return;
    }
    struct paper_entry *entry = paper_write(node, node->devices_log);
    entry->kind = (ps_act_kind)paper_draw(3);
    entry->subject = paper_draw(PAPER_NODES + 1);
    entry->role = (ps_role)(PS_ROLE_ADMIN + paper_draw(3));
    if (entry->kind == PS_ACT_ROLE && prng_chance(&mesh.prng, 500)) {
        paper_find_parents(node, entry);
    }
    for (uint32_t log = 0; log < mesh.paper.log_count; log++) {
        if (mesh.paper.logs[log].device == entry->subject && prng_chance(&mesh.prng, 600)) {
            uint64_t size = mesh.paper.logs[log].size;
            uint64_t named = prng_chance(&mesh.prng, 700) ? size : paper_draw((uint32_t)size + 1);
            bool is_false = prng_chance(&mesh.prng, 100);
            paper_claim_one(entry, log, is_false ? named + paper_draw(50) : named,
                            prng_chance(&mesh.prng, 700));
            if (is_false && entry->claim_count > 0) {
                entry->claims[entry->claim_count - 1].is_false = true;
            }
        }
    }
}

static void act_honestly(uint32_t at)
{
    uint32_t subject = paper_draw(PAPER_NODES);
    uint32_t what = paper_draw(100);
    paper_look(at);
    if (!mesh.view.replay.devices[at].is_member || !paper_has_room(mesh.nodes[at].devices_log)) {
        return;
    }
    if (what < 40) {
        paper_edit(at);
    } else if (what < 55 && paper_role(&mesh.view, at, 0) <= PS_ROLE_ADMIN) {
        invite(at);
    } else if (what < 75) {
        lower_or_raise(at, subject);
    } else if (what < 85 && paper_may_act(at, subject)) {
        paper_remove(&mesh.nodes[at], mesh.nodes[at].devices_log, subject);
    } else if (what < 88) {
        paper_retire(at);
    } else if (what < 91 && mesh.paper.log_count + 2 <= PAPER_LOGS_MAX) {
        paper_make_logs(at);
    } else if (what < 94) {
        paper_recover(at, subject, prng_chance(&mesh.prng, 500));
    } else if (what < 97) {
        mesh.nodes[at].honest = false;
    }
    if (mesh.nodes[at].honest) {
        paper_report(at);
    }
}

static uint32_t draw_joined(void)
{
    uint32_t at = paper_draw(PAPER_NODES);
    while (!mesh.nodes[at].joined) {
        at = (at + 1) % PAPER_NODES;
    }
    return at;
}

static void play(void)
{
    uint32_t steps = 20 + paper_draw(60);
    for (uint32_t i = 0; i < steps; i++) {
        uint32_t at = draw_joined();
        mesh.now++;
        if (prng_chance(&mesh.prng, 500)) {
            paper_sync(at, draw_joined(), true);
        } else if (mesh.nodes[at].honest) {
            act_honestly(at);
        } else {
            steal(at);
        }
    }
}

Test(replay_model, those_who_are_left_agree_and_have_lost_nothing, .timeout = 1200)
{
    const char *one = getenv("REPLAY_SEED"); /* plays that one again */
    unsigned first = one == NULL ? 1 : (unsigned)strtoul(one, NULL, 10);
    unsigned last = one == NULL ? SCHEDULES : first;
    for (unsigned seed = first; seed <= last; seed++) {
        paper_begin(seed);
        for (uint32_t i = 0; i < 3; i++) {
            invite(0);
            paper_look(0);
        }
        play();
        uint32_t keeper = paper_find_keeper();
        if (keeper != PAPER_NODES) {
            paper_remove_thieves(keeper);
            paper_settle(steal);
            paper_check(keeper);
        }
    }
    cr_log_info("%u nodes compared, %u acts checked, %u nodes apart", mesh.compared, mesh.checked,
                mesh.apart);
    cr_assert(one != NULL || (mesh.compared > SCHEDULES && mesh.checked > SCHEDULES &&
                              mesh.apart < SCHEDULES / 10));
    ps_replay_deinit(&mesh.view.replay);
}
