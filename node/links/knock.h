/* Calling on members to see whether they run, and hold what is here: connected to by CURVE, so that
 * each proves its key, asked for their HELLO, and then whether they lack anything. Another program
 * that listens where a member did is nobody, and so is a member of another mesh by now, or one that
 * admits this device no more. For a device whose node does not run. */
#ifndef PS_NODE_LINKS_KNOCK_H
#define PS_NODE_LINKS_KNOCK_H

#include "store/env/txn.h"
#include "wire/id.h"
#include "wire/limits.h"

#define PS_KNOCKS_MAX       64    /* endpoints at a time */
#define PS_KNOCK_TIMEOUT_MS 10000 /* until all of them are taken for silent */

struct ps_links;

struct ps_knock {
    struct ps_device device;
    char endpoint[PS_ENDPOINT_SIZE_MAX + 1]; /* "host:port" */
};

typedef enum ps_knock_answer {
    PS_KNOCK_SILENT, /* no device answers */
    PS_KNOCK_LACKS,  /* each that does lacks something */
    PS_KNOCK_HOLDS,  /* one holds all of it */
} ps_knock_answer;

/* What the devices answer at `count` endpoints, PS_KNOCKS_MAX at most, to whether they hold all
 * that is here of collections that ps_keep_takes() does not take. Where nobody listens that is
 * known at once.
 *
 * Errors  P2PSYNC_EFILES; P2PSYNC_EIO; P2PSYNC_ENOMEM; those of reading the store.
 */
p2psync_result ps_knock_all(struct ps_txn *txn, const struct ps_knock *knocks, size_t count,
                            ps_knock_answer *answer_out) P2PSYNC_MUST_CHECK;

/* Links that only dial, with the key of the device in the store. Errors  as above. */
p2psync_result ps_knock_links(struct ps_txn *txn, struct ps_links **out) P2PSYNC_MUST_CHECK;

#endif
