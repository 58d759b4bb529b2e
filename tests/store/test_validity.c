/* Which changes are inert: the log of tests/vectors/validity.hex, which another program has made,
 * is received and applied. */
#include <criterion/criterion.h>
#include <sodium.h>
#include <string.h>

#include "store/log/collection.h"
#include "tests/lib/store_case.h"
#include "tests/wire/vector.h"

static struct store_case here;
static struct vector vector;

/* In the mesh of the vectors. */
static void setup(void)
{
    case_open(&here, 1);
    vector_read(&vector, "identity");
    memcpy(&here.identity.mesh, vector_get(&vector, "mesh").data, PS_MESH_SIZE);
    struct ps_txn txn = case_begin(&here, true);
    cr_assert_eq(ps_identity_clear_all(&txn), P2PSYNC_OK);
    cr_assert_eq(ps_identity_write(&txn, &here.identity), P2PSYNC_OK);
    case_commit(&txn);
}

static void teardown(void)
{
    vector_free(&vector);
    case_close(&here);
}

TestSuite(validity, .init = setup, .fini = teardown);

/* Receive all of a log in one chunk, and apply it; its number. */
static uint32_t receive(const struct ps_origin *origin, const char *entries, const char *signature,
                        uint64_t count)
{
    struct ps_proof proof = {.count = 0};
    struct ps_head_context context = {&here.identity.mesh, ps_bytes_text("notes"), origin};
    struct ps_collection collection;
    struct ps_log log;
    uint64_t added = 0;
    struct ps_chunk chunk = {.entries = vector_get(&vector, entries),
                             .head = {.size = count},
                             .root_implied = true,
                             .proof = &proof};
    memcpy(chunk.head.signature, vector_get(&vector, signature).data, PS_SIGNATURE_SIZE);
    struct ps_txn txn = case_begin(&here, true);
    cr_assert_eq(ps_collection_intern(&txn, context.collection, &collection), P2PSYNC_OK);
    cr_assert_eq(ps_log_intern(&txn, context.mesh, collection.number, origin, &log), P2PSYNC_OK);
    cr_assert_eq(ps_receive_chunk(&txn, &log, &context, &chunk, &added), P2PSYNC_OK);
    cr_assert_eq(added, count);
    case_commit(&txn);
    (void)case_apply(&here);
    return log.number;
}

Test(validity, depends_on_the_skeleton_and_its_parents)
{
    struct ps_origin author = {.incarnation = vector_uint(&vector, "incarnation")};
    struct ps_origin other;
    uint8_t secret[crypto_sign_SECRETKEYBYTES];
    memcpy(author.device.key, vector_get(&vector, "device").data, PS_DEVICE_SIZE);
    vector_free(&vector);
    vector_read(&vector, "validity");
    other.incarnation = vector_uint(&vector, "incarnation_c");
    cr_assert_eq(
        crypto_sign_seed_keypair(other.device.key, secret, vector_get(&vector, "seed_c").data), 0);
    struct ps_bytes inert = vector_get(&vector, "inert");
    (void)receive(&other, "entries_c", "signature_c", 1);
    uint32_t number = receive(&author, "entries", "signature", inert.size);

    struct ps_txn txn = case_begin(&here, false);
    struct ps_log log;
    cr_assert_eq(ps_log_by_number(&txn, number, &log), P2PSYNC_OK);
    cr_assert_eq(log.applied, inert.size);
    for (uint64_t seq = 0; seq < inert.size; seq++) {
        struct ps_log_entry entry;
        cr_assert_eq(ps_log_entry(&txn, number, seq, &entry), P2PSYNC_OK);
        cr_expect_eq(entry.inert, inert.data[seq] != 0, "change %u", (unsigned)seq);
    }
    ps_txn_abort(&txn);
}
