/* Joining a mesh, the newcomer's side: dial every endpoint of the code at once, with CURVE to
 * exactly the inviter's key, present the token, and become a member of what WELCOME names. DESIGN
 * section 9. */
#ifndef PS_NODE_LINKS_JOIN_H
#define PS_NODE_LINKS_JOIN_H

#include "node/host/detail.h"
#include "node/host/report.h"
#include "store/env/store.h"
#include "wire/id.h"

#define PS_JOIN_TIMEOUT_MS 20000

struct ps_join_options {
    struct ps_store *store;
    int dir_fd;
    int cancel_fd; /* readable: give up; -1: nobody says so */
    const struct ps_report *report;
    const char *code;
    const char *name; /* of this device; valid */
};

/* Join; see p2psync_join(). The identity is in the store before anything is sent, so that a second
 * attempt presents the same key.
 *
 * inviter_out  who let us in.
 * Errors       as p2psync_join(); `detail` says more.
 */
p2psync_result ps_join(const struct ps_join_options *options, struct ps_device *inviter_out,
                       struct p2psync_detail *detail) P2PSYNC_MUST_CHECK;

#endif
