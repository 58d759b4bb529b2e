/* What an app gives to be written, checked before anything is done with it; `detail` says what is
 * wrong. */
#ifndef PS_NODE_API_INPUT_H
#define PS_NODE_API_INPUT_H

#include "node/host/detail.h"
#include "wire/bytes.h"

/* Whether an app may write to a collection of this name. Errors  as ps_node_check_writable(). */
p2psync_result ps_input_collection(struct ps_bytes name,
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

/* Append a note as changes carry it. Errors  as ps_note_pack(). */
p2psync_result ps_input_note(const char *note, struct ps_buf *out,
                             struct p2psync_detail *detail) P2PSYNC_MUST_CHECK;

#endif
