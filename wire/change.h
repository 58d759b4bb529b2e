/* One change: skeleton and body, DESIGN section 2. The author's bytes are kept, hashed and passed
 * on as they are; nothing re-encodes them.
 *
 *     skeleton = [op_and_flags, record_id, hlc, parents, body_size]
 *     parents  = [[origin, seq, leaf], ...]
 *     body     = [fields, unset, note]
 *
 * op_and_flags is one unsigned integer: the op in bits 0-3, flags from bit 4 on. Unknown ops and
 * flags are no fault. */
#ifndef PS_WIRE_CHANGE_H
#define PS_WIRE_CHANGE_H

#include "wire/hash.h"
#include "wire/id.h"
#include "wire/value.h"

/* The op says in what state the change leaves its record: a delete leaves it deleted, an archive
 * archived, anything else (unknown ops too) live. So an edit that leaves an archived record
 * archived is an archive with fields. */
typedef enum ps_op {
    PS_OP_CREATE = 0,
    PS_OP_UPDATE = 1,
    PS_OP_DELETE = 2,
    PS_OP_ARCHIVE = 3,
    PS_OP_RESTORE = 4,
    PS_OP_METADATA = 5,
} ps_op;
#define PS_OP_MASK 0x0fU

#define PS_CHANGE_FULL 0x10U /* fields are the whole value, not a delta */
#define PS_CHANGE_MORE 0x20U /* the transaction goes on in the next change of the log */
#define PS_CHANGE_AUTO 0x40U /* an automatic answer to a conflict */
#define PS_CHANGE_SEALED                                                                           \
    0x80U /* the body is one bin that only key holders read; kept for later                        \
           */

struct ps_parent {
    struct ps_dot dot;
    uint8_t leaf[PS_HASH_SHORT_SIZE]; /* its leaf hash, which says which branch it is on */
};

/* By origin, seq, leaf: parents ascend so. Two branches of a fork have the same dots. */
int ps_parent_compare(const struct ps_parent *a, const struct ps_parent *b);

struct ps_skeleton {
    uint32_t op_and_flags;
    struct ps_bytes record_id; /* points into the bytes decoded */
    uint64_t hlc;              /* 48 bits of milliseconds, 16 of counter */
    uint32_t body_size;        /* bytes; a body of another size counts as none */
    size_t parent_count;
    struct ps_parent parents[PS_PARENTS_MAX]; /* ascending by dot, each once */
};

struct ps_body {
    struct ps_bytes fields; /* a map; empty bytes if nil */
    struct ps_bytes unset;  /* an array of strings; empty bytes if nil */
    struct ps_bytes
        note; /* any value, or empty bytes if nil; a map {"text": str} where we write it */
};

/* Append the encoding of a skeleton.
 *
 * Errors  P2PSYNC_ELIMIT; P2PSYNC_ENOMEM.
 */
p2psync_result ps_skeleton_encode(const struct ps_skeleton *skeleton,
                                  struct ps_buf *out) P2PSYNC_MUST_CHECK;

/* Decode and check what can be checked without the parents: the shape, nothing after it, a valid
 * id, at most 64 parents in ascending order, each once; `full` if there are several parents; a
 * size that a body may have.
 *
 * Errors  P2PSYNC_EFORMAT, P2PSYNC_ELIMIT: such a change is inert.
 */
p2psync_result ps_skeleton_decode(struct ps_bytes bytes,
                                  struct ps_skeleton *out) P2PSYNC_MUST_CHECK;

/* Append the encoding of a body. Errors as above. */
p2psync_result ps_body_encode(const struct ps_body *body, struct ps_buf *out) P2PSYNC_MUST_CHECK;

/* Decode and check a body: fields pass ps_value_check_fields(), unset is an array of keys, the note
 * passes ps_value_check() and is within its limit. A change whose body fails here still takes part
 * in the version rule, but changes no field: a node without bodies must come to the same versions.
 *
 * Errors  P2PSYNC_EFORMAT; P2PSYNC_ELIMIT; P2PSYNC_ENOMEM.
 */
p2psync_result ps_body_decode(struct ps_bytes bytes, struct ps_body *out) P2PSYNC_MUST_CHECK;

/* The body of this skeleton's change. Errors  as above; P2PSYNC_EFORMAT it has not the size that
 * the skeleton says: such a body counts as none, too. */
p2psync_result ps_body_decode_of(const struct ps_skeleton *skeleton, struct ps_bytes bytes,
                                 struct ps_body *out) P2PSYNC_MUST_CHECK;

/* One change as it lies in a log or travels. */
struct ps_entry {
    struct ps_bytes skeleton;
    struct ps_bytes body;     /* empty if it is not here */
    struct ps_hash body_hash; /* always */
    bool has_body;
};

struct ps_hash ps_change_leaf(const struct ps_entry *entry);

#endif
