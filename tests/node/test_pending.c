/* What is told of changes that wait: each cause, and what it is about. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "node/view/pending.h"
#include "tests/lib/author.h"

#define SINCE_MS 1767225600123 /* 2026-01-01T00:00:00.123Z */

static struct store_case here;
static struct author one;
static struct ps_buf buf;
static struct ps_buf out;

static void setup(void)
{
    case_open(&here, 1);
    author_init(&one, 2);
    ps_buf_init(&buf, 1024);
    ps_buf_init(&out, 16777216);
}

static void teardown(void)
{
    ps_buf_deinit(&out);
    ps_buf_deinit(&buf);
    author_deinit(&one);
    case_close(&here);
}

TestSuite(test_pending, .init = setup, .fini = teardown, .timeout = 120);

static const struct ps_parent lost = {.dot = {.origin = {{7}}, .seq = 3}};

/* With a parent: one that is not here. */
static void add(struct author *author, const char *id, bool has_parent, uint32_t flags)
{
    const struct author_change change = {.op_and_flags = PS_OP_UPDATE | flags,
                                         .id = id,
                                         .hlc = 10 + author->count,
                                         .parent_count = has_parent ? 1 : 0,
                                         .parents = {lost},
                                         .fields = case_fields(&buf, "n", 1)};
    (void)author_add(author, &change);
}

static void apply(void)
{
    const struct ps_apply_bounds bounds = {.limit = PS_APPLY_BATCH_MAX, .now_ms = SINCE_MS};
    struct ps_applied applied;
    struct ps_txn txn = case_begin(&here, true);
    cr_assert_eq(ps_apply(&txn, &bounds, &applied), P2PSYNC_OK);
    case_commit(&txn);
}

/* The answer, and how much it has. */
static uint32_t write(struct ps_reader *reader)
{
    struct ps_txn txn = case_begin(&here, false);
    ps_buf_clear(&out);
    cr_assert_eq(ps_view_pending_write(&txn, &out), P2PSYNC_OK);
    ps_txn_abort(&txn);
    ps_reader_init(reader, ps_buf_view(&out));
    return ps_read_array(reader);
}

static struct ps_bytes field(struct ps_bytes map, const char *key)
{
    struct ps_reader reader;
    ps_reader_init(&reader, ps_value_field(map, ps_bytes_text(key)));
    return ps_read_str(&reader, 300);
}

static void expect_text(struct ps_bytes map, const char *key, const char *text)
{
    struct ps_bytes said = field(map, key);
    cr_expect(ps_bytes_equal(said, ps_bytes_text(text)), "%s is %.*s, not %s", key, (int)said.size,
              (const char *)said.data, text);
}

static uint64_t changes_of(struct ps_bytes map)
{
    struct ps_reader reader;
    ps_reader_init(&reader, ps_value_field(map, ps_bytes_text("changes")));
    return ps_read_uint(&reader);
}

static const char *dot_text(struct ps_dot dot)
{
    static char text[PS_DOT_TEXT_SIZE];
    ps_dot_text(dot, text);
    return text;
}

static struct ps_tag tag_of(struct author *author)
{
    struct ps_log log;
    cr_assert_eq(author_log(author, &here, &log), P2PSYNC_OK);
    return log.id.origin;
}

Test(test_pending, nothing_waits_in_a_sound_store)
{
    struct ps_reader reader;
    add(&one, "r", false, 0);
    author_deliver_all(&one, &here);
    apply();
    cr_assert_eq(write(&reader), 0);
}

/* The second change of a transaction of three is the one that waits. */
Test(test_pending, tells_whose_change_waits_for_which_parent_and_since_when)
{
    struct ps_reader reader;
    char device[PS_DEVICE_TEXT_SIZE];
    char fingerprint[PS_FINGERPRINT_TEXT_SIZE];
    add(&one, "begins", false, PS_CHANGE_MORE);
    add(&one, "milk", true, PS_CHANGE_MORE);
    add(&one, "ends", false, 0);
    author_deliver_all(&one, &here);
    apply();
    cr_assert_eq(write(&reader), 1);
    struct ps_bytes map = ps_read_value(&reader, 4);
    ps_device_text(&one.identity.device, device);
    ps_device_fingerprint(&one.identity.device, fingerprint);
    expect_text(map, "collection", CASE_NOTES);
    expect_text(map, "id", "milk");
    expect_text(map, "version", dot_text((struct ps_dot){.origin = tag_of(&one), .seq = 1}));
    expect_text(map, "device", device);
    expect_text(map, "fingerprint", fingerprint);
    expect_text(map, "name", fingerprint);
    expect_text(map, "cause", "parent");
    expect_text(map, "waits_for", dot_text(lost.dot));
    expect_text(map, "since", "2026-01-01T00:00:00.123Z");
    cr_expect_eq(changes_of(map), 3);
}

Test(test_pending, a_part_of_a_transaction_waits_for_the_change_after_it)
{
    struct ps_reader reader;
    add(&one, "whole", false, 0);
    add(&one, "begins", false, PS_CHANGE_MORE);
    add(&one, "goes-on", false, PS_CHANGE_MORE);
    author_deliver_all(&one, &here);
    cr_assert_eq(write(&reader), 1);
    struct ps_bytes map = ps_read_value(&reader, 4);
    expect_text(map, "cause", "turn");
    expect_text(map, "id", "whole");
    expect_text(map, "waits_for", "");
    apply();
    cr_assert_eq(write(&reader), 1);
    map = ps_read_value(&reader, 4);
    expect_text(map, "cause", "transaction");
    expect_text(map, "id", "begins");
    expect_text(map, "waits_for", dot_text((struct ps_dot){.origin = tag_of(&one), .seq = 3}));
    expect_text(map, "since", "");
    cr_expect_eq(changes_of(map), 2);
}

/* Five logs in which as many wait as may be are more than are told. */
Test(test_pending, a_crowd_is_told_as_such_and_the_answer_is_bounded)
{
    static struct author crowd[5];
    struct ps_reader reader;
    for (uint64_t i = 0; i < 5; i++) {
        author_init(&crowd[i], 3 + i);
        for (unsigned n = 0; n < PS_WAITING_MAX + 2; n++) {
            add(&crowd[i], "r", true, 0);
        }
        author_deliver_all(&crowd[i], &here);
        apply();
        if (i == 0) {
            cr_assert_eq(write(&reader), PS_WAITING_MAX + 1);
            for (unsigned n = 0; n < PS_WAITING_MAX; n++) {
                (void)ps_read_value(&reader, 4);
            }
            struct ps_bytes last = ps_read_value(&reader, 4);
            expect_text(last, "cause", "crowd");
            cr_expect_eq(changes_of(last), 2);
        }
    }
    cr_assert_eq(write(&reader), PS_PENDING_TOLD_MAX);
    for (size_t i = 0; i < 5; i++) {
        author_deinit(&crowd[i]);
    }
}
