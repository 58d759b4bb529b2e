/* BLAKE2b-256 against a published value, and that leaves and nodes cannot be mistaken for each
 * other. */
#include <criterion/criterion.h>
#include <string.h>

#include "wire/hash.h"

Test(hash, of_nothing_is_the_published_value)
{
    static const uint8_t expected[PS_HASH_SIZE] = {
        0x0e, 0x57, 0x51, 0xc0, 0x26, 0xe5, 0x43, 0xb2, 0xe8, 0xab, 0x2e,
        0xb0, 0x60, 0x99, 0xda, 0xa1, 0xd1, 0xe5, 0xdf, 0x47, 0x77, 0x8f,
        0x77, 0x87, 0xfa, 0xab, 0x45, 0xcd, 0xf1, 0x2f, 0xe3, 0xa8,
    };
    struct ps_hash hash = ps_hash_empty();
    cr_assert_eq(memcmp(hash.bytes, expected, PS_HASH_SIZE), 0);
}

Test(hash, of_parts_is_that_of_the_whole)
{
    const struct ps_bytes parts[] = {ps_bytes_text("ab"), ps_bytes(NULL, 0), ps_bytes_text("c")};
    struct ps_hash of_parts = ps_hash_parts(parts, 3);
    struct ps_hash whole = ps_hash_bytes(ps_bytes_text("abc"));
    cr_assert(ps_hash_equal(&of_parts, &whole));
}

Test(hash, leaf_and_node_of_the_same_bytes_differ)
{
    struct ps_hash left = ps_hash_bytes(ps_bytes_text("l"));
    struct ps_hash right = ps_hash_bytes(ps_bytes_text("r"));
    struct ps_hash node = ps_hash_node(&left, &right);
    struct ps_hash leaf = ps_hash_leaf(ps_bytes(left.bytes, PS_HASH_SIZE), &right);
    struct ps_hash swapped = ps_hash_node(&right, &left);
    cr_assert_not(ps_hash_equal(&node, &leaf));
    cr_assert_not(ps_hash_equal(&node, &swapped));
}
