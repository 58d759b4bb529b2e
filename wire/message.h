/* The messages that nodes exchange: MessagePack arrays [type, version, ...]. DESIGN section 7; the
 * grammar is in wire/PROTOCOL.md. Decoding checks every count and size and copies nothing: bytes in
 * a decoded message point into the input. A receiver passes over elements after those it knows,
 * and over messages of a type it does not know. */
#ifndef PS_WIRE_MESSAGE_H
#define PS_WIRE_MESSAGE_H

#include "wire/change.h"
#include "wire/head.h"
#include "wire/id.h"

#define PS_PROTOCOL_VERSION     2 /* newest that is spoken here */
#define PS_PROTOCOL_VERSION_MIN 2 /* oldest */

typedef enum ps_message_type {
    PS_MESSAGE_HELLO = 1,
    PS_MESSAGE_SUMMARY = 2,
    PS_MESSAGE_HEADS = 3,
    PS_MESSAGE_WANT = 4,
    PS_MESSAGE_CHANGES = 5,
    PS_MESSAGE_ACK = 6,
    PS_MESSAGE_PEERS = 7,
    PS_MESSAGE_ERROR = 8,
    PS_MESSAGE_JOIN = 16,    /* pairing socket only */
    PS_MESSAGE_WELCOME = 17, /* pairing socket only */
} ps_message_type;

typedef enum ps_error_code {
    PS_ERROR_FORMAT = 1,    /* a message could not be decoded */
    PS_ERROR_VERSION = 2,   /* no protocol version in common */
    PS_ERROR_MESH = 3,      /* another mesh, or another device than the key says */
    PS_ERROR_FAULT = 4,     /* a proof, root or signature was wrong */
    PS_ERROR_LIMIT = 5,     /* too much, or too fast */
    PS_ERROR_DUPLICATE = 6, /* another session between the same two stays; no fault */
    PS_ERROR_STRANGER = 7,  /* a message before HELLO: begin again; no fault */
    PS_ERROR_BYE = 8,       /* the sender stops; no fault */
    PS_ERROR_TOKEN = 9,     /* pairing: wrong token */
    PS_ERROR_EXPIRED = 10,  /* pairing: the invite has expired or was used */
    PS_ERROR_REMOVED = 11,  /* the receiver was removed from the mesh */
    PS_ERROR_WAITS = 13,    /* pairing: a person has to accept the receiver first; ask again */
    PS_ERROR_TWIN = 12, /* another node with the receiver's key is there, too; the text: where */
} ps_error_code;

/* What a node holds of what both sides subscribe to, at one moment. Two nodes are in sync if their
 * hashes are equal and neither has changes that it could apply. Sent as [common, pending]; in
 * CHANGES and ACK as nil if it is what the sender last said on this connection. */
struct ps_state {
    struct ps_hash common; /* of a peer's, the first PS_HASH_SHORT_SIZE bytes; the others are 0 */
    uint64_t pending;      /* changes held but not applied */
    bool as_before;        /* nil: the others are 0 */
};

/* A log, in full and perhaps with the number that stands for it from then on, or by that number
 * alone. Numbers are those of whoever sends HEADS and CHANGES; WANT and ACK, which answer, use them
 * too. */
struct ps_log_name {
    struct ps_bytes collection; /* empty: by its number alone */
    struct ps_origin origin;
    uint8_t branch[PS_HASH_SHORT_SIZE]; /* zero for the trunk, which is sent as an empty bin */
    uint64_t number;                    /* 0: it has none */
};

/* What a head of the log named so must be signed for. It points into both arguments. */
struct ps_head_context ps_message_head_context(const struct ps_log_name *log,
                                               const struct ps_mesh *mesh);

/* [1, v, version_min, version_max, capabilities, device, mesh, name, instance, subscriptions,
 * clock_ms, listen, state] */
#define PS_CAPABILITY_ZSTD 1U
struct ps_hello {
    uint64_t version_min;
    uint64_t version_max;
    uint64_t capabilities; /* unknown bits are no fault */
    struct ps_device device;
    struct ps_mesh mesh; /* only its nonce is sent: it names the mesh; the founder is zero */
    struct ps_bytes name;
    uint64_t instance;             /* random at each start of a node */
    struct ps_bytes subscriptions; /* nil (all), or an array of names, as its bytes: for later */
    uint64_t clock_ms;
    size_t listen_count; /* "host:port"; ":port" means at the address the sender is seen at */
    struct ps_bytes listen[PS_ENDPOINTS_MAX];
    struct ps_state state;
};

/* [2, v, reply, state, roots, heads, clock_ms, names]   roots, heads, names: nil, or
 *   roots = [[collection, root], ...]
 *   heads = [[collection, [[origin, branch, size, short root], ...], logs], ...]
 * What does not fit one message is told in several: `names` = [from, to] says of which collections
 * this one speaks, and `logs` = [first, last] of which logs of a collection. Both are left out
 * where it is of all. */
struct ps_short_head {
    struct ps_log_id log;
    uint64_t size; /* held */
    uint8_t root[PS_HASH_SHORT_SIZE];
};
struct ps_summary {
    bool reply; /* the sender waits for a SUMMARY in return */
    struct ps_state state;
    struct ps_bytes roots; /* checked; read with ps_summary_next_root(); empty bytes if nil */
    struct ps_bytes heads; /* checked; read with ps_summary_next_collection() */
    uint64_t clock_ms;     /* the sender's wall clock */
    /* It is of the collections whose names are not below `from`, and below `to` if that is not
     * empty. Both empty: of all. */
    struct ps_bytes from;
    struct ps_bytes to;
};

/* Logs of a collection, by id; both are among them. */
struct ps_log_range {
    struct ps_log_id first;
    struct ps_log_id last;
};

/* What `heads` have of one collection. */
struct ps_summary_part {
    struct ps_bytes name;
    struct ps_bytes heads; /* a list for ps_message_cursor_begin() and ps_summary_next_head() */
    struct ps_log_range logs;
};

/* [3, v, [[log, size, head, proof_size, proof], ...]]: the sender holds `size` of the log; `head`
 * is the newest signed one it knows, of at least `size`; `proof` shows that the tree of proof_size
 * leaves is a prefix of the head's. proof_size is the size that the receiver is known to have, else
 * `size`. */
struct ps_heads_item {
    struct ps_log_name log;
    uint64_t size;
    struct ps_head head;
    uint64_t proof_size;
    struct ps_proof proof;
};

/* [4, v, log, from, credit, again]: send entries from `from` on; at most `credit` bytes of them may
 * be under way, but one entry always. again: what is under way is lost, begin at `from`. credit 0:
 * stop. */
struct ps_want {
    struct ps_log_name log;
    uint64_t from;
    uint64_t credit;
    bool again;
};

/* [5, v, log, from, encoding, entries, head, proof, state]   entries: a bin, encoding 0 plain,
 * 1 zstd, of concatenated [0, skeleton, body] or [1, skeleton, body_hash]. proof: from the size
 * after the last entry to head.size. If the entries reach that size, the receiver works out the
 * head's root for itself, and it is sent as nil. */
#define PS_ENCODING_PLAIN 0U
#define PS_ENCODING_ZSTD  1U
struct ps_changes {
    struct ps_log_name log;
    uint64_t from;
    uint64_t encoding;
    struct ps_bytes entries; /* read with ps_changes_next() once plain */
    struct ps_head head;
    bool root_implied; /* nil is sent for head.root, and zero read */
    struct ps_proof proof;
    struct ps_state state; /* of the sender, when it sent this */
};

/* [6, v, state, [[log, size, unsettled], ...]]: how far the sender is; unsettled: size - settled */
struct ps_position {
    struct ps_log_name log;
    uint64_t size;
    uint64_t settled;
};
struct ps_ack {
    struct ps_state state;
    struct ps_bytes positions; /* checked; read with ps_ack_next() */
};

/* [7, v, [[device, [endpoint, ...]], ...]] */
struct ps_peer_endpoints {
    struct ps_device device;
    size_t endpoint_count;
    struct ps_bytes endpoints[PS_ENDPOINTS_MAX];
};

/* [8, v, code, text] */
struct ps_error {
    uint64_t code; /* ps_error_code, or a later version's */
    struct ps_bytes text;
};

/* [16, v, token, device, name] */
struct ps_join {
    uint8_t token[PS_TOKEN_SIZE];
    struct ps_device device;
    struct ps_bytes name;
};

/* [17, v, mesh, device, name, [endpoint, ...]]: the inviter, and where it listens for members */
struct ps_welcome {
    struct ps_mesh mesh;
    struct ps_device device;
    struct ps_bytes name;
    size_t endpoint_count;
    struct ps_bytes endpoints[PS_ENDPOINTS_MAX];
};

/* Read type and version of a message, and walk all of it with the bounded scanner.
 *
 * Errors  P2PSYNC_EFORMAT; P2PSYNC_ELIMIT over 1.25 MiB or nested too deep.
 */
p2psync_result ps_message_peek(struct ps_bytes input, uint64_t *type_out,
                               uint64_t *version_out) P2PSYNC_MUST_CHECK;

/* Decode one message of the type its name says. Each does what ps_message_peek() does first.
 *
 * Errors  P2PSYNC_EFORMAT; P2PSYNC_ELIMIT.
 */
p2psync_result ps_hello_decode(struct ps_bytes input, struct ps_hello *out) P2PSYNC_MUST_CHECK;
p2psync_result ps_summary_decode(struct ps_bytes input, struct ps_summary *out) P2PSYNC_MUST_CHECK;
p2psync_result ps_want_decode(struct ps_bytes input, struct ps_want *out) P2PSYNC_MUST_CHECK;
p2psync_result ps_changes_decode(struct ps_bytes input, struct ps_changes *out) P2PSYNC_MUST_CHECK;
p2psync_result ps_ack_decode(struct ps_bytes input, struct ps_ack *out) P2PSYNC_MUST_CHECK;
p2psync_result ps_error_decode(struct ps_bytes input, struct ps_error *out) P2PSYNC_MUST_CHECK;
p2psync_result ps_join_decode(struct ps_bytes input, struct ps_join *out) P2PSYNC_MUST_CHECK;
p2psync_result ps_welcome_decode(struct ps_bytes input, struct ps_welcome *out) P2PSYNC_MUST_CHECK;

/* Append one message to `out`.
 *
 * Errors  P2PSYNC_ELIMIT; P2PSYNC_ENOMEM. What was in `out` before stays.
 */
p2psync_result ps_hello_encode(const struct ps_hello *hello, struct ps_buf *out) P2PSYNC_MUST_CHECK;
p2psync_result ps_want_encode(const struct ps_want *want, struct ps_buf *out) P2PSYNC_MUST_CHECK;
p2psync_result ps_changes_encode(const struct ps_changes *changes,
                                 struct ps_buf *out) P2PSYNC_MUST_CHECK;
p2psync_result ps_error_encode(const struct ps_error *error, struct ps_buf *out) P2PSYNC_MUST_CHECK;
p2psync_result ps_join_encode(const struct ps_join *join, struct ps_buf *out) P2PSYNC_MUST_CHECK;
p2psync_result ps_welcome_encode(const struct ps_welcome *welcome,
                                 struct ps_buf *out) P2PSYNC_MUST_CHECK;

/* Messages with lists. summary->roots and ->heads are the encoded arrays, or empty bytes for nil,
 * made with the functions below; likewise ack->positions. */
p2psync_result ps_summary_encode(const struct ps_summary *summary,
                                 struct ps_buf *out) P2PSYNC_MUST_CHECK;
p2psync_result ps_ack_encode(const struct ps_ack *ack, struct ps_buf *out) P2PSYNC_MUST_CHECK;
p2psync_result ps_heads_encode(const struct ps_heads_item *items, size_t count,
                               struct ps_buf *out) P2PSYNC_MUST_CHECK;
p2psync_result ps_peers_encode(const struct ps_peer_endpoints *items, size_t count,
                               struct ps_buf *out) P2PSYNC_MUST_CHECK;

/* The lists inside, written with a ps_writer: the outer array header first, then each item. */
void ps_summary_write_root(struct ps_writer *writer, struct ps_bytes collection,
                           const struct ps_hash *root);
/* Then `count` short heads must follow, and the end. part->heads is not looked at. */
void ps_summary_write_collection(struct ps_writer *writer, const struct ps_summary_part *part,
                                 size_t count);
void ps_summary_end_collection(struct ps_writer *writer, const struct ps_summary_part *part);
/* All logs, and whether a range is that. */
struct ps_log_range ps_log_range_all(void);
bool ps_log_range_is_all(const struct ps_log_range *range);
void ps_summary_write_head(struct ps_writer *writer, const struct ps_short_head *head);
void ps_ack_write_position(struct ps_writer *writer, const struct ps_position *position);
/* One entry of CHANGES, appended to `out` as it travels. Errors  P2PSYNC_ELIMIT; P2PSYNC_ENOMEM. */
p2psync_result ps_changes_write_entry(const struct ps_entry *entry,
                                      struct ps_buf *out) P2PSYNC_MUST_CHECK;

/* Cursors over the lists of decoded messages. Each takes the next item off the front; false at the
 * end, and on malformed input, which the decoders above have excluded. Start with the list as
 * decoded; the array header is passed by the *_begin function, which returns the number of items.
 */
struct ps_cursor {
    struct ps_reader reader;
    uint32_t left;
};
uint32_t ps_message_cursor_begin(struct ps_cursor *cursor, struct ps_bytes list);
bool ps_summary_next_root(struct ps_cursor *cursor, struct ps_bytes *collection_out,
                          struct ps_hash *root_out);
bool ps_summary_next_collection(struct ps_cursor *cursor, struct ps_summary_part *out);
bool ps_summary_next_head(struct ps_cursor *cursor, struct ps_short_head *out);
bool ps_ack_next(struct ps_cursor *cursor, struct ps_position *out);

/* HEADS and PEERS are read item by item: check the message once, then walk it.
 *
 * Errors  P2PSYNC_EFORMAT; P2PSYNC_ELIMIT too many items, in any part. */
p2psync_result ps_heads_decode(struct ps_bytes input, struct ps_cursor *out) P2PSYNC_MUST_CHECK;
bool ps_heads_next(struct ps_cursor *cursor, struct ps_heads_item *out);
p2psync_result ps_peers_decode(struct ps_bytes input, struct ps_cursor *out) P2PSYNC_MUST_CHECK;
bool ps_peers_next(struct ps_cursor *cursor, struct ps_peer_endpoints *out);

/* Take the next entry off the front of plain entries; the leaf hash of its body is computed here.
 *
 * Errors  P2PSYNC_ENOTFOUND none left; P2PSYNC_EFORMAT; P2PSYNC_ELIMIT.
 */
p2psync_result ps_changes_next(struct ps_bytes *entries, struct ps_entry *out) P2PSYNC_MUST_CHECK;
/* The same, but the hash of a body that comes along stays zero: for a second walk. */
p2psync_result ps_changes_next_unhashed(struct ps_bytes *entries,
                                        struct ps_entry *out) P2PSYNC_MUST_CHECK;

#endif
