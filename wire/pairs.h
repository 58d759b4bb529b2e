/* The pairs of a MessagePack map as a list sorted by key: what is looked up, merged and compared.
 * For values that passed ps_value_check_fields(); they point into the map. */
#ifndef PS_WIRE_PAIRS_H
#define PS_WIRE_PAIRS_H

#include "wire/bytes.h"

struct ps_pair {
    struct ps_bytes key;   /* the characters, without header */
    struct ps_bytes value; /* one whole value; empty in a list of names */
};

/* A zeroed one is empty and valid. A list of several maps is cut by setting `count`. */
struct ps_pairs {
    struct ps_pair *pair;
    size_t count;
    size_t capacity;
};

/* List the pairs of the map at the start of `map`, sorted, after those that are listed. Empty
 * bytes are an empty map.
 *
 * Errors  P2PSYNC_EFORMAT; P2PSYNC_ELIMIT; P2PSYNC_ENOMEM.
 */
p2psync_result ps_pairs_list(struct ps_pairs *pairs, struct ps_bytes map) P2PSYNC_MUST_CHECK;

/* The same for an array of strings, as keys.
 *
 * Errors  P2PSYNC_EFORMAT; P2PSYNC_ENOMEM.
 */
p2psync_result ps_pairs_list_names(struct ps_pairs *pairs,
                                   struct ps_bytes names) P2PSYNC_MUST_CHECK;

/* Make room for `count` pairs more. Errors  P2PSYNC_ENOMEM. */
p2psync_result ps_pairs_reserve(struct ps_pairs *pairs, size_t count) P2PSYNC_MUST_CHECK;

/* Which of two lists, from these places on, has the next key: below 0 the left one, above 0 the
 * right one, 0 both. One of the two may have ended, but not both. */
int ps_pairs_compare(const struct ps_pairs *left, size_t left_at, const struct ps_pairs *right,
                     size_t right_at);

/* The bytes that we write before a key of this size. */
size_t ps_pairs_key_header(size_t size);

/* Free the list and leave it empty. */
void ps_pairs_free(struct ps_pairs *pairs);

#endif
