/* Merging in pieces: what is left over is right for readers and writers meanwhile, survives, and
 * comes to what merging at once comes to. Time is not looked at: pieces are counted. */
#include <criterion/criterion.h>
#include <string.h>

#include "store/apply/refresh.h"
#include "store/merge/stale.h"
#include "tests/lib/literal.h"
#include "tests/lib/store_case.h"
#include "wire/codec.h"

#define RECORDS 16
#define BLOCK   300 /* lines: a merge of such texts costs some 400,000 steps */

static struct store_case here;
static struct store_case there;
static struct store_case third;
static struct ps_buf text;

static void setup(void)
{
    ps_buf_init(&text, PS_VALUE_SIZE_MAX);
    case_open(&here, 1);
    case_open(&there, 2);
    case_open(&third, 3);
}

static void teardown(void)
{
    case_close(&third);
    case_close(&there);
    case_close(&here);
    ps_buf_deinit(&text);
}

TestSuite(refresh, .init = setup, .fini = teardown, .timeout = 300);

/* {"t": lines}, a block of lines for each letter. */
static struct ps_bytes blocks(const char *letters)
{
    static char lines[8 * BLOCK * 2];
    size_t size = 0;
    for (const char *letter = letters; *letter != '\0'; letter++) {
        for (size_t i = 0; i < BLOCK; i++) {
            lines[size++] = *letter;
            lines[size++] = '\n';
        }
    }
    struct ps_writer writer;
    ps_buf_clear(&text);
    ps_writer_init(&writer, &text);
    ps_write_map(&writer, 1);
    ps_write_text(&writer, "t");
    ps_write_str(&writer, ps_bytes(lines, size));
    cr_assert_eq(ps_writer_finish(&writer), P2PSYNC_OK);
    return ps_buf_view(&text);
}

static const char *id_of(unsigned i)
{
    static char id[16];
    (void)snprintf(id, sizeof id, "r%02u", i);
    return id;
}

static void put(struct store_case *c, const char *collection, const char *id,
                struct ps_bytes fields)
{
    cr_assert_eq(case_put(c, collection, id, fields), P2PSYNC_OK);
}

static void set_rules(struct store_case *c, const char *settings)
{
    put(c, "_collections", CASE_NOTES, literal(settings));
    literal_clear();
}

static void copy(struct store_case *from, struct store_case *to)
{
    struct exchange whole = {.prng = NULL};
    case_exchange(from, to, &whole);
}

static bool waits(struct store_case *c)
{
    bool left = false;
    struct ps_txn txn = case_begin(c, false);
    cr_assert_eq(ps_refresh_waits(&txn, &left), P2PSYNC_OK);
    ps_txn_abort(&txn);
    return left;
}

/* One piece; first the same in a transaction that comes to nothing, as if it had been killed. */
static void piece(struct store_case *c)
{
    struct ps_txn txn = case_begin(c, true);
    cr_assert_eq(ps_refresh(&txn), P2PSYNC_OK);
    ps_txn_abort(&txn);
    case_reopen(c);
    txn = case_begin(c, true);
    cr_assert_eq(ps_refresh(&txn), P2PSYNC_OK);
    case_commit(&txn);
}

/* How many pieces it took to merge all. */
static unsigned finish(struct store_case *c)
{
    unsigned pieces = 0;
    while (waits(c)) { /* each piece merges one at least */
        piece(c);
        pieces++;
    }
    return pieces;
}

/* Records that two devices have edited apart. Both hold both edits, and nothing is set. */
static void contest(void)
{
    for (unsigned i = 0; i < RECORDS; i++) {
        put(&here, CASE_NOTES, id_of(i), blocks("aabb"));
    }
    put(&here, CASE_NOTES, "z", literal("{t: 'first', n: 1, m: 1}"));
    copy(&here, &there);
    (void)case_apply(&there);
    for (unsigned i = 0; i < RECORDS; i++) {
        put(&here, CASE_NOTES, id_of(i), blocks("bbaa"));
        put(&there, CASE_NOTES, id_of(i), blocks("baab"));
    }
    put(&here, CASE_NOTES, "z", literal("{n: 3}"));
    put(&there, CASE_NOTES, "z", literal("{n: 11}"));
    copy(&here, &there);
    copy(&there, &here);
    (void)case_apply(&here);
    (void)case_apply(&there);
    cr_assert_eq(finish(&here) + finish(&there), 0, "by time they are merged at once");
    literal_clear();
}

/* What a reader of `c` sees of each record is what the rows of `other` say. */
static void assert_seen(struct store_case *c, struct store_case *other)
{
    struct ps_buf buf;
    ps_buf_init(&buf, UINT32_MAX);
    uint32_t number = case_collection(c, CASE_NOTES).number;
    uint32_t other_number = case_collection(other, CASE_NOTES).number;
    struct ps_txn txn = case_begin(c, false);
    struct ps_txn other_txn = case_begin(other, false);
    for (unsigned i = 0; i <= RECORDS; i++) {
        struct ps_record_row row;
        struct ps_view view;
        struct ps_view expected;
        struct ps_bytes id = ps_bytes_text(i == RECORDS ? "z" : id_of(i));
        cr_assert_eq(ps_record_get(&other_txn, other_number, id, &row), P2PSYNC_OK);
        ps_record_view(&row, &expected);
        cr_assert_eq(ps_stale_get(&txn, number, id, &row, &buf), P2PSYNC_OK);
        ps_record_view(&row, &view);
        cr_assert(ps_bytes_equal(view.value, expected.value), "record %u", i);
        cr_assert_eq(view.conflict, expected.conflict);
        cr_assert_eq(view.open, expected.open);
        cr_assert_eq(view.state, expected.state);
        cr_assert_eq(ps_dot_compare(view.winner.dot, expected.winner.dot), 0);
    }
    ps_txn_abort(&other_txn);
    ps_txn_abort(&txn);
    ps_buf_deinit(&buf);
}

/* All that `from` holds, applied in a store in which nothing was merged by other rules before. */
static void learn(struct store_case *from, struct store_case *c)
{
    copy(from, c);
    (void)case_apply(c);
    (void)finish(c);
}

Test(refresh, of_settings_goes_in_pieces_and_readers_are_right_meanwhile)
{
    contest();
    set_rules(&here, "{field.t: 'text', field.n: 'counter'}");
    learn(&here, &third);
    cr_assert(waits(&here), "only a piece is merged with the settings");
    unsigned pieces = 0;
    while (waits(&here)) { /* each piece merges one at least */
        assert_seen(&here, &third);
        piece(&here);
        pieces++;
    }
    cr_assert_geq(pieces, 4);
    cr_assert_leq(pieces, RECORDS);
    cr_assert(case_same_records(&here, &third));
}

Test(refresh, of_settings_that_are_changed_back_meanwhile_begins_anew)
{
    contest();
    set_rules(&here, "{field.t: 'text', field.n: 'counter'}");
    piece(&here);
    cr_assert(waits(&here));
    set_rules(&here, "{field.t: 'last_write_wins', strategy: 'manual'}");
    learn(&here, &third);
    assert_seen(&here, &third);
    (void)finish(&here);
    cr_assert(case_same_records(&here, &third));
    cr_assert_eq(case_collection(&here, CASE_NOTES).conflicts, RECORDS + 1);
}

Test(refresh, is_left_over_by_a_batch_that_would_cost_too_much)
{
    contest();
    set_rules(&here, "{field.t: 'text', field.n: 'counter'}");
    (void)finish(&here);
    copy(&here, &third);
    struct ps_applied applied;
    struct ps_txn txn = case_begin(&third, true);
    cr_assert_eq(ps_apply(&txn, &(struct ps_apply_bounds){.limit = PS_APPLY_BATCH_MAX}, &applied),
                 P2PSYNC_OK);
    case_commit(&txn);
    cr_assert_not(applied.more, "all is applied");
    assert_seen(&third, &here);
    unsigned pieces = finish(&third);
    cr_assert_geq(pieces, 4, "%u", pieces);
    cr_assert(case_same_records(&here, &third));
    cr_assert_eq(case_collection(&third, CASE_NOTES).conflicts, RECORDS);
}

/* The edit is made on top of both versions, so what is not in it is gone. */
Test(refresh, is_not_waited_for_by_an_edit)
{
    contest();
    set_rules(&here, "{field.t: 'text', field.n: 'counter'}");
    cr_assert(waits(&here));
    cr_assert_eq(case_version_count(&here, "z"), 2);
    put(&here, CASE_NOTES, "z", literal("{m: 2}"));
    cr_assert_eq(case_version_count(&here, "z"), 1);
    cr_assert_eq(case_shown(&here, "z"), 3 - 1 + 11);
    (void)finish(&here);
    cr_assert_eq(case_shown(&here, "z"), 3 - 1 + 11);
}

/* {"a": lines, "b": lines ...}: `count` lines of one letter each in four fields. */
static struct ps_bytes letters(struct ps_buf *buf, uint64_t seed, size_t count)
{
    static char lines[2 * 12000];
    struct ps_writer writer;
    struct prng prng = prng_new(seed, 0);
    ps_buf_clear(buf);
    ps_writer_init(&writer, buf);
    ps_write_map(&writer, 4);
    for (size_t field = 0; field < 4; field++) {
        const char name[2] = {(char)('a' + field), '\0'};
        for (size_t i = 0; i < count; i++) {
            lines[2 * i] = (char)('a' + prng_below(&prng, 26));
            lines[2 * i + 1] = '\n';
        }
        ps_write_text(&writer, name);
        ps_write_str(&writer, ps_bytes(lines, 2 * count));
    }
    cr_assert_eq(ps_writer_finish(&writer), P2PSYNC_OK);
    return ps_buf_view(buf);
}

/* Four fields of 12,000 lines that are all other lines: no text of them is given up before the
 * limit, and the one that goes over it ends the merge. */
Test(refresh, of_one_record_costs_no_more_than_the_limit)
{
    struct ps_buf buf;
    struct ps_merged merged = {.copies = 0};
    struct ps_rules rules;
    ps_buf_init(&buf, PS_VALUE_SIZE_MAX);
    set_rules(&here, "{field.a: 'text', field.b: 'text', field.c: 'text', field.d: 'text'}");
    put(&here, CASE_NOTES, "r", letters(&buf, 1, 12000));
    copy(&here, &there);
    (void)case_apply(&there);
    put(&here, CASE_NOTES, "r", letters(&buf, 2, 12000));
    put(&there, CASE_NOTES, "r", letters(&buf, 3, 12000));
    copy(&there, &here);
    (void)case_apply(&here);
    struct ps_txn txn = case_begin(&here, false);
    struct ps_record_row row;
    struct ps_version versions[2];
    uint32_t number = case_collection(&here, CASE_NOTES).number;
    cr_assert_eq(ps_record_get(&txn, number, ps_bytes_text("r"), &row), P2PSYNC_OK);
    cr_assert_eq(row.version_count, 2);
    ps_record_version(&row, 0, &versions[0]);
    ps_record_version(&row, 1, &versions[1]);
    cr_assert_eq(ps_rules_read(&txn, ps_bytes_text(CASE_NOTES), &rules), P2PSYNC_OK);
    const struct ps_merge merge = {.txn = &txn,
                                   .collection = number,
                                   .rules = &rules,
                                   .versions = versions,
                                   .version_count = 2};
    cr_assert_eq(ps_merge(&merge, &merged), P2PSYNC_OK);
    cr_expect_gt(merged.work, PS_PIECE_WORK_MAX, "a piece of its own");
    cr_expect_leq(merged.work, PS_MERGE_WORK_MAX + 2 * PS_TEXT_WORK_MAX + 1024 * 1024);
    ps_merged_deinit(&merged);
    ps_rules_deinit(&rules);
    ps_txn_abort(&txn);
    ps_buf_deinit(&buf);
}

Test(refresh, of_one_collection_leaves_others_alone)
{
    contest();
    set_rules(&here, "{field.t: 'text'}");
    (void)finish(&here);
    put(&here, "_collections", "others", literal("{field.t: 'text'}"));
    cr_assert_not(waits(&here));
}
