/* Whom a person means by a name, a fingerprint or an id. Names are chosen by devices, and by
 * whoever renames another one; fingerprints and ids nobody can choose. */
#ifndef PS_NODE_VIEW_CALLED_H
#define PS_NODE_VIEW_CALLED_H

#include "store/env/store.h"
#include "wire/id.h"

#define PS_CALLED_MAX 3 /* devices that are told apart in one sentence */

struct ps_view_called {
    size_t count; /* of the devices below */
    struct ps_device devices[PS_CALLED_MAX];
    bool more;   /* there are others, too */
    bool partly; /* `text` is the beginning of the fingerprint of one of them, and not all of it */
};

/* The devices that `text` calls, members or not: by their id, by their fingerprint or the first
 * digits of it (PS_TYPED_DIGITS_MIN at least), or by their name. An id and a whole fingerprint call
 * one device, and nobody whose name is the same. A name calls every device that has ever had it; so
 * nobody can put one device in the place of another by renaming.
 *
 * Errors  P2PSYNC_ECORRUPT.
 */
p2psync_result ps_view_called(struct ps_txn *txn, const char *text,
                              struct ps_view_called *out) P2PSYNC_MUST_CHECK;

#endif
