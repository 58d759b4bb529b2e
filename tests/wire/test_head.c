/* A head verifies only for the log it was signed for. */
#include <criterion/criterion.h>
#include <sodium.h>
#include <string.h>

#include "wire/head.h"

static struct ps_mesh mesh;
static struct ps_origin origin = {.incarnation = 5};
static struct ps_head_context context = {.mesh = &mesh, .origin = &origin};
static struct ps_head head = {.size = 9, .root = {{1, 2, 3}}};

static void setup(void)
{
    static const uint8_t seed[PS_SEED_SIZE] = {1};
    uint8_t secret[crypto_sign_SECRETKEYBYTES];
    crypto_sign_seed_keypair(origin.device.key, secret, seed);
    context.collection = ps_bytes_text("notes");
    cr_assert_eq(ps_head_sign(&head, &context, secret), P2PSYNC_OK);
}

TestSuite(head, .init = setup);

Test(head, verifies_as_signed)
{
    cr_assert_eq(ps_head_verify(&head, &context), P2PSYNC_OK);
}

Test(head, another_size_is_refused)
{
    head.size++;
    cr_assert_eq(ps_head_verify(&head, &context), P2PSYNC_ESIGNATURE);
}

Test(head, another_root_is_refused)
{
    head.root.bytes[31] ^= 1;
    cr_assert_eq(ps_head_verify(&head, &context), P2PSYNC_ESIGNATURE);
}

Test(head, another_signature_is_refused)
{
    head.signature[0] ^= 1;
    cr_assert_eq(ps_head_verify(&head, &context), P2PSYNC_ESIGNATURE);
}

Test(head, another_collection_is_refused)
{
    context.collection = ps_bytes_text("note");
    cr_assert_eq(ps_head_verify(&head, &context), P2PSYNC_ESIGNATURE);
}

Test(head, another_mesh_is_refused)
{
    mesh.nonce[0] ^= 1;
    cr_assert_eq(ps_head_verify(&head, &context), P2PSYNC_ESIGNATURE);
}

Test(head, another_incarnation_is_refused)
{
    origin.incarnation++;
    cr_assert_eq(ps_head_verify(&head, &context), P2PSYNC_ESIGNATURE);
}

Test(head, another_device_is_refused)
{
    memset(origin.device.key, 9, PS_DEVICE_SIZE);
    cr_assert_eq(ps_head_verify(&head, &context), P2PSYNC_ESIGNATURE);
}

static p2psync_result read_head_of_size(uint64_t size)
{
    struct ps_buf buf;
    struct ps_writer writer;
    struct ps_reader reader;
    struct ps_head read;
    ps_buf_init(&buf, 1000);
    ps_writer_init(&writer, &buf);
    head.size = size;
    ps_head_write(&writer, &head);
    ps_reader_init(&reader, ps_buf_view(&buf));
    ps_head_read(&reader, &read);
    p2psync_result result = ps_reader_finish(&reader);
    ps_buf_deinit(&buf);
    return result;
}

Test(head, size_is_bounded_by_that_of_a_log)
{
    cr_assert_eq(read_head_of_size(PS_LOG_SIZE_MAX), P2PSYNC_OK);
    cr_assert_eq(read_head_of_size((uint64_t)PS_LOG_SIZE_MAX + 1), P2PSYNC_ELIMIT);
}

static p2psync_result read_proof_of(uint32_t count)
{
    static const uint8_t node[PS_HASH_SIZE];
    struct ps_buf buf;
    struct ps_writer writer;
    struct ps_reader reader;
    struct ps_proof read;
    ps_buf_init(&buf, 10000);
    ps_writer_init(&writer, &buf);
    ps_write_array(&writer, count);
    for (uint32_t i = 0; i < count; i++) {
        ps_write_bin(&writer, ps_bytes(node, sizeof node));
    }
    ps_reader_init(&reader, ps_buf_view(&buf));
    ps_head_read_proof(&reader, &read);
    p2psync_result result = ps_reader_finish(&reader);
    cr_assert_eq(read.count, result == P2PSYNC_OK ? count : 0);
    ps_buf_deinit(&buf);
    return result;
}

Test(head, proof_is_bounded)
{
    cr_assert_eq(read_proof_of(0), P2PSYNC_OK);
    cr_assert_eq(read_proof_of(PS_PROOF_MAX), P2PSYNC_OK);
    cr_assert_eq(read_proof_of(PS_PROOF_MAX + 1), P2PSYNC_ELIMIT);
}
