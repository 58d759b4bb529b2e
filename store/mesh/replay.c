/* The steps of a replay, as replay.h says: who ranks above whom, whose acts count how far, and what
 * they come to. The rules are those of wire/PROTOCOL.md, section 13. */
#include "store/mesh/replay.h"

#include <assert.h>
#include <stdlib.h>

#include "store/mesh/latest.h"
#include "store/mesh/seats.h"
#include "store/mesh/spread.h"

/* What is worked on. */
struct run {
    const struct ps_replay_input *input;
    struct ps_replay *replay;
    uint64_t *ends; /* of each log: a spread's */
    uint64_t *wanted;
    bool *may_claim; /* of each act: a spread's */
    bool *covered;   /* of each act */
};

/* A value of a role that holds, unless a lower one of the same device and scope does. */
struct value {
    uint32_t subject;
    uint32_t scope;
    ps_role role;
};

static p2psync_result allocate(struct run *run);
static p2psync_result end_founder(struct run *run);
static p2psync_result find_admins(struct run *run);
static p2psync_result end_admins(struct run *run);
static p2psync_result find_roles(struct run *run);
static p2psync_result end_logs(struct run *run);
static ps_role rank_of(const struct run *run, uint32_t device);
static bool is_allowed(const struct run *run, const struct ps_replay_act *act);
static void count_acts(struct run *run, bool only_superiors);
static bool is_counted(const struct run *run, const struct ps_replay_act *act);
static void note_removals(struct run *run);
static void note_removal(struct ps_standing *standing, uint32_t by, uint64_t hlc,
                         bool ranks_higher);
static p2psync_result list_values(struct run *run);
static int compare_values(const void *a, const void *b);
static uint32_t author_of(const struct run *run, const struct ps_replay_act *act);

p2psync_result ps_replay_run(const struct ps_replay_input *input, struct ps_replay *out)
{
    struct run run = {.input = input, .replay = out};
    assert(input->founder < input->device_count && input->founder != input->recovery);
    *out = (struct ps_replay){0};
    p2psync_result result = allocate(&run);
    if (result == P2PSYNC_OK) {
        result = end_founder(&run);
    }
    if (result == P2PSYNC_OK) {
        result = find_admins(&run);
    }
    if (result == P2PSYNC_OK) {
        result = end_admins(&run);
    }
    if (result == P2PSYNC_OK) {
        result = find_roles(&run);
    }
    if (result == P2PSYNC_OK) {
        result = ps_seats_take(input, out);
    }
    if (result == P2PSYNC_OK) {
        result = end_logs(&run);
    }
    free(run.covered);
    free(run.may_claim);
    free(run.wanted);
    free(run.ends);
    return result;
}

void ps_replay_deinit(struct ps_replay *replay)
{
    free(replay->roles);
    free(replay->accepted);
    free(replay->counts);
    free(replay->ends);
    free(replay->devices);
    *replay = (struct ps_replay){0};
}

static p2psync_result allocate(struct run *run)
{
    size_t logs = (size_t)run->input->log_count + 1;
    size_t acts = run->input->act_count + 1;
    struct ps_replay *replay = run->replay;
    replay->devices = calloc(run->input->device_count, sizeof *replay->devices);
    replay->ends = calloc(logs, sizeof *replay->ends);
    replay->counts = calloc(acts, sizeof *replay->counts);
    replay->accepted = calloc(acts, sizeof *replay->accepted);
    run->ends = calloc(logs, sizeof *run->ends);
    run->wanted = calloc(logs, sizeof *run->wanted);
    run->may_claim = calloc(acts, sizeof *run->may_claim);
    run->covered = calloc(acts, sizeof *run->covered);
    return replay->devices != NULL && replay->ends != NULL && replay->counts != NULL &&
                   replay->accepted != NULL && run->ends != NULL && run->wanted != NULL &&
                   run->may_claim != NULL && run->covered != NULL
               ? P2PSYNC_OK
               : P2PSYNC_ENOMEM;
}

/* Rules 1 and 2. What the founder decided counts, up to where the recovery key has ended it. */
static p2psync_result end_founder(struct run *run)
{
    const struct ps_replay_input *input = run->input;
    struct ps_standing *founder = &run->replay->devices[input->founder];
    for (size_t i = 0; i < input->act_count; i++) {
        const struct ps_replay_act *act = &input->acts[i];
        bool recovers = act->subject == input->founder && author_of(run, act) == input->recovery;
        run->may_claim[i] = recovers;
        founder->is_closed = founder->is_closed || (recovers && act->kind == PS_ACT_REMOVED);
    }
    for (uint32_t i = 0; i < input->log_count; i++) {
        uint32_t device = input->logs[i].device;
        bool open = device == input->recovery || (device == input->founder && !founder->is_closed);
        run->ends[i] = open ? PS_REPLAY_OPEN : 0;
    }
    struct ps_spread spread = {
        .input = input, .may_claim = run->may_claim, .acts_only = true, .ends = run->ends};
    p2psync_result result = ps_spread_run(&spread);
    for (uint32_t i = 0; i < input->log_count; i++) {
        run->replay->ends[i].acts_end = run->ends[i];
    }
    return result;
}

/* Rule 3. Who was made an admin by these two, and who still is one. */
static p2psync_result find_admins(struct run *run)
{
    const struct ps_replay_input *input = run->input;
    struct ps_standing *devices = run->replay->devices;
    count_acts(run, true);
    p2psync_result result = ps_latest_find(input, run->replay->counts, run->covered);
    if (result != P2PSYNC_OK) {
        return result;
    }
    for (size_t i = 0; i < input->act_count; i++) {
        const struct ps_replay_act *act = &input->acts[i];
        struct ps_standing *subject = &devices[act->subject];
        if (!run->replay->counts[i] || act->subject == input->founder) {
            continue;
        }
        if (act->kind == PS_ACT_REMOVED) {
            subject->is_closed = true;
        } else if (act->scope == 0) {
            subject->was_admin = subject->was_admin || act->role == PS_ROLE_ADMIN;
            subject->is_closed =
                subject->is_closed || (!run->covered[i] && act->role != PS_ROLE_ADMIN);
        }
    }
    for (uint32_t i = 0; i < input->device_count; i++) {
        bool had_say = devices[i].was_admin || i == input->founder;
        devices[i].is_closed = devices[i].is_closed && had_say;
    }
    return P2PSYNC_OK;
}

/* Rule 4. What an admin decided counts, up to where these two have ended it, or an admin says. */
static p2psync_result end_admins(struct run *run)
{
    const struct ps_replay_input *input = run->input;
    const struct ps_standing *devices = run->replay->devices;
    for (size_t i = 0; i < input->act_count; i++) {
        run->may_claim[i] = devices[input->acts[i].subject].was_admin;
    }
    for (uint32_t i = 0; i < input->log_count; i++) { /* the logs of all others are left at 0 */
        const struct ps_standing *author = &devices[input->logs[i].device];
        if (author->was_admin) {
            run->ends[i] = author->is_closed ? 0 : PS_REPLAY_OPEN;
        }
    }
    struct ps_spread spread = {
        .input = input, .may_claim = run->may_claim, .acts_only = true, .ends = run->ends};
    p2psync_result result = ps_spread_run(&spread);
    for (uint32_t i = 0; i < input->log_count; i++) {
        run->replay->ends[i].acts_end = run->ends[i];
    }
    return result;
}

/* Rules 5 and 6. Who has which role, and who is removed. */
static p2psync_result find_roles(struct run *run)
{
    count_acts(run, false);
    note_removals(run);
    p2psync_result result = ps_latest_find(run->input, run->replay->counts, run->covered);
    return result == P2PSYNC_OK ? list_values(run) : result;
}

/* Rule 8. How far each log is accepted. */
static p2psync_result end_logs(struct run *run)
{
    const struct ps_replay_input *input = run->input;
    for (size_t i = 0; i < input->act_count; i++) {
        run->may_claim[i] = true;
    }
    for (uint32_t i = 0; i < input->log_count; i++) {
        uint32_t device = input->logs[i].device;
        bool open = device == input->recovery || run->replay->devices[device].is_member;
        run->ends[i] = open ? PS_REPLAY_OPEN : 0;
    }
    struct ps_spread spread = {
        .input = input, .may_claim = run->may_claim, .ends = run->ends, .wanted = run->wanted};
    p2psync_result result = ps_spread_run(&spread);
    for (uint32_t i = 0; i < input->log_count; i++) {
        run->replay->ends[i].log_end = run->ends[i];
        run->replay->ends[i].wanted = run->wanted[i];
    }
    for (size_t i = 0; i < input->act_count; i++) {
        run->replay->accepted[i] = input->acts[i].seq < run->ends[input->acts[i].log];
    }
    return result;
}

/* The highest that it ever was: so who is no admin any more stays out of reach of those who are. */
static ps_role rank_of(const struct run *run, uint32_t device)
{
    if (device == run->input->recovery) {
        return PS_ROLE_RECOVERY;
    }
    if (device == run->input->founder) {
        return PS_ROLE_FOUNDER;
    }
    return run->replay->devices[device].was_admin ? PS_ROLE_ADMIN : PS_ROLE_WRITER;
}

/* Whether the author may do this, before it is asked whether the act lies below its end. */
static bool is_allowed(const struct run *run, const struct ps_replay_act *act)
{
    uint32_t author = author_of(run, act);
    ps_role rank = rank_of(run, author);
    if ((act->kind != PS_ACT_ROLE && act->kind != PS_ACT_REMOVED) || rank > PS_ROLE_ADMIN) {
        return false;
    }
    bool above = rank < rank_of(run, act->subject);
    return act->kind == PS_ACT_REMOVED
               ? above
               : above && rank < act->role && act->subject != run->input->founder;
}

/* Say of each act whether it counts; of the recovery key and the founder only, or of all. */
static void count_acts(struct run *run, bool only_superiors)
{
    for (size_t i = 0; i < run->input->act_count; i++) {
        const struct ps_replay_act *act = &run->input->acts[i];
        bool superior = rank_of(run, author_of(run, act)) < PS_ROLE_ADMIN;
        run->replay->counts[i] = (superior || !only_superiors) && is_counted(run, act);
    }
}

/* A device may retire itself wherever it says so. */
static bool is_counted(const struct run *run, const struct ps_replay_act *act)
{
    bool retires = act->kind == PS_ACT_REMOVED && author_of(run, act) == act->subject &&
                   act->subject != run->input->recovery;
    bool below = act->seq < run->replay->ends[act->log].acts_end;
    return retires || (below && is_allowed(run, act));
}

static void note_removals(struct run *run)
{
    for (uint32_t i = 0; i < run->input->device_count; i++) {
        run->replay->devices[i].removed_by = PS_REPLAY_NONE;
    }
    for (size_t i = 0; i < run->input->act_count; i++) {
        const struct ps_replay_act *act = &run->input->acts[i];
        if (run->replay->counts[i] && act->kind == PS_ACT_REMOVED) {
            struct ps_standing *subject = &run->replay->devices[act->subject];
            uint32_t by = author_of(run, act);
            ps_role before = subject->is_removed ? rank_of(run, subject->removed_by) : PS_ROLE_NONE;
            bool later = rank_of(run, by) > before;
            if (!later) {
                note_removal(subject, by, act->hlc, rank_of(run, by) < before);
            }
        }
    }
}

/* Who ranks highest is told of, then the first by time, then by id. */
static void note_removal(struct ps_standing *standing, uint32_t by, uint64_t hlc, bool ranks_higher)
{
    if (ranks_higher || hlc < standing->removed_hlc ||
        (hlc == standing->removed_hlc && by < standing->removed_by)) {
        standing->removed_by = by;
        standing->removed_hlc = hlc;
    }
    standing->is_removed = true;
}

/* Of the values that come before no other one, the lowest holds. */
static p2psync_result list_values(struct run *run)
{
    const struct ps_replay_input *input = run->input;
    struct ps_replay *replay = run->replay;
    struct value *values = calloc(input->act_count + 1, sizeof *values);
    replay->roles = calloc(input->act_count + 1, sizeof *replay->roles);
    size_t count = 0;
    if (values == NULL || replay->roles == NULL) {
        free(values);
        return P2PSYNC_ENOMEM;
    }
    for (size_t i = 0; i < input->act_count; i++) {
        const struct ps_replay_act *act = &input->acts[i];
        if (act->kind == PS_ACT_ROLE && replay->counts[i] && !run->covered[i]) {
            values[count] =
                (struct value){.subject = act->subject, .scope = act->scope, .role = act->role};
            count++;
        }
    }
    for (uint32_t i = 0; i < input->device_count; i++) {
        replay->devices[i].role = i == input->founder ? PS_ROLE_FOUNDER : PS_ROLE_NONE;
    }
    qsort(values, count, sizeof *values, compare_values);
    for (size_t i = 0; i < count; i++) { /* of those of one device and scope the lowest is last */
        const struct value *value = &values[i];
        if (i + 1 < count && values[i + 1].subject == value->subject &&
            values[i + 1].scope == value->scope) {
            continue;
        }
        if (value->scope == 0) {
            replay->devices[value->subject].role = value->role;
        } else {
            replay->roles[replay->role_count] = (struct ps_replay_role){
                .device = value->subject, .scope = value->scope, .role = value->role};
            replay->role_count++;
        }
    }
    free(values);
    return P2PSYNC_OK;
}

static int compare_values(const void *a, const void *b)
{
    const struct value *left = a;
    const struct value *right = b;
    if (left->subject != right->subject) {
        return left->subject < right->subject ? -1 : 1;
    }
    if (left->scope != right->scope) {
        return left->scope < right->scope ? -1 : 1;
    }
    return left->role == right->role ? 0 : left->role < right->role ? -1 : 1;
}

static uint32_t author_of(const struct run *run, const struct ps_replay_act *act)
{
    return run->input->logs[act->log].device;
}
