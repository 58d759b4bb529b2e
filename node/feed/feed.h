/* The feed: what happened to records, read from the logs. It remembers how much of each log it has
 * told, and goes on from there, one event at a time. So changes of this process, of others and of
 * peers are told alike, each once; what is not read yet waits in the store and nowhere else.
 *
 * The node's own collections (their names begin with '_') are not told. */
#ifndef PS_NODE_FEED_FEED_H
#define PS_NODE_FEED_FEED_H

#include "node/feed/late.h"
#include "store/env/store.h"
#include "store/log/log.h"

struct ps_feed {
    uint64_t *told; /* by log number: how much of it was told */
    size_t told_count;
    struct ps_late late;                        /* what it passed over because it waited */
    struct ps_log log;                          /* the one that is being told */
    uint8_t collection[PS_COLLECTION_SIZE_MAX]; /* its collection's name */
    size_t collection_size;                     /* 0: no log is */
    struct ps_log_id at; /* the log that was found last, from which on the next one is looked for */
    uint8_t at_collection[PS_COLLECTION_SIZE_MAX];
    size_t at_size;     /* 0: none was; from the first one on */
    struct ps_buf next; /* a second event of the same change, already made; empty: none */
    p2psync_event_type next_type;
    uint32_t refreshes;  /* of records' views, after changes of settings: told */
    uint32_t refreshing; /* being told, from the record after this place on; 0: none is */
    uint8_t place[PS_COLLECTION_SIZE_MAX];
    size_t place_size; /* 0: the first collection */
    uint8_t place_id[PS_RECORD_ID_SIZE_MAX];
    size_t place_id_size;
};

/* Begin: all that is applied now counts as told.
 *
 * Errors  P2PSYNC_ENOMEM; P2PSYNC_ECORRUPT; P2PSYNC_EIO.
 */
p2psync_result ps_feed_init(struct ps_feed *feed, struct ps_store *store) P2PSYNC_MUST_CHECK;

/* A zeroed one is fine. */
void ps_feed_deinit(struct ps_feed *feed);

/* The next event, appended to `out` as a map: record_changed, and after it conflict_detected or
 * conflict_resolved if the change opened or ended a conflict. If a setting opened or ended it, the
 * latter comes alone.
 *
 * Errors  P2PSYNC_EAGAIN all is told; P2PSYNC_ECORRUPT; P2PSYNC_EIO; P2PSYNC_ENOMEM. */
p2psync_result ps_feed_next(struct ps_feed *feed, struct ps_store *store,
                            p2psync_event_type *type_out, struct ps_buf *out) P2PSYNC_MUST_CHECK;

#endif
