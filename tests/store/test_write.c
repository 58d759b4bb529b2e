/* Local writes: what becomes a change, with which parents, and what does not. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "store/record/rebuild.h"
#include "tests/lib/author.h"
#include "wire/codec.h"
#include "wire/hlc.h"

static struct store_case here;
static struct ps_buf buf;

static void setup(void)
{
    case_open(&here, 1);
    ps_buf_init(&buf, 1024);
}

static void teardown(void)
{
    ps_buf_deinit(&buf);
    case_close(&here);
}

TestSuite(write, .init = setup, .fini = teardown, .timeout = 300);

static struct ps_log own_log(void)
{
    struct ps_log log;
    uint32_t collection = case_collection(&here, CASE_NOTES).number;
    struct ps_origin origin = {.device = here.identity.device,
                               .incarnation = here.identity.incarnation};
    struct ps_log_id id = {.origin = ps_origin_tag(&here.identity.mesh, &origin)};
    struct ps_txn txn = case_begin(&here, false);
    cr_assert_eq(ps_log_find(&txn, collection, &id, &log), P2PSYNC_OK);
    ps_txn_abort(&txn);
    return log;
}

/* The skeleton's flags; the number of parents in parents_out. */
static uint32_t flags_of(uint64_t seq, size_t *parents_out)
{
    struct ps_log_entry entry;
    struct ps_skeleton skeleton;
    struct ps_log log = own_log();
    struct ps_txn txn = case_begin(&here, false);
    cr_assert_eq(ps_log_entry(&txn, log.number, seq, &entry), P2PSYNC_OK);
    cr_assert_eq(ps_skeleton_decode(entry.entry.skeleton, &skeleton), P2PSYNC_OK);
    ps_txn_abort(&txn);
    *parents_out = skeleton.parent_count;
    return skeleton.op_and_flags;
}

static p2psync_result write_edits(const struct ps_edit *edits, size_t count, struct ps_written *out)
{
    struct ps_write write = {.collection = ps_bytes_text(CASE_NOTES),
                             .now_ms = 1000,
                             .edits = edits,
                             .edit_count = count};
    return case_write(&here, &write, out);
}

Test(write, put_creates_then_updates_then_changes_nothing)
{
    size_t parents = 0;
    case_set(&here, 1000, "r", 1);
    case_set(&here, 1001, "r", 2);
    case_set(&here, 1002, "r", 2);
    cr_assert_eq(own_log().size, 2);
    cr_assert_eq(flags_of(0, &parents), PS_OP_CREATE);
    cr_assert_eq(parents, 0);
    cr_assert_eq(flags_of(1, &parents), PS_OP_UPDATE);
    cr_assert_eq(parents, 1);
    cr_assert_eq(case_shown(&here, "r"), 2);
    cr_assert(case_logs_are_sound(&here));
}

Test(write, unchanged_edits_leave_the_store_untouched)
{
    struct ps_edit edit = {
        .kind = PS_EDIT_PUT, .id = ps_bytes_text("r"), .fields = case_fields(&buf, "n", 1)};
    struct ps_written written;
    cr_assert_eq(write_edits(&edit, 1, &written), P2PSYNC_OK);
    uint64_t before = ps_store_txn_id(here.store);
    cr_assert_eq(write_edits(&edit, 1, &written), P2PSYNC_OK);
    cr_assert_eq(written.changed, 0);
    cr_assert_eq(written.unchanged, 1);
    cr_assert_eq(ps_store_txn_id(here.store), before);
}

Test(write, failed_write_makes_no_collection)
{
    struct ps_edit edit = {.kind = PS_EDIT_DELETE, .id = ps_bytes_text("r")};
    cr_assert_eq(write_edits(&edit, 1, NULL), P2PSYNC_ENOCOLLECTION);
    struct ps_collection collection;
    struct ps_txn txn = case_begin(&here, false);
    cr_assert_eq(ps_collection_find(&txn, ps_bytes_text(CASE_NOTES), &collection),
                 P2PSYNC_ENOTFOUND);
    ps_txn_abort(&txn);
}

Test(write, transaction_flags_all_but_the_last_change_written)
{
    struct ps_buf same;
    ps_buf_init(&same, 64);
    case_set(&here, 1000, "same", 5);
    struct ps_edit edits[] = {
        {.kind = PS_EDIT_PUT, .id = ps_bytes_text("a"), .fields = case_fields(&buf, "n", 1)},
        {.kind = PS_EDIT_PUT, .id = ps_bytes_text("b"), .fields = ps_buf_view(&buf)},
        {.kind = PS_EDIT_PUT, .id = ps_bytes_text("same"), .fields = case_fields(&same, "n", 5)},
    };
    struct ps_written written;
    size_t parents = 0;
    cr_assert_eq(write_edits(edits, 3, &written), P2PSYNC_OK);
    cr_assert_eq(written.changed, 2);
    cr_assert_eq(written.unchanged, 1);
    cr_assert_eq(flags_of(1, &parents), PS_OP_CREATE | PS_CHANGE_MORE);
    cr_assert_eq(flags_of(2, &parents), PS_OP_CREATE);
    ps_buf_deinit(&same);
}

Test(write, later_edits_see_earlier_ones_of_the_same_record)
{
    struct ps_buf second;
    ps_buf_init(&second, 64);
    struct ps_edit edits[] = {
        {.kind = PS_EDIT_PUT, .id = ps_bytes_text("r"), .fields = case_fields(&buf, "n", 1)},
        {.kind = PS_EDIT_PUT, .id = ps_bytes_text("r"), .fields = case_fields(&second, "n", 2)},
        {.kind = PS_EDIT_PUT, .id = ps_bytes_text("r"), .fields = ps_buf_view(&second)},
        {.kind = PS_EDIT_DELETE, .id = ps_bytes_text("r")},
        {.kind = PS_EDIT_PUT, .id = ps_bytes_text("r"), .fields = ps_buf_view(&second)},
    };
    struct ps_written written;
    size_t parents = 0;
    cr_assert_eq(write_edits(edits, 5, &written), P2PSYNC_OK);
    cr_assert_eq(written.changed, 4);
    cr_assert_eq(written.unchanged, 1);
    cr_assert_eq(flags_of(2, &parents), PS_OP_DELETE | PS_CHANGE_MORE);
    cr_assert_eq(parents, 1);
    cr_assert_eq(flags_of(3, &parents), PS_OP_CREATE);
    cr_assert_eq(parents, 1);
    cr_assert_eq(case_shown(&here, "r"), 2);
    cr_assert_eq(case_version_count(&here, "r"), 1);
    cr_assert_eq(case_collection(&here, CASE_NOTES).records, 1);
    cr_assert(case_logs_are_sound(&here));
    ps_buf_deinit(&second);
}

Test(write, delete_twice_is_not_found)
{
    case_set(&here, 1000, "r", 1);
    case_delete(&here, 1001, "r");
    cr_assert_eq(case_shown(&here, "r"), -1);
    cr_assert_eq(case_collection(&here, CASE_NOTES).records, 0);
    struct ps_edit edit = {.kind = PS_EDIT_DELETE, .id = ps_bytes_text("r")};
    cr_assert_eq(write_edits(&edit, 1, NULL), P2PSYNC_ENOTFOUND);
}

Test(write, replace_takes_out_what_is_not_named)
{
    struct ps_edit put = {
        .kind = PS_EDIT_PUT, .id = ps_bytes_text("r"), .fields = case_fields(&buf, "old", 1)};
    cr_assert_eq(write_edits(&put, 1, NULL), P2PSYNC_OK);
    case_set(&here, 1001, "r", 5);
    put.kind = PS_EDIT_REPLACE;
    put.fields = case_fields(&buf, "n", 6);
    cr_assert_eq(write_edits(&put, 1, NULL), P2PSYNC_OK);
    struct ps_record_row row;
    struct ps_version version;
    uint32_t collection = case_collection(&here, CASE_NOTES).number;
    struct ps_txn txn = case_begin(&here, false);
    cr_assert_eq(ps_record_get(&txn, collection, ps_bytes_text("r"), &row), P2PSYNC_OK);
    ps_record_version(&row, 0, &version);
    cr_assert(ps_value_equal(version.value, case_fields(&buf, "n", 6)));
    ps_txn_abort(&txn);
}

Test(write, write_on_a_conflict_names_all_versions_and_ends_it)
{
    struct author other;
    size_t parents = 0;
    author_init(&other, 2);
    case_set(&here, 1000, "r", 1);
    struct author_change change = {.op_and_flags = PS_OP_CREATE,
                                   .id = "r",
                                   .hlc = 5000ULL << 16,
                                   .fields = case_fields(&buf, "n", 2)};
    (void)author_add(&other, &change);
    author_deliver_all(&other, &here);
    (void)case_apply(&here);
    cr_assert_eq(case_collection(&here, CASE_NOTES).conflicts, 1);
    case_set(&here, 1000, "r", 2); /* what is shown: it settles the conflict all the same */
    cr_assert_eq(case_collection(&here, CASE_NOTES).conflicts, 0);
    cr_assert_eq(case_version_count(&here, "r"), 1);
    cr_assert_eq(flags_of(1, &parents), PS_OP_UPDATE | PS_CHANGE_FULL);
    cr_assert_eq(parents, 2);
    author_deinit(&other);
}

/* Of two automatic answers the first does not count, and what it alone answered is shown again: an
 * archive, which is no version. An edit of it leaves it archived. */
Test(write, edit_of_what_came_back_for_an_answer_leaves_it_as_it_is)
{
    struct author other;
    struct ps_buf settings;
    struct ps_buf fields;
    struct ps_writer writer;
    size_t parents = 0;
    ps_buf_init(&settings, 64);
    ps_buf_init(&fields, 64);
    ps_writer_init(&writer, &settings);
    ps_write_map(&writer, 1);
    ps_write_text(&writer, "strategy");
    ps_write_text(&writer, "manual");
    cr_assert_eq(case_put(&here, "_collections", CASE_NOTES, ps_buf_view(&settings)), P2PSYNC_OK);
    author_init(&other, 2);
    struct author_change change = {
        .op_and_flags = PS_OP_CREATE, .id = "r", .hlc = 10, .fields = case_fields(&fields, "n", 1)};
    struct ps_parent created = author_add(&other, &change);
    change = (struct author_change){.op_and_flags = PS_OP_UPDATE,
                                    .id = "r",
                                    .hlc = 20,
                                    .parent_count = 1,
                                    .parents = {created},
                                    .fields = case_fields(&fields, "n", 2)};
    struct ps_parent edited = author_add(&other, &change);
    change.op_and_flags = PS_OP_ARCHIVE;
    change.hlc = 30;
    change.fields = ps_bytes(NULL, 0);
    struct ps_parent archived = author_add(&other, &change);
    change.op_and_flags = PS_OP_UPDATE | PS_CHANGE_AUTO | PS_CHANGE_FULL;
    change.hlc = 40;
    change.parent_count = 2;
    change.parents[0] = edited;
    change.parents[1] = archived;
    change.fields = case_fields(&fields, "n", 4);
    (void)author_add(&other, &change);
    change.hlc = 50;
    change.parent_count = 1;
    change.fields = case_fields(&fields, "n", 5);
    (void)author_add(&other, &change);
    author_deliver_all(&other, &here);
    (void)case_apply(&here);
    cr_assert_eq(case_version_count(&here, "r"), 2);
    cr_assert_eq(case_shown(&here, "r"), 1);
    case_set(&here, 1000, "r", 9);
    cr_assert_eq(flags_of(0, &parents), PS_OP_ARCHIVE | PS_CHANGE_FULL);
    cr_assert_eq(parents, 1);
    ps_buf_deinit(&fields);
    ps_buf_deinit(&settings);
    author_deinit(&other);
}

Test(write, ten_thousand_edits_of_one_record_stay_rebuildable)
{
    enum { EDITS = 10000 };
    struct ps_txn txn = case_begin(&here, true);
    for (int64_t i = 0; i < EDITS; i++) {
        struct ps_edit edit = {
            .kind = PS_EDIT_PUT, .id = ps_bytes_text("r"), .fields = case_fields(&buf, "n", i)};
        struct ps_write write = {.identity = &here.identity,
                                 .secret = &here.secret,
                                 .collection = ps_bytes_text(CASE_NOTES),
                                 .now_ms = 1000,
                                 .edits = &edit,
                                 .edit_count = 1};
        struct ps_written written;
        cr_assert_eq(ps_write(&txn, &write, &written), P2PSYNC_OK);
    }
    case_commit(&txn);
    struct ps_log log = own_log();
    cr_assert_eq(log.size, EDITS);
    cr_assert_eq(log.applied, EDITS);
    txn = case_begin(&here, false);
    struct ps_buf value;
    ps_buf_init(&value, 1024);
    struct ps_rebuild_past past;
    const struct ps_rebuild from = {.collection = log.collection, .log = log.number, .seq = 7777};
    cr_assert_eq(ps_rebuild(&txn, &from, &value, &past), P2PSYNC_OK);
    cr_assert_leq(past.depth, PS_CHAIN_MAX);
    cr_assert(ps_value_equal(ps_buf_view(&value), case_fields(&buf, "n", 7777)));
    ps_buf_deinit(&value);
    ps_txn_abort(&txn);
    cr_assert(case_logs_are_sound(&here));
}

Test(write, transaction_over_the_limit_of_changes_is_refused)
{
    enum { EDITS = PS_TRANSACTION_CHANGES_MAX + 1 };
    static struct ps_edit edits[EDITS];
    static char ids[EDITS][8];
    for (size_t i = 0; i < EDITS; i++) {
        (void)snprintf(ids[i], sizeof ids[i], "r%05zx", i);
        edits[i] = (struct ps_edit){
            .kind = PS_EDIT_PUT, .id = ps_bytes_text(ids[i]), .fields = case_fields(&buf, "n", 1)};
    }
    cr_assert_eq(write_edits(edits, EDITS, NULL), P2PSYNC_ELIMIT);
    cr_assert_eq(case_shown(&here, ids[0]), -1);
    cr_assert_eq(write_edits(edits, EDITS - 1, NULL), P2PSYNC_OK);
    cr_assert_eq(case_collection(&here, CASE_NOTES).records, EDITS - 1);
}

Test(write, record_over_a_mebibyte_is_refused)
{
    struct ps_buf large;
    struct ps_writer writer;
    static uint8_t bytes[PS_VALUE_SIZE_MAX];
    ps_buf_init(&large, 2 * (size_t)PS_VALUE_SIZE_MAX);
    ps_writer_init(&writer, &large);
    ps_write_map(&writer, 1);
    ps_write_text(&writer, "x");
    ps_write_bin(&writer, ps_bytes(bytes, sizeof bytes - 4));
    cr_assert_eq(ps_writer_finish(&writer), P2PSYNC_OK);
    struct ps_edit edit = {
        .kind = PS_EDIT_PUT, .id = ps_bytes_text("r"), .fields = ps_buf_view(&large)};
    cr_assert_eq(write_edits(&edit, 1, NULL), P2PSYNC_ELIMIT);
    cr_assert_eq(case_shown(&here, "r"), -1);
    ps_buf_deinit(&large);
}

Test(write, malformed_names_are_refused)
{
    struct ps_edit edit = {
        .kind = PS_EDIT_PUT, .id = ps_bytes_text(""), .fields = case_fields(&buf, "n", 1)};
    cr_assert_eq(write_edits(&edit, 1, NULL), P2PSYNC_EFORMAT);
    cr_assert_eq(case_put(&here, "", "r", ps_buf_view(&buf)), P2PSYNC_EFORMAT);
}

/* A signed head of ours that is longer than what is here: this device lost a part of its past. The
 * changes came in chunks, each under a head. */
static void lose_past(const struct author_delivery *chunks, size_t count)
{
    struct author lost;
    case_set(&here, 1000, "r", 1);
    uint64_t before = here.identity.incarnation;
    author_init(&lost, 1);
    struct author_change change = {
        .op_and_flags = PS_OP_CREATE, .id = "s", .hlc = 1, .fields = case_fields(&buf, "n", 1)};
    lost.identity.incarnation = before + 1;
    for (unsigned i = 0; i < 3; i++) {
        (void)author_add(&lost, &change);
    }
    for (size_t i = 0; i < count; i++) {
        cr_assert_eq(author_deliver(&lost, &here, &chunks[i]), P2PSYNC_OK);
    }
    (void)case_apply(&here);
    here.identity.incarnation = before + 1;
    struct ps_txn txn = case_begin(&here, true);
    cr_assert_eq(ps_identity_write(&txn, &here.identity), P2PSYNC_OK);
    case_commit(&txn);
    case_set(&here, 2000, "s", 7);
    txn = case_begin(&here, false);
    cr_assert_eq(ps_identity_read(&txn, &here.identity), P2PSYNC_OK);
    ps_txn_abort(&txn);
    cr_assert_neq(here.identity.incarnation, before + 1);
    cr_assert_eq(own_log().size, 1);
    cr_assert_eq(case_shown(&here, "s"), 7);
    author_deinit(&lost);
}

Test(write, lost_past_is_not_written_over)
{
    const struct author_delivery first = {.from = 0, .to = 1, .head_size = 3};
    lose_past(&first, 1);
}

Test(write, lost_past_is_not_written_over_behind_a_smaller_head)
{
    const struct author_delivery chunks[] = {{.from = 0, .to = 1, .head_size = 3},
                                             {.from = 1, .to = 2, .head_size = 2}};
    lose_past(chunks, 2);
}

Test(write, hlc_is_above_now_and_all_parents)
{
    uint64_t parents[] = {(2000ULL << 16) + 3, 5, UINT64_MAX};
    cr_assert_eq(ps_hlc_next(1000, NULL, 0), 1000ULL << 16);
    cr_assert_eq(ps_hlc_next(1000, parents, 2), (2000ULL << 16) + 4);
    cr_assert_eq(ps_hlc_next(3000, parents, 2), 3000ULL << 16);
    cr_assert_eq(ps_hlc_next(3000, parents, 3), UINT64_MAX);
    cr_assert_eq(ps_hlc_next(UINT64_MAX, NULL, 0), (UINT64_MAX >> 16) << 16);
}
