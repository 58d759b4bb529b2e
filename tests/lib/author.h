/* An author whose log exists only in memory, for tests: it may sign anything, also what our own
 * writer never would. */
#ifndef TESTS_LIB_AUTHOR_H
#define TESTS_LIB_AUTHOR_H

#include "store/log/branch.h"
#include "tests/lib/store_case.h"

#define AUTHOR_ENTRIES_MAX 1100

struct author {
    struct ps_identity identity;
    struct ps_secret secret;
    const char *collection;
    bool forged; /* its heads bear a signature that is none */
    size_t count;
    struct ps_hash leaf[AUTHOR_ENTRIES_MAX];
    struct ps_buf bytes[AUTHOR_ENTRIES_MAX]; /* each as it travels */
};

void author_init(struct author *author, uint64_t seed);
void author_deinit(struct author *author);

struct author_change {
    uint32_t op_and_flags;
    const char *id;
    uint64_t hlc;
    size_t parent_count;
    struct ps_parent parents[4];
    struct ps_bytes fields;
    struct ps_bytes raw_skeleton; /* instead of all but the fields */
    struct ps_bytes raw_body;     /* instead of the fields */
    uint32_t false_size;          /* what the skeleton says of the body's size; 0: the truth */
};

/* Add a change; returns how others name it as a parent. */
struct ps_parent author_add(struct author *author, const struct author_change *change);

/* A signed head of the first `size` changes. */
struct ps_head author_head(const struct author *author, uint64_t size);
/* The consistency proof between two sizes. */
struct ps_proof author_proof(const struct author *author, uint64_t from, uint64_t to);

/* Hand over the changes [from, to) under the head of `head_size`, in a transaction of its own,
 * which is committed if the result is OK or a fork. */
struct author_delivery {
    uint64_t from;
    uint64_t to;
    uint64_t head_size;
    bool head_is_short;   /* head_size < to: send no proof */
    size_t histories_max; /* of struct ps_chunk */
};
p2psync_result author_deliver(const struct author *author, struct store_case *c,
                              const struct author_delivery *delivery);
/* The same as a node does with it: whichever of the author's histories it belongs to. */
p2psync_result author_deliver_branch(const struct author *author, struct store_case *c,
                                     const struct author_delivery *delivery);
/* All of it. */
void author_deliver_all(const struct author *author, struct store_case *c);

/* Its log in a store. */
p2psync_result author_log(const struct author *author, struct store_case *c, struct ps_log *out);

/* Offer a head. */
p2psync_result author_offer(const struct author *author, struct store_case *c,
                            const struct ps_head_offer *offer);

#endif
