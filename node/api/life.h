/* What the files behind p2psync.h share: the node as the app holds it, and small helpers for their
 * argument checks and answers.
 *
 * No lock is held while the app's own code runs, other than its log callback. */
#ifndef PS_NODE_API_LIFE_H
#define PS_NODE_API_LIFE_H

#include <pthread.h>

#include "node/host/config.h"
#include "node/host/report.h"
#include "store/env/store.h"
#include "wire/codec.h"
#include "wire/id.h"

#define PS_ANSWER_SIZE_MAX ((size_t)4 * 1024 * 1024) /* bytes: thousands of peers */
#define PS_TIME_TEXT_SIZE  32                        /* RFC 3339 with milliseconds, with its NUL */

struct ps_loop;
struct ps_stream;
struct ps_answerer;

/* Everything but what the mutexes guard is set when it is opened and never changes. */
struct p2psync_node {
    uint64_t process; /* that opened it */
    char *dir;
    int dir_fd;
    struct ps_store *store;
    struct ps_config config;
    struct ps_report report;
    pthread_mutex_t loop_mutex;    /* guards loop */
    struct ps_loop *loop;          /* NULL: not started here */
    pthread_mutex_t stream_mutex;  /* guards stream */
    struct ps_stream *stream;      /* NULL: no events were asked for */
    p2psync_resolver_fn *resolver; /* the app's, or NULL */
    void *resolver_user;
    struct ps_answerer *answerer; /* guarded by loop_mutex; NULL: nobody answers conflicts */
    int news_fd;                  /* by which the loop tells it of commits; -1: none */
};

/* Whether the app may use it: not NULL, and of this process. */
bool ps_node_usable(const p2psync_node *node);

/* Milliseconds since 1970. */
uint64_t ps_wall_ms(void);

/* Milliseconds that never jump; no meaning beyond this run of the machine. */
uint64_t ps_monotonic_ms(void);

/* Hand what is in `buf` to the app, if `result` is OK; frees it in any case.
 *
 * Errors  `result`; P2PSYNC_ENOMEM.
 */
p2psync_result ps_answer(p2psync_result result, struct ps_buf *buf,
                         struct p2psync_buffer *out) P2PSYNC_MUST_CHECK;

/* "2026-11-21T07:53:30.123Z". */
void ps_time_text(uint64_t wall_ms, char out[static PS_TIME_TEXT_SIZE]);

/* A time as text, or nil if it is 0. */
void ps_write_time(struct ps_writer *writer, uint64_t wall_ms);

/* `name`, or the host's if it is NULL, as the name of a device.
 *
 * Errors  P2PSYNC_EMISUSE it is not valid.
 */
p2psync_result ps_device_name_choose(const char *name, char out[static PS_DEVICE_NAME_SIZE_MAX + 1])
    P2PSYNC_MUST_CHECK;

/* The member that a person means by its name, fingerprint or id.
 *
 * Errors  P2PSYNC_ENOTFOUND; P2PSYNC_EAMBIGUOUS; P2PSYNC_ECORRUPT.
 */
p2psync_result ps_node_find_member(struct ps_txn *txn, const char *text,
                                   struct ps_device *out) P2PSYNC_MUST_CHECK;

/* Whether an app may write to a collection of this name.
 *
 * Errors  P2PSYNC_ELIMIT, P2PSYNC_EFORMAT no valid name; P2PSYNC_EDENIED the node's own.
 */
p2psync_result ps_node_check_writable(struct ps_bytes collection) P2PSYNC_MUST_CHECK;

/* Commit what was written, and have the loop, if one runs here, look at it. */
p2psync_result ps_node_commit(p2psync_node *node, struct ps_txn *txn) P2PSYNC_MUST_CHECK;

/* Append the answer of p2psync_peers() to `out`, each peer with the number of conflicts in which a
 * version of it takes part.
 *
 * peers   the answer without them: of a running node, or from the store.
 * Errors  P2PSYNC_EFORMAT it is malformed; P2PSYNC_ECORRUPT; P2PSYNC_ENOMEM.
 */
p2psync_result ps_conflicts_of_peers(p2psync_node *node, struct ps_bytes peers,
                                     struct ps_buf *out) P2PSYNC_MUST_CHECK;

/* A dot as the inside has it; false: it is none that this version of the library knows. */
bool ps_inner_dot(const struct p2psync_dot *dot, struct ps_dot *out);

/* A dot as the app has it. */
struct p2psync_dot ps_outer_dot(struct ps_dot dot);

/* Append a note as changes carry it: {"text": note}.
 *
 * Errors  P2PSYNC_ELIMIT; P2PSYNC_EFORMAT no UTF-8; P2PSYNC_ENOMEM.
 */
p2psync_result ps_note_pack(const char *note, struct ps_buf *out) P2PSYNC_MUST_CHECK;

#endif
