/* An edit as the app gave it, checked, and in the form that the store takes. What the store takes
 * as it is (the id, the fields) stays where the app has it; the rest is packed here. So one edit is
 * written without a copy of its fields, and a transaction copies exactly what is here. */
#ifndef PS_NODE_API_EDIT_H
#define PS_NODE_API_EDIT_H

#include "node/api/inside.h"
#include "node/host/detail.h"
#include "store/write/write.h"

struct ps_given {
    struct ps_edit edit; /* valid as long as the app's own and the rest of this */
    struct ps_buf unset;
    struct ps_buf note;
    struct ps_buf expected; /* struct ps_dot, one after another */
};

void ps_given_init(struct ps_given *given);

/* Take in an edit, or a resolution, which the app has given. `given` is fresh.
 *
 * Errors  P2PSYNC_EMISUSE; P2PSYNC_EFORMAT; P2PSYNC_ELIMIT; P2PSYNC_ENOMEM; `detail` says more.
 */
p2psync_result ps_given_edit(struct ps_given *given, const struct p2psync_edit *edit,
                             struct p2psync_detail *detail) P2PSYNC_MUST_CHECK;
p2psync_result ps_given_resolution(struct ps_given *given,
                                   const struct p2psync_resolution *resolution,
                                   struct p2psync_detail *detail) P2PSYNC_MUST_CHECK;

void ps_given_deinit(struct ps_given *given);

/* Write edits of one collection, as one transaction, and tell the app what was written: the one way
 * of all writes of the app's edits.
 *
 * write   its collection is one that ps_input_collection() accepts; who writes, when, and where the
 *         versions come is filled in here.
 * out     NULL, or a valid one.
 * Errors  as ps_own_write(); `detail` says more, and of which edit.
 */
p2psync_result ps_given_write(p2psync_node *node, const struct ps_write *write,
                              struct p2psync_committed *out,
                              struct p2psync_detail *detail) P2PSYNC_MUST_CHECK;

/* Whether the app's is none (NULL), or may be filled. */
bool ps_committed_valid(const struct p2psync_committed *out);

#endif
