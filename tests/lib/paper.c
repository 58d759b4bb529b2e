#include "tests/lib/paper.h"

#include <assert.h>
#include <criterion/criterion.h>
#include <string.h>

static void read_log(const struct paper *paper, const struct paper_held *here, uint32_t log,
                     struct paper_view *view);
static void read_claims(const struct paper *paper, const struct paper_held *here,
                        const struct paper_entry *entry, struct paper_view *view);
static void find_parents(const struct paper *paper, const struct paper_held *here, uint32_t log,
                         struct paper_view *view);
static void end_notes(const struct paper *paper, const struct paper_held *here, uint32_t log,
                      struct paper_view *view);

void paper_init(struct paper *paper, uint32_t device_count)
{
    assert(device_count <= PAPER_DEVICES_MAX);
    paper->device_count = device_count;
    paper->founder = 0;
    paper->recovery = PS_REPLAY_NONE;
    paper->log_count = 0;
}

uint32_t paper_log(struct paper *paper, uint32_t device, bool is_notes)
{
    assert(paper->log_count < PAPER_LOGS_MAX);
    struct paper_log *log = &paper->logs[paper->log_count];
    log->device = device;
    log->is_notes = is_notes;
    log->stem = PS_REPLAY_NONE;
    log->begin = 0;
    log->size = 0;
    paper->log_count++;
    return paper->log_count - 1;
}

struct paper_entry *paper_add(struct paper *paper, uint32_t log)
{
    struct paper_log *at = &paper->logs[log];
    assert(at->size < PAPER_ENTRIES_MAX);
    struct paper_entry *entry = &at->entries[at->size];
    memset(entry, 0, sizeof *entry);
    at->size++;
    return entry;
}

void paper_read(const struct paper *paper, const struct paper_held *here, const uint32_t *order,
                struct paper_view *view)
{
    struct ps_replay_input *input = &view->input;
    *input = (struct ps_replay_input){.device_count = paper->device_count,
                                      .founder = paper->founder,
                                      .recovery = paper->recovery,
                                      .logs = view->logs,
                                      .acts = view->acts,
                                      .parents = view->parents,
                                      .claims = view->claims};
    for (uint32_t i = 0; i < paper->log_count; i++) {
        uint32_t log = order == NULL ? i : order[i];
        view->number[log] = PS_REPLAY_NONE;
        if (!paper->logs[log].is_notes) {
            view->number[log] = input->log_count;
            input->log_count++;
        }
    }
    for (uint32_t i = 0; i < paper->log_count; i++) {
        uint32_t log = order == NULL ? i : order[i];
        if (view->number[log] != PS_REPLAY_NONE) {
            read_log(paper, here, log, view);
        }
    }
    for (uint32_t log = 0; log < paper->log_count; log++) {
        if (view->number[log] != PS_REPLAY_NONE) {
            find_parents(paper, here, log, view);
        }
    }
    cr_assert_eq(ps_replay_run(input, &view->replay), P2PSYNC_OK);
    memset(view->notes_end, 0, sizeof view->notes_end);
    memset(view->notes_wanted, 0, sizeof view->notes_wanted);
    for (uint32_t log = 0; log < paper->log_count; log++) {
        if (view->number[log] != PS_REPLAY_NONE) {
            end_notes(paper, here, log, view);
        }
    }
}

void paper_view_deinit(struct paper_view *view)
{
    ps_replay_deinit(&view->replay);
}

static void read_log(const struct paper *paper, const struct paper_held *here, uint32_t log,
                     struct paper_view *view)
{
    struct ps_replay_input *input = &view->input;
    const struct paper_log *from = &paper->logs[log];
    uint32_t number = view->number[log];
    view->logs[number] = (struct ps_replay_log){
        .device = from->device,
        .begin = from->begin,
        .stem = from->stem == PS_REPLAY_NONE ? PS_REPLAY_NONE : view->number[from->stem]};
    for (uint64_t seq = from->begin; seq < here->settled[log]; seq++) {
        const struct paper_entry *entry = &from->entries[seq];
        struct ps_replay_act *act = &view->acts[input->act_count];
        *act = (struct ps_replay_act){.kind = entry->kind,
                                      .role = entry->role,
                                      .log = number,
                                      .seq = seq,
                                      .hlc = entry->hlc,
                                      .subject = entry->subject,
                                      .scope = entry->scope};
        view->at[log][seq] = input->act_count;
        input->act_count++;
        read_claims(paper, here, entry, view);
    }
}

/* As the store would: one that contradicts what is held is left out. */
static void read_claims(const struct paper *paper, const struct paper_held *here,
                        const struct paper_entry *entry, struct paper_view *view)
{
    size_t at = view->input.act_count - 1;
    struct ps_replay_act *act = &view->acts[at];
    act->claim = at * PAPER_CLAIMS_MAX;
    for (size_t i = 0; i < entry->claim_count; i++) {
        const struct paper_claim *claim = &entry->claims[i];
        const struct paper_log *log = &paper->logs[claim->log];
        bool is_here = claim->size <= here->held[claim->log];
        if (!log->is_notes && log->device == entry->subject &&
            view->number[claim->log] != PS_REPLAY_NONE && !(is_here && claim->is_false)) {
            view->claims[act->claim + act->claim_count] =
                (struct ps_replay_claim){.log = view->number[claim->log],
                                         .size = claim->size,
                                         .held = is_here,
                                         .acts = claim->acts};
            act->claim_count++;
        }
    }
}

/* Those that are held. */
static void find_parents(const struct paper *paper, const struct paper_held *here, uint32_t log,
                         struct paper_view *view)
{
    for (uint64_t seq = paper->logs[log].begin; seq < here->settled[log]; seq++) {
        const struct paper_entry *entry = &paper->logs[log].entries[seq];
        struct ps_replay_act *act = &view->acts[view->at[log][seq]];
        act->parent = view->at[log][seq] * PAPER_PARENTS_MAX;
        for (size_t i = 0; i < entry->parent_count; i++) {
            struct paper_place place = entry->parents[i];
            while (place.seq < paper->logs[place.log].begin) {
                place.log = paper->logs[place.log].stem;
            }
            if (place.seq < here->settled[place.log]) {
                view->parents[act->parent + act->parent_count] = view->at[place.log][place.seq];
                act->parent_count++;
            }
        }
    }
}

/* What the acts of a log that are accepted say of logs of notes. */
static void end_notes(const struct paper *paper, const struct paper_held *here, uint32_t log,
                      struct paper_view *view)
{
    for (uint64_t seq = paper->logs[log].begin; seq < here->settled[log]; seq++) {
        const struct paper_entry *entry = &paper->logs[log].entries[seq];
        bool accepted = view->replay.accepted[view->at[log][seq]];
        for (size_t i = 0; i < entry->claim_count && accepted; i++) {
            const struct paper_claim *claim = &entry->claims[i];
            const struct paper_log *of = &paper->logs[claim->log];
            bool is_here = claim->size <= here->held[claim->log];
            if (!of->is_notes || of->device != entry->subject || (is_here && claim->is_false)) {
                continue;
            }
            if (is_here && claim->size > view->notes_end[claim->log]) {
                view->notes_end[claim->log] = claim->size;
            }
            if (claim->size > view->notes_wanted[claim->log]) {
                view->notes_wanted[claim->log] = claim->size;
            }
        }
    }
}

ps_role paper_role(const struct paper_view *view, uint32_t device, uint32_t scope)
{
    const struct ps_standing *standing = &view->replay.devices[device];
    for (size_t i = 0; i < view->replay.role_count && standing->is_member; i++) {
        const struct ps_replay_role *role = &view->replay.roles[i];
        if (scope != 0 && role->device == device && role->scope == scope) {
            return role->role;
        }
    }
    return standing->is_member ? standing->role : PS_ROLE_NONE;
}

bool paper_is_open(const struct paper *paper, const struct paper_view *view, uint32_t log)
{
    const struct paper_log *at = &paper->logs[log];
    if (at->is_notes) {
        return paper_role(view, at->device, PAPER_NOTES) <= PS_ROLE_WRITER;
    }
    return at->device == paper->recovery || view->replay.devices[at->device].is_member;
}

uint64_t paper_end(const struct paper *paper, const struct paper_view *view, uint32_t log)
{
    if (paper_is_open(paper, view, log)) {
        return PS_REPLAY_OPEN;
    }
    if (paper->logs[log].is_notes) {
        return view->notes_end[log];
    }
    return view->number[log] == PS_REPLAY_NONE ? 0 : view->replay.ends[view->number[log]].log_end;
}

uint64_t paper_wanted(const struct paper *paper, const struct paper_view *view, uint32_t log)
{
    if (paper_is_open(paper, view, log)) {
        return PS_REPLAY_OPEN;
    }
    if (paper->logs[log].is_notes) {
        return view->notes_wanted[log];
    }
    return view->number[log] == PS_REPLAY_NONE ? 0 : view->replay.ends[view->number[log]].wanted;
}
