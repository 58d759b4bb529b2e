/* Heads of logs: what is signed, and how heads and proofs travel. The signed bytes name mesh,
 * collection and origin, so a head cannot be passed off as that of another log. */
#include "wire/head.h"

#include <assert.h>
#include <sodium.h>

static_assert(PS_SIGNATURE_SIZE == crypto_sign_BYTES, "Ed25519");
static_assert(PS_DEVICE_SIZE == crypto_sign_PUBLICKEYBYTES, "Ed25519");
static_assert(crypto_sign_SECRETKEYBYTES == 64, "as head.h says");

#define SIGNED_SIZE_MAX (PS_COLLECTION_SIZE_MAX + PS_MESH_SIZE + PS_DEVICE_SIZE + PS_HASH_SIZE + 64)

static p2psync_result signed_bytes(const struct ps_head *head,
                                   const struct ps_head_context *context, struct ps_buf *out);

p2psync_result ps_head_sign(struct ps_head *head, const struct ps_head_context *context,
                            const uint8_t secret_key[static 64])
{
    struct ps_buf buf;
    ps_buf_init(&buf, SIGNED_SIZE_MAX);
    p2psync_result result = signed_bytes(head, context, &buf);
    if (result == P2PSYNC_OK) {
        int failed = crypto_sign_detached(head->signature, NULL, buf.data, buf.size, secret_key);
        assert(failed == 0);
    }
    ps_buf_deinit(&buf);
    return result;
}

p2psync_result ps_head_verify(const struct ps_head *head, const struct ps_head_context *context)
{
    struct ps_buf buf;
    ps_buf_init(&buf, SIGNED_SIZE_MAX);
    p2psync_result result = signed_bytes(head, context, &buf);
    if (result == P2PSYNC_OK) {
        int failed = crypto_sign_verify_detached(head->signature, buf.data, buf.size,
                                                 context->origin->device.key);
        result = failed == 0 ? P2PSYNC_OK : P2PSYNC_ESIGNATURE;
    }
    ps_buf_deinit(&buf);
    return result;
}

static p2psync_result signed_bytes(const struct ps_head *head,
                                   const struct ps_head_context *context, struct ps_buf *out)
{
    assert(context->collection.size <= PS_COLLECTION_SIZE_MAX);
    struct ps_writer writer;
    ps_writer_init(&writer, out);
    ps_write_array(&writer, 7);
    ps_write_text(&writer, "p2psync head 1");
    ps_write_bin(&writer, ps_bytes(context->mesh, PS_MESH_SIZE));
    ps_write_str(&writer, context->collection);
    ps_write_bin(&writer, ps_bytes(context->origin->device.key, PS_DEVICE_SIZE));
    ps_write_uint(&writer, context->origin->incarnation);
    ps_write_uint(&writer, head->size);
    ps_write_bin(&writer, ps_bytes(head->root.bytes, PS_HASH_SIZE));
    return ps_writer_finish(&writer);
}

void ps_head_write(struct ps_writer *writer, const struct ps_head *head)
{
    ps_write_array(writer, 3);
    ps_write_uint(writer, head->size);
    ps_write_bin(writer, ps_bytes(head->root.bytes, PS_HASH_SIZE));
    ps_write_bin(writer, ps_bytes(head->signature, PS_SIGNATURE_SIZE));
}

void ps_head_read(struct ps_reader *reader, struct ps_head *out)
{
    uint32_t extra = ps_read_array_at_least(reader, 3);
    out->size = ps_read_uint_max(reader, PS_LOG_SIZE_MAX);
    ps_read_bin_exact(reader, out->root.bytes, PS_HASH_SIZE);
    ps_read_bin_exact(reader, out->signature, PS_SIGNATURE_SIZE);
    ps_read_skip(reader, extra);
}

void ps_head_write_proof(struct ps_writer *writer, const struct ps_proof *proof)
{
    assert(proof->count <= PS_PROOF_MAX);
    ps_write_array(writer, proof->count);
    for (size_t i = 0; i < proof->count; i++) {
        ps_write_bin(writer, ps_bytes(proof->node[i].bytes, PS_HASH_SIZE));
    }
}

void ps_head_read_proof(struct ps_reader *reader, struct ps_proof *out)
{
    uint32_t count = ps_read_array(reader);
    if (count > PS_PROOF_MAX) {
        ps_reader_fail(reader, P2PSYNC_ELIMIT);
        count = 0;
    }
    for (uint32_t i = 0; i < count; i++) {
        ps_read_bin_exact(reader, out->node[i].bytes, PS_HASH_SIZE);
    }
    out->count = reader->error == P2PSYNC_OK ? count : 0;
}
