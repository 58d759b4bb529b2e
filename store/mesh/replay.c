/* The steps of a replay, as replay.h says: whose acts count, which grants stand, and what they come
 * to. The rules are those of wire/PROTOCOL.md, section 13. */
#include "store/mesh/replay.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "store/mesh/places.h"
#include "store/mesh/seats.h"

/* What is worked on. */
struct run {
    const struct ps_replay_input *input;
    struct ps_replay *replay;
    struct ps_places places;
    bool *ended;   /* of each place: a counting act with another role than `admin` is over it */
    bool *stands;  /* of each place: it is a grant that stands */
    bool *covered; /* of each place: a counting act is over it */
    bool founder_removed;
};

/* A value of a role that no act is over. */
struct value {
    uint32_t subject;
    uint32_t scope;
    ps_role role;
};

static p2psync_result allocate(struct run *run);
static void count_superiors(struct run *run);
static bool counts_of_superior(const struct run *run, const struct ps_replay_act *act);
static bool is_role(const struct ps_replay_act *act);
static void find_grants(struct run *run);
static bool is_better(const struct run *run, uint32_t act, uint32_t than);
static void end_crowd(struct run *run);
static void count_others(struct run *run);
static bool counts_of_admin(const struct run *run, const struct ps_replay_act *act);
static void mark_over(const struct run *run, const struct ps_replay_act *act, bool *mark);
static ps_role rank_of(const struct run *run, uint32_t device);
static void note_removals(struct run *run);
static void note_removal(struct ps_standing *standing, uint32_t by, uint64_t hlc,
                         bool ranks_higher);
static p2psync_result find_roles(struct run *run);
static size_t list_values(struct run *run, struct value *values);
static void take_values(struct run *run, const struct value *values, size_t count);
static int compare_values(const void *a, const void *b);

p2psync_result ps_replay_run(const struct ps_replay_input *input, struct ps_replay *out)
{
    struct run run = {.input = input, .replay = out};
    assert(input->founder < input->device_count && input->founder != input->recovery);
    *out = (struct ps_replay){0};
    p2psync_result result = ps_places_find(input, &run.places);
    if (result == P2PSYNC_OK) {
        result = allocate(&run);
    }
    if (result == P2PSYNC_OK) {
        count_superiors(&run);
        find_grants(&run);
        count_others(&run);
        note_removals(&run);
        result = find_roles(&run);
    }
    if (result == P2PSYNC_OK) {
        result = ps_seats_take(input, out);
    }
    free(run.covered);
    free(run.stands);
    free(run.ended);
    ps_places_deinit(&run.places);
    return result;
}

void ps_replay_deinit(struct ps_replay *replay)
{
    free(replay->roles);
    free(replay->found);
    free(replay->devices);
    *replay = (struct ps_replay){0};
}

static p2psync_result allocate(struct run *run)
{
    struct ps_replay *replay = run->replay;
    size_t acts = run->input->act_count + 1;
    size_t places = (size_t)run->places.count + 1;
    replay->devices = calloc(run->input->device_count, sizeof *replay->devices);
    replay->found = calloc(acts, sizeof *replay->found);
    replay->roles = calloc(acts, sizeof *replay->roles);
    run->ended = calloc(places, sizeof *run->ended);
    run->stands = calloc(places, sizeof *run->stands);
    run->covered = calloc(places, sizeof *run->covered);
    return replay->devices != NULL && replay->found != NULL && replay->roles != NULL &&
                   run->ended != NULL && run->stands != NULL && run->covered != NULL
               ? P2PSYNC_OK
               : P2PSYNC_ENOMEM;
}

/* Rules 1 and 2. */
static void count_superiors(struct run *run)
{
    for (size_t i = 0; i < run->input->act_count; i++) {
        const struct ps_replay_act *act = &run->input->acts[i];
        run->founder_removed = run->founder_removed || (act->kind == PS_ACT_REMOVED &&
                                                        act->author == run->input->recovery &&
                                                        act->subject == run->input->founder);
    }
    for (size_t i = 0; i < run->input->act_count; i++) {
        run->replay->found[i].counts = counts_of_superior(run, &run->input->acts[i]);
    }
}

static bool counts_of_superior(const struct run *run, const struct ps_replay_act *act)
{
    const struct ps_replay_input *input = run->input;
    bool recovers = act->author == input->recovery;
    bool founds = act->author == input->founder && !run->founder_removed;
    if ((!recovers && !founds) || act->subject == input->recovery) {
        return false;
    }
    if (act->subject == input->founder) {
        return recovers && act->kind == PS_ACT_REMOVED;
    }
    return act->kind == PS_ACT_REMOVED || is_role(act);
}

/* `admin` is of all collections, and `none` of one. */
static bool is_role(const struct ps_replay_act *act)
{
    return act->kind == PS_ACT_ROLE && (act->role != PS_ROLE_ADMIN || act->scope == 0) &&
           (act->role != PS_ROLE_NONE || act->scope != 0) && act->role >= PS_ROLE_ADMIN;
}

/* Rule 3. Of an act that ends a grant it is known who wrote it: only these two have counted yet. */
static void find_grants(struct run *run)
{
    struct ps_standing *devices = run->replay->devices;
    for (size_t i = 0; i < run->input->act_count; i++) {
        const struct ps_replay_act *act = &run->input->acts[i];
        if (run->replay->found[i].counts && act->kind == PS_ACT_REMOVED) {
            devices[act->subject].is_removed = true;
        } else if (run->replay->found[i].counts && act->role != PS_ROLE_ADMIN) {
            mark_over(run, act, run->ended);
        }
    }
    for (uint32_t i = 0; i < run->input->device_count; i++) {
        devices[i].grant = PS_REPLAY_NONE;
    }
    for (uint32_t i = 0; i < run->input->act_count; i++) {
        const struct ps_replay_act *act = &run->input->acts[i];
        struct ps_standing *subject = &devices[act->subject];
        if (!run->replay->found[i].counts || act->kind != PS_ACT_ROLE ||
            act->role != PS_ROLE_ADMIN) {
            continue;
        }
        subject->was_granted = true;
        run->replay->found[i].stands = !subject->is_removed && !run->ended[run->places.of[i]];
        if (run->replay->found[i].stands &&
            (subject->grant == PS_REPLAY_NONE || is_better(run, i, subject->grant))) {
            subject->grant = i;
        }
    }
    end_crowd(run);
}

/* To rest on: the recovery key's, which stays when the founder goes; else any, the same everywhere.
 */
static bool is_better(const struct run *run, uint32_t act, uint32_t than)
{
    const struct ps_replay_act *left = &run->input->acts[act];
    const struct ps_replay_act *right = &run->input->acts[than];
    if (left->author != right->author) {
        return left->author == run->input->recovery;
    }
    return memcmp(left->id.bytes, right->id.bytes, sizeof left->id.bytes) < 0;
}

/* An admin has a seat, always; so there are no more of them than the founder leaves seats for. */
static void end_crowd(struct run *run)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < run->input->device_count; i++) {
        struct ps_standing *device = &run->replay->devices[i];
        count += device->grant != PS_REPLAY_NONE ? 1 : 0;
        if (count >= PS_MEMBERS_MAX) {
            device->grant = PS_REPLAY_NONE;
        }
    }
    for (uint32_t i = 0; i < run->input->act_count; i++) {
        struct ps_replay_found *found = &run->replay->found[i];
        uint32_t subject = run->input->acts[i].subject;
        found->stands = found->stands && run->replay->devices[subject].grant != PS_REPLAY_NONE;
        run->stands[run->places.of[i]] = run->stands[run->places.of[i]] || found->stands;
    }
}

static void mark_over(const struct run *run, const struct ps_replay_act *act, bool *mark)
{
    struct ps_replay_act over = *act;
    for (uint32_t i = 0; i < act->over_count; i++) {
        over.id = act->over[i];
        uint32_t place = ps_place_of(&run->places, &over);
        if (place != PS_REPLAY_NONE) {
            mark[place] = true;
        }
    }
}

/* Rules 4, 5 and 7. Who has a grant that stands cannot retire: it asks the founder to remove it. */
static void count_others(struct run *run)
{
    for (size_t i = 0; i < run->input->act_count; i++) {
        const struct ps_replay_act *act = &run->input->acts[i];
        ps_role rank = rank_of(run, act->author);
        bool retires = act->kind == PS_ACT_REMOVED && act->author == act->subject;
        if (rank == PS_ROLE_ADMIN) {
            run->replay->found[i].counts = counts_of_admin(run, act);
            run->replay->devices[act->author].asks |= retires;
        } else if (rank > PS_ROLE_ADMIN) {
            run->replay->found[i].counts = retires;
        }
    }
}

static bool counts_of_admin(const struct run *run, const struct ps_replay_act *act)
{
    const struct ps_replay_input *input = run->input;
    if (!act->has_by || act->subject == input->founder || act->subject == input->recovery ||
        run->replay->devices[act->subject].was_granted) {
        return false;
    }
    if (act->kind != PS_ACT_REMOVED && (!is_role(act) || act->role == PS_ROLE_ADMIN)) {
        return false;
    }
    const struct ps_replay_act grant = {.kind = PS_ACT_ROLE, .subject = act->author, .id = act->by};
    uint32_t place = ps_place_of(&run->places, &grant);
    return place != PS_REPLAY_NONE && run->stands[place];
}

static ps_role rank_of(const struct run *run, uint32_t device)
{
    return device == run->input->recovery                         ? PS_ROLE_RECOVERY
           : device == run->input->founder                        ? PS_ROLE_FOUNDER
           : run->replay->devices[device].grant != PS_REPLAY_NONE ? PS_ROLE_ADMIN
                                                                  : PS_ROLE_WRITER;
}

/* Rule 7. */
static void note_removals(struct run *run)
{
    for (uint32_t i = 0; i < run->input->device_count; i++) {
        run->replay->devices[i].is_removed = false; /* find_grants() has noted some */
        run->replay->devices[i].removed_by = PS_REPLAY_NONE;
    }
    for (size_t i = 0; i < run->input->act_count; i++) {
        const struct ps_replay_act *act = &run->input->acts[i];
        if (run->replay->found[i].counts && act->kind == PS_ACT_REMOVED) {
            struct ps_standing *subject = &run->replay->devices[act->subject];
            ps_role rank = rank_of(run, act->author);
            ps_role before = subject->is_removed ? rank_of(run, subject->removed_by) : PS_ROLE_NONE;
            if (rank <= before) {
                note_removal(subject, act->author, act->hlc, rank < before);
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

/* Rule 6. */
static p2psync_result find_roles(struct run *run)
{
    const struct ps_replay_input *input = run->input;
    struct value *values = calloc(input->act_count + 1, sizeof *values);
    if (values == NULL) {
        return P2PSYNC_ENOMEM;
    }
    for (uint32_t i = 0; i < input->device_count; i++) {
        struct ps_standing *device = &run->replay->devices[i];
        bool founds = i == input->founder && !run->founder_removed;
        device->role = founds                            ? PS_ROLE_FOUNDER
                       : device->grant != PS_REPLAY_NONE ? PS_ROLE_ADMIN
                                                         : PS_ROLE_NONE;
    }
    for (size_t i = 0; i < input->act_count; i++) {
        if (run->replay->found[i].counts && input->acts[i].kind == PS_ACT_ROLE) {
            mark_over(run, &input->acts[i], run->covered);
        }
    }
    size_t count = list_values(run, values);
    qsort(values, count, sizeof *values, compare_values);
    take_values(run, values, count);
    free(values);
    return P2PSYNC_OK;
}

/* Of an admin, its grant says all. A grant that does not stand gives nothing: what is over it does.
 */
static size_t list_values(struct run *run, struct value *values)
{
    size_t count = 0;
    for (size_t i = 0; i < run->input->act_count; i++) {
        const struct ps_replay_act *act = &run->input->acts[i];
        if (act->kind == PS_ACT_ROLE && run->replay->found[i].counts &&
            !run->covered[run->places.of[i]] && act->role != PS_ROLE_ADMIN &&
            run->replay->devices[act->subject].grant == PS_REPLAY_NONE) {
            values[count] =
                (struct value){.subject = act->subject, .scope = act->scope, .role = act->role};
            count++;
        }
    }
    return count;
}

/* The first of each device and scope holds. */
static void take_values(struct run *run, const struct value *values, size_t count)
{
    struct ps_replay *replay = run->replay;
    for (size_t i = 0; i < count; i++) {
        const struct value *value = &values[i];
        if (i > 0 && values[i - 1].subject == value->subject &&
            values[i - 1].scope == value->scope) {
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
}

/* By device and scope; there the lowest role first. */
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
    return left->role == right->role ? 0 : left->role > right->role ? -1 : 1;
}

ps_role ps_replay_role_in(const struct ps_replay *replay, uint32_t device, uint32_t scope)
{
    const struct ps_standing *standing = &replay->devices[device];
    size_t low = 0;
    size_t high = scope == 0 ? 0 : replay->role_count;
    if (!standing->is_member) {
        return PS_ROLE_NONE;
    }
    while (low < high) { /* by halves */
        size_t middle = low + (high - low) / 2;
        const struct ps_replay_role *at = &replay->roles[middle];
        if (at->device == device && at->scope == scope) {
            return at->role;
        }
        if (at->device < device || (at->device == device && at->scope < scope)) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return standing->role;
}

bool ps_replay_opens(const struct ps_replay_input *input, const struct ps_replay *replay,
                     uint32_t device, struct ps_bytes collection, uint32_t scope)
{
    bool devices = ps_bytes_equal(collection, ps_bytes_text("_devices"));
    bool seen = ps_bytes_equal(collection, ps_bytes_text("_seen"));
    bool settings = ps_bytes_equal(collection, ps_bytes_text("_collections")) ||
                    ps_bytes_equal(collection, ps_bytes_text("_forgotten"));
    if (device == input->recovery) {
        return devices;
    }
    if (devices || seen) {
        return replay->devices[device].is_member;
    }
    return ps_replay_role_in(replay, device, settings ? 0 : scope) <=
           (settings ? PS_ROLE_ADMIN : PS_ROLE_WRITER);
}

bool ps_replay_may_report(const struct ps_replay_input *input, const struct ps_replay *replay,
                          const struct ps_replay_report *report)
{
    return report->author != report->subject && replay->devices[report->author].is_member &&
           ps_replay_opens(input, replay, report->author, report->collection, report->scope);
}
