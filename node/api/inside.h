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
#include "node/host/detail.h"
#include "node/host/report.h"
#include "store/env/store.h"
#include "wire/id.h"

struct ps_loop;
struct ps_stream;
struct ps_answerer;
struct ps_keeper;

/* What the app has given at the open, over what config.json says. */
struct ps_given_options {
    bool peers;
    bool interfaces;
    bool beacon_port;
    bool no_beacon;
    bool backup_dir;
    bool backup_every;
    bool backup_keep;
};

/* Everything but what the mutexes guard is set when it is opened and never changes. */
struct p2psync_node {
    uint64_t process; /* that opened it */
    char *dir;
    int dir_fd;
    struct ps_store *store;
    struct ps_config config; /* guarded by loop_mutex, once it is open */
    struct ps_config file;   /* what config.json said when it was opened */
    struct ps_given_options given;
    struct ps_report report;
    pthread_mutex_t loop_mutex;    /* guards loop */
    struct ps_loop *loop;          /* NULL: not started here */
    pthread_mutex_t stream_mutex;  /* guards stream */
    struct ps_stream *stream;      /* NULL: no events were asked for */
    p2psync_resolver_fn *resolver; /* the app's, or NULL */
    void *resolver_user;
    struct ps_answerer *answerer; /* guarded by loop_mutex; NULL: nobody answers conflicts */
    struct ps_keeper *keeper;     /* guarded by loop_mutex; NULL: no backups are made */
    struct ps_cancel cancel;      /* calls that wait */
    int news_fd;                  /* by which the loop tells it of commits; -1: none */
};

/* Whether the app may use it: not NULL, and of this process. */
bool ps_node_usable(const p2psync_node *node);

/* `name`, or the host's if it is NULL, as the name of a device. Errors  as ps_input_device_name().
 */
p2psync_result ps_device_name_choose(const char *name, char out[static PS_DEVICE_NAME_SIZE_MAX + 1],
                                     struct p2psync_detail *detail) P2PSYNC_MUST_CHECK;

/* The public key that a recovery code stands for. Errors  P2PSYNC_EFORMAT, and `detail` says what
 * is wrong with it. */
p2psync_result ps_recovery_code_device(const char *code, struct ps_device *out,
                                       struct p2psync_detail *detail) P2PSYNC_MUST_CHECK;

/* Ask the running node, for timeout_ms at most, as a call that p2psync_cancel() ends. Errors  as
 * ps_ask(). */
p2psync_result ps_node_ask(p2psync_node *node, uint32_t timeout_ms, ps_control_ask what,
                           uint64_t argument, struct ps_buf *out) P2PSYNC_MUST_CHECK;

/* What there is to say of the node that runs here and has not answered, as a sentence without full
 * stop.
 *
 * Errors  P2PSYNC_ENOTRUNNING it has ended; P2PSYNC_EIO.
 */
p2psync_result ps_node_unanswered(const p2psync_node *node,
                                  struct p2psync_detail *out) P2PSYNC_MUST_CHECK;

/* What ps_node_apply() has done in its transaction. changed_out: false, and to be set if there is
 * anything to commit. */
typedef p2psync_result ps_node_work_fn(struct ps_txn *txn, void *context, bool *changed_out);

/* The one way in which the app changes the store: begin a write transaction, do the work in it, and
 * commit it if anything has changed. The loop, if one runs here, then looks at it.
 *
 * Errors  as `work` and the transaction; then the store is as it was.
 */
p2psync_result ps_node_apply(p2psync_node *node, ps_node_work_fn *work,
                             void *context) P2PSYNC_MUST_CHECK;

/* A dot as the inside has it. */
struct ps_dot ps_inner_dot(const struct p2psync_dot *dot);

/* A dot as the app has it. */
struct p2psync_dot ps_outer_dot(struct ps_dot dot);

#endif
