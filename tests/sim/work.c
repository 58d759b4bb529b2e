/* The work of apps and people, as tests/sim/work.h says. Each thing is done on a record that the
 * device has, as its store is now: nobody writes to that between looking and writing. So what a
 * write gives is known beforehand, and anything else is a failure. */
#include "tests/sim/work.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/history/revert.h"
#include "store/log/collection.h"
#include "store/log/log.h"
#include "store/merge/conflict.h"
#include "store/merge/stale.h"
#include "tests/sim/draft.h"
#include "tests/sim/failing.h"
#include "tests/sim/trace.h"

#define ID_SIZE    64 /* of records that are worked on; copies of copies grow */
#define ANSWER_MS  2000
#define AGO_MS_MAX 20000 /* how far back a revert goes */
#define LINES_MAX  5

/* A record of a device as it is now. */
struct target {
    const char *collection;
    char id[ID_SIZE];
    bool found;
    bool conflict;
    bool deleted;
    uint32_t count; /* of versions; 0: there is no such record */
    struct ps_dot dots[PS_PARENTS_MAX];
    struct ps_device authors[PS_PARENTS_MAX];
    bool copies[PS_PARENTS_MAX];
};

static const char *const collections[] = {"notes", "tasks", "photos/album"};

static void change_settings(struct sim_workload *workload, struct sim_net *net, unsigned node);
static void resolve(struct sim_workload *workload, struct sim_net *net, unsigned node);
static void write_if(struct sim_workload *workload, struct sim_net *net, unsigned node);
static void change_copy(struct sim_workload *workload, struct sim_net *net, unsigned node);
static void change_state(struct sim_workload *workload, struct sim_net *net, unsigned node);
static void revert(struct sim_workload *workload, struct sim_net *net, unsigned node);
static bool find_record(struct prng *random, struct sim_net *net, unsigned node,
                        struct target *out);
static bool find_conflict(struct prng *random, struct sim_net *net, unsigned node, bool with_copies,
                          struct target *out);
static void read_target(struct sim_net *net, unsigned node, struct target *target);
static void write_out(struct sim_workload *workload, struct sim_net *net, unsigned node,
                      const char *collection, struct sim_draft *draft);
static struct ps_edit *begin_edit(struct sim_draft *draft, struct prng *random,
                                  const struct target *target, ps_edit_kind kind);
static bool may_answer(struct sim_net *net, unsigned node);
static void answer_one(struct sim_net *net, unsigned node, const struct target *target);
static bool all_heads_held(struct ps_txn *txn, uint32_t collection);

void sim_work_step(struct sim_workload *workload, struct sim_net *net, unsigned node)
{
    static void (*const kinds[])(struct sim_workload *, struct sim_net *, unsigned) = {
        change_settings, resolve, resolve, write_if, write_if, change_copy, change_state, revert,
    };
    kinds[prng_below(&workload->random, sizeof kinds / sizeof kinds[0])](workload, net, node);
}

/* ---- settings ---- */

static void change_settings(struct sim_workload *workload, struct sim_net *net, unsigned node)
{
    struct prng *random = &workload->random;
    struct sim_draft *draft = sim_draft_new();
    struct ps_edit *edit = sim_draft_edit(draft, PS_EDIT_REPLACE);
    struct ps_writer writer;
    struct ps_rules rules = {.strategy = (ps_strategy)prng_below(random, PS_STRATEGY_COUNT)};
    char strategy[PS_STRATEGY_TEXT_SIZE];
    bool local = prng_chance(random, 100);
    rules.preferred = net->nodes[prng_below(random, net->node_count)].identity.device;
    ps_rules_strategy_text(&rules, strategy);
    edit->id = ps_bytes_text(local ? SIM_LOCAL : collections[prng_below(random, 3)]);
    ps_writer_init(&writer, &draft->bytes[0]);
    ps_write_map(&writer, SIM_FIELDS + 1);
    for (unsigned i = 0; i < SIM_FIELDS; i++) {
        char name[16];
        snprintf(name, sizeof name, "field.f%u", i);
        ps_write_text(&writer, name);
        ps_write_text(&writer, ps_rules_field_rule_text(
                                   (ps_field_rule)prng_below(random, PS_FIELD_RULE_COUNT)));
    }
    ps_write_text(&writer, "strategy");
    ps_write_text(&writer, strategy);
    edit->fields = ps_buf_view(&draft->bytes[0]);
    write_out(workload, net, node, local ? PS_LOCAL_SETTINGS_COLLECTION : PS_SETTINGS_COLLECTION,
              draft);
}

/* ---- conflicts ---- */

/* With new fields, merged, or as one version left it, which may be any. */
static void resolve(struct sim_workload *workload, struct sim_net *net, unsigned node)
{
    struct prng *random = &workload->random;
    struct target target;
    if (!find_conflict(random, net, node, false, &target)) {
        return;
    }
    static const ps_edit_kind kinds[] = {PS_EDIT_RESOLVE, PS_EDIT_MERGE, PS_EDIT_TAKE};
    struct sim_draft *draft = sim_draft_new();
    struct ps_edit *edit = begin_edit(draft, random, &target, kinds[prng_below(random, 3)]);
    edit->take = target.dots[prng_below(random, target.count)];
    edit->has_expected = prng_chance(random, 500);
    edit->expected = target.dots;
    edit->expected_count = target.count;
    write_out(workload, net, node, target.collection, draft);
}

/* An edit on condition that the record is as it was seen: as it is, or as it is not. */
static void write_if(struct sim_workload *workload, struct sim_net *net, unsigned node)
{
    struct prng *random = &workload->random;
    struct target target;
    if (!find_record(random, net, node, &target)) {
        return;
    }
    struct sim_draft *draft = sim_draft_new();
    bool resolves = target.count > 1 && prng_chance(random, 500);
    struct ps_edit *edit =
        begin_edit(draft, random, &target, resolves ? PS_EDIT_MERGE : PS_EDIT_PUT);
    bool stale = prng_chance(random, 500);
    if (stale) {
        target.dots[target.count % PS_PARENTS_MAX].seq += 1000000;
        target.count += target.count < PS_PARENTS_MAX ? 1 : 0;
    }
    edit->has_expected = true;
    edit->expected = target.dots;
    edit->expected_count = target.deleted && !stale ? 0 : target.count;
    draft->expected = stale ? P2PSYNC_ECONFLICT : P2PSYNC_OK;
    write_out(workload, net, node, target.collection, draft);
}

/* Edit what keep_both shows as a record of its own, or delete it. */
static void change_copy(struct sim_workload *workload, struct sim_net *net, unsigned node)
{
    struct prng *random = &workload->random;
    struct target target;
    if (!find_conflict(random, net, node, true, &target)) {
        return;
    }
    struct sim_draft *draft = sim_draft_new();
    struct ps_edit *edit =
        begin_edit(draft, random, &target, prng_chance(random, 500) ? PS_EDIT_DELETE : PS_EDIT_PUT);
    uint32_t at = (uint32_t)prng_below(random, target.count);
    while (!target.copies[at]) {
        at = (at + 1) % target.count;
    }
    char copy[PS_COPY_ID_SIZE_MAX];
    size_t size = ps_copy_id(ps_bytes_text(target.id), target.dots[at], copy);
    if (size < SIM_DRAFT_ID_SIZE) {
        memcpy(draft->ids[0], copy, size);
        edit->id = ps_bytes(draft->ids[0], size);
    }
    write_out(workload, net, node, target.collection, draft);
}

/* Archive or restore. */
static void change_state(struct sim_workload *workload, struct sim_net *net, unsigned node)
{
    struct prng *random = &workload->random;
    struct target target;
    if (!find_record(random, net, node, &target)) {
        return;
    }
    bool archive = prng_chance(random, 500);
    struct sim_draft *draft = sim_draft_new();
    (void)begin_edit(draft, random, &target, archive ? PS_EDIT_ARCHIVE : PS_EDIT_RESTORE);
    bool none = archive && (target.count == 0 || target.deleted);
    draft->expected = none ? P2PSYNC_ENOTFOUND : P2PSYNC_OK;
    write_out(workload, net, node, target.collection, draft);
}

/* Undo what some device did to a collection lately. */
static void revert(struct sim_workload *workload, struct sim_net *net, unsigned node)
{
    struct prng *random = &workload->random;
    const char *name = collections[prng_below(random, 3)];
    unsigned device = (unsigned)prng_below(random, net->node_count);
    uint64_t now_ms = sim_node_wall_ms(net, node);
    struct ps_revert_of of = {.device = net->nodes[device].identity.device,
                              .since_ms = now_ms - prng_below(random, AGO_MS_MAX)};
    struct ps_revert_plan plan = {0};
    struct ps_collection collection;
    struct ps_txn txn = {0};
    p2psync_result result = ps_txn_begin(net->nodes[node].store, false, &txn);
    if (result == P2PSYNC_OK) {
        result = ps_collection_find(&txn, ps_bytes_text(name), &collection);
    }
    if (result == P2PSYNC_OK) {
        of.collection = collection.number;
        result = ps_revert_plan(&txn, &of, &plan);
    }
    ps_txn_abort(&txn);
    if (result != P2PSYNC_OK && result != P2PSYNC_ENOTFOUND && result != P2PSYNC_ENOCOLLECTION) {
        sim_fail(net, "node %u: planning a revert in %s gives %d", node, name, result);
    }
    struct sim_draft *draft = sim_draft_new();
    static const ps_edit_kind kinds[] = {[PS_REVERT_UPDATE] = PS_EDIT_REPLACE,
                                         [PS_REVERT_DELETE] = PS_EDIT_DELETE,
                                         [PS_REVERT_RESTORE] = PS_EDIT_RESTORE,
                                         [PS_REVERT_ARCHIVE] = PS_EDIT_REPLACE};
    for (size_t i = 0; i < plan.count && draft->count + 1 < SIM_DRAFT_EDITS_MAX; i++) {
        const struct ps_revert_item *item = &plan.items[i];
        if (item->op != PS_REVERT_NONE) {
            struct ps_edit *edit = sim_draft_edit(draft, kinds[item->op]);
            edit->id = item->id;
            edit->fields = item->op == PS_REVERT_DELETE ? ps_bytes(NULL, 0) : item->value;
        }
        if (item->op == PS_REVERT_ARCHIVE) { /* it may be deleted: then it is made first */
            sim_draft_edit(draft, PS_EDIT_ARCHIVE)->id = item->id;
        }
    }
    sim_trace(net, "%s reverts what %s has done to %s lately", sim_name(node), sim_name(device),
              name);
    write_out(workload, net, node, name, draft);
    ps_revert_deinit(&plan);
}

/* ---- answers that devices give by themselves ---- */

void sim_work_answer(struct sim_net *net, unsigned node)
{
    struct target target;
    struct sim_packet again = {.kind = SIM_PACKET_ANSWER, .node = node};
    uint64_t place = prng_next(&net->random);
    struct prng random = prng_new(place, 6);
    if (net->nodes[node].up && may_answer(net, node) &&
        find_conflict(&random, net, node, false, &target) && target.conflict) {
        answer_one(net, node, &target);
    }
    sim_plan(net, prng_between(&net->random, ANSWER_MS, 2ULL * ANSWER_MS), &again);
}

static bool may_answer(struct sim_net *net, unsigned node)
{
    struct ps_peer_info info;
    bool any = false;
    for (size_t i = 0; ps_engine_peer(net->nodes[node].engine, i, &info); i++) {
        if (info.state == PS_PEER_SYNCING) {
            return false;
        }
        any = any || info.state == PS_PEER_IN_SYNC;
    }
    return any;
}

/* A third of the devices takes its own version, a third another's, and a third makes up fields that
 * no other would. */
static void answer_one(struct sim_net *net, unsigned node, const struct target *target)
{
    struct sim_workload workload = {.random = prng_new(net->now_ms, node)};
    unsigned way = node % 3;
    const struct ps_device *self = &net->nodes[node].identity.device;
    bool own = false;
    bool found = false;
    struct ps_dot take = {0};
    for (uint32_t i = 0; i < target->count; i++) {
        bool is_own = ps_device_equal(&target->authors[i], self);
        own = own || is_own;
        if (is_own == (way == 0)) {
            take = target->dots[i];
            found = true;
        }
    }
    if (way != 2 && !(own && found)) {
        return; /* the answer is left to those that wrote one of the versions */
    }
    struct sim_draft *draft = sim_draft_new();
    struct ps_edit *edit =
        begin_edit(draft, &workload.random, target, way == 2 ? PS_EDIT_RESOLVE : PS_EDIT_TAKE);
    edit->take = take;
    edit->automatic = true;
    edit->has_expected = true;
    edit->expected = target->dots;
    edit->expected_count = target->count;
    write_out(&workload, net, node, target->collection, draft);
}

/* ---- what is there ---- */

/* Any record, or a name that none has. False if it has more versions than are read. */
static bool find_record(struct prng *random, struct sim_net *net, unsigned node, struct target *out)
{
    *out = (struct target){.collection = collections[prng_below(random, 3)]};
    snprintf(out->id, sizeof out->id, "r%" PRIu64, prng_below(random, SIM_NAMES));
    read_target(net, node, out);
    return out->found;
}

/* A record with several versions, drawn of all that the device has. */
static bool find_conflict(struct prng *random, struct sim_net *net, unsigned node, bool with_copies,
                          struct target *out)
{
    struct ps_txn txn = {0};
    struct ps_collection collection;
    struct ps_conflict_item item;
    uint64_t seen = 0;
    *out = (struct target){.found = false};
    for (size_t i = 0; i < sizeof collections / sizeof collections[0]; i++) {
        if (ps_txn_begin(net->nodes[node].store, false, &txn) != P2PSYNC_OK) {
            return false;
        }
        bool open =
            ps_collection_find(&txn, ps_bytes_text(collections[i]), &collection) == P2PSYNC_OK &&
            all_heads_held(&txn, collection.number);
        struct ps_conflict_walk walk =
            ps_conflict_walk_after(&txn, open ? collection.number : UINT32_MAX, ps_bytes(NULL, 0));
        while (open && ps_conflict_walk_next(&walk, &item)) {
            seen++;
            if (item.id.size < ID_SIZE && prng_below(random, seen) == 0) {
                struct target drawn = {.collection = collections[i]};
                memcpy(drawn.id, item.id.data, item.id.size);
                *out = drawn;
            }
        }
        ps_txn_abort(&txn);
    }
    if (out->collection == NULL) {
        return false;
    }
    read_target(net, node, out);
    bool any = false;
    for (uint32_t i = 0; i < out->count; i++) {
        any = any || out->copies[i];
    }
    return out->found && out->count > 1 && (any || !with_copies);
}

static bool all_heads_held(struct ps_txn *txn, uint32_t collection)
{
    struct ps_log_walk walk = {.txn = txn, .collection = collection};
    struct ps_log log;
    bool held = true;
    while (held && ps_log_walk_next(&walk, &log)) {
        held = log.head.size <= log.size;
    }
    return held;
}

/* found: it could be read, though there may be no such record. */
static void read_target(struct sim_net *net, unsigned node, struct target *target)
{
    struct ps_txn txn = {0};
    struct ps_collection collection;
    struct ps_record_row row;
    struct ps_buf buf;
    struct ps_log log;
    struct ps_view view;
    ps_buf_init(&buf, SIZE_MAX);
    p2psync_result result = ps_txn_begin(net->nodes[node].store, false, &txn);
    if (result == P2PSYNC_OK) {
        result = ps_collection_find(&txn, ps_bytes_text(target->collection), &collection);
    }
    if (result == P2PSYNC_OK) {
        result = ps_stale_get(&txn, collection.number, ps_bytes_text(target->id), &row, &buf);
    }
    target->count = 0;
    target->found =
        result == P2PSYNC_OK ? row.version_count <= PS_PARENTS_MAX : result == P2PSYNC_ENOTFOUND;
    for (uint32_t i = 0; result == P2PSYNC_OK && target->found && i < row.version_count; i++) {
        struct ps_version version;
        ps_record_version(&row, i, &version);
        target->dots[i] = ps_record_shown(&row, &version);
        target->copies[i] = version.is_copy;
        if (ps_log_by_number(&txn, version.log, &log) == P2PSYNC_OK) {
            target->authors[i] = log.origin.device;
        }
        target->count++;
    }
    if (result == P2PSYNC_OK) {
        ps_record_view(&row, &view);
        target->conflict = view.conflict;
        target->deleted = view.state == PS_RECORD_DELETED;
    }
    ps_txn_abort(&txn);
    ps_buf_deinit(&buf);
}

static struct ps_edit *begin_edit(struct sim_draft *draft, struct prng *random,
                                  const struct target *target, ps_edit_kind kind)
{
    struct ps_edit *edit = sim_draft_edit(draft, kind);
    struct ps_buf *bytes = &draft->bytes[draft->count - 1];
    edit->id = ps_bytes_text(target->id);
    if (kind == PS_EDIT_PUT || kind == PS_EDIT_REPLACE || kind == PS_EDIT_RESOLVE ||
        kind == PS_EDIT_RESTORE) {
        struct ps_writer writer;
        uint64_t present = prng_below(random, 1U << SIM_FIELDS);
        ps_writer_init(&writer, bytes);
        ps_write_map(&writer, (size_t)__builtin_popcountll(present));
        sim_work_fields(random, &writer, present);
        edit->fields = ps_buf_view(bytes);
    }
    return edit;
}

/* Write a draft, which must give what it says. */
static void write_out(struct sim_workload *workload, struct sim_net *net, unsigned node,
                      const char *collection, struct sim_draft *draft)
{
    p2psync_result expected = draft->expected;
    p2psync_result result = sim_draft_commit(draft, net, node, collection);
    workload->writes += result == P2PSYNC_OK;
    bool none = result == P2PSYNC_ENOCOLLECTION && expected == P2PSYNC_ENOTFOUND;
    bool denied = result == P2PSYNC_EDENIED &&
                  (net->options.removals > 0 ||
                   strcmp(collection, PS_SETTINGS_COLLECTION) == 0); /* that is for admins */
    if (result != expected && !none && !denied && !sim_failing_excuses(net, node, result)) {
        sim_fail(net, "node %u: a write to %s gives %d instead of %d", node, collection, result,
                 expected);
    }
}

/* ---- fields ---- */

static void write_lines(struct prng *random, struct ps_writer *writer)
{
    static const char *const words[] = {"milk", "bread", "tea", "apples"};
    char text[LINES_MAX * 8] = "";
    size_t size = 0;
    uint64_t count = prng_below(random, LINES_MAX + 1);
    for (uint64_t i = 0; i < count; i++) {
        size +=
            (size_t)snprintf(text + size, sizeof text - size, "%s\n", words[prng_below(random, 4)]);
    }
    ps_write_text(writer, text);
}

static void write_array(struct prng *random, struct ps_writer *writer)
{
    uint64_t count = prng_below(random, 4);
    ps_write_array(writer, count);
    for (uint64_t i = 0; i < count; i++) {
        ps_write_uint(writer, prng_below(random, 8));
    }
}

static void write_map(struct prng *random, struct ps_writer *writer)
{
    uint64_t present = prng_below(random, 8);
    ps_write_map(writer, (size_t)__builtin_popcountll(present));
    for (unsigned i = 0; i < 3; i++) {
        if (((present >> i) & 1U) != 0) {
            char name[2] = {(char)('a' + i), '\0'};
            ps_write_text(writer, name);
            ps_write_uint(writer, prng_below(random, 10));
        }
    }
}

/* f0 is a number, f1 an array, f2 lines, f3 a map; f4, and now and then another, is any. */
void sim_work_fields(struct prng *random, struct ps_writer *writer, uint64_t present)
{
    for (unsigned i = 0; i < SIM_FIELDS; i++) {
        char name[4] = {'f', (char)('0' + i), '\0'};
        if (((present >> i) & 1U) == 0) {
            continue;
        }
        ps_write_text(writer, name);
        unsigned kind = i == 4 || prng_chance(random, 50) ? (unsigned)prng_below(random, 4) : i;
        if (kind == 0) {
            ps_write_uint(writer, prng_below(random, 1000));
        } else if (kind == 1) {
            write_array(random, writer);
        } else if (kind == 2) {
            write_lines(random, writer);
        } else {
            write_map(random, writer);
        }
    }
}
