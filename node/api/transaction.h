/* Transactions as the files behind p2psync.h share them. */
#ifndef PS_NODE_API_TRANSACTION_H
#define PS_NODE_API_TRANSACTION_H

#include "node/host/detail.h"

struct ps_write;
struct ps_written;

/* As p2psync_transaction_begin(), and says more of what failed. */
p2psync_result ps_transaction_begin(p2psync_node *node, const char *collection,
                                    p2psync_transaction **out,
                                    struct p2psync_detail *detail) P2PSYNC_MUST_CHECK;

/* Whether the app's is none (NULL), or may be filled. */
bool ps_committed_valid(const struct p2psync_committed *out);

/* Tell the app, if it wants to know, what was written; write->dots says which versions. */
void ps_committed_fill(const struct ps_write *write, const struct ps_written *written,
                       struct p2psync_committed *out);

#endif
