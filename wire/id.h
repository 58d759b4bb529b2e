/* Identities and their text forms: device, mesh, origin, dot. DESIGN section 1. */
#ifndef PS_WIRE_ID_H
#define PS_WIRE_ID_H

#include "wire/bytes.h"
#include "wire/limits.h"

struct ps_device {
    uint8_t key[PS_DEVICE_SIZE]; /* Ed25519 public key */
};

/* A mesh is named by its founder and a nonce, so who the founder is needs no proof. The nonce is
 * random, or that of a recovery key, which needs no proof then either. */
struct ps_mesh {
    struct ps_device founder;
    uint8_t nonce[PS_MESH_NONCE_SIZE];
};
static_assert(sizeof(struct ps_mesh) == PS_MESH_SIZE, "a mesh is hashed and sent as its bytes");

struct ps_tag {
    uint8_t bytes[PS_TAG_SIZE];
};

/* Who writes a log: one device in one incarnation. */
struct ps_origin {
    struct ps_device device;
    uint64_t incarnation;
};

/* Names one log of a collection. The branch is all zero for the trunk; a branch of a
 * log that forks has the first bytes of the root of what it shares with others and one change more:
 * see store/log/branch.h. */
struct ps_log_id {
    struct ps_tag origin;
    uint8_t branch[PS_HASH_SHORT_SIZE];
};

/* Names one change in a collection. */
struct ps_dot {
    struct ps_tag origin;
    uint64_t seq;
};

#define PS_DOT_TEXT_SIZE         (2 * PS_TAG_SIZE + 1 + 20 + 1) /* with its NUL */
#define PS_DEVICE_TEXT_SIZE      (2 * PS_DEVICE_SIZE + 1)       /* hex, with its NUL */
#define PS_FINGERPRINT_DIGITS    16
#define PS_FINGERPRINT_TEXT_SIZE (4 * (4 + 1)) /* with its NUL */

/* First 16 bytes of BLAKE2b-256("p2psync origin 1" || mesh || device || incarnation). */
struct ps_tag ps_origin_tag(const struct ps_mesh *mesh, const struct ps_origin *origin);

/* The log that this origin writes in a collection, on this branch. */
struct ps_log_id ps_log_id_of(const struct ps_mesh *mesh, const struct ps_origin *origin,
                              const uint8_t branch[static PS_HASH_SHORT_SIZE]);

/* Whether the branch is the trunk: all zero. */
bool ps_branch_is_trunk(const uint8_t branch[static PS_HASH_SHORT_SIZE]);

/* What beacons show of a mesh: the first 16 bytes of BLAKE2b-256("p2psync mesh 1" || mesh || nonce
 * as 8 bytes). Members recognise their mesh by it; to all others a beacon with another nonce could
 * be of any mesh. */
struct ps_tag ps_mesh_tag(const struct ps_mesh *mesh, uint64_t nonce);

/* What beacons show of a device, likewise: ("p2psync device 1" || mesh || nonce as 8 bytes ||
 * device).
 */
struct ps_tag ps_device_tag(const struct ps_mesh *mesh, uint64_t nonce,
                            const struct ps_device *device);

/* The nonce of a mesh whose recovery key is this one: the first bytes of BLAKE2b-256("p2psync
 * recovery 1" || key). */
void ps_mesh_recovery_nonce(const struct ps_device *key, uint8_t out[static PS_MESH_NONCE_SIZE]);

/* Whether this key is the recovery key of the mesh. */
bool ps_mesh_recovers(const struct ps_mesh *mesh, const struct ps_device *key);

bool ps_device_equal(const struct ps_device *a, const struct ps_device *b);
int ps_device_compare(const struct ps_device *a, const struct ps_device *b);
int ps_tag_compare(struct ps_tag a, struct ps_tag b);
/* By origin, then seq. */
int ps_dot_compare(struct ps_dot a, struct ps_dot b);
/* By origin, then branch: the trunk first. */
int ps_log_id_compare(const struct ps_log_id *a, const struct ps_log_id *b);

/* "KX3F-9QPA-02MV-T5DC": Crockford base32 of the first 80 bits of the device's BLAKE2b-256. To make
 * a key that has the fingerprint of another one takes 2^80 tries. */
void ps_device_fingerprint(const struct ps_device *device,
                           char out[static PS_FINGERPRINT_TEXT_SIZE]);

/* How many digits of the device's fingerprint `text` gives, which are its first ones, in either
 * case and with any dashes between: PS_FINGERPRINT_DIGITS if it is all of it; 0 if `text` is
 * anything else. */
size_t ps_device_fingerprint_match(const struct ps_device *device, struct ps_bytes text);

/* Whether it can be a device's id: the canonical form of a point of the prime-order subgroup, with
 * sign bit 0. A point and its negative have one CURVE key, so of the two only one is an id, and no
 * two ids have one key. It costs some 50 microseconds: ids are checked where they enter. */
bool ps_device_valid(const struct ps_device *device);

/* 64 lower-case hex digits. */
void ps_device_text(const struct ps_device *device, char out[static PS_DEVICE_TEXT_SIZE]);

/* Errors  P2PSYNC_EFORMAT not exactly 64 hex digits. Whether it is valid is not looked at. */
p2psync_result ps_device_parse(struct ps_bytes text, struct ps_device *out) P2PSYNC_MUST_CHECK;

/* How a version is called beside another one that has the same dot, because both are on histories
 * of one log that forks: its origin is the first 16 bytes of BLAKE2b-256("p2psync branch 1" ||
 * origin
 * || leaf), so that two are never called alike. */
struct ps_dot ps_dot_apart(struct ps_dot dot, const uint8_t leaf[static PS_HASH_SHORT_SIZE]);

/* "<32 hex>-<seq>". */
void ps_dot_text(struct ps_dot dot, char out[static PS_DOT_TEXT_SIZE]);

/* Errors  P2PSYNC_EFORMAT. */
p2psync_result ps_dot_parse(struct ps_bytes text, struct ps_dot *out) P2PSYNC_MUST_CHECK;

/* Whether `name` may name a collection: 1..128 bytes of valid UTF-8 without control characters. */
bool ps_collection_name_valid(struct ps_bytes name);

/* Whether it never leaves the device: the name begins with "_local". */
bool ps_collection_is_local(struct ps_bytes name);

/* Whether only the node writes it: it begins with '_' and is not local. */
bool ps_collection_is_internal(struct ps_bytes name);

/* 1..64 bytes of valid UTF-8 without control characters. */
bool ps_device_name_valid(struct ps_bytes name);

/* 1..255 bytes of valid UTF-8 without NUL, and not the id of a copy. Format: a change of a record
 * with another id is inert. */
bool ps_record_id_valid(struct ps_bytes id);

/* A version of a record that is shown as a record of its own has the id "<record's id>@<dot>". No
 * record can have such an id, so they never clash. */
#define PS_COPY_ID_SIZE_MAX (PS_RECORD_ID_SIZE_MAX + PS_DOT_TEXT_SIZE) /* bytes, without a NUL */
/* Whether `id` is one; then of which record and version. */
bool ps_copy_id_split(struct ps_bytes id, struct ps_bytes *record_out, struct ps_dot *dot_out);
/* Write the id of a copy; returns its size. `record` is a valid id. */
size_t ps_copy_id(struct ps_bytes record, struct ps_dot dot, char out[static PS_COPY_ID_SIZE_MAX]);
/* The id that a copy gets as a record of its own, when it is edited: "<record's id>~<dot>", with
 * the former cut so that it fits. Returns its size. */
size_t ps_copy_id_own(struct ps_bytes record, struct ps_dot dot,
                      uint8_t out[static PS_RECORD_ID_SIZE_MAX]);

#endif
