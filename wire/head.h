/* The head of a log: its size and Merkle root, signed by its device. DESIGN section 3. Signed is
 * the MessagePack array ["p2psync head 1", mesh, collection, device, incarnation, size, root]. */
#ifndef PS_WIRE_HEAD_H
#define PS_WIRE_HEAD_H

#include "wire/codec.h"
#include "wire/hash.h"
#include "wire/id.h"
#include "wire/proof.h"

/* What a signature speaks of, besides size and root. */
struct ps_head_context {
    const struct ps_mesh *mesh;
    struct ps_bytes collection;
    const struct ps_origin *origin;
};

struct ps_head {
    uint64_t size;
    struct ps_hash root;
    uint8_t signature[PS_SIGNATURE_SIZE];
};

/* Fill head->signature over the other two. secret_key is libsodium's 64-byte form.
 *
 * Errors  P2PSYNC_ENOMEM.
 */
p2psync_result ps_head_sign(struct ps_head *head, const struct ps_head_context *context,
                            const uint8_t secret_key[static 64]) P2PSYNC_MUST_CHECK;

/* Errors  P2PSYNC_ESIGNATURE; P2PSYNC_ENOMEM. */
p2psync_result ps_head_verify(const struct ps_head *head,
                              const struct ps_head_context *context) P2PSYNC_MUST_CHECK;

/* [size, root, signature] */
void ps_head_write(struct ps_writer *writer, const struct ps_head *head);
void ps_head_read(struct ps_reader *reader, struct ps_head *out);

/* [node, ...] */
void ps_head_write_proof(struct ps_writer *writer, const struct ps_proof *proof);
void ps_head_read_proof(struct ps_reader *reader, struct ps_proof *out);

#endif
