/* Writing here: a local transaction becomes changes in this device's own log of the collection,
 * signed and applied in one LMDB transaction. */
#ifndef PS_STORE_WRITE_WRITE_H
#define PS_STORE_WRITE_WRITE_H

#include "store/env/identity.h"

typedef enum ps_edit_kind {
    PS_EDIT_PUT,     /* set these fields, take out those in unset, leave the rest; also creates */
    PS_EDIT_REPLACE, /* give it exactly these fields; also creates */
    PS_EDIT_STATE, /* the same, live again, and a change even if the record has these: it counts by
                      itself, so its body has all of them */
    PS_EDIT_DELETE,
    PS_EDIT_ARCHIVE, /* hide it; fields and unset are empty */
    PS_EDIT_RESTORE, /* live again, with exactly these fields; also creates */
    /* Resolutions of a record with several versions: they end all of them. */
    PS_EDIT_RESOLVE, /* give it exactly these fields */
    PS_EDIT_MERGE,   /* leave it as its versions are when merged field by field */
    PS_EDIT_TAKE,    /* leave it as the version `take` did */
} ps_edit_kind;

struct ps_edit {
    ps_edit_kind kind;
    struct ps_bytes id;
    struct ps_bytes fields; /* a map that passed ps_value_check_fields(), or empty */
    struct ps_bytes unset;  /* a MessagePack array of strings, or empty */
    struct ps_bytes note;   /* one MessagePack value, or empty */
    struct ps_dot take;
    bool automatic;    /* an automatic answer: a resolution only */
    bool has_expected; /* before the transaction the record must have exactly these versions */
    const struct ps_dot *expected;
    size_t expected_count; /* 0: there must be no such record, or a deleted one */
};

struct ps_write {
    const struct ps_identity *identity;
    const struct ps_secret *secret;
    bool of_other;   /* the identity is not the store's, which stays as it is */
    uint64_t now_ms; /* wall clock */
    struct ps_bytes collection;
    const struct ps_edit *edits; /* later ones see what earlier ones did */
    size_t edit_count;
    struct ps_dot *dots; /* NULL, or room for as many: the version that each edit wrote */
};

struct ps_written {
    uint64_t changed;
    uint64_t unchanged;
    size_t failed; /* after an error: the index of the edit that it is about */
};

/* Write all edits as one transaction of the log. An edit that changes nothing becomes no change.
 * The caller commits.
 *
 * An edit of a record with several versions is made on top of what is shown: it has the whole value
 * and names all versions as its parents, and so ends the conflict, if there was one. But if only a
 * resolution may end it (ps_view.open), the edit is made on top of the version that wins, and the
 * other versions stay. An edit of an archived record keeps it archived.
 *
 * Conditions (`expected`) are looked at before the first edit is carried out. So they are about
 * what was there before the transaction, also where several edits are of one record.
 *
 * write->dots[i] becomes the version that edit i wrote, all zero if it changed nothing. Of an edit
 * that makes a copy a record of its own, it is that record's.
 *
 * The id may be that of a copy (ps_copy_id_split()). Deleting a copy ends the version that it
 * shows. Editing a copy does the same, and makes a record of its own, named by ps_copy_id_own().
 *
 * The device's own log may be unable to go on where it ends: it is forked, or a longer signed head
 * of it is known. Then a new incarnation is drawn and written to the store first. So the identity
 * must be read anew in each transaction.
 *
 * Errors  P2PSYNC_ENOTFOUND a delete or an archive of what is not there, or is deleted; no such
 * version or copy; P2PSYNC_ENOCOLLECTION the same, and there is no such collection at all;
 * P2PSYNC_ECONFLICT a resolution of what has one version, or not the versions expected;
 * P2PSYNC_EEXIST the record that a copy would become is there already; P2PSYNC_ELIMIT the
 * transaction, a value or the number of collections is over a limit; P2PSYNC_EFORMAT an id or the
 * collection's name, or a copy is to be archived or restored; P2PSYNC_EFULL; P2PSYNC_EIO;
 * P2PSYNC_ECORRUPT; P2PSYNC_ENOMEM. After any the transaction must be aborted,
 * and out->failed is all that is filled in.
 */
p2psync_result ps_write(struct ps_txn *txn, const struct ps_write *write,
                        struct ps_written *out) P2PSYNC_MUST_CHECK;

#endif
