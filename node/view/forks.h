/* Logs that fork, for people: of which device, in which collection. */
#ifndef PS_NODE_VIEW_FORKS_H
#define PS_NODE_VIEW_FORKS_H

#include "store/log/collection.h"
#include "store/log/log.h"

/* What people are to do about one. */
#define PS_VIEW_FORKS_FIX                                                                          \
    "both are kept, and where they disagree 'p2psync conflicts' shows it; if nobody has put that " \
    "device's disk back, look whether another machine runs with a copy of its directory"

struct ps_view_fork {
    struct ps_device device;
    struct ps_bytes collection; /* its name, in the map */
    uint64_t incarnation;
    size_t histories; /* two at least */
};

/* A walk over them, by the collections' names. As struct ps_collection_walk. */
struct ps_view_forks_walk {
    struct ps_txn *txn;
    p2psync_result result;
    struct ps_collection_walk collections;
    struct ps_collection collection; /* at which it is, once `inside` */
    struct ps_log_walk logs;
    bool inside;
};
bool ps_view_forks_next(struct ps_view_forks_walk *walk, struct ps_view_fork *out);

/* Say which there are, as many as fit. False if there are none.
 *
 * past_out  whether each of these devices has written under another incarnation later, so that
 *           none of these histories goes on.
 */
#define PS_VIEW_FORKS_TEXT_SIZE 1024 /* bytes with the NUL */
bool ps_view_forks_text(struct ps_txn *txn, const struct ps_device *self,
                        char out[static PS_VIEW_FORKS_TEXT_SIZE], bool *past_out);

#endif
