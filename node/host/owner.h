/* Whose a directory or a file is. What is in a node's directory says which programs it runs
 * (on_conflict) and with whom it shares records, so nobody but its user may have written there, or
 * root, who may do anything. */
#ifndef PS_NODE_HOST_OWNER_H
#define PS_NODE_HOST_OWNER_H

#include "node/host/detail.h"

/* Whether what is open as `fd` belongs to this user or root, and no other may write to it.
 *
 * what    how people call it: "the directory".
 * Errors  P2PSYNC_EDENIED; P2PSYNC_EIO; `detail` says what to do.
 */
p2psync_result ps_owner_check(int fd, const char *what,
                              struct p2psync_detail *detail) P2PSYNC_MUST_CHECK;

#endif
