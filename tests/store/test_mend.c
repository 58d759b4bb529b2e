/* Damaged entries: found, listed, and put back from what a peer sends; and a peer that lies. */
#include <criterion/criterion.h>
#include <string.h>

#include "store/apply/judge.h"
#include "store/env/keys.h"
#include "store/log/check.h"
#include "tests/lib/author.h"

#define ENTRIES 700 /* two blocks of 256 and a part of one */

static struct store_case here;
static struct author one;
static struct ps_log log_here;

static void add_changes(struct author *author, size_t count)
{
    struct ps_buf fields;
    ps_buf_init(&fields, 64);
    for (size_t i = author->count; i < count; i++) {
        char id[16];
        (void)snprintf(id, sizeof id, "r%zu", i);
        ps_buf_clear(&fields);
        struct author_change change = {.op_and_flags = PS_OP_CREATE,
                                       .id = id,
                                       .hlc = i + 1,
                                       .fields = case_fields(&fields, "n", (int64_t)i)};
        (void)author_add(author, &change);
    }
    ps_buf_deinit(&fields);
}

static void setup(void)
{
    case_open(&here, 1);
    author_init(&one, 2);
    add_changes(&one, ENTRIES);
    author_deliver_all(&one, &here);
    (void)case_apply(&here);
    cr_assert_eq(author_log(&one, &here, &log_here), P2PSYNC_OK);
}

static void teardown(void)
{
    author_deinit(&one);
    case_close(&here);
}

TestSuite(test_mend, .init = setup, .fini = teardown, .timeout = 60);

static void damage(uint64_t seq)
{
    struct ps_txn txn = case_begin(&here, true);
    struct ps_key key = ps_key_entry(log_here.number, seq);
    cr_assert_eq(ps_db_delete(&txn, PS_DB_ENTRIES, ps_key_view(&key)), P2PSYNC_OK);
    case_commit(&txn);
}

static void damage_node(unsigned level, uint64_t index)
{
    uint8_t other[PS_HASH_SIZE] = {7};
    struct ps_txn txn = case_begin(&here, true);
    struct ps_key key = ps_key_node(log_here.number, level, index);
    cr_assert_eq(ps_db_put(&txn, PS_DB_NODES, ps_key_view(&key), ps_bytes(other, sizeof other)),
                 P2PSYNC_OK);
    case_commit(&txn);
}

/* Check the log, in pieces, and write down what is found. */
static struct ps_log_check check(bool *sound)
{
    struct ps_log_check it;
    struct ps_txn txn = case_begin(&here, true);
    cr_assert_eq(ps_log_check_begin(&txn, log_here.number, &it), P2PSYNC_OK);
    while (it.at < it.end) {
        cr_assert_eq(ps_log_check_step(&txn, &it, 100), P2PSYNC_OK);
    }
    cr_assert_eq(ps_log_check_end(&txn, &here.identity.mesh, &it, sound), P2PSYNC_OK);
    case_commit(&txn);
    return it;
}

static uint64_t listed(void)
{
    uint64_t count = 0;
    struct ps_txn txn = case_begin(&here, false);
    cr_assert_eq(ps_damage_count(&txn, &count), P2PSYNC_OK);
    ps_txn_abort(&txn);
    return count;
}

/* What `author` would send: the changes [from, to) under its head of `head_size`. */
struct sending {
    const struct author *author;
    uint64_t from;
    uint64_t to;
    uint64_t head_size;
    const struct ps_buf *instead; /* of the first entry */
};

static p2psync_result mend(const struct sending *sending)
{
    struct ps_buf entries;
    struct ps_range mended;
    ps_buf_init(&entries, PS_MESSAGE_SIZE_MAX);
    for (uint64_t i = sending->from; i < sending->to; i++) {
        bool other = i == sending->from && sending->instead != NULL;
        const struct ps_buf *entry = other ? sending->instead : &sending->author->bytes[i];
        cr_assert_eq(ps_buf_append(&entries, entry->data, entry->size), P2PSYNC_OK);
    }
    struct ps_proof proof = author_proof(sending->author, sending->to, sending->head_size);
    struct ps_chunk chunk = {.from = sending->from,
                             .entries = ps_buf_view(&entries),
                             .head = author_head(sending->author, sending->head_size),
                             .root_implied = sending->to == sending->head_size,
                             .proof = &proof};
    struct ps_txn txn = case_begin(&here, true);
    p2psync_result result = ps_receive_mend(&txn, &log_here, &chunk, &mended);
    if (result == P2PSYNC_OK) {
        result = ps_judge_mended(&txn, &log_here, mended);
    }
    if (result == P2PSYNC_OK) {
        case_commit(&txn);
    }
    ps_txn_abort(&txn);
    ps_buf_deinit(&entries);
    return result;
}

Test(test_mend, sound_log_is_sound)
{
    bool sound = false;
    struct ps_log_check it = check(&sound);
    cr_expect(sound);
    cr_expect_eq(it.damaged + it.nodes, 0);
    cr_expect_eq(listed(), 0);
}

Test(test_mend, damaged_entries_are_listed_and_the_rest_is_checked_all_the_same)
{
    bool sound = false;
    damage(3);
    damage(300);
    damage(301);
    damage(ENTRIES - 1);
    struct ps_log_check it = check(&sound);
    cr_expect_eq(it.damaged, 4);
    cr_expect_eq(it.nodes, 0);
    cr_expect(sound, "rows of subtrees stand for what is damaged");
    cr_expect_eq(listed(), 4);
}

Test(test_mend, wrong_rows_of_subtrees_are_written_anew)
{
    bool sound = false;
    damage_node(8, 1);
    damage_node(9, 0);
    struct ps_log_check it = check(&sound);
    cr_expect_eq(it.nodes, 2);
    cr_expect(sound);
    it = check(&sound);
    cr_expect_eq(it.nodes, 0);
}

Test(test_mend, entries_are_put_back_in_order)
{
    bool sound = false;
    damage(3);
    damage(300);
    damage(301);
    damage(ENTRIES - 1);
    (void)check(&sound);
    struct sending second = {.author = &one, .from = 300, .to = 310, .head_size = ENTRIES};
    struct sending first = {.author = &one, .from = 3, .to = 4, .head_size = ENTRIES};
    struct sending last = {
        .author = &one, .from = ENTRIES - 1, .to = ENTRIES, .head_size = ENTRIES};
    cr_expect_eq(mend(&first), P2PSYNC_OK);
    cr_expect_eq(mend(&second), P2PSYNC_OK);
    cr_expect_eq(mend(&last), P2PSYNC_OK);
    cr_expect_eq(listed(), 0);
    cr_expect_eq(check(&sound).damaged, 0);
    cr_expect(case_logs_are_sound(&here));
}

Test(test_mend, nothing_else_can_be_put_in)
{
    bool sound = false;
    struct author other;
    struct ps_buf bodyless;
    struct ps_bytes bytes = ps_buf_view(&one.bytes[3]);
    struct ps_entry entry;
    damage(3);
    (void)check(&sound);
    struct sending swapped = {
        .author = &one, .from = 3, .to = 5, .head_size = ENTRIES, .instead = &one.bytes[4]};
    cr_expect_eq(mend(&swapped), P2PSYNC_EPROOF);
    struct sending elsewhere = {.author = &one, .from = 4, .to = 5, .head_size = ENTRIES};
    cr_expect_eq(mend(&elsewhere), P2PSYNC_EPROOF, "what comes before it is damaged");
    struct sending beyond = {.author = &one, .from = ENTRIES, .to = ENTRIES, .head_size = ENTRIES};
    cr_expect_eq(mend(&beyond), P2PSYNC_EPROOF);

    author_init(&other, 2); /* the same author has signed another history */
    add_changes(&other, 3);
    struct author_change change = {.op_and_flags = PS_OP_DELETE, .id = "r3", .hlc = 4};
    (void)author_add(&other, &change);
    add_changes(&other, ENTRIES);
    struct sending fork = {.author = &other, .from = 3, .to = 4, .head_size = ENTRIES};
    cr_expect_eq(mend(&fork), P2PSYNC_EPROOF);
    author_deinit(&other);

    ps_buf_init(&bodyless, 65536);
    cr_assert_eq(ps_changes_next(&bytes, &entry), P2PSYNC_OK);
    entry.has_body = false;
    cr_assert_eq(ps_changes_write_entry(&entry, &bodyless), P2PSYNC_OK);
    struct sending without = {
        .author = &one, .from = 3, .to = 4, .head_size = ENTRIES, .instead = &bodyless};
    cr_expect_eq(mend(&without), P2PSYNC_EVERSION,
                 "its leaf is right, but its fields would be gone");
    ps_buf_deinit(&bodyless);

    cr_expect_eq(listed(), 1);
    cr_expect_eq(check(&sound).damaged, 1);
    struct sending true_one = {.author = &one, .from = 3, .to = 4, .head_size = ENTRIES};
    cr_expect_eq(mend(&true_one), P2PSYNC_OK);
    cr_expect_eq(listed(), 0);
}

/* Who sends them may be behind, or ahead; and a head may be held of more than is here. */
Test(test_mend, bytes_are_put_back_whatever_head_comes_with_them)
{
    bool sound = false;
    damage(3);
    (void)check(&sound);
    struct sending shorter = {.author = &one, .from = 3, .to = 4, .head_size = ENTRIES - 1};
    cr_expect_eq(mend(&shorter), P2PSYNC_OK);
    damage(ENTRIES - 2);
    add_changes(&one, ENTRIES + 10);
    struct sending grown = {
        .author = &one, .from = ENTRIES - 2, .to = ENTRIES + 10, .head_size = ENTRIES + 10};
    cr_expect_eq(mend(&grown), P2PSYNC_OK);
    struct author_delivery part = {.from = ENTRIES, .to = ENTRIES + 2, .head_size = ENTRIES + 10};
    cr_assert_eq(author_deliver(&one, &here, &part), P2PSYNC_OK);
    cr_assert_eq(author_log(&one, &here, &log_here), P2PSYNC_OK);
    cr_assert_eq(log_here.head.size, ENTRIES + 10);
    damage(255);
    damage(256);
    struct sending held = {.author = &one, .from = 255, .to = 257, .head_size = ENTRIES + 2};
    cr_expect_eq(mend(&held), P2PSYNC_OK);
    damage(ENTRIES + 1);
    struct sending last = {
        .author = &one, .from = ENTRIES + 1, .to = ENTRIES + 2, .head_size = ENTRIES + 2};
    cr_expect_eq(mend(&last), P2PSYNC_OK);
    cr_expect_eq(check(&sound).damaged, 0);
    cr_expect(sound);
    cr_expect_eq(listed(), 0);
}

/* The mark is this node's own: with the row it is lost. */
Test(test_mend, change_that_is_not_valid_is_marked_so_again)
{
    struct ps_stored stored;
    struct ps_parent parent = {.dot = {.origin = log_here.id.origin, .seq = 0}};
    memcpy(parent.leaf, one.leaf[0].bytes, sizeof parent.leaf);
    struct author_change change = {.op_and_flags = PS_OP_UPDATE,
                                   .id = "r1", /* of another record than its parent */
                                   .hlc = ENTRIES + 1,
                                   .parent_count = 1,
                                   .parents = {parent}};
    (void)author_add(&one, &change);
    struct author_delivery more = {.from = ENTRIES, .to = ENTRIES + 1, .head_size = ENTRIES + 1};
    cr_assert_eq(author_deliver(&one, &here, &more), P2PSYNC_OK);
    (void)case_apply(&here);
    cr_assert_eq(author_log(&one, &here, &log_here), P2PSYNC_OK);
    damage(ENTRIES);
    struct sending it = {
        .author = &one, .from = ENTRIES, .to = ENTRIES + 1, .head_size = ENTRIES + 1};
    cr_assert_eq(mend(&it), P2PSYNC_OK);
    struct ps_txn txn = case_begin(&here, false);
    cr_assert_eq(ps_stored_get_own(&txn, log_here.number, ENTRIES, &stored), P2PSYNC_OK);
    cr_expect(stored.inert);
    ps_txn_abort(&txn);
}

Test(test_mend, only_so_many_are_listed_at_a_time)
{
    bool sound = false;
    add_changes(&one, PS_DAMAGED_MAX + 1);
    struct author_delivery more = {
        .from = ENTRIES, .to = PS_DAMAGED_MAX + 1, .head_size = PS_DAMAGED_MAX + 1};
    cr_assert_eq(author_deliver(&one, &here, &more), P2PSYNC_OK);
    for (uint64_t seq = 0; seq <= PS_DAMAGED_MAX; seq++) {
        damage(seq);
    }
    cr_expect_eq(check(&sound).damaged, PS_DAMAGED_MAX + 1);
    cr_expect_eq(listed(), PS_DAMAGED_MAX);
}
