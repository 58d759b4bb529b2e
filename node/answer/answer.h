/* Automatic answers to conflicts: by the app's callback, by a command, or by one of the built-in
 * rules `local` and `remote`. A thread of its own waits for conflicts and answers them one by one,
 * so that no answer, however long it takes, holds up the node.
 *
 * An answer is a change flagged `auto` whose parents are all versions of the record. It is written
 * only while this node is in sync with all connected peers and holds all that every signed head of
 * the collection covers, after a wait that differs from device to device. Of several answers the
 * last one counts. So devices that disagree come to rest, and a device that replays a long past
 * answers nothing that was answered. See DESIGN section 6. */
#ifndef PS_NODE_ANSWER_ANSWER_H
#define PS_NODE_ANSWER_ANSWER_H

#include "node/host/config.h"
#include "store/env/store.h"
#include "wire/id.h"

struct ps_answerer;
struct ps_loop;

/* All of it must outlive the answerer. */
struct ps_answerer_options {
    struct ps_store *store;
    const struct ps_config *config;
    struct ps_loop *loop;          /* running */
    int news_fd;                   /* the loop's: an eventfd that it writes to */
    p2psync_resolver_fn *resolver; /* the app's; NULL: as config->on_conflict says */
    void *resolver_user;
};

/* Start the thread, which takes no signals.
 *
 * Errors   P2PSYNC_ENOMEM; P2PSYNC_EIO.
 */
p2psync_result ps_answerer_start(const struct ps_answerer_options *options,
                                 struct ps_answerer **out) P2PSYNC_MUST_CHECK;

/* End it and wait until a callback that runs has returned; a command is killed. Nulls the pointer;
 * NULL is fine. */
void ps_answerer_destroy(struct ps_answerer **answerer);

/* What the app's callback answers: new fields, or one of the versions. The last call counts.
 *
 * fields  one map; copied.
 * Errors  P2PSYNC_EFORMAT; P2PSYNC_ELIMIT; P2PSYNC_ENOMEM: the answer is as it was.
 */
p2psync_result ps_answer_fields(struct p2psync_answer *answer,
                                struct ps_bytes fields) P2PSYNC_MUST_CHECK;
void ps_answer_take(struct p2psync_answer *answer, struct ps_dot version);

#endif
