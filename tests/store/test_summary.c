/* Summaries: equal contents give equal hashes, and nothing local shows. */
#include <criterion/criterion.h>

#include "tests/lib/author.h"

static struct store_case here;

static void setup(void)
{
    case_open(&here, 1);
}

static void teardown(void)
{
    case_close(&here);
}

TestSuite(summary, .init = setup, .fini = teardown, .timeout = 120);

Test(summary, empty_store_has_the_hash_of_the_prefix)
{
    struct ps_state state = case_state(&here);
    struct ps_hash expected = ps_hash_bytes(ps_bytes_text("p2psync common 1"));
    cr_assert(ps_hash_equal(&state.common, &expected));
}

/* The layout is a format: it is computed here a second time, by hand. */
Test(summary, common_hash_is_laid_out_as_specified)
{
    struct ps_log log;
    uint8_t size[8];
    case_set(&here, 1000, "r", 1);
    struct ps_txn txn = case_begin(&here, false);
    cr_assert_eq(ps_log_by_number(&txn, 0, &log), P2PSYNC_OK);
    ps_txn_abort(&txn);
    ps_put_u64(size, 1);
    struct ps_bytes leaf_parts[] = {ps_bytes("\0", 1), ps_bytes(log.id.origin.bytes, PS_TAG_SIZE),
                                    ps_bytes(log.id.branch, PS_HASH_SHORT_SIZE), ps_bytes(size, 8),
                                    ps_bytes(log.root.bytes, PS_HASH_SIZE)};
    struct ps_hash leaf = ps_hash_parts(leaf_parts, 5);
    struct ps_bytes common_parts[] = {ps_bytes_text("p2psync common 1"), ps_bytes("\5", 1),
                                      ps_bytes_text(CASE_NOTES),
                                      ps_bytes(leaf.bytes, PS_HASH_SIZE)};
    struct ps_hash common = ps_hash_parts(common_parts, 4);
    struct ps_state state = case_state(&here);
    cr_assert(ps_hash_equal(&state.common, &common));
}

Test(summary, local_and_empty_collections_are_in_no_root)
{
    case_set(&here, 1000, "r", 1);
    struct ps_state before = case_state(&here);
    cr_assert_eq(case_put(&here, "_local_settings", "r", ps_bytes("\x80", 1)), P2PSYNC_OK);
    struct ps_txn txn = case_begin(&here, true);
    struct ps_collection empty;
    cr_assert_eq(ps_collection_intern(&txn, ps_bytes_text("empty"), &empty), P2PSYNC_OK);
    case_commit(&txn);
    struct ps_state after = case_state(&here);
    cr_assert(ps_hash_equal(&before.common, &after.common));
    cr_assert_eq(case_put(&here, "seen", "r", ps_bytes("\x80", 1)), P2PSYNC_OK);
    after = case_state(&here);
    cr_assert_not(ps_hash_equal(&before.common, &after.common));
}

/* A list that has no room for all says of which logs it is; all windows of a width have all. */
Test(summary, lists_say_of_which_logs_they_are)
{
    const struct ps_summary_part parts[] = {
        {.name = ps_bytes_text("a"), .logs = ps_log_range_all()},
        {.name = ps_bytes_text("b"), .logs = ps_log_range_all()},
        {.name = ps_bytes_text(CASE_NOTES), .logs = ps_log_range_all()}};
    struct ps_summary_wanted wanted = {.parts = parts, .count = 3};
    struct author author;
    struct ps_buf out;
    cr_assert_eq(case_put(&here, "a", "r", ps_bytes("\x80", 1)), P2PSYNC_OK);
    for (uint64_t i = 0; i < 7; i++) { /* seven logs of one collection */
        author_init(&author, 3);
        author.identity.incarnation = i;
        const struct author_change change = {.op_and_flags = PS_OP_CREATE, .id = "r", .hlc = 1};
        (void)author_add(&author, &change);
        author_deliver_all(&author, &here);
        author_deinit(&author);
    }
    ps_buf_init(&out, PS_MESSAGE_SIZE_MAX);
    struct ps_txn txn = case_begin(&here, false);
    for (wanted.heads_max = 1; wanted.heads_max < 10; wanted.heads_max++) {
        struct ps_log_id last = {.branch = {0}};
        size_t found = 0;
        for (wanted.skip = 0; wanted.skip < 8; wanted.skip += wanted.heads_max) {
            struct ps_summary_told told;
            struct ps_cursor cursor;
            struct ps_summary_part part;
            size_t count = 0;
            ps_buf_clear(&out);
            cr_assert_eq(ps_summary_heads(&txn, &wanted, &told, &out), P2PSYNC_OK);
            cr_assert_eq(told.total, 8);
            cr_assert_eq(told.whole, wanted.skip + wanted.heads_max >= 8);
            (void)ps_message_cursor_begin(&cursor, ps_buf_view(&out));
            while (ps_summary_next_collection(&cursor, &part)) {
                struct ps_cursor heads;
                struct ps_short_head head;
                bool notes = ps_bytes_equal(part.name, ps_bytes_text(CASE_NOTES));
                bool all = wanted.skip <= 1 && wanted.skip + wanted.heads_max >= 8;
                cr_assert_eq(ps_log_range_is_all(&part.logs), !notes || all);
                (void)ps_message_cursor_begin(&heads, part.heads);
                while (ps_summary_next_head(&heads, &head)) {
                    cr_assert_geq(ps_log_id_compare(&head.log, &part.logs.first), 0);
                    cr_assert_leq(ps_log_id_compare(&head.log, &part.logs.last), 0);
                    cr_assert(!notes || ps_log_id_compare(&head.log, &last) > 0, "each once");
                    last = notes ? head.log : last;
                    count++;
                }
            }
            cr_assert_leq(count, wanted.heads_max);
            found += count;
        }
        cr_assert_eq(found, 8);
    }
    ps_txn_abort(&txn);
    ps_buf_deinit(&out);
}

Test(summary, lists_name_what_is_held)
{
    struct ps_buf out;
    struct ps_cursor cursor;
    struct ps_cursor heads;
    struct ps_summary_part part;
    struct ps_summary_told told;
    struct ps_short_head head;
    case_set(&here, 1000, "r", 1);
    case_set(&here, 1000, "s", 1);
    cr_assert_eq(case_put(&here, "a", "r", ps_bytes("\x80", 1)), P2PSYNC_OK);
    cr_assert_eq(case_put(&here, "_local", "r", ps_bytes("\x80", 1)), P2PSYNC_OK);
    ps_buf_init(&out, PS_MESSAGE_SIZE_MAX);
    struct ps_txn txn = case_begin(&here, false);
    const struct ps_summary_part parts[] = {
        {.name = ps_bytes_text(CASE_NOTES), .logs = ps_log_range_all()},
        {.name = ps_bytes_text("unknown"), .logs = ps_log_range_all()}};
    const struct ps_summary_wanted wanted = {.parts = parts, .count = 2, .heads_max = 9};
    cr_assert_eq(ps_summary_heads(&txn, &wanted, &told, &out), P2PSYNC_OK);
    cr_assert(told.whole);
    cr_assert_eq(ps_message_cursor_begin(&cursor, ps_buf_view(&out)), 2);
    cr_assert(ps_summary_next_collection(&cursor, &part));
    cr_assert_eq(ps_message_cursor_begin(&heads, part.heads), 1);
    cr_assert(ps_summary_next_head(&heads, &head));
    cr_assert_eq(head.size, 2);
    cr_assert(ps_summary_next_collection(&cursor, &part));
    cr_assert_eq(ps_message_cursor_begin(&heads, part.heads), 0);
    ps_txn_abort(&txn);
    ps_buf_deinit(&out);
}
