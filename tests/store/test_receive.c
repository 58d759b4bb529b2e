/* Chunks and heads from peers: what is verified, what is stored, and what proves a fork. */
#include <criterion/criterion.h>
#include <string.h>

#include "store/env/keys.h"
#include "store/log/begun.h"
#include "tests/lib/author.h"

static struct store_case here;
static struct author author;

static void setup(void)
{
    case_open(&here, 1);
    author_init(&author, 2);
}

static void teardown(void)
{
    author_deinit(&author);
    case_close(&here);
}

TestSuite(receive, .init = setup, .fini = teardown, .timeout = 120);

static void add_creates(struct author *to, size_t count, int64_t first)
{
    struct ps_buf buf;
    ps_buf_init(&buf, 64);
    for (size_t i = 0; i < count; i++) {
        char id[] = "r000";
        id[1] = (char)('0' + to->count / 100);
        id[2] = (char)('0' + to->count / 10 % 10);
        id[3] = (char)('0' + to->count % 10);
        struct author_change change = {.op_and_flags = PS_OP_CREATE,
                                       .id = id,
                                       .hlc = 1000 + to->count,
                                       .fields = case_fields(&buf, "n", first + (int64_t)i)};
        (void)author_add(to, &change);
    }
    ps_buf_deinit(&buf);
}

static p2psync_result deliver(const struct author *from, uint64_t begin, uint64_t end,
                              uint64_t head)
{
    struct author_delivery delivery = {.from = begin, .to = end, .head_size = head};
    return author_deliver(from, &here, &delivery);
}

static p2psync_result offer(const struct author *from, uint64_t proof_size, uint64_t head)
{
    struct ps_proof proof = author_proof(from, proof_size, head);
    struct ps_head_offer head_offer = {
        .head = author_head(from, head), .proof_size = proof_size, .proof = &proof};
    return author_offer(from, &here, &head_offer);
}

static struct ps_log stored(void)
{
    struct ps_log log;
    cr_assert_eq(author_log(&author, &here, &log), P2PSYNC_OK);
    return log;
}

static uint64_t stored_size(void)
{
    struct ps_log log;
    return author_log(&author, &here, &log) == P2PSYNC_OK ? log.size : 0;
}

Test(receive, chunks_of_any_size_lead_to_the_same_root)
{
    add_creates(&author, 300, 0);
    struct prng prng = prng_new(7, 0);
    uint64_t at = 0;
    while (at < 300) {
        uint64_t end = prng_between(&prng, at + 1, at + 40 < 300 ? at + 40 : 300);
        uint64_t head = prng_between(&prng, end, 300);
        cr_assert_eq(deliver(&author, at, end, head), P2PSYNC_OK);
        cr_assert(case_logs_are_sound(&here));
        at = end;
    }
    struct ps_log log = stored();
    struct ps_head head = author_head(&author, 300);
    cr_assert(ps_hash_equal(&log.root, &head.root));
    cr_assert_eq(case_collection(&here, CASE_NOTES).changes, 300);
}

Test(receive, gap_is_refused_and_overlap_is_passed_over)
{
    add_creates(&author, 10, 0);
    cr_assert_eq(deliver(&author, 0, 4, 10), P2PSYNC_OK);
    cr_assert_eq(deliver(&author, 5, 10, 10), P2PSYNC_EGAP);
    cr_assert_eq(deliver(&author, 2, 8, 10), P2PSYNC_OK);
    cr_assert_eq(deliver(&author, 0, 3, 10), P2PSYNC_OK);
    struct ps_log log = stored();
    cr_assert_eq(log.size, 8);
    cr_assert(case_logs_are_sound(&here));
}

Test(receive, a_relay_that_stopped_short_can_prove_every_prefix)
{
    add_creates(&author, 100, 0);
    cr_assert_eq(deliver(&author, 0, 37, 100), P2PSYNC_OK);
    struct ps_log log = stored();
    struct ps_txn txn = case_begin(&here, false);
    for (uint64_t from = 0; from <= 37; from++) {
        struct ps_proof proof;
        struct ps_hash root;
        struct ps_head head = from == 0 ? (struct ps_head){.size = 0} : author_head(&author, from);
        cr_assert_eq(ps_log_prove(&txn, &log, from, &proof, &root), P2PSYNC_OK);
        cr_assert(from == 0 || ps_hash_equal(&root, &head.root));
        struct ps_range sizes = {.begin = from, .end = 100};
        cr_assert_eq(ps_proof_verify(&proof, sizes, &root, &log.head.root), P2PSYNC_OK);
    }
    ps_txn_abort(&txn);
}

/* Beyond 256 leaves proofs are made of rows as well as of entries. */
Test(receive, prefixes_of_a_log_with_tree_rows_are_proven)
{
    add_creates(&author, 400, 0);
    cr_assert_eq(deliver(&author, 0, 333, 400), P2PSYNC_OK);
    struct ps_log log = stored();
    struct ps_txn txn = case_begin(&here, false);
    for (uint64_t from = 1; from <= 333; from += 12) {
        struct ps_proof proof;
        struct ps_hash root;
        struct ps_head head = author_head(&author, from);
        cr_assert_eq(ps_log_prove(&txn, &log, from, &proof, &root), P2PSYNC_OK);
        cr_assert(ps_hash_equal(&root, &head.root));
        struct ps_range sizes = {.begin = from, .end = 400};
        cr_assert_eq(ps_proof_verify(&proof, sizes, &root, &log.head.root), P2PSYNC_OK);
    }
    ps_txn_abort(&txn);
}

Test(receive, wrong_entries_or_proof_are_the_relays_fault_and_change_nothing)
{
    struct author other;
    author_init(&other, 2); /* the same origin, with other contents */
    add_creates(&author, 20, 0);
    add_creates(&other, 20, 500);
    cr_assert_eq(deliver(&author, 0, 5, 20), P2PSYNC_OK);

    struct author lying = author;
    lying.bytes[7] = other.bytes[7]; /* a good proof and head, one bogus entry */
    cr_assert_eq(deliver(&lying, 5, 10, 20), P2PSYNC_EPROOF);
    struct ps_proof proof = author_proof(&author, 5, 20);
    struct ps_head_offer broken = {
        .head = author_head(&author, 20), .proof_size = 5, .proof = &proof};
    proof.node[0].bytes[0] ^= 1;
    broken.head = author_head(&author, 19); /* not the one that is stored */
    cr_assert_eq(author_offer(&author, &here, &broken), P2PSYNC_EPROOF);
    broken.head.root.bytes[3] ^= 1;
    cr_assert_eq(author_offer(&author, &here, &broken), P2PSYNC_ESIGNATURE);

    struct ps_log log = stored();
    cr_assert_eq(log.size, 5);
    cr_assert(case_logs_are_sound(&here));
    author_deinit(&other);
}

Test(receive, entries_beyond_the_signed_size_are_refused)
{
    add_creates(&author, 10, 0);
    struct author_delivery delivery = {.from = 0, .to = 6, .head_size = 5, .head_is_short = true};
    cr_assert_eq(author_deliver(&author, &here, &delivery), P2PSYNC_EPROOF);
    cr_assert_eq(stored_size(), 0);
}

Test(receive, newer_head_is_taken_with_its_proof)
{
    add_creates(&author, 50, 0);
    cr_assert_eq(deliver(&author, 0, 11, 11), P2PSYNC_OK);
    cr_assert_eq(offer(&author, 11, 40), P2PSYNC_OK);
    struct ps_log log = stored();
    cr_assert_eq(log.size, 11);
    cr_assert_eq(log.head.size, 40);
    cr_assert(case_logs_are_sound(&here));
    cr_assert_eq(offer(&author, 11, 30), P2PSYNC_OK);
    cr_assert_eq(stored().head.size, 40);
}

Test(receive, head_with_a_proof_from_elsewhere_cannot_be_judged)
{
    add_creates(&author, 50, 0);
    cr_assert_eq(deliver(&author, 0, 11, 11), P2PSYNC_OK);
    cr_assert_eq(offer(&author, 13, 40), P2PSYNC_EAGAIN);
    cr_assert_eq(offer(&author, 9, 40), P2PSYNC_EAGAIN);
    cr_assert_eq(stored().head.size, 11);
}

/* Two histories of one origin that part after 6 changes. */
static void make_fork(struct author *other)
{
    author_init(other, 2);
    add_creates(&author, 6, 0);
    add_creates(other, 6, 0);
    add_creates(&author, 20, 100);
    add_creates(other, 20, 200);
}

Test(receive, signed_head_of_the_same_size_and_another_root_proves_a_fork)
{
    struct author other;
    make_fork(&other);
    cr_assert_eq(deliver(&author, 0, 20, 20), P2PSYNC_OK);
    cr_assert_eq(offer(&other, 20, 20), P2PSYNC_EFORK);
    cr_assert_eq(stored().size, 20);
    author_deinit(&other);
}

Test(receive, old_signed_head_that_differs_from_our_tree_proves_a_fork)
{
    struct author other;
    make_fork(&other);
    cr_assert_eq(deliver(&author, 0, 20, 20), P2PSYNC_OK);
    cr_assert_eq(offer(&other, 6, 6), P2PSYNC_OK); /* the shared prefix */
    cr_assert_eq(offer(&other, 9, 9), P2PSYNC_EFORK);
    author_deinit(&other);
}

Test(receive, larger_head_whose_proof_implies_another_past_proves_a_fork)
{
    struct author other;
    make_fork(&other);
    cr_assert_eq(deliver(&author, 0, 13, 13), P2PSYNC_OK);
    cr_assert_eq(offer(&other, 13, 26), P2PSYNC_EFORK);
    author_deinit(&other);
}

/* At a power of two the proof leaves its first node out: the verifier puts its own root there, so
 * only a proof from another size that is known here can show the fork. */
Test(receive, fork_at_a_power_of_two_is_proven_from_a_smaller_size)
{
    struct author other;
    make_fork(&other);
    cr_assert_eq(deliver(&author, 0, 16, 16), P2PSYNC_OK);
    cr_assert_eq(offer(&other, 16, 26), P2PSYNC_EPROOF);
    cr_assert_eq(offer(&other, 15, 26), P2PSYNC_EFORK);
    author_deinit(&other);
}

Test(receive, entries_of_the_other_branch_prove_nothing)
{
    struct author other;
    make_fork(&other);
    cr_assert_eq(deliver(&author, 0, 10, 10), P2PSYNC_OK);
    cr_assert_eq(deliver(&other, 10, 15, 20), P2PSYNC_EPROOF);
    author_deinit(&other);
}

/* Two signed heads, both beyond what is here; entries that one of them proves contradict the other.
 */
Test(receive, entries_proven_by_one_head_that_contradict_another_prove_a_fork)
{
    struct author other;
    make_fork(&other);
    cr_assert_eq(deliver(&author, 0, 5, 5), P2PSYNC_OK);
    cr_assert_eq(offer(&other, 5, 12), P2PSYNC_OK);
    cr_assert_eq(deliver(&author, 5, 12, 26), P2PSYNC_EFORK);
    cr_assert_eq(stored().size, 5);
    author_deinit(&other);
}

Test(receive, chunk_under_a_head_that_contradicts_the_stored_one_proves_a_fork)
{
    struct author other;
    make_fork(&other);
    cr_assert_eq(deliver(&author, 0, 5, 5), P2PSYNC_OK);
    cr_assert_eq(offer(&other, 5, 12), P2PSYNC_OK);
    cr_assert_eq(deliver(&author, 5, 8, 12), P2PSYNC_EFORK);
    author_deinit(&other);
}

/* Two histories that part after 7 changes, of 10 each; the first 5 and the author's head of 10 are
 * here. */
static void make_late_fork(struct author *other)
{
    author_init(other, 2);
    add_creates(&author, 7, 0);
    add_creates(other, 7, 0);
    add_creates(&author, 5, 100);
    add_creates(other, 5, 200);
    cr_assert_eq(deliver(&author, 0, 5, 5), P2PSYNC_OK);
    cr_assert_eq(offer(&author, 5, 10), P2PSYNC_OK);
    cr_assert_eq(stored().head.size, 10);
    cr_assert_eq(offer(other, 5, 10), P2PSYNC_EFORK);
}

Test(receive, head_that_a_smaller_one_took_the_place_of_still_proves_a_fork)
{
    struct author other;
    make_late_fork(&other);
    cr_assert_eq(deliver(&author, 5, 7, 7), P2PSYNC_OK);
    cr_expect_eq(stored().head.size, 7, "it has its proof");
    cr_expect_eq(stored().larger.size, 10);
    cr_expect(case_logs_are_sound(&here));
    cr_expect_eq(offer(&other, 7, 10), P2PSYNC_EFORK);
    cr_expect_eq(deliver(&other, 7, 12, 12), P2PSYNC_EFORK, "its changes pass that size");
    cr_expect_eq(stored().size, 7);
    cr_assert_eq(deliver(&author, 7, 12, 12), P2PSYNC_OK);
    cr_expect_eq(stored().larger.size, 0, "it is a part of what is here");
    author_deinit(&other);
}

Test(receive, head_that_a_larger_one_took_the_place_of_still_proves_a_fork)
{
    struct author other;
    make_late_fork(&other);
    cr_assert_eq(offer(&other, 5, 12), P2PSYNC_OK);
    cr_expect_eq(stored().head.size, 12);
    cr_expect_eq(stored().larger.size, 10);
    cr_expect_eq(deliver(&other, 5, 12, 12), P2PSYNC_EFORK);
    cr_expect_eq(deliver(&author, 5, 10, 12), P2PSYNC_EFORK, "so do those of the other one");
    cr_expect_eq(stored().size, 5);
    author_deinit(&other);
}

Test(receive, head_that_is_here_again_is_not_kept_twice)
{
    struct author other;
    make_late_fork(&other);
    cr_assert_eq(deliver(&author, 5, 7, 7), P2PSYNC_OK);
    cr_assert_eq(offer(&author, 7, 10), P2PSYNC_OK);
    cr_expect_eq(stored().head.size, 10);
    cr_expect_eq(stored().larger.size, 0);
    cr_expect_eq(offer(&other, 7, 10), P2PSYNC_EFORK);
    author_deinit(&other);
}

/* Of two histories the author has signed, one is taken: what stands against it goes. */
Test(receive, head_of_the_history_that_is_not_taken_goes)
{
    struct author other;
    struct author_delivery branch = {.from = 7, .to = 12, .head_size = 12};
    make_late_fork(&other);
    cr_assert_eq(deliver(&author, 5, 7, 7), P2PSYNC_OK);
    cr_assert_eq(author_deliver_branch(&other, &here, &branch), P2PSYNC_OK);
    cr_expect_eq(stored().size, 12);
    cr_expect_eq(stored().larger.size, 0);
    cr_expect_eq(offer(&author, 10, 10), P2PSYNC_EFORK);
    author_deinit(&other);
}

Test(receive, signature_of_another_device_is_refused)
{
    struct author thief;
    author_init(&thief, 3);
    add_creates(&author, 4, 0);
    struct author forged = author;
    forged.secret = thief.secret;
    cr_assert_eq(deliver(&forged, 0, 4, 4), P2PSYNC_ESIGNATURE);
    cr_assert_eq(stored_size(), 0);
}

Test(receive, malformed_entries_are_refused)
{
    add_creates(&author, 4, 0);
    author.bytes[2].size--;
    cr_assert_eq(deliver(&author, 0, 4, 4), P2PSYNC_EFORMAT);
    cr_assert_eq(deliver(&author, 0, 0, 4), P2PSYNC_EFORMAT);
}

/* The author's first `count` entries, for a log that is not here. */
static p2psync_result receive_first(uint64_t count, bool root_implied)
{
    struct ps_buf entries;
    struct ps_log log;
    struct ps_proof proof = {.count = 0};
    ps_buf_init(&entries, PS_MESSAGE_SIZE_MAX);
    for (uint64_t i = 0; i < count; i++) {
        cr_assert_eq(ps_buf_append(&entries, author.bytes[i].data, author.bytes[i].size),
                     P2PSYNC_OK);
    }
    struct ps_log_name name = {
        .collection = ps_bytes_text(author.collection),
        .origin = {.device = author.identity.device, .incarnation = author.identity.incarnation}};
    struct ps_chunk chunk = {.entries = ps_buf_view(&entries),
                             .head = author_head(&author, author.count),
                             .root_implied = root_implied,
                             .proof = &proof};
    struct ps_txn txn = case_begin(&here, true);
    p2psync_result result = ps_receive_first(&txn, &here.identity.mesh, &name, &chunk, &log);
    case_commit(&txn); /* as the engine does, for what else the turn brought */
    ps_buf_deinit(&entries);
    return result;
}

/* The rows of collections and of logs, and the numbers that the next ones will have. */
static uint64_t rows(void)
{
    struct ps_txn txn = case_begin(&here, false);
    uint64_t collections = 0;
    uint64_t logs = 0;
    struct ps_bytes value;
    cr_assert_eq(ps_db_count(&txn, PS_DB_COLLECTIONS, &collections), P2PSYNC_OK);
    cr_assert_eq(ps_db_count(&txn, PS_DB_LOGS, &logs), P2PSYNC_OK);
    const char *const counters[] = {PS_META_COLLECTIONS, PS_META_LOGS};
    uint64_t sum = collections + logs;
    for (size_t i = 0; i < 2; i++) {
        if (ps_db_get(&txn, PS_DB_META, ps_bytes_text(counters[i]), &value) == P2PSYNC_OK) {
            sum += ps_get_u32(value.data);
        }
    }
    ps_txn_abort(&txn);
    return sum;
}

Test(receive, takes_a_log_that_is_not_here)
{
    add_creates(&author, 3, 0);
    cr_assert_eq(receive_first(3, true), P2PSYNC_OK);
    cr_assert_eq(stored_size(), 3);
    cr_assert(case_logs_are_sound(&here));
}

Test(receive, leaves_no_trace_of_a_log_that_does_not_verify)
{
    add_creates(&author, 3, 0);
    uint64_t before = rows();
    cr_assert_eq(receive_first(2, false), P2PSYNC_EPROOF); /* without the proof to the head */
    cr_assert_eq(receive_first(2, true), P2PSYNC_EFORMAT);
    author.bytes[2].data[author.bytes[2].size - 1] ^= 1;
    cr_assert_eq(receive_first(3, false), P2PSYNC_EPROOF);
    cr_assert_eq(receive_first(3, true), P2PSYNC_ESIGNATURE);
    author.bytes[2].size--;
    cr_assert_eq(receive_first(3, false), P2PSYNC_EFORMAT);
    cr_assert_eq(rows(), before);
}

Test(receive, counts_what_each_device_has_begun)
{
    uint32_t count = 0;
    struct ps_log log;
    struct ps_origin origin = {.device = author.identity.device, .incarnation = 1};
    case_set(&here, 1000, "a", 1);
    cr_assert_eq(case_put(&here, "others", "r", ps_bytes("\x80", 1)), P2PSYNC_OK);
    uint32_t notes = case_collection(&here, CASE_NOTES).number;
    struct ps_txn txn = case_begin(&here, true);
    cr_assert_eq(ps_begun_count(&txn, &origin.device, &count), P2PSYNC_OK);
    cr_assert_eq(count, 0);
    cr_assert_eq(ps_log_intern(&txn, &here.identity.mesh, notes, &origin, &log), P2PSYNC_OK);
    cr_assert_eq(ps_log_intern(&txn, &here.identity.mesh, notes, &origin, &log), P2PSYNC_OK);
    origin.incarnation = 2;
    cr_assert_eq(ps_log_intern(&txn, &here.identity.mesh, notes, &origin, &log), P2PSYNC_OK);
    cr_assert_eq(ps_begun_count(&txn, &origin.device, &count), P2PSYNC_OK);
    cr_assert_eq(count, 2);
    cr_assert_eq(ps_begun_count(&txn, &here.identity.device, &count), P2PSYNC_OK);
    cr_assert_eq(count, 2);
    ps_txn_abort(&txn);
}

/* Two origins with one tag cannot be made. So the author's log is put where another origin's log
 * would be found. */
Test(receive, log_of_another_origin_with_the_same_tag_is_refused)
{
    add_creates(&author, 2, 0);
    author_deliver_all(&author, &here);
    struct ps_log log = stored();
    struct ps_log found;
    struct ps_log_name name = {.collection = ps_bytes_text(CASE_NOTES), .origin = log.origin};
    struct ps_origin other = {.device = log.origin.device,
                              .incarnation = log.origin.incarnation + 1};
    struct ps_txn txn = case_begin(&here, true);
    cr_assert_eq(ps_log_named(&txn, &here.identity.mesh, &name, &found), P2PSYNC_OK);
    log.id.origin = ps_origin_tag(&here.identity.mesh, &other);
    cr_assert_eq(ps_log_save(&txn, &log), P2PSYNC_OK);
    name.origin = other;
    cr_assert_eq(ps_log_named(&txn, &here.identity.mesh, &name, &found), P2PSYNC_EFORK);
    cr_assert_eq(ps_log_intern(&txn, &here.identity.mesh, log.collection, &other, &found),
                 P2PSYNC_EFORK);
    ps_txn_abort(&txn);
}

/* The head of 6 is here when 4 entries are. The rest comes with that head and another signature. */
Test(receive, signature_that_was_not_looked_at_is_not_kept)
{
    add_creates(&author, 6, 0);
    cr_assert_eq(deliver(&author, 0, 4, 6), P2PSYNC_OK);
    author.forged = true;
    cr_assert_eq(deliver(&author, 4, 5, 6), P2PSYNC_OK);
    cr_assert(case_logs_are_sound(&here));
    cr_assert_eq(deliver(&author, 5, 6, 6), P2PSYNC_OK);
    cr_assert(case_logs_are_sound(&here));
}

Test(receive, stored_head_that_nobody_signed_is_dropped_and_a_true_one_taken)
{
    add_creates(&author, 6, 0);
    cr_assert_eq(deliver(&author, 0, 4, 6), P2PSYNC_OK);
    struct ps_log log = stored();
    struct ps_head_context context = {.mesh = &here.identity.mesh,
                                      .collection = ps_bytes_text(CASE_NOTES),
                                      .origin = &log.origin};
    struct ps_txn txn = case_begin(&here, true);
    cr_assert_eq(ps_receive_recheck(&txn, &log, &context), P2PSYNC_OK);
    log.head.signature[0] ^= 1U;
    cr_assert_eq(ps_receive_recheck(&txn, &log, &context), P2PSYNC_ESIGNATURE);
    case_commit(&txn);
    cr_assert_eq(stored().head.size, 0);
    cr_assert_eq(deliver(&author, 4, 6, 6), P2PSYNC_OK);
    cr_assert_eq(stored().head.size, 6);
    cr_assert(case_logs_are_sound(&here));
}

/* The disk has changed the signature of the head of 6. */
Test(receive, stored_head_that_nobody_signed_is_healed_by_a_true_one)
{
    add_creates(&author, 6, 0);
    cr_assert_eq(deliver(&author, 0, 4, 6), P2PSYNC_OK);
    struct ps_log log = stored();
    log.head.signature[0] ^= 1U;
    struct ps_txn txn = case_begin(&here, true);
    cr_assert_eq(ps_log_save(&txn, &log), P2PSYNC_OK);
    case_commit(&txn);
    cr_assert_eq(offer(&author, 4, 6), P2PSYNC_OK);
    cr_assert(case_logs_are_sound(&here));
    txn = case_begin(&here, true);
    cr_assert_eq(ps_log_save(&txn, &log), P2PSYNC_OK);
    case_commit(&txn);
    cr_assert_eq(deliver(&author, 4, 5, 6), P2PSYNC_OK);
    cr_assert(case_logs_are_sound(&here));
}

/* Who holds a change without its body has it in its root, and nobody offers the body again. */
Test(receive, changes_without_their_bodies_are_refused)
{
    struct ps_buf whole;
    struct ps_entry entry;
    add_creates(&author, 4, 0);
    struct ps_bytes rest = ps_buf_view(&author.bytes[2]);
    whole = author.bytes[2];
    ps_buf_init(&author.bytes[2], PS_MESSAGE_SIZE_MAX);
    cr_assert_eq(ps_changes_next(&rest, &entry), P2PSYNC_OK);
    entry.has_body = false;
    cr_assert_eq(ps_changes_write_entry(&entry, &author.bytes[2]), P2PSYNC_OK);
    cr_expect_eq(deliver(&author, 0, 4, 4), P2PSYNC_EVERSION);
    cr_expect_eq(stored_size(), 0);
    cr_expect_eq(deliver(&author, 0, 2, 4), P2PSYNC_OK);
    struct author_delivery branch = {.from = 2, .to = 4, .head_size = 4};
    cr_expect_eq(author_deliver_branch(&author, &here, &branch), P2PSYNC_EVERSION);
    cr_expect_eq(stored_size(), 2);
    ps_buf_deinit(&author.bytes[2]);
    author.bytes[2] = whole;
    cr_expect_eq(deliver(&author, 2, 4, 4), P2PSYNC_OK);
}

/* It only says who is given room slowly. */
Test(receive, damaged_count_of_logs_stops_nobody)
{
    uint32_t count = 0;
    uint8_t *room = NULL;
    add_creates(&author, 2, 0);
    cr_assert_eq(deliver(&author, 0, 2, 2), P2PSYNC_OK);
    struct ps_key key = ps_key_device(&author.identity.device);
    struct ps_txn txn = case_begin(&here, true);
    cr_assert_eq(ps_db_reserve(&txn, PS_DB_BEGUN, ps_key_view(&key), 4, &room), P2PSYNC_OK);
    memset(room, 0x55, 8); /* its checksum as well */
    case_commit(&txn);
    author.collection = "other";
    cr_expect_eq(deliver(&author, 0, 2, 2), P2PSYNC_OK);
    txn = case_begin(&here, false);
    cr_expect_eq(ps_begun_count(&txn, &author.identity.device, &count), P2PSYNC_OK);
    cr_expect_eq(count, 1, "it is counted from there on");
    ps_txn_abort(&txn);
}
