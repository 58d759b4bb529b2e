/* BLAKE2b-256 by libsodium, which calls it generichash. Leaves and nodes of Merkle trees begin with
 * different bytes, so that no leaf can pass for a node. */
#include "wire/hash.h"

#include <assert.h>
#include <sodium.h>
#include <string.h>

static_assert(PS_HASH_SIZE == crypto_generichash_BYTES, "BLAKE2b-256 is generichash's default");

struct ps_hash ps_hash_parts(const struct ps_bytes *parts, size_t count)
{
    struct ps_hash hash;
    crypto_generichash_state state;
    int failed = crypto_generichash_init(&state, NULL, 0, PS_HASH_SIZE);
    for (size_t i = 0; i < count; i++) {
        failed |= crypto_generichash_update(&state, parts[i].data, parts[i].size);
    }
    failed |= crypto_generichash_final(&state, hash.bytes, PS_HASH_SIZE);
    assert(failed == 0);
    return hash;
}

struct ps_hash ps_hash_bytes(struct ps_bytes bytes)
{
    return ps_hash_parts(&bytes, 1);
}

struct ps_hash ps_hash_leaf(struct ps_bytes skeleton, const struct ps_hash *body_hash)
{
    static const uint8_t prefix = 0x00;
    const struct ps_bytes parts[] = {
        ps_bytes(&prefix, 1),
        skeleton,
        ps_bytes(body_hash->bytes, PS_HASH_SIZE),
    };
    return ps_hash_parts(parts, 3);
}

struct ps_hash ps_hash_node(const struct ps_hash *left, const struct ps_hash *right)
{
    uint8_t input[1 + 2 * PS_HASH_SIZE] = {0x01};
    memcpy(input + 1, left->bytes, PS_HASH_SIZE);
    memcpy(input + 1 + PS_HASH_SIZE, right->bytes, PS_HASH_SIZE);
    return ps_hash_bytes(ps_bytes(input, sizeof input));
}

struct ps_hash ps_hash_empty(void)
{
    return ps_hash_parts(NULL, 0);
}

bool ps_hash_equal(const struct ps_hash *a, const struct ps_hash *b)
{
    return memcmp(a->bytes, b->bytes, PS_HASH_SIZE) == 0;
}
