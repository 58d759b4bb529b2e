/* The limits that devices or rooms share, with their units and reasons. The ones under "format"
 * decide what a valid change, head or message is: two versions that differ in them would not agree,
 * so they belong to the format version and never change within it. The others only bound what one
 * node spends. What a single module spends is bounded at the top of its own file. */
#ifndef PS_WIRE_LIMITS_H
#define PS_WIRE_LIMITS_H

#include <assert.h>
#include <stdint.h>

/* ---- format: sizes of identities and hashes, in bytes ---- */

#define PS_HASH_SIZE       32 /* BLAKE2b-256 */
#define PS_HASH_SHORT_SIZE 16 /* first bytes of a hash: two alike take 2^64 tries */
#define PS_DEVICE_SIZE     32 /* Ed25519 public key */
#define PS_SIGNATURE_SIZE  64 /* Ed25519 */
#define PS_SEED_SIZE       32 /* Ed25519 seed: the secret a device keeps */
#define PS_CURVE_KEY_SIZE  32 /* X25519 key, as CURVE uses it */
#define PS_MESH_NONCE_SIZE 16
#define PS_MESH_SIZE       (PS_DEVICE_SIZE + PS_MESH_NONCE_SIZE) /* founder, nonce */
#define PS_TAG_SIZE        16 /* tag of an origin, a mesh or a device: two alike take 2^64 tries */
#define PS_TOKEN_SIZE      16 /* one-time pairing token: 128 bits cannot be guessed */
#define PS_RECOVERY_SIZE   16 /* what a recovery code holds: as hard to guess as an Ed25519 key */

/* ---- format: what a change may hold ---- */

#define PS_RECORD_ID_SIZE_MAX      255     /* bytes; with its prefix it fits LMDB's 511-byte key */
#define PS_COLLECTION_SIZE_MAX     128     /* bytes of a collection's name */
#define PS_DEPTH_MAX               32      /* nesting of a value: a walker's stack stays small */
#define PS_DOCUMENT_DEPTH_MAX      36      /* nesting of an answer: a record's fields, in lists */
#define PS_VALUE_SIZE_MAX          1048576 /* bytes of a record's fields, encoded: 1 MiB */
#define PS_BUILT_SIZE_MAX          4194304 /* bytes that an app puts together: those and more */
#define PS_NOTE_SIZE_MAX           4096    /* bytes of a change's note, encoded */
#define PS_FIELD_SIZE_MAX          255     /* bytes of a field's name */
#define PS_UNSET_SIZE_MAX          65536   /* bytes of a change's unset list, encoded */
#define PS_BODY_SIZE_MAX           (PS_VALUE_SIZE_MAX + PS_UNSET_SIZE_MAX + PS_NOTE_SIZE_MAX + 64)
#define PS_PARENTS_MAX             64   /* versions that one change can name, and that are merged */
#define PS_SKELETON_SIZE_MAX       4096 /* id, times and 64 parents, with room */
#define PS_CHAIN_MAX               64   /* changes from a full one on: bounds every rebuild */
#define PS_TRANSACTION_CHANGES_MAX 65536    /* changes that become visible as one */
#define PS_TRANSACTION_SIZE_MAX    67108864 /* bytes of them, skeletons and bodies: 64 MiB */
#define PS_SKELETON_TRAVELS_MAX    65535 /* bytes; those over the former are inert, and relayed */
#define PS_DEVICE_NAME_SIZE_MAX    64    /* bytes of UTF-8 */
#define PS_LOG_SIZE_MAX            INT64_MAX /* changes of one log: room to add to a size */

/* ---- format: who counts as a member, so that nobody can crowd others out ---- */

#define PS_MEMBERS_MAX 4096 /* devices of one mesh */
#define PS_INVITED_MAX                                                                             \
    256 /* of them, those below one member other than the founder: whom it brings in, and so on */

#define PS_OVER_MAX   64   /* acts that one act comes after: who writes it names what counts */
#define PS_CLAIMS_MAX 8192 /* in one act: a device begins as many logs; more go in several */

/* ---- format: what a merge may cost: all nodes must give up at the same place ---- */

#define PS_TEXT_WORK_MAX 2097152 /* steps to find a difference: some 2,000 lines, 10 ms */
#define PS_MERGE_WORK_MAX                                                                          \
    4194304                     /* of all texts and unions of one merge, and their bytes: 50 ms    \
                                 */
#define PS_UNION_MAX      65536 /* elements of base and both sides of a `union`: they are sorted */
#define PS_FOLDS_MAX      1024  /* merges of two that one merge begins for the bases it needs */
#define PS_ANSWERS_MAX    1024  /* automatic answers that are taken back for one set */
#define PS_FOLDS_SIZE_MAX 16777216  /* bytes of what they come to: 16 MiB */
#define PS_FOLD_READ_MAX  134217728 /* bytes of bodies and values that one merge reads: 128 MiB */
#define PS_WALKS_MAX      524288    /* what all walks of one merge for ancestors cost: 50 ms */

/* ---- format: what a message may hold ---- */

#define PS_MESSAGE_SIZE_MAX     1310720 /* bytes, 1.25 MiB: a largest change, head and proof */
#define PS_MESSAGE_DEPTH_MAX    8       /* nesting of an envelope; values travel inside bin */
#define PS_CHUNK_SIZE_MAX       262144  /* bytes of entries in a CHANGES, past the first: 256 KiB */
#define PS_PROOF_MAX            65      /* hashes of a consistency proof over 2^63 leaves */
#define PS_HEADS_MAX            512     /* heads with proof in one HEADS */
#define PS_SHORT_HEADS_MAX      16384   /* short heads in one SUMMARY: more go in several */
#define PS_ROOTS_MAX            4096    /* collections in one SUMMARY: more go in several */
#define PS_POSITIONS_MAX        1024    /* positions in one ACK */
#define PS_NUMBERS_MAX          16384   /* logs that are named by a number in one session */
#define PS_ENDPOINTS_MAX        8       /* endpoints of one device that are kept and told */
#define PS_ENDPOINT_SIZE_MAX    280     /* bytes of "host:port": a DNS name is 253 at most */
#define PS_PEERS_MAX            64      /* devices in one PEERS */
#define PS_ERROR_TEXT_SIZE_MAX  256     /* bytes of text in an ERROR */
#define PS_INVITE_ENDPOINTS_MAX 4       /* endpoints in a code: it must stay scannable */
#define PS_BEACON_SIZE_MAX      100     /* bytes; zbeacon aborts the process above 255 */

/* ---- one node's own bounds ---- */

#define PS_BEGUN_MAX        8192         /* logs that one device begins; others are taken slowly */
#define PS_BRANCHES_MAX     16           /* histories of one log; others are taken slowly */
#define PS_TYPED_DIGITS_MIN 4            /* of a fingerprint: fewer are too often a word */
#define PS_NETWORKS_MAX     64           /* that one device is on: a machine has a handful */
#define PS_CREDIT_MAX       2097152      /* bytes of CHANGES in flight to one peer: 2 MiB */
#define PS_PEER_MEMORY_MAX  4194304      /* bytes spent on one peer: 4 MiB */
#define PS_WAITING_MAX      1024         /* transactions of a log that wait for a parent */
#define PS_DAMAGED_MAX      1024         /* damaged entries of one log that are listed at a time */
#define PS_MET_MAX          64           /* places of damage that are noted until they are listed */
#define PS_PENDING_TOLD_MAX 4096         /* of what waits, told one by one: people read no more */
#define PS_APPLY_BATCH_MAX  300000       /* changes applied in one commit, if many wait */
#define PS_APPLY_PLAN_MAX   250          /* of these, planned at a time: a few milliseconds */
#define PS_APPLY_WORK_MAX   33554432     /* bytes of values built, merged, kept in one call */
#define PS_TREE_LEVEL_MIN   8            /* subtrees below 256 leaves are recomputed */
#define PS_DISK_FREE_MIN    16777216     /* bytes left free on the disk, always: 16 MiB */
#define PS_MAP_SIZE_DEFAULT (1ULL << 40) /* address space of the map, sparse */
#define PS_MAP_SIZE_MIN     (1ULL << 30) /* halved from the default down to this */
#define PS_FETCHES_MAX      16           /* logs fetched from one peer at a time */
#define PS_EVENTS_MAX       4096         /* events an app has not read yet */
#define PS_PAIR_WRONG_MAX   5            /* wrong tokens of one key, after which it is refused */
#define PS_HISTORY_MAX      262144       /* changes of one record that are looked through */
#define PS_HISTORY_SIZE_MAX 67108864     /* bytes of a history or a difference, as an answer */
#define PS_BACKUP_ROW_MAX   134217728    /* bytes of a row: 64 versions of 1 MiB, and room */
#define PS_ROUND_PEERS_MAX  4            /* peers that a round or news goes to: a few reach all */

static_assert(PS_BODY_SIZE_MAX + PS_SKELETON_TRAVELS_MAX + (PS_PROOF_MAX + 8) * PS_HASH_SIZE <
                  PS_MESSAGE_SIZE_MAX,
              "any valid change fits one message");
static_assert(PS_CREDIT_MAX + PS_MESSAGE_SIZE_MAX <= PS_PEER_MEMORY_MAX,
              "what is in flight to one peer fits its memory");
static_assert(PS_RECORD_ID_SIZE_MAX + 4 <= 511, "a record's key fits LMDB");
static_assert(PS_PARENTS_MAX * 48 + PS_RECORD_ID_SIZE_MAX + 64 <= PS_SKELETON_SIZE_MAX,
              "the largest skeleton fits");

#endif
