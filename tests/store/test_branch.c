/* Logs that fork: every history is carried, under the same name on every device, and the records
 * come to the same, whatever came first. */
#include <criterion/criterion.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "store/log/tree.h"
#include "tests/lib/author.h"
#include "tests/lib/exhaust.h"
#include "tests/wire/vector.h"

#define HISTORIES 4

/* Three histories of one author. They share s0 and s1; the first and the last also a2.
 *
 *     s0 s1 a2 a3 a4        a4 is on top of a change of the other author
 *     s0 s1 b2 b3
 *     s0 s1 a2 c3 c4
 *
 * The other author has o0, on which a4 builds, and o1, on top of b3 and c3, which are on branches,
 * and as far as they are named have the same dot. */
static struct author history[HISTORIES];
#define OTHER 3

static struct store_case here;

static void setup(void)
{
    case_open(&here, 1);
}

static void teardown(void)
{
    for (size_t i = 0; i < HISTORIES; i++) {
        author_deinit(&history[i]);
    }
    case_close(&here);
}

TestSuite(branch, .init = setup, .fini = teardown, .timeout = 300);

struct parents {
    size_t count;
    const struct ps_parent *list;
};

static struct ps_parent add(struct author *to, uint32_t op_and_flags, const char *id, uint64_t hlc,
                            struct parents parents)
{
    struct ps_buf buf;
    ps_buf_init(&buf, 64);
    struct author_change change = {.op_and_flags = op_and_flags,
                                   .id = id,
                                   .hlc = hlc,
                                   .parent_count = parents.count,
                                   .fields = case_fields(&buf, "n", (int64_t)hlc)};
    for (size_t i = 0; i < parents.count; i++) {
        change.parents[i] = parents.list[i];
    }
    struct ps_parent made = author_add(to, &change);
    ps_buf_deinit(&buf);
    return made;
}

static struct parents none(void)
{
    return (struct parents){.count = 0};
}

static struct parents on_one(const struct ps_parent *parent)
{
    return (struct parents){.count = 1, .list = parent};
}

/* more: s1 and what follows it in each history are one transaction, so that the forks are in the
 * middle of it. */
static void write_histories(bool more)
{
    uint32_t go = more ? PS_CHANGE_MORE : 0;
    struct ps_parent s0[HISTORIES - 1];
    struct ps_parent s1[HISTORIES - 1];
    for (size_t i = 0; i < HISTORIES; i++) {
        author_init(&history[i], i == OTHER ? 3 : 2);
    }
    struct ps_parent o0 = add(&history[OTHER], PS_OP_CREATE, "q", 1000, none());
    for (size_t i = 0; i < HISTORIES - 1; i++) {
        s0[i] = add(&history[i], PS_OP_CREATE, "r", 1001, none());
        s1[i] = add(&history[i], PS_OP_UPDATE | go, "r", 1002, on_one(&s0[i]));
    }
    struct ps_parent a2 = add(&history[0], PS_OP_UPDATE | go, "r", 1010, on_one(&s1[0]));
    (void)add(&history[2], PS_OP_UPDATE | go, "r", 1010, on_one(&s1[2]));
    (void)add(&history[0], PS_OP_UPDATE | go, "r", 1011, on_one(&a2));
    (void)add(&history[0], PS_OP_UPDATE, "q", 1012, on_one(&o0));
    struct ps_parent b2 = add(&history[1], PS_OP_UPDATE | go, "r", 1020, on_one(&s1[1]));
    struct ps_parent on[2] = {add(&history[1], PS_OP_UPDATE, "r", 1021, on_one(&b2))};
    on[1] = add(&history[2], PS_OP_UPDATE | go, "r", 1030, on_one(&a2));
    (void)add(&history[2], PS_OP_CREATE, "p", 1031, none());
    if (ps_parent_compare(&on[0], &on[1]) > 0) {
        struct ps_parent swap = on[0];
        on[0] = on[1];
        on[1] = swap;
    }
    (void)add(&history[OTHER], PS_OP_UPDATE | PS_CHANGE_FULL, "r", 1040,
              (struct parents){.count = 2, .list = on});
}

static p2psync_result deliver(struct store_case *to, size_t which, uint64_t begin, uint64_t end)
{
    struct author_delivery delivery = {.from = begin, .to = end, .head_size = history[which].count};
    return author_deliver_branch(&history[which], to, &delivery);
}

static void deliver_rest(struct store_case *to, size_t histories)
{
    for (size_t i = 0; i < histories; i++) {
        cr_assert_eq(deliver(to, i, 0, history[i].count), P2PSYNC_OK);
    }
    (void)case_apply(to);
}

static bool same_state(struct store_case *a, struct store_case *b)
{
    struct ps_state left = case_state(a);
    struct ps_state right = case_state(b);
    return ps_hash_equal(&left.common, &right.common) && left.pending == right.pending;
}

static size_t log_count(struct store_case *c, size_t which, struct ps_log *logs, size_t room)
{
    struct ps_origin origin = {.device = history[which].identity.device,
                               .incarnation = history[which].identity.incarnation};
    uint32_t collection = case_collection(c, history[which].collection).number;
    struct ps_txn txn = case_begin(c, false);
    struct ps_log_walk walk =
        ps_log_walk_origin(&txn, collection, ps_origin_tag(&history[which].identity.mesh, &origin));
    size_t count = 0;
    while (count < room && ps_log_walk_next(&walk, &logs[count])) {
        count++;
    }
    cr_assert_eq(walk.result, P2PSYNC_OK);
    ps_txn_abort(&txn);
    return count;
}

/* Every way to mix what is delivered of each history, in two parts or one, and now and then what
 * can be applied is. */
static size_t play_all_orders(size_t histories)
{
    static const struct {
        size_t history;
        uint64_t begin;
        uint64_t end;
    } parts[] = {{0, 0, 3}, {0, 3, 5}, {1, 0, 4}, {2, 0, 5}, {OTHER, 0, 1}, {OTHER, 1, 2}};
    const size_t count = histories == HISTORIES ? 6 : 4;
    struct exhaust exhaust = {0};
    size_t round = 0;
    deliver_rest(&here, histories);
    do {
        struct store_case there = {0};
        bool done[sizeof parts / sizeof parts[0]] = {false};
        size_t applied_at = round % count;
        case_open(&there, 1);
        for (size_t i = 0; i < count; i++) {
            size_t skip = exhaust_below(&exhaust, count - i);
            size_t at = 0;
            while (done[at] || skip > 0) {
                skip -= done[at] ? 0 : 1;
                at++;
            }
            done[at] = true;
            p2psync_result result =
                deliver(&there, parts[at].history, parts[at].begin, parts[at].end);
            cr_assert(result == P2PSYNC_OK || result == P2PSYNC_EPROOF || result == P2PSYNC_EGAP,
                      "%s", p2psync_strerror(result));
            if (i == applied_at || round % 5 == 0) {
                (void)case_apply(&there);
            }
        }
        deliver_rest(&there, histories);
        cr_assert(same_state(&here, &there), "round %zu", round);
        cr_assert(case_same_records(&here, &there), "round %zu", round);
        cr_assert(case_logs_are_sound(&there), "round %zu", round);
        case_close(&there);
        round++;
    } while (exhaust_next(&exhaust));
    return round;
}

Test(branch, every_order_comes_to_the_same)
{
    write_histories(false);
    cr_assert_eq(play_all_orders(HISTORIES), 720);
    cr_assert_eq(case_version_count(&here, "r"), 2); /* a3, and o1 on top of the others */
    cr_assert_eq(case_version_count(&here, "q"), 1);
}

Test(branch, every_order_comes_to_the_same_if_forks_cut_a_transaction)
{
    write_histories(true);
    cr_assert_eq(play_all_orders(HISTORIES), 720);
    cr_assert_eq(case_version_count(&here, "r"), 2);
}

/* a4 waits for ever, and with it what is of its transaction behind the last fork: a3. */
Test(branch, what_forks_cut_off_does_not_wait_with_the_rest)
{
    write_histories(true);
    cr_assert_eq(play_all_orders(OTHER), 24);
    cr_assert_eq(case_version_count(&here, "r"), 2); /* b3, c3 */
    cr_assert_eq(case_state(&here).pending, 2);
}

Test(branch, each_history_is_a_log_named_by_its_first_own_change)
{
    struct ps_log logs[5];
    write_histories(false);
    cr_assert_eq(deliver(&here, 0, 0, 5), P2PSYNC_OK);
    cr_assert_eq(log_count(&here, 0, logs, 5), 1);
    cr_assert_not(ps_log_is_forked(&logs[0]));
    cr_assert_eq(deliver(&here, 1, 2, 4), P2PSYNC_OK);
    cr_assert_eq(log_count(&here, 0, logs, 5), 2);
    cr_assert_eq(deliver(&here, 2, 3, 5), P2PSYNC_OK);
    cr_assert_eq(log_count(&here, 0, logs, 5), 3);
    cr_assert_eq(case_collection(&here, "notes").changes, 5 + 2 + 2);
    for (size_t i = 0; i < 3; i++) {
        uint64_t at = i == 1 ? 2 : 3; /* where it leaves the others */
        struct ps_head first = author_head(&history[i], at + 1);
        bool found = false;
        for (size_t j = 0; j < 3; j++) {
            found = found || memcmp(first.root.bytes, logs[j].id.branch, PS_HASH_SHORT_SIZE) == 0;
        }
        cr_assert(found, "history %zu", i);
    }
}

/* Who makes one up has no signature for it; and a head that is signed proves nothing of entries
 * that it does not cover. */
Test(branch, nobody_but_the_author_makes_a_branch)
{
    struct ps_log logs[3];
    write_histories(false);
    cr_assert_eq(deliver(&here, 0, 0, 5), P2PSYNC_OK);
    history[1].forged = true;
    cr_assert_eq(deliver(&here, 1, 2, 4), P2PSYNC_ESIGNATURE);
    struct author mixed = history[1];
    mixed.forged = false;
    mixed.leaf[3] = history[0].leaf[3];
    mixed.bytes[3] =
        history[0].bytes[3]; /* an entry that the head, made of leaves, does not cover */
    struct author_delivery delivery = {.from = 2, .to = 4, .head_size = 4};
    cr_assert_eq(author_deliver_branch(&mixed, &here, &delivery), P2PSYNC_OK);
    mixed.leaf[3] = history[1].leaf[3];
    cr_assert_eq(author_deliver_branch(&mixed, &here, &delivery), P2PSYNC_EPROOF);
    cr_assert_eq(log_count(&here, 0, logs, 3), 2);
}

/* What one peer may bring at once is for who takes them to say. */
Test(branch, no_more_are_taken_than_the_caller_says)
{
    struct author one = {.count = 0};
    struct author_delivery delivery = {.to = 2, .head_size = 2, .histories_max = 3};
    for (uint64_t i = 0; i < 20; i++) {
        delivery.histories_max = i < 5 ? 3 : 0;
        author_init(&one, 2);
        (void)add(&one, PS_OP_CREATE, "r", 1000, none());
        (void)add(&one, PS_OP_CREATE, "s", 1001 + i, none());
        cr_assert_eq(author_deliver_branch(&one, &here, &delivery),
                     i < 3 || i >= 5 ? P2PSYNC_OK : P2PSYNC_ELIMIT);
        author_deinit(&one);
    }
    cr_assert_eq(case_collection(&here, CASE_NOTES).logs, 3 + 15);
}

/* A chunk that begins behind the fork says so, and one that begins before it brings the branch. */
Test(branch, is_found_from_any_place_before_it)
{
    struct ps_log logs[3];
    write_histories(false);
    cr_assert_eq(deliver(&here, 0, 0, 5), P2PSYNC_OK);
    cr_assert_eq(deliver(&here, 1, 3, 4), P2PSYNC_EPROOF);
    cr_assert_eq(log_count(&here, 0, logs, 3), 1);
    cr_assert_eq(deliver(&here, 1, 1, 2), P2PSYNC_OK); /* nothing of it is new */
    cr_assert_eq(log_count(&here, 0, logs, 3), 1);
    cr_assert_eq(deliver(&here, 1, 1, 3), P2PSYNC_OK);
    cr_assert_eq(log_count(&here, 0, logs, 3), 2);
    cr_assert_eq(deliver(&here, 1, 4, 4), P2PSYNC_EFORMAT);
}

/* Of both histories only what they share is here, under the head of one; then comes the other. */
Test(branch, goes_on_with_the_history_that_comes_first)
{
    struct ps_log log;
    write_histories(false);
    cr_assert_eq(deliver(&here, 0, 0, 2), P2PSYNC_OK);
    cr_assert_eq(deliver(&here, 1, 2, 4), P2PSYNC_OK);
    cr_assert_eq(log_count(&here, 0, &log, 1), 1);
    cr_assert_not(ps_log_is_forked(&log));
    cr_assert_eq(log.size, 4);
    cr_assert(case_logs_are_sound(&here));
}

/* Two histories of 900 changes that share 700: larger than the subtrees that are stored, so that
 * branches share those as well. */
static void share_many(struct ps_log logs[3])
{
    for (size_t i = 0; i < 2; i++) {
        author_init(&history[i], 2);
        for (uint64_t seq = 0; seq < 900; seq++) {
            char id[8];
            (void)snprintf(id, sizeof id, "r%u", (unsigned)seq);
            (void)add(&history[i], PS_OP_CREATE, id, 1000 + seq + (seq < 700 ? 0 : i), none());
        }
        for (uint64_t at = 0; at < 900; at += 300) {
            cr_assert_eq(deliver(&here, i, at, at + 300), P2PSYNC_OK);
        }
    }
    cr_assert_eq(log_count(&here, 0, logs, 3), 2);
}

Test(branch, shares_the_tree_of_what_comes_before_it)
{
    struct ps_log logs[3];
    struct ps_proof proof;
    share_many(logs);
    cr_assert(case_logs_are_sound(&here));
    struct ps_txn txn = case_begin(&here, false);
    for (size_t i = 0; i < 2; i++) {
        struct ps_hash root;
        cr_assert_eq(ps_log_prove(&txn, &logs[i], 515, &proof, &root), P2PSYNC_OK);
        struct ps_head head = author_head(&history[0], 515);
        cr_assert(ps_hash_equal(&head.root, &root));
        struct ps_range sizes = {.begin = 515, .end = 900};
        cr_assert_eq(ps_proof_verify(&proof, sizes, &root, &logs[i].root), P2PSYNC_OK);
    }
    ps_txn_abort(&txn);
}

/* The rows of its own lie where those that it shares would be looked for first. */
Test(branch, that_is_damaged_where_it_begins_shares_what_comes_before_it)
{
    struct ps_log logs[3];
    share_many(logs);
    uint32_t branch = logs[logs[0].number > logs[1].number ? 0 : 1].number;
    const struct ps_key keys[] = {ps_key_entry(branch, 700), ps_key_node(branch, 8, 2)};
    static const ps_db dbs[] = {PS_DB_ENTRIES, PS_DB_NODES};
    struct ps_txn txn = case_begin(&here, true);
    for (size_t i = 0; i < 2; i++) {
        struct ps_bytes row;
        uint8_t *room = NULL;
        cr_assert_eq(ps_db_get(&txn, dbs[i], ps_key_view(&keys[i]), &row), P2PSYNC_OK);
        cr_assert_eq(ps_db_reserve(&txn, dbs[i], ps_key_view(&keys[i]), 40, &room), P2PSYNC_OK);
        memset(room, 0, 40); /* and no checksum */
    }
    struct ps_stored entry;
    struct ps_hash hash;
    struct ps_tree tree = {.txn = &txn, .log = branch};
    cr_expect_eq(ps_stored_get(&txn, branch, 700, &entry), P2PSYNC_ECORRUPT);
    cr_expect_eq(ps_stored_get(&txn, branch, 699, &entry), P2PSYNC_OK);
    cr_expect_eq(ps_tree_subtree(&tree, 8, 1, &hash), P2PSYNC_OK);
    ps_txn_abort(&txn);
}

/* The device whose own log has forked writes on under a new incarnation. */
Test(branch, its_author_goes_on_in_a_new_incarnation)
{
    struct ps_buf buf;
    ps_buf_init(&buf, 64);
    write_histories(false);
    uint64_t before = history[0].identity.incarnation;
    here.identity = history[0].identity;
    here.secret = history[0].secret;
    struct ps_txn txn = case_begin(&here, true);
    cr_assert_eq(ps_identity_write(&txn, &here.identity), P2PSYNC_OK);
    case_commit(&txn);
    cr_assert_eq(deliver(&here, 0, 0, 5), P2PSYNC_OK);
    cr_assert_eq(deliver(&here, 1, 2, 4), P2PSYNC_OK);
    cr_assert_eq(deliver(&here, OTHER, 0, 1), P2PSYNC_OK);
    (void)case_apply(&here);
    cr_assert_eq(case_version_count(&here, "r"), 2);
    cr_assert_eq(case_put(&here, CASE_NOTES, "r", case_fields(&buf, "n", 7)), P2PSYNC_OK);
    cr_assert_eq(case_version_count(&here, "r"),
                 1); /* it is on top of both, though both have dot 3 */
    txn = case_begin(&here, false);
    cr_assert_eq(ps_identity_read(&txn, &here.identity), P2PSYNC_OK);
    ps_txn_abort(&txn);
    cr_assert_neq(here.identity.incarnation, before);
    ps_buf_deinit(&buf);
}

/* ---- the vector ---- */

static void vector_author(struct author *author)
{
    struct vector vector = {.count = 0};
    struct ps_identity *identity = &author->identity;
    author_init(author, 2);
    vector_read(&vector, "identity");
    memcpy(identity->seed, vector_get(&vector, "seed").data, PS_SEED_SIZE);
    crypto_sign_seed_keypair(identity->device.key, author->secret.key, identity->seed);
    memcpy(&identity->mesh, vector_get(&vector, "mesh").data, PS_MESH_SIZE);
    identity->incarnation = vector_uint(&vector, "incarnation");
    vector_free(&vector);
}

/* Leaf i is of the skeleton that is the one byte i, with no body. */
static void vector_add(struct author *author, uint8_t from, uint8_t to)
{
    for (uint8_t i = from; i < to; i++) {
        struct ps_entry entry = {.skeleton = ps_bytes(&i, 1), .has_body = true};
        entry.body_hash = ps_hash_bytes(entry.body);
        author->leaf[author->count] = ps_change_leaf(&entry);
        ps_buf_init(&author->bytes[author->count], 1000);
        cr_assert_eq(ps_changes_write_entry(&entry, &author->bytes[author->count]), P2PSYNC_OK);
        author->count++;
    }
}

Test(branch, names_and_root_are_those_of_the_vector)
{
    static const char *const names[] = {"branch_a", "branch_b", "branch_c"};
    static const uint8_t parts[3][4] = {{0, 6, 0, 0}, {0, 3, 6, 8}, {0, 4, 9, 11}};
    struct vector vector = {.count = 0};
    struct ps_log logs[4];
    struct ps_hash root;
    bool any = false;
    vector_read(&vector, "branch");
    for (size_t i = 0; i < 3; i++) {
        vector_author(&history[i]);
        vector_add(&history[i], parts[i][0], parts[i][1]);
        vector_add(&history[i], parts[i][2], parts[i][3]);
        cr_assert_eq(deliver(&here, i, 0, history[i].count), P2PSYNC_OK);
    }
    cr_assert_eq(log_count(&here, 0, logs, 4), 3);
    for (size_t i = 0; i < 3; i++) {
        bool found = false;
        for (size_t j = 0; j < 3; j++) {
            found = found || ps_bytes_equal(ps_bytes(logs[j].id.branch, PS_HASH_SHORT_SIZE),
                                            vector_get(&vector, names[i]));
        }
        cr_assert(found, "%s", names[i]);
    }
    uint32_t collection = case_collection(&here, history[0].collection).number;
    struct ps_txn txn = case_begin(&here, false);
    cr_assert_eq(ps_summary_root(&txn, collection, NULL, &root, &any), P2PSYNC_OK);
    ps_txn_abort(&txn);
    cr_assert(
        ps_bytes_equal(ps_bytes(root.bytes, PS_HASH_SIZE), vector_get(&vector, "collection")));
    vector_free(&vector);
}

/* Somebody may know no newer head than one that was signed before a history went on. */
Test(branch, an_older_head_is_found_in_the_history_that_goes_on_from_it)
{
    struct ps_log log;
    write_histories(false);
    deliver_rest(&here, HISTORIES - 1);
    uint32_t collection = case_collection(&here, history[0].collection).number;
    struct ps_origin origin = {.device = history[0].identity.device,
                               .incarnation = history[0].identity.incarnation};
    struct ps_tag tag = ps_origin_tag(&history[0].identity.mesh, &origin);
    struct ps_txn txn = case_begin(&here, false);
    for (size_t i = 0; i < HISTORIES - 1; i++) {
        for (uint64_t size = 4; size <= history[i].count; size++) {
            struct ps_head head = author_head(&history[i], size);
            cr_assert_eq(ps_branch_holding(&txn, collection, tag, &head, &log), P2PSYNC_OK);
            cr_assert_eq(log.size, history[i].count);
            head.root.bytes[0] ^= 1;
            cr_assert_eq(ps_branch_holding(&txn, collection, tag, &head, &log), P2PSYNC_ENOTFOUND);
        }
    }
    ps_txn_abort(&txn);
}
