/* What an app gives to be written, checked before anything is done with it; `detail` says what is
 * wrong. */
#ifndef PS_NODE_API_INPUT_H
#define PS_NODE_API_INPUT_H

#include "node/host/detail.h"
#include "wire/act.h"
#include "wire/codec.h"
#include "wire/id.h"

struct ps_txn;

/* Whether an app may write to a collection of this name.
 *
 * Errors  P2PSYNC_ELIMIT, P2PSYNC_EFORMAT no valid name; P2PSYNC_EDENIED the node's own.
 */
p2psync_result ps_input_collection(struct ps_bytes name,
                                   struct p2psync_detail *detail) P2PSYNC_MUST_CHECK;

/* A role in one collection of apps: "writer", "reader" or "none".
 *
 * Errors  P2PSYNC_ELIMIT; P2PSYNC_EFORMAT no name of a collection of apps, or no such role.
 */
p2psync_result ps_input_scope(struct ps_bytes collection, const char *role, ps_role *out,
                              struct p2psync_detail *detail) P2PSYNC_MUST_CHECK;

/* Whether it is a record's id, or a copy's unless `no_copy`.
 *
 * Errors  P2PSYNC_ELIMIT; P2PSYNC_EFORMAT.
 */
p2psync_result ps_input_id(struct ps_bytes id, bool no_copy,
                           struct p2psync_detail *detail) P2PSYNC_MUST_CHECK;

/* Whether they are the fields of a record. Errors  as ps_value_check_fields(). */
p2psync_result ps_input_fields(struct ps_bytes fields,
                               struct p2psync_detail *detail) P2PSYNC_MUST_CHECK;

/* Whether this device, or another member, may be called so by an app: a name is seen, and people
 * can type it. (What others have written is taken if ps_device_name_valid() says so.)
 *
 * Errors  P2PSYNC_ELIMIT; P2PSYNC_EFORMAT.
 */
p2psync_result ps_input_device_name(struct ps_bytes name,
                                    struct p2psync_detail *detail) P2PSYNC_MUST_CHECK;

/* The device that an app means to act on, member or not: by its id, by its whole fingerprint, or by
 * a name that no other device has ever had. Acting on another one would do harm, and names and the
 * first digits of a fingerprint are what others can choose.
 *
 * Errors  P2PSYNC_ENOTFOUND; P2PSYNC_EAMBIGUOUS, also for the beginning of a fingerprint;
 *         P2PSYNC_ECORRUPT.
 */
p2psync_result ps_input_member_ever(struct ps_txn *txn, const char *text, struct ps_device *out,
                                    struct p2psync_detail *detail) P2PSYNC_MUST_CHECK;

/* The same, of devices to which somebody has given a role, members still or not: anybody may name a
 * device that nobody has invited. Errors  as above. */
p2psync_result ps_input_invited(struct ps_txn *txn, const char *text, struct ps_device *out,
                                struct p2psync_detail *detail) P2PSYNC_MUST_CHECK;

/* The same, of members only. Errors  as above. */
p2psync_result ps_input_member(struct ps_txn *txn, const char *text, struct ps_device *out,
                               struct p2psync_detail *detail) P2PSYNC_MUST_CHECK;

/* Put a note as changes carry it, {"text": note}, into an empty buffer that takes PS_NOTE_SIZE_MAX.
 *
 * Errors  P2PSYNC_ELIMIT; P2PSYNC_EFORMAT no UTF-8; P2PSYNC_ENOMEM.
 */
p2psync_result ps_input_note(const char *note, struct ps_buf *out,
                             struct p2psync_detail *detail) P2PSYNC_MUST_CHECK;

#endif
