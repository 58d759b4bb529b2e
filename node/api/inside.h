/* What the files behind p2psync.h share: the node as the app holds it, and small helpers for their
 * argument checks and answers.
 *
 * No lock is held while the app's own code runs, other than its log callback. */
#ifndef PS_NODE_API_INSIDE_H
#define PS_NODE_API_INSIDE_H

#include <pthread.h>

#include "node/control/ask.h"
#include "node/host/buffer.h"
#include "node/host/cancel.h"
#include "node/host/config.h"
#include "node/host/report.h"
#include "store/env/store.h"
#include "wire/codec.h"
#include "wire/id.h"

struct ps_loop;
struct ps_stream;
struct ps_answerer;

/* Everything but what the mutexes guard is set when it is opened and never changes. */
struct p2psync_node {
    uint64_t process; /* that opened it */
    char *dir;
    int dir_fd;
    struct ps_store *store;
    struct ps_config config; /* guarded by loop_mutex, once it is open */
    struct ps_config file;   /* what config.json said when it was opened */
    bool peers_given;        /* by the app, over what config.json says */
    struct ps_report report;
    pthread_mutex_t loop_mutex;    /* guards loop */
    struct ps_loop *loop;          /* NULL: not started here */
    pthread_mutex_t stream_mutex;  /* guards stream */
    struct ps_stream *stream;      /* NULL: no events were asked for */
    p2psync_resolver_fn *resolver; /* the app's, or NULL */
    void *resolver_user;
    struct ps_answerer *answerer; /* guarded by loop_mutex; NULL: nobody answers conflicts */
    struct ps_cancel cancel;      /* calls that wait */
    int news_fd;                  /* by which the loop tells it of commits; -1: none */
};

/* Whether the app may use it: not NULL, and of this process. */
bool ps_node_usable(const p2psync_node *node);

/* `name`, or the host's if it is NULL, as the name of a device.
 *
 * Errors  P2PSYNC_EMISUSE it is not valid.
 */
p2psync_result ps_device_name_choose(const char *name, char out[static PS_DEVICE_NAME_SIZE_MAX + 1])
    P2PSYNC_MUST_CHECK;

/* Ask the running node, for timeout_ms at most, as a call that p2psync_cancel() ends. Errors  as
 * ps_ask(). */
p2psync_result ps_node_ask(p2psync_node *node, uint32_t timeout_ms, ps_control_ask what,
                           uint64_t argument, struct ps_buf *out) P2PSYNC_MUST_CHECK;

/* Whether an app may write to a collection of this name.
 *
 * Errors  P2PSYNC_ELIMIT, P2PSYNC_EFORMAT no valid name; P2PSYNC_EDENIED the node's own.
 */
p2psync_result ps_node_check_writable(struct ps_bytes collection) P2PSYNC_MUST_CHECK;

/* Run by ps_node_apply() in its transaction: complete `write` by what the store has now, or set its
 * edit_count to 0 if there is nothing to write. */
struct ps_write;
struct ps_written;
typedef p2psync_result ps_node_prepare_fn(struct ps_txn *txn, struct ps_write *write,
                                          void *context);

/* The one way in which edits of the app come into the store: in a transaction of its own, prepare
 * them, write them as this device and now, and commit if anything has changed.
 *
 * prepare  NULL: `write` is complete.
 * out      zeroed by the caller, and so if nothing was written.
 * Errors   as `prepare` and ps_own_write(); then the store is as it was.
 */
p2psync_result ps_node_apply(p2psync_node *node, struct ps_write *write,
                             ps_node_prepare_fn *prepare, void *context,
                             struct ps_written *out) P2PSYNC_MUST_CHECK;

/* Commit what was written, and have the loop, if one runs here, look at it. */
p2psync_result ps_node_commit(p2psync_node *node, struct ps_txn *txn) P2PSYNC_MUST_CHECK;

/* A dot as the inside has it. */
struct ps_dot ps_inner_dot(const struct p2psync_dot *dot);

/* A dot as the app has it. */
struct p2psync_dot ps_outer_dot(struct ps_dot dot);

/* Append a note as changes carry it: {"text": note}.
 *
 * Errors  P2PSYNC_ELIMIT; P2PSYNC_EFORMAT no UTF-8; P2PSYNC_ENOMEM.
 */
p2psync_result ps_note_pack(const char *note, struct ps_buf *out) P2PSYNC_MUST_CHECK;

#endif
