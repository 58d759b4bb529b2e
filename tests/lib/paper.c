#include "tests/lib/paper.h"

#include <criterion/criterion.h>
#include <string.h>

struct paper_mesh mesh;

static void read_acts(struct paper_node *node);
static void read_reports(uint32_t at);
static void cover(uint32_t at, const struct paper_claim *claim);
static void note_league(const struct paper_view *view, const struct paper_entry *entry,
                        uint32_t author);
static bool may_write(const struct paper_view *view, uint32_t device, bool is_notes);
static void check_acts_are_in_open_logs(const struct paper_view *view);

void paper_clear(unsigned seed)
{
    for (uint32_t i = 0; i < PAPER_NODES; i++) {
        struct paper_node *node = &mesh.nodes[i];
        ps_replay_deinit(&node->view.replay);
        node->joined = false;
        node->looked = false;
        memset(node->held, 0, sizeof node->held);
        memset(node->open_at, 0, sizeof node->open_at);
    }
    memset(mesh.league, 0, sizeof mesh.league);
    mesh.log_count = 0;
    mesh.seed = seed;
    mesh.prng = prng_new(seed, 10);
    mesh.now = 1;
}

uint32_t paper_log(uint32_t device, bool is_notes)
{
    cr_assert_lt(mesh.log_count, PAPER_LOGS_MAX);
    struct paper_log *log = &mesh.logs[mesh.log_count];
    log->device = device;
    log->is_notes = is_notes;
    log->stem = PS_REPLAY_NONE;
    log->begin = 0;
    log->size = 0;
    mesh.log_count++;
    for (uint32_t i = 0; i < PAPER_NODES; i++) {
        mesh.nodes[i].looked = false; /* it does not know whether the log is open */
    }
    return mesh.log_count - 1;
}

/* For an act, and all that must be written with it. */
bool paper_has_room(uint32_t log)
{
    return mesh.logs[log].size + (uint64_t)3 * PAPER_NODES < PAPER_ENTRIES_MAX;
}

/* Thieves tell each other all that they write. */
struct paper_entry *paper_write(uint32_t at, uint32_t log)
{
    struct paper_log *to = &mesh.logs[log];
    cr_assert_lt(to->size, PAPER_ENTRIES_MAX);
    struct paper_entry *entry = &to->entries[to->size];
    memset(entry, 0, sizeof *entry);
    entry->draft.kind = PS_ACT_NAME;
    entry->written = mesh.now;
    to->size++;
    for (uint32_t i = 0; i < PAPER_NODES; i++) {
        bool told = !mesh.nodes[at].honest && !mesh.nodes[i].honest && mesh.nodes[i].joined;
        if (i == at || told) {
            paper_hold(i, log, to->size);
        }
    }
    return entry;
}

void paper_hold(uint32_t at, uint32_t log, uint64_t size)
{
    struct paper_node *node = &mesh.nodes[at];
    while (log != PS_REPLAY_NONE && size > node->held[log]) {
        struct paper_log *from = &mesh.logs[log];
        for (uint64_t seq = paper_most(node->held[log], from->begin); seq < size; seq++) {
            bool first = node->honest && from->entries[seq].shown == 0;
            from->entries[seq].shown = first ? mesh.now : from->entries[seq].shown;
        }
        node->held[log] = size;
        node->looked = false;
        mesh.moved = true;
        size = from->begin;
        log = from->stem;
    }
}

/* In another order than the logs. */
struct ps_act_id paper_id(uint32_t log, uint64_t seq)
{
    struct ps_act_id id = {{0}};
    uint64_t mixed = (((uint64_t)log << 32) + seq + 1) * 0x9e3779b97f4a7c15ULL;
    memcpy(id.bytes, &mixed, sizeof mixed);
    return id;
}

const struct paper_view *paper_look(uint32_t at)
{
    struct paper_node *node = &mesh.nodes[at];
    struct paper_view *view = &node->view;
    if (!node->looked) {
        ps_replay_deinit(&view->replay);
        read_acts(node);
        cr_assert_eq(ps_replay_run(&view->input, &view->replay), P2PSYNC_OK);
        for (uint32_t log = 0; log < mesh.log_count; log++) {
            const struct paper_log *of = &mesh.logs[log];
            view->open[log] =
                ps_replay_opens(&view->input, &view->replay, of->device,
                                ps_bytes_text(of->is_notes ? "notes" : "_devices"), PAPER_NOTES);
        }
        read_reports(at);
        check_acts_are_in_open_logs(view);
        node->looked = true;
    }
    for (uint32_t log = 0; log < mesh.log_count; log++) {
        bool open = may_write(view, mesh.logs[log].device, mesh.logs[log].is_notes);
        node->open_at[log] = open ? mesh.now : node->open_at[log];
    }
    return view;
}

/* The rule in other words, for the checks. */
static bool may_write(const struct paper_view *view, uint32_t device, bool is_notes)
{
    ps_role all = ps_replay_role_in(&view->replay, device, 0);
    ps_role notes = ps_replay_role_in(&view->replay, device, PAPER_NOTES);
    bool member = all == PS_ROLE_FOUNDER || all == PS_ROLE_ADMIN || all == PS_ROLE_WRITER ||
                  all == PS_ROLE_READER;
    bool writer = notes == PS_ROLE_FOUNDER || notes == PS_ROLE_ADMIN || notes == PS_ROLE_WRITER;
    return is_notes ? writer : member || device == PAPER_KEY;
}

static void read_acts(struct paper_node *node)
{
    struct paper_view *view = &node->view;
    size_t count = 0;
    for (uint32_t log = 0; log < mesh.log_count; log++) {
        const struct paper_log *from = &mesh.logs[log];
        for (uint64_t seq = from->begin; !from->is_notes && seq < node->held[log]; seq++) {
            const struct paper_entry *entry = &from->entries[seq];
            if (entry->draft.kind != PS_ACT_ROLE && entry->draft.kind != PS_ACT_REMOVED) {
                continue;
            }
            view->places[count] = (struct paper_place){.log = log, .seq = seq};
            view->acts[count] = (struct ps_replay_act){.kind = entry->draft.kind,
                                                       .role = entry->draft.role,
                                                       .author = from->device,
                                                       .subject = entry->draft.subject,
                                                       .scope = entry->draft.scope,
                                                       .hlc = entry->written,
                                                       .id = paper_id(log, seq),
                                                       .has_by = entry->has_by,
                                                       .by = entry->by,
                                                       .over = entry->draft.over,
                                                       .over_count = entry->draft.over_count};
            count++;
        }
    }
    view->input = (struct ps_replay_input){.device_count = PAPER_DEVICES,
                                           .founder = PAPER_FOUNDER,
                                           .recovery = PAPER_KEY,
                                           .acts = view->acts,
                                           .act_count = count};
}

static void read_reports(uint32_t at)
{
    struct paper_node *node = &mesh.nodes[at];
    memset(node->view.covered, 0, sizeof node->view.covered);
    memset(node->view.known, 0, sizeof node->view.known);
    for (uint32_t log = 0; log < mesh.log_count; log++) {
        const struct paper_log *from = &mesh.logs[log];
        bool stolen = from->device != PAPER_KEY && !mesh.nodes[from->device].honest;
        for (uint64_t seq = from->begin; !from->is_notes && seq < node->held[log]; seq++) {
            const struct paper_entry *entry = &from->entries[seq];
            for (size_t i = 0; entry->draft.kind == PS_ACT_REPORT && i < entry->claim_count; i++) {
                const struct paper_claim *claim = &entry->claims[i];
                if (!claim->is_false && mesh.logs[claim->log].device == entry->draft.subject &&
                    paper_may_report(&node->view, from->device, claim->log)) {
                    cover(at, claim);
                }
            }
            if (entry->draft.kind == PS_ACT_REPORT && stolen && node->honest) {
                note_league(&node->view, entry, from->device);
            }
        }
    }
}

/* What a history shares with its stem is covered there, too. */
static void cover(uint32_t at, const struct paper_claim *claim)
{
    struct paper_node *node = &mesh.nodes[at];
    bool known = claim->size <= node->held[claim->log];
    uint32_t log = claim->log;
    uint64_t size = claim->size;
    while (log != PS_REPLAY_NONE) {
        struct paper_view *view = &node->view;
        view->covered[log] = paper_most(view->covered[log], size);
        view->known[log] = paper_most(view->known[log], known ? size : 0);
        size = paper_least(size, mesh.logs[log].begin);
        log = mesh.logs[log].stem;
    }
}

/* A thief that is a member may report where it could write itself. */
static void note_league(const struct paper_view *view, const struct paper_entry *entry,
                        uint32_t author)
{
    for (size_t i = 0; i < entry->claim_count; i++) {
        uint32_t log = entry->claims[i].log;
        uint64_t size = entry->claims[i].size;
        bool may = author != mesh.logs[log].device && may_write(view, author, false) &&
                   may_write(view, author, mesh.logs[log].is_notes);
        while (log != PS_REPLAY_NONE && may && !entry->claims[i].is_false) {
            mesh.league[log] = paper_most(mesh.league[log], size);
            size = paper_least(size, mesh.logs[log].begin);
            log = mesh.logs[log].stem;
        }
    }
}

/* So all members take them. What one says of itself, to retire, is the exception. */
static void check_acts_are_in_open_logs(const struct paper_view *view)
{
    for (size_t i = 0; i < view->input.act_count; i++) {
        const struct ps_replay_act *act = &view->acts[i];
        bool retires = act->kind == PS_ACT_REMOVED && act->author == act->subject;
        PAPER_CHECK(retires || !view->replay.found[i].counts || view->open[view->places[i].log]);
    }
}

uint64_t paper_limit(uint32_t at, uint32_t log)
{
    const struct paper_view *view = paper_look(at);
    return view->open[log] ? PAPER_ALL : view->covered[log];
}

ps_role paper_role(uint32_t at, uint32_t device, uint32_t scope)
{
    return ps_replay_role_in(&paper_look(at)->replay, device, scope);
}

bool paper_may_report(const struct paper_view *view, uint32_t by, uint32_t log)
{
    const struct ps_replay_report report = {
        .author = by,
        .subject = mesh.logs[log].device,
        .collection = ps_bytes_text(mesh.logs[log].is_notes ? "notes" : "_devices"),
        .scope = PAPER_NOTES};
    return ps_replay_may_report(&view->input, &view->replay, &report);
}
