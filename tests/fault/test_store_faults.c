/* Every call of the store that can fail is made to fail once: the result is the right code, nothing
 * leaks, the store is as before, and the same thing done again succeeds. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/merge/text.h"
#include "store/mesh/members.h"
#include "store/mesh/refresh.h"
#include "tests/fault/fault.h"
#include "tests/lib/author.h"
#include "tests/lib/literal.h"

#define CALLS_MAX 5000U

static struct store_case here;
static struct author author;
static struct ps_head head; /* of all the author's changes */
static struct ps_buf buf;

static void setup(void)
{
    case_open(&here, 1);
    author_init(&author, 2);
    ps_buf_init(&buf, 1024);
    case_set(&here, 1000, "r", 1);
    case_set(&here, 1000, "s", 1);
    struct ps_parent parents[2];
    for (unsigned i = 0; i < 2; i++) {
        struct author_change change = {.op_and_flags = PS_OP_CREATE | (i == 0 ? PS_CHANGE_MORE : 0),
                                       .id = i == 0 ? "r" : "t",
                                       .hlc = 10,
                                       .fields = case_fields(&buf, "n", 5)};
        parents[i] = author_add(&author, &change);
    }
    /* An edit of a parent that is a version no more: it has to be rebuilt. */
    for (unsigned i = 0; i < 2; i++) {
        struct author_change change = {.op_and_flags = PS_OP_UPDATE,
                                       .id = "t",
                                       .hlc = 20 + i,
                                       .parent_count = 1,
                                       .parents = {parents[1]},
                                       .fields = case_fields(&buf, "m", 6 + i)};
        (void)author_add(&author, &change);
    }
    head = author_head(&author, author.count);
    (void)case_fields(&buf, "n", 7);
}

static void teardown(void)
{
    ps_buf_deinit(&buf);
    author_deinit(&author);
    case_close(&here);
}

TestSuite(store_faults, .init = setup, .fini = teardown, .timeout = 300);

static bool expected(unsigned kinds, p2psync_result result)
{
    switch (result) {
    case P2PSYNC_ENOMEM:
        return (kinds & (FAULT_MEMORY | FAULT_BEGIN | FAULT_CURSOR)) != 0;
    case P2PSYNC_EFULL:
        return (kinds & FAULT_PUT) != 0;
    case P2PSYNC_EIO:
        return (kinds & (FAULT_COMMIT | FAULT_SYNC)) != 0;
    case P2PSYNC_ENETFS:
        return (kinds & FAULT_STATFS) != 0;
    default:
        return false;
    }
}

static p2psync_result write_some(void);

/* Make the 1st, 2nd, ... call fail until `action` goes through. */
static void fail_each(p2psync_result (*action)(void), unsigned kinds)
{
    struct ps_state before = case_state(&here);
    unsigned n = 1;
    for (; n < CALLS_MAX; n++) {
        fault_arm(kinds, n);
        p2psync_result result = action();
        if (!fault_disarm()) {
            cr_assert_eq(result, P2PSYNC_OK);
            break;
        }
        if (result == P2PSYNC_OK && action == write_some) {
            break; /* only a comparison that then takes equal values for different */
        }
        cr_assert(expected(kinds, result), "call %u: %d", n, result);
        struct ps_state after = case_state(&here);
        cr_assert(ps_hash_equal(&before.common, &after.common), "call %u", n);
        cr_assert_eq(before.pending, after.pending, "call %u", n);
        cr_assert(case_logs_are_sound(&here));
    }
    cr_assert_gt(n, 1, "nothing of this kind is called");
    cr_assert_lt(n, CALLS_MAX);
}

static p2psync_result write_some(void)
{
    struct ps_edit edits[] = {
        {.kind = PS_EDIT_PUT, .id = ps_bytes_text("r"), .fields = ps_buf_view(&buf)},
        {.kind = PS_EDIT_PUT, .id = ps_bytes_text("new"), .fields = ps_buf_view(&buf)},
        {.kind = PS_EDIT_DELETE, .id = ps_bytes_text("s")},
    };
    struct ps_write write = {.identity = &here.identity,
                             .secret = &here.secret,
                             .collection = ps_bytes_text(CASE_NOTES),
                             .now_ms = 2000,
                             .edits = edits,
                             .edit_count = 3};
    struct ps_txn txn = {0};
    struct ps_written written;
    p2psync_result result = ps_txn_begin(here.store, true, &txn);
    if (result == P2PSYNC_OK) {
        result = ps_write(&txn, &write, &written);
    }
    if (result == P2PSYNC_OK) {
        result = ps_txn_commit(&txn);
    }
    ps_txn_abort(&txn);
    return result;
}

static p2psync_result receive_and_apply(void)
{
    struct ps_origin origin = {.device = author.identity.device,
                               .incarnation = author.identity.incarnation};
    struct ps_head_context context = {
        .mesh = &author.identity.mesh, .collection = ps_bytes_text(CASE_NOTES), .origin = &origin};
    static uint8_t bytes[4096];
    size_t size = 0;
    for (size_t i = 0; i < author.count; i++) {
        memcpy(bytes + size, author.bytes[i].data, author.bytes[i].size);
        size += author.bytes[i].size;
    }
    struct ps_proof none = {.count = 0};
    struct ps_chunk chunk = {.entries = ps_bytes(bytes, size), .head = head, .proof = &none};
    struct ps_collection collection;
    struct ps_log log;
    struct ps_applied applied;
    uint64_t added = 0;
    bool changed = false;
    struct ps_txn txn = {0};
    p2psync_result result = ps_txn_begin(here.store, true, &txn);
    if (result == P2PSYNC_OK) {
        result = ps_collection_intern(&txn, ps_bytes_text(CASE_NOTES), &collection);
    }
    if (result == P2PSYNC_OK) {
        result = ps_log_intern(&txn, &author.identity.mesh, collection.number, &origin, &log);
    }
    if (result == P2PSYNC_OK) {
        result = ps_receive_chunk(&txn, &log, &context, &chunk, &added);
    }
    if (result == P2PSYNC_OK) {
        result = ps_apply(&txn, &(struct ps_apply_bounds){.limit = 1000}, &applied);
    }
    if (result == P2PSYNC_OK) {
        result = ps_members_refresh(&txn, &author.identity.mesh, &changed);
    }
    if (result == P2PSYNC_OK) {
        result = ps_txn_commit(&txn);
    }
    ps_txn_abort(&txn);
    return result;
}

static p2psync_result summarise(void)
{
    struct ps_buf out;
    struct ps_state state;
    const struct ps_summary_part notes = {.name = ps_bytes_text(CASE_NOTES),
                                          .logs = ps_log_range_all()};
    const struct ps_summary_wanted wanted = {.parts = &notes, .count = 1, .heads_max = 1};
    struct ps_summary_told told;
    struct ps_txn txn = {0};
    ps_buf_init(&out, PS_MESSAGE_SIZE_MAX);
    p2psync_result result = ps_txn_begin(here.store, false, &txn);
    if (result == P2PSYNC_OK) {
        result = ps_summary_state(&txn, &state);
    }
    if (result == P2PSYNC_OK) {
        result = ps_summary_heads(&txn, &wanted, &told, &out);
    }
    ps_txn_abort(&txn);
    ps_buf_deinit(&out);
    return result;
}

Test(store_faults, write_survives_failing_memory)
{
    fail_each(write_some, FAULT_MEMORY);
}

Test(store_faults, write_survives_a_full_map_at_any_put)
{
    fail_each(write_some, FAULT_PUT);
    cr_assert_eq(case_shown(&here, "new"), 7);
}

Test(store_faults, write_survives_a_failing_transaction)
{
    fail_each(write_some, FAULT_BEGIN | FAULT_COMMIT | FAULT_CURSOR);
}

/* A large one does not: test_store. */
Test(store_faults, a_small_write_goes_on_when_the_disk_is_full)
{
    fault_arm(FAULT_SPACE, 1);
    cr_assert_eq(write_some(), P2PSYNC_OK);
    cr_assert(fault_disarm());
}

Test(store_faults, receiving_and_applying_survives_failing_memory)
{
    fail_each(receive_and_apply, FAULT_MEMORY);
}

Test(store_faults, receiving_and_applying_survives_a_full_map_at_any_put)
{
    fail_each(receive_and_apply, FAULT_PUT);
    cr_assert_eq(case_version_count(&here, "t"), 2);
}

Test(store_faults, receiving_and_applying_survives_a_failing_transaction)
{
    fail_each(receive_and_apply, FAULT_BEGIN | FAULT_COMMIT | FAULT_CURSOR);
}

/* Two changes of one parent, two merges of both, and an automatic answer to these beside another:
 * what is applied has to be rebuilt, folded over two common ancestors, and merged by every rule. */
static void author_crossing_merges(void)
{
    static const char *const values[] = {
        "{m: {a: 1, b: 1}, n: 1, s: [1], t: 'a\nb\nc\n', x: 'y'}",
        "{m: {a: 2, b: 1}, n: 2, s: [1, {z: 2}], t: 'A\nb\nc\n'}",
        "{m: {a: 1, b: 2}, n: 3, s: [1, 3], t: 'a\nb\nC\n'}",
        "{m: {a: 2, b: 2, c: 1}, n: 4, s: [1, 2], t: 'A\nb\nC\nd\n', x: [1]}",
        "{m: {a: 2, b: 2, d: 1}, n: 5, s: [3], t: 'd\nA\nb\nC\n', x: [2]}",
        "{m: {}, n: 6, s: [], t: '', x: {}}",
        "{m: {}, n: 7, s: [], t: '', x: {q: 1}}",
    };
    static const unsigned parents[][2] = {{0, 0}, {0, 0}, {0, 0}, {1, 2}, {1, 2}, {1, 2}, {1, 2}};
    struct ps_parent made[7];
    author_deinit(&author);
    author_init(&author, 2);
    for (unsigned i = 0; i < 7; i++) {
        size_t count = i == 0 ? 0 : i < 3 ? 1 : 2;
        struct author_change change = {.op_and_flags = i == 0 ? PS_OP_CREATE : PS_OP_UPDATE,
                                       .id = "t",
                                       .hlc = 10 + i,
                                       .parent_count = count,
                                       .fields = literal(values[i])};
        change.op_and_flags |= (count > 1 ? PS_CHANGE_FULL : 0) | (i > 4 ? PS_CHANGE_AUTO : 0);
        for (size_t p = 0; p < count; p++) {
            change.parents[p] = made[parents[i][p]];
        }
        made[i] = author_add(&author, &change);
    }
    head = author_head(&author, author.count);
}

static void merge_under(const char *settings)
{
    author_crossing_merges();
    cr_assert_eq(case_put(&here, "_collections", CASE_NOTES, literal(settings)), P2PSYNC_OK);
    fail_each(receive_and_apply, FAULT_MEMORY);
    cr_assert_eq(case_version_count(&here, "t"), 4);
}

Test(store_faults, auto_merge_survives_failing_memory)
{
    merge_under("{field.n: 'counter', field.s: 'union', field.t: 'text', field.x: 'max'}");
}

Test(store_faults, last_write_wins_survives_failing_memory)
{
    merge_under("{strategy: 'last_write_wins'}");
}

Test(store_faults, keep_both_survives_failing_memory)
{
    merge_under("{strategy: 'keep_both'}");
}

Test(store_faults, prefer_survives_failing_memory)
{
    char settings[32 + PS_DEVICE_TEXT_SIZE];
    (void)snprintf(settings, sizeof settings, "{strategy: 'prefer:");
    ps_device_text(&author.identity.device, settings + strlen(settings));
    memcpy(settings + strlen(settings), "'}", 3);
    merge_under(settings);
}

Test(store_faults, manual_survives_failing_memory)
{
    merge_under("{strategy: 'manual'}");
}

/* The rules change where there are versions already. */
static p2psync_result set_strategy(void)
{
    struct ps_edit edit = {
        .kind = PS_EDIT_PUT, .id = ps_bytes_text(CASE_NOTES), .fields = ps_buf_view(&buf)};
    struct ps_write write = {.identity = &here.identity,
                             .secret = &here.secret,
                             .collection = ps_bytes_text("_collections"),
                             .now_ms = 3000,
                             .edits = &edit,
                             .edit_count = 1};
    struct ps_txn txn = {0};
    struct ps_written written;
    p2psync_result result = ps_txn_begin(here.store, true, &txn);
    if (result == P2PSYNC_OK) {
        result = ps_write(&txn, &write, &written);
    }
    if (result == P2PSYNC_OK) {
        result = ps_txn_commit(&txn);
    }
    ps_txn_abort(&txn);
    return result;
}

Test(store_faults, change_of_rules_survives_failing_memory)
{
    struct ps_bytes settings = literal("{strategy: 'keep_both'}");
    author_crossing_merges();
    cr_assert_eq(receive_and_apply(), P2PSYNC_OK);
    ps_buf_clear(&buf);
    cr_assert_eq(ps_buf_append(&buf, settings.data, settings.size), P2PSYNC_OK);
    fail_each(set_strategy, FAULT_MEMORY);
}

static p2psync_result merge_text(void)
{
    struct ps_text_merge texts = {ps_bytes_text("a\nb\n"), ps_bytes_text("b\na\n"),
                                  ps_bytes_text("x\nb\ny\n"), NULL};
    struct ps_buf out;
    bool overlap = false;
    ps_buf_init(&out, 64);
    p2psync_result result = ps_text_merge(&texts, &out, &overlap);
    cr_assert_eq(out.size > 0, result == P2PSYNC_OK);
    ps_buf_deinit(&out);
    return result;
}

Test(store_faults, merging_texts_survives_failing_memory)
{
    fail_each(merge_text, FAULT_MEMORY);
}

Test(store_faults, summaries_survive_failing_memory)
{
    fail_each(summarise, FAULT_MEMORY | FAULT_CURSOR);
}

/* Opening a new store, and an existing one, with each call failing in turn. */
static void fail_each_open(unsigned kinds, bool no_flush)
{
    char dir[] = "/tmp/p2psync-fault-XXXXXX";
    bool done = false;
    unsigned n = 1;
    cr_assert_not_null(mkdtemp(dir));
    struct ps_store_options options = {
        .dir = dir, .map_size_bytes = CASE_MAP_SIZE, .no_flush = no_flush};
    for (; n < CALLS_MAX && !done; n++) {
        struct ps_store *store = NULL;
        fault_arm(kinds, n);
        p2psync_result result = ps_store_open(&options, &store);
        done = !fault_disarm();
        cr_assert_eq(result == P2PSYNC_OK, store != NULL);
        /* A full store is opened for reading. */
        cr_assert(done || (kinds == FAULT_PUT && store != NULL) ? result == P2PSYNC_OK
                                                                : expected(kinds, result),
                  "call %u: %d", n, result);
        ps_store_destroy(&store);
    }
    cr_assert_gt(n, 2, "nothing of this kind is called");
    case_remove_dir(dir);
}

Test(store_faults, opening_survives_any_failing_call)
{
    fail_each_open(FAULT_MEMORY | FAULT_BEGIN | FAULT_COMMIT | FAULT_SYNC, false);
    fail_each_open(FAULT_MEMORY | FAULT_BEGIN | FAULT_COMMIT | FAULT_SYNC, true);
    fail_each_open(FAULT_PUT, false);
    fail_each_open(FAULT_PUT, true);
}

Test(store_faults, network_file_system_is_refused)
{
    fail_each_open(FAULT_STATFS, false);
}
