/* What would undo a device's changes. Two devices edit, exchange what they hold, and the plan is
 * told as text: "r update a=1 -b !c" sets a, takes b out and keeps c. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/history/revert.h"
#include "tests/lib/author.h"

static struct store_case one; /* whose changes are undone */
static struct store_case two;

static void setup(void)
{
    case_open(&one, 1);
    case_open(&two, 2);
}

static void teardown(void)
{
    case_close(&two);
    case_close(&one);
}

TestSuite(revert, .init = setup, .fini = teardown, .timeout = 300);

/* Edit at `now_ms`; field NULL: none. A name that begins with '-' is taken out. */
static void edit(struct store_case *c, uint64_t now_ms, ps_edit_kind kind, const char *field,
                 int64_t number)
{
    struct ps_buf fields;
    struct ps_buf unset;
    struct ps_writer writer;
    ps_buf_init(&fields, 1024);
    ps_buf_init(&unset, 1024);
    struct ps_edit one_edit = {.kind = kind, .id = ps_bytes_text("r")};
    if (field != NULL && field[0] == '-') {
        ps_writer_init(&writer, &unset);
        ps_write_array(&writer, 1);
        ps_write_text(&writer, field + 1);
        one_edit.unset = ps_buf_view(&unset);
    } else if (field != NULL) {
        one_edit.fields = case_fields(&fields, field, number);
    }
    struct ps_write write = {.collection = ps_bytes_text(CASE_NOTES),
                             .now_ms = now_ms,
                             .edits = &one_edit,
                             .edit_count = 1};
    cr_assert_eq(case_write(c, &write, NULL), P2PSYNC_OK);
    ps_buf_deinit(&unset);
    ps_buf_deinit(&fields);
}

static void put(struct store_case *c, uint64_t now_ms, const char *field, int64_t number)
{
    edit(c, now_ms, PS_EDIT_PUT, field, number);
}

/* Both hold all. */
static void meet(void)
{
    struct exchange all = {.prng = NULL};
    case_exchange(&one, &two, &all);
    case_exchange(&two, &one, &all);
    (void)case_apply(&one);
    (void)case_apply(&two);
}

static size_t tell_name(char *text, size_t size, const char *sign, struct ps_bytes name)
{
    return (size_t)snprintf(text, size, "%s%.*s", sign, (int)name.size, (const char *)name.data);
}

static size_t tell_names(char *text, size_t size, const char *sign, struct ps_bytes names)
{
    struct ps_reader reader;
    size_t used = 0;
    ps_reader_init(&reader, names);
    for (uint32_t left = ps_read_array(&reader); left > 0; left--) {
        used += tell_name(text + used, size - used, sign, ps_read_str(&reader, 64));
    }
    cr_assert_eq(ps_reader_finish(&reader), P2PSYNC_OK);
    return used;
}

static size_t tell_item(char *text, size_t size, const struct ps_revert_item *item)
{
    static const char *const ops[] = {"none", "update", "delete", "restore", "archive"};
    struct ps_reader reader;
    size_t used = tell_name(text, size, "", item->id);
    used += tell_name(text + used, size - used, " ", ps_bytes_text(ops[item->op]));
    ps_reader_init(&reader, item->fields);
    for (uint32_t left = ps_read_map(&reader); left > 0; left--) {
        used += tell_name(text + used, size - used, " ", ps_read_str(&reader, 64));
        used += (size_t)snprintf(text + used, size - used, "=%d", (int)ps_read_uint(&reader));
    }
    cr_assert_eq(ps_reader_finish(&reader), P2PSYNC_OK);
    used += tell_names(text + used, size - used, " -", item->unset);
    return used + tell_names(text + used, size - used, " !", item->kept);
}

/* The plan to undo what device one did from `since_ms` on, as both devices make it. */
static const char *plan(uint64_t since_ms)
{
    static char texts[2][512];
    struct store_case *const cases[] = {&one, &two};
    for (size_t i = 0; i < 2; i++) {
        struct ps_revert_plan made = {.count = 0};
        struct ps_revert_of of = {.collection = case_collection(cases[i], CASE_NOTES).number,
                                  .device = one.identity.device,
                                  .since_ms = since_ms};
        struct ps_txn txn = case_begin(cases[i], false);
        size_t used = 0;
        texts[i][0] = '\0';
        cr_assert_eq(ps_revert_plan(&txn, &of, &made), P2PSYNC_OK);
        for (size_t j = 0; j < made.count; j++) {
            used += tell_item(texts[i] + used, sizeof texts[i] - used, &made.items[j]);
            used += (size_t)snprintf(texts[i] + used, sizeof texts[i] - used, "\n");
        }
        ps_revert_deinit(&made);
        ps_txn_abort(&txn);
    }
    cr_assert_str_eq(texts[0], texts[1]);
    return texts[0];
}

/* ---- fields ---- */

Test(revert, sets_fields_back_to_before_the_first_change_since_then)
{
    put(&two, 1000, "a", 1);
    put(&two, 1001, "b", 1);
    meet();
    put(&one, 2000, "a", 2);
    put(&one, 2001, "c", 2);
    put(&one, 3000, "a", 3);
    edit(&one, 3001, PS_EDIT_PUT, "-b", 0);
    meet();
    cr_expect_str_eq(plan(0), "r update a=1 b=1 -c\n");
    cr_expect_str_eq(plan(2001), "r update a=2 b=1 -c\n");
    cr_expect_str_eq(plan(3000), "r update a=2 b=1\n");
    cr_expect_str_eq(plan(3001), "r update b=1\n");
    cr_expect_str_eq(plan(3002), "");
}

Test(revert, keeps_what_somebody_else_changed_since)
{
    put(&two, 1000, "a", 1);
    put(&two, 1001, "b", 1);
    meet();
    put(&one, 2000, "a", 2);
    put(&one, 2001, "b", 2);
    meet();
    put(&two, 3000, "a", 3);
    meet();
    cr_expect_str_eq(plan(2000), "r update b=1 !a\n");
}

Test(revert, goes_back_to_what_somebody_else_wrote_in_between)
{
    put(&two, 1000, "a", 1);
    meet();
    put(&one, 2000, "a", 2);
    meet();
    put(&two, 3000, "a", 3);
    meet();
    put(&one, 4000, "a", 4);
    meet();
    cr_expect_str_eq(plan(2000), "r update a=3\n");
}

Test(revert, tells_of_records_where_all_is_kept)
{
    put(&two, 1000, "a", 1);
    meet();
    put(&one, 2000, "a", 2);
    meet();
    put(&two, 3000, "a", 3);
    meet();
    cr_expect_str_eq(plan(2000), "r none !a\n");
}

Test(revert, leaves_alone_what_is_undone_already)
{
    put(&one, 1000, "a", 1);
    put(&one, 2000, "a", 2);
    put(&one, 3000, "a", 1);
    meet();
    cr_expect_str_eq(plan(2000), "");
}

/* One edits r, whose time somebody's wrong clock has pushed far ahead, and then another record. */
Test(revert, goes_by_when_a_change_was_written)
{
    struct ps_buf fields;
    ps_buf_init(&fields, 64);
    struct ps_edit other = {
        .kind = PS_EDIT_PUT, .id = ps_bytes_text("q"), .fields = case_fields(&fields, "n", 1)};
    struct ps_write write = {
        .collection = ps_bytes_text(CASE_NOTES), .now_ms = 1500, .edits = &other, .edit_count = 1};
    put(&two, 900000, "a", 1);
    meet();
    put(&one, 1000, "a", 2);
    meet();
    cr_expect_str_eq(plan(2000), "r update a=1\n"); /* nothing says that it is older */
    cr_assert_eq(case_write(&one, &write, NULL), P2PSYNC_OK);
    put(&one, 3000, "b", 3);
    meet();
    cr_expect_str_eq(plan(2000), "r update -b\n");
    cr_expect_str_eq(plan(1000), "q delete\nr update a=1 -b\n");
    ps_buf_deinit(&fields);
}

/* Times need not ascend in a log: every change of the device is looked at. */
Test(revert, looks_at_all_of_a_log)
{
    struct author_change change = {.op_and_flags = PS_OP_CREATE, .id = "a", .hlc = 1000U << 16};
    struct author author;
    struct ps_buf buf;
    struct ps_revert_plan made = {.count = 0};
    ps_buf_init(&buf, 64);
    author_init(&author, 3);
    change.fields = case_fields(&buf, "n", 1);
    (void)author_add(&author, &change);
    change.id = "b";
    change.hlc = 10U << 16;
    (void)author_add(&author, &change);
    change.id = "c";
    change.hlc = UINT64_MAX;
    (void)author_add(&author, &change);
    author_deliver_all(&author, &two);
    (void)case_apply(&two);
    struct ps_revert_of of = {.collection = case_collection(&two, CASE_NOTES).number,
                              .device = author.identity.device,
                              .since_ms = 1000};
    struct ps_txn txn = case_begin(&two, false);
    cr_assert_eq(ps_revert_plan(&txn, &of, &made), P2PSYNC_OK);
    cr_assert_eq(made.count, 2);
    cr_expect(ps_bytes_equal(made.items[0].id, ps_bytes_text("a")));
    cr_expect(ps_bytes_equal(made.items[1].id, ps_bytes_text("c")));
    ps_revert_deinit(&made);
    ps_txn_abort(&txn);
    author_deinit(&author);
    ps_buf_deinit(&buf);
}

/* ---- records ---- */

Test(revert, deletes_what_the_device_made_and_nobody_else_touched)
{
    put(&one, 2000, "a", 1);
    put(&one, 2001, "a", 2);
    meet();
    cr_expect_str_eq(plan(2000), "r delete\n");
    cr_expect_str_eq(plan(2001), "r update a=1\n");
}

Test(revert, takes_only_its_fields_out_of_what_others_use)
{
    put(&one, 2000, "a", 1);
    put(&one, 2001, "b", 1);
    meet();
    put(&two, 3000, "b", 2);
    meet();
    cr_expect_str_eq(plan(2000), "r update -a !b\n");
}

Test(revert, restores_what_the_device_deleted)
{
    put(&two, 1000, "a", 1);
    put(&two, 1001, "b", 2);
    meet();
    put(&one, 1500, "a", 5);
    edit(&one, 2000, PS_EDIT_DELETE, NULL, 0);
    meet();
    cr_expect_str_eq(plan(2000), "r restore a=5 b=2\n");
    cr_expect_str_eq(plan(1500), "r restore a=1 b=2\n");
}

Test(revert, leaves_a_record_as_somebody_else_brought_it_back)
{
    put(&two, 1000, "a", 1);
    put(&two, 1001, "b", 2);
    meet();
    edit(&one, 2000, PS_EDIT_DELETE, NULL, 0);
    meet();
    edit(&two, 3000, PS_EDIT_RESTORE, "a", 1);
    meet();
    cr_expect_str_eq(plan(2000), "r none !a !b\n");
}

Test(revert, does_not_bring_back_what_somebody_else_deleted)
{
    put(&two, 1000, "a", 1);
    meet();
    put(&one, 2000, "a", 2);
    meet();
    edit(&two, 3000, PS_EDIT_DELETE, NULL, 0);
    meet();
    cr_expect_str_eq(plan(2000), "r none !a\n");
}

Test(revert, deletes_again_what_the_device_brought_back)
{
    put(&two, 1000, "a", 1);
    edit(&two, 1001, PS_EDIT_DELETE, NULL, 0);
    meet();
    put(&one, 2000, "a", 2);
    meet();
    cr_expect_str_eq(plan(2000), "r delete\n");
    put(&two, 3000, "b", 1);
    meet();
    cr_expect_str_eq(plan(2000), "r update -a\n");
}

Test(revert, deletes_again_what_somebody_else_deleted_since)
{
    put(&two, 1000, "a", 1);
    meet();
    put(&one, 2000, "a", 2);
    meet();
    edit(&two, 3000, PS_EDIT_DELETE, NULL, 0);
    meet();
    put(&one, 4000, "a", 4);
    meet();
    cr_expect_str_eq(plan(2000), "r delete\n");
}

Test(revert, takes_back_an_archive)
{
    put(&two, 1000, "a", 1);
    meet();
    edit(&one, 2000, PS_EDIT_ARCHIVE, NULL, 0);
    meet();
    cr_expect_str_eq(plan(2000), "r restore\n");
    put(&two, 3000, "b", 1); /* it stays archived */
    meet();
    cr_expect_str_eq(plan(2000), "r restore\n");
}

Test(revert, archives_again_what_the_device_restored)
{
    put(&two, 1000, "a", 1);
    edit(&two, 1001, PS_EDIT_ARCHIVE, NULL, 0);
    meet();
    edit(&one, 2000, PS_EDIT_RESTORE, "a", 1);
    put(&one, 2001, "b", 1);
    meet();
    cr_expect_str_eq(plan(2000), "r archive -b\n");
    put(&two, 3000, "c", 1);
    meet();
    cr_expect_str_eq(plan(2000), "r update -b\n");
}

Test(revert, restores_an_archived_record_that_the_device_deleted_as_archived)
{
    put(&two, 1000, "a", 1);
    edit(&two, 1001, PS_EDIT_ARCHIVE, NULL, 0);
    meet();
    edit(&one, 2000, PS_EDIT_DELETE, NULL, 0);
    meet();
    cr_expect_str_eq(plan(2000), "r archive a=1\n");
}

/* ---- concurrent edits ---- */

Test(revert, gives_a_field_to_whoever_edited_it_at_the_same_time)
{
    put(&two, 1000, "a", 1);
    meet();
    put(&two, 1999, "a", 3);
    put(&one, 2000, "a", 2);
    meet();
    cr_expect_str_eq(plan(2000), "r update a=3\n");
    put(&two, 3000, "b", 1); /* ends the conflict, and keeps a as the later edit left it */
    meet();
    cr_expect_str_eq(plan(2000), "r update a=3\n");
}

Test(revert, deletes_what_somebody_else_deleted_at_the_same_time)
{
    put(&two, 1000, "a", 1);
    meet();
    edit(&two, 1999, PS_EDIT_DELETE, NULL, 0);
    put(&one, 2000, "a", 2);
    meet();
    cr_expect_str_eq(plan(2000), "r delete\n");
}

/* ---- limits ---- */

static void create_many(size_t count)
{
    static struct ps_edit edits[PS_TRANSACTION_CHANGES_MAX];
    static char ids[PS_TRANSACTION_CHANGES_MAX][8];
    cr_assert_leq(count, PS_TRANSACTION_CHANGES_MAX);
    for (size_t i = 0; i < count; i++) {
        (void)snprintf(ids[i], sizeof ids[i], "%x", (unsigned)(0x10000 + i));
        edits[i] = (struct ps_edit){
            .kind = PS_EDIT_PUT, .id = ps_bytes_text(ids[i]), .fields = ps_bytes("\x80", 1)};
    }
    struct ps_write write = {.collection = ps_bytes_text(CASE_NOTES),
                             .now_ms = 2000,
                             .edits = edits,
                             .edit_count = count};
    cr_assert_eq(case_write(&one, &write, NULL), P2PSYNC_OK);
}

static p2psync_result plan_here(size_t *count_out)
{
    struct ps_revert_plan made = {.count = 0};
    struct ps_revert_of of = {.collection = case_collection(&one, CASE_NOTES).number,
                              .device = one.identity.device};
    struct ps_txn txn = case_begin(&one, false);
    p2psync_result result = ps_revert_plan(&txn, &of, &made);
    *count_out = made.count;
    ps_revert_deinit(&made);
    ps_txn_abort(&txn);
    return result;
}

/* However often each was changed, it counts once. */
Test(revert, takes_as_many_records_as_a_transaction_and_no_more)
{
    static struct ps_edit edits[PS_TRANSACTION_CHANGES_MAX];
    size_t count = 0;
    case_close(&one);
    one.map_size = UINT64_C(1) << 29;
    case_open(&one, 1);
    create_many(PS_TRANSACTION_CHANGES_MAX);
    for (size_t i = 0; i < PS_TRANSACTION_CHANGES_MAX; i++) {
        edits[i] = (struct ps_edit){.kind = PS_EDIT_PUT,
                                    .id = ps_bytes_text("10000"),
                                    .fields = i % 2 == 0 ? ps_bytes("\x81\xa1n\x01", 4)
                                                         : ps_bytes("\x81\xa1n\x02", 4)};
    }
    struct ps_write write = {.collection = ps_bytes_text(CASE_NOTES),
                             .now_ms = 3000,
                             .edits = edits,
                             .edit_count = PS_TRANSACTION_CHANGES_MAX};
    cr_assert_eq(case_write(&one, &write, NULL), P2PSYNC_OK);
    cr_assert_eq(plan_here(&count), P2PSYNC_OK);
    cr_assert_eq(count, PS_TRANSACTION_CHANGES_MAX);
    put(&one, 3000, "a", 1);
    cr_assert_eq(plan_here(&count), P2PSYNC_ELIMIT);
}
