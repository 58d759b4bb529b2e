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

Test(summary, lists_name_what_is_held)
{
    struct ps_buf out;
    struct ps_cursor cursor;
    struct ps_cursor heads;
    struct ps_bytes name;
    struct ps_bytes list;
    struct ps_short_head head;
    case_set(&here, 1000, "r", 1);
    case_set(&here, 1000, "s", 1);
    cr_assert_eq(case_put(&here, "a", "r", ps_bytes("\x80", 1)), P2PSYNC_OK);
    cr_assert_eq(case_put(&here, "_local", "r", ps_bytes("\x80", 1)), P2PSYNC_OK);
    ps_buf_init(&out, PS_MESSAGE_SIZE_MAX);
    struct ps_txn txn = case_begin(&here, false);
    struct ps_bytes names[] = {ps_bytes_text(CASE_NOTES), ps_bytes_text("unknown")};
    cr_assert_eq(ps_summary_heads(&txn, names, 2, &out), P2PSYNC_OK);
    cr_assert_eq(ps_message_cursor_begin(&cursor, ps_buf_view(&out)), 2);
    cr_assert(ps_summary_next_collection(&cursor, &name, &list));
    cr_assert_eq(ps_message_cursor_begin(&heads, list), 1);
    cr_assert(ps_summary_next_head(&heads, &head));
    cr_assert_eq(head.size, 2);
    cr_assert(ps_summary_next_collection(&cursor, &name, &list));
    cr_assert_eq(ps_message_cursor_begin(&heads, list), 0);
    ps_txn_abort(&txn);
    ps_buf_deinit(&out);
}
