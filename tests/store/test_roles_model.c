/* Random meshes on paper, in which devices edit, invite, lower, raise, remove, retire, take new
 * incarnations and use the recovery key. Some turn thieves: these write what they like, keep it
 * back, fork their logs, and report for each other. In the end thieves are removed, and those who
 * are left must agree and have lost nothing. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "tests/lib/paper_check.h"

/* ROLES_SCHEDULES=10000 plays as many; each takes some 2 ms. */
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SCHEDULES 60U
#endif
#endif
#ifndef SCHEDULES
#define SCHEDULES 2000U
#endif

static void invite(uint32_t at)
{
    ps_role role = at == PAPER_FOUNDER && paper_chance(500) ? PS_ROLE_ADMIN
                   : paper_chance(700)                      ? PS_ROLE_WRITER
                                                            : PS_ROLE_READER;
    for (uint32_t i = 0; i < PAPER_NODES; i++) {
        if (!mesh.nodes[i].joined) {
            (void)paper_invite(at, i, role);
            return;
        }
    }
}

/* A person that uses the recovery key mostly meets others before and after. */
static void meet_all(uint32_t at, bool takes)
{
    for (uint32_t i = 0; i < PAPER_NODES; i++) {
        if (i != at && mesh.nodes[i].joined) {
            paper_sync(&(struct paper_sync){.to = takes ? at : i, .from = takes ? i : at});
        }
    }
}

static void recover(uint32_t at, uint32_t subject)
{
    bool meets = paper_chance(700);
    bool stolen = !mesh.nodes[PAPER_FOUNDER].honest;
    if (meets) {
        meet_all(at, true);
    }
    if (stolen || subject != PAPER_FOUNDER) {
        bool ends_founder = stolen && paper_chance(700);
        uint32_t removed = ends_founder        ? PAPER_FOUNDER
                           : paper_chance(400) ? subject
                                               : PS_REPLAY_NONE;
        if (removed != at &&
            (removed == PS_REPLAY_NONE || !mesh.nodes[removed].honest || paper_chance(200))) {
            (void)paper_recover(at, at == PAPER_FOUNDER ? PS_REPLAY_NONE : at, removed);
        }
    }
    paper_report(at);
    if (meets) {
        meet_all(at, false);
    }
}

static void act_honestly(uint32_t at)
{
    static const ps_role roles[] = {PS_ROLE_WRITER, PS_ROLE_READER, PS_ROLE_NONE, PS_ROLE_ADMIN};
    uint32_t subject = paper_draw(PAPER_NODES);
    uint32_t what = paper_draw(100);
    bool recovers = what >= 91 && what < 95;
    if (!recovers && !paper_look(at)->replay.devices[at].is_member) {
        return;
    }
    if (what < 38) {
        (void)paper_edit(at);
    } else if (what < 53) {
        invite(at);
    } else if (what < 75 && mesh.nodes[subject].joined) {
        (void)paper_give(at, subject, roles[paper_draw(4)]);
    } else if (what < 85 && mesh.nodes[subject].joined && subject != at) {
        (void)paper_remove(at, subject);
    } else if (what < 88) {
        (void)paper_remove(at, at);
    } else if (what < 91 && mesh.log_count + 2 <= PAPER_LOGS_MAX) {
        paper_make_logs(at);
    } else if (recovers && !paper_look(at)->replay.devices[at].is_removed) {
        recover(at, subject);
    } else if (what >= 95) {
        mesh.nodes[at].honest = paper_chance(300);
    }
}

static void play(void)
{
    uint32_t steps = 60 + paper_draw(240);
    for (uint32_t i = 0; i < steps; i++) {
        uint32_t at = paper_draw(PAPER_NODES);
        uint32_t other = paper_draw(PAPER_NODES);
        mesh.now++;
        if (!mesh.nodes[at].joined) {
            continue;
        }
        if (paper_chance(600)) {
            if (other != at && mesh.nodes[other].joined) {
                paper_sync(&(struct paper_sync){
                    .to = at, .from = other, .in_pieces = true, .silent = paper_chance(300)});
            }
        } else if (mesh.nodes[at].honest) {
            act_honestly(at);
        } else {
            paper_steal(at);
        }
    }
}

static unsigned number_of(const char *name, unsigned none)
{
    const char *text = getenv(name);
    return text == NULL ? none : (unsigned)strtoul(text, NULL, 10);
}

Test(roles_model, those_who_are_left_agree_and_have_lost_nothing, .timeout = 3600)
{
    unsigned one = number_of("ROLES_SEED", 0); /* plays that one again */
    unsigned first = one == 0 ? 1 : one;
    unsigned last = one == 0 ? number_of("ROLES_SCHEDULES", SCHEDULES) : one;
    for (unsigned seed = first; seed <= last; seed++) {
        paper_begin(seed);
        for (uint32_t i = 0; i < 3; i++) {
            invite(PAPER_FOUNDER);
        }
        play();
        uint32_t keeper = paper_find_keeper();
        if (keeper != PAPER_NODES) {
            paper_remove_thieves(keeper);
            paper_settle(true);
            paper_check(keeper);
        }
    }
    cr_log_info("%u nodes compared, %u acts did not count, %u logs were not taken whole",
                mesh.compared, mesh.acts, mesh.late);
    cr_assert(one != 0 || (mesh.compared > last && mesh.acts > last && mesh.late > last / 2));
    paper_clear(0);
}
