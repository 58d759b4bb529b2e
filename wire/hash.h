/* BLAKE2b-256 and the hashes of the Merkle trees, domain-separated as in RFC 9162 section 2.1.1. */
#ifndef PS_WIRE_HASH_H
#define PS_WIRE_HASH_H

#include "wire/bytes.h"
#include "wire/limits.h"

struct ps_hash {
    uint8_t bytes[PS_HASH_SIZE];
};

/* BLAKE2b-256 of the parts, one after the other. */
struct ps_hash ps_hash_parts(const struct ps_bytes *parts, size_t count);

struct ps_hash ps_hash_bytes(struct ps_bytes bytes);

/* BLAKE2b-256(0x00 || skeleton || body_hash): the leaf of one change. DESIGN section 2. */
struct ps_hash ps_hash_leaf(struct ps_bytes skeleton, const struct ps_hash *body_hash);

/* BLAKE2b-256(0x01 || left || right). */
struct ps_hash ps_hash_node(const struct ps_hash *left, const struct ps_hash *right);

/* BLAKE2b-256 of nothing: the root of the empty tree. */
struct ps_hash ps_hash_empty(void);

bool ps_hash_equal(const struct ps_hash *a, const struct ps_hash *b);

#endif
