/* Writing here: a local transaction becomes changes in this device's own log of the collection,
 * signed and applied in one LMDB transaction. */
#ifndef PS_STORE_WRITE_H
#define PS_STORE_WRITE_H

#include "store/identity_row.h"

typedef enum ps_edit_kind {
    PS_EDIT_PUT,     /* set these fields, take out those in unset, leave the rest; also creates */
    PS_EDIT_REPLACE, /* the record shall have exactly these fields */
    PS_EDIT_DELETE,
    PS_EDIT_ARCHIVE, /* hide it; fields and unset are empty */
    PS_EDIT_RESTORE, /* live again, with exactly these fields; also creates */
} ps_edit_kind;

struct ps_edit {
    ps_edit_kind kind;
    struct ps_bytes id;
    struct ps_bytes fields; /* a map that passed ps_value_check_fields(), or empty */
    struct ps_bytes unset;  /* a MessagePack array of strings, or empty */
    struct ps_bytes note;   /* one MessagePack value, or empty */
};

struct ps_write {
    const struct ps_identity *identity;
    const uint8_t *secret_key; /* 64 bytes, libsodium's form */
    uint64_t now_ms;           /* wall clock */
    struct ps_bytes collection;
    const struct ps_edit *edits; /* later ones see what earlier ones did */
    size_t edit_count;
};

struct ps_written {
    uint64_t changed;
    uint64_t unchanged;
};

/* Write all edits as one transaction of the log; edits that change nothing become no change. The
 * caller commits. A record in conflict is written with all its versions as parents and the whole
 * value, which ends the conflict (last_write_wins counts as merged). An edit of an archived record
 * keeps it archived.
 *
 * If the device's own log cannot go on where it ends (it is forked, or a longer signed head of it
 * is known), a new incarnation is drawn and written to the store first: read the identity anew in
 * each transaction.
 *
 * Errors  P2PSYNC_ENOTFOUND a delete or an archive of what is not there, or is deleted;
 * P2PSYNC_ELIMIT the transaction, a value or the number of collections is over a limit;
 * P2PSYNC_EFORMAT an id or the collection's name; P2PSYNC_EFULL; P2PSYNC_EIO; P2PSYNC_ECORRUPT;
 * P2PSYNC_ENOMEM. After any the transaction must be aborted.
 */
p2psync_result ps_write(struct ps_txn *txn, const struct ps_write *write,
                        struct ps_written *out) P2PSYNC_MUST_CHECK;

/* The hybrid logical clock, Kulkarni et al. 2014 as DESIGN section 2 cuts it down: the greater of
 * now and every parent's + 1, saturating. 48 bits of milliseconds above 16 of counter. */
uint64_t ps_hlc_next(uint64_t now_ms, const uint64_t *parents, size_t parent_count);

/* Milliseconds of an hlc. */
uint64_t ps_hlc_ms(uint64_t hlc);

#endif
