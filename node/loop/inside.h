/* The inside of the loop: its state, for the files that make it up. parts.c opens and closes what
 * the loop works with, loop.c collects events and steps, wait.c waits for them, carry_out.c carries
 * out what the engine decided, requests.c replies to the control socket. */
#ifndef PS_NODE_LOOP_INSIDE_H
#define PS_NODE_LOOP_INSIDE_H

#include <pthread.h>
#include <stdatomic.h>
#include <sys/stat.h>

#include "discovery/finder.h"
#include "discovery/hints.h"
#include "discovery/interfaces.h"
#include "node/control/control.h"
#include "node/engine/engine.h"
#include "node/host/endpoint.h"
#include "node/host/names.h"
#include "node/links/links.h"
#include "node/loop/batch.h"
#include "node/loop/loop.h"

#define PS_LOOP_HOUSEKEEPING_MS 5000 /* clients that do not move, and the like */
#define PS_HOME_PATH_SIZE       4096

/* home.c: the directory as it was when the node began. */
struct ps_home {
    char path[PS_HOME_PATH_SIZE]; /* "" if the system does not tell */
    struct stat store;            /* of the store's file */
    bool known;                   /* `store` is */
    bool reached;                 /* who went `path` came to the directory */
};

/* An invite that the engine has been told of and that is not replied to yet. */
struct ps_loop_invite {
    bool waiting;
    bool cancels; /* it is the end of one that waits */
    uint64_t request;
    uint64_t expires_ms; /* from now */
    uint8_t token[PS_TOKEN_SIZE];
};

/* A link that the loop itself has ended: the engine is told in the next pass. */
struct ps_loop_failed {
    uint64_t link;
    bool overrun;
    bool unresolved;
};

/* Everything but `ended`, `in_sync_since_ms`, `told_end`, `wake_fd` and `told_*` is the loop
 * thread's, once it runs. */
struct ps_loop {
    struct ps_loop_options options;
    struct ps_config config; /* what the node runs with: options.config points to it */
    pthread_t thread;
    atomic_bool ended;
    atomic_bool news;                       /* somebody reads news_fd */
    atomic_uint_least64_t in_sync_since_ms; /* as ps_loop_in_sync_since_ms() says */
    int wake_fd;                            /* written to wake it */
    atomic_bool told_end;                   /* to end when it wakes */
    int lock_fd;
    int watch_fd; /* inotify on the directory and the store's file; -1: none, the store is looked at
                     each second */
    struct ps_home home;
    struct ps_device device;
    struct ps_mesh mesh;
    bool has_sponsor; /* another device invited this one, even if no member has told of it yet */
    uint64_t instance;

    struct ps_links *links;
    struct ps_names *names;
    struct ps_control *control;
    struct ps_engine *engine;
    struct ps_finder *finder; /* NULL: no beacons */
    struct ps_hints *hints;
    struct ps_endpoint listen;
    char listen_text[PS_ENDPOINT_SIZE_MAX + 1]; /* "host:port" or ":port", as others are told */

    struct ps_batch batch;
    struct ps_effects effects;
    struct ps_buf failed; /* of struct ps_loop_failed */
    struct ps_loop_invite invite;
    bool links_dry; /* ps_links_next() had nothing more */
    bool stopping;
    bool network_changed;      /* the engine is told in the next pass */
    uint64_t seen_txn;         /* of the store: what the engine has looked at */
    uint64_t told_txn;         /* what it will have looked at after the next step */
    uint64_t nudged_txn;       /* what those who listen to events were nudged for */
    uint64_t pending_since_ms; /* a commit is under way; 0: none */
    uint64_t pause_ms;        /* after a failed step: until then it only takes what must be taken */
    uint64_t clock_offset_ms; /* wall clock less monotonic, in the last pass */
    uint64_t housekeeping_ms;
    uint64_t readers_ms;
    uint64_t dial_report_ms;   /* when it was last reported that somebody cannot be dialled */
    bool step_failing;         /* the last step failed */
    p2psync_result step_error; /* of the last step that failed, and when it was reported */
    uint64_t step_error_ms;
    char last_error[PS_REPORT_SIZE_MAX];
    uint64_t last_error_ms;        /* wall clock */
    pthread_mutex_t told_mutex;    /* guards what another thread tells */
    struct ps_config *told_config; /* NULL: nothing */
    p2psync_result told_error;     /* OK: nothing */
    char told_text[PS_REPORT_SIZE_MAX];
};

/* Open everything that the loop needs before its thread runs.
 *
 * Errors  as ps_loop_start(). What was opened is closed by ps_loop_close_parts().
 */
p2psync_result ps_loop_open_parts(struct ps_loop *loop) P2PSYNC_MUST_CHECK;

/* Close everything but the descriptor that wakes the loop, which its writer may still hold. Whoever
 * waits for the node's end sees it in the last step, when the directory is free. */
void ps_loop_close_parts(struct ps_loop *loop);

/* Keep what the directory is. */
void ps_loop_home_note(struct ps_loop *loop);
/* Have `watch_fd`, of inotify, tell when the store is written to, and when the directory or the
 * store is moved or removed. False if it cannot. */
bool ps_loop_home_watch(const struct ps_loop *loop, int watch_fd);
/* What has become of the directory since: a sentence for people, or NULL if it is the same. */
const char *ps_loop_home_lost(const struct ps_loop *loop);

/* Fill `out` with the peers of `config`; returns how many there are. */
size_t ps_loop_peers(const struct ps_config *config, const char *out[static PS_CONFIG_PEERS_MAX]);

/* Tell the engine which networks this machine is on now. */
void ps_loop_look_around(struct ps_loop *loop);

/* Wait until there is something to do.
 *
 * Errors  P2PSYNC_EIO the poll failed.
 */
p2psync_result ps_loop_wait(struct ps_loop *loop) P2PSYNC_MUST_CHECK;

/* Let those write first who wait to. The lock of LMDB is nobody's turn: whoever gives it up and
 * takes it again at once mostly gets it, and the others starve. */
void ps_loop_stand_back(struct ps_loop *loop);

/* Carry out what the last step gave, in order. */
void ps_loop_carry_out(struct ps_loop *loop);

/* Keep an error for `status`, report it to the app's log, and tell it to those who listen to
 * events. */
void ps_loop_error(struct ps_loop *loop, p2psync_result error, const char *text);
/* The same for an error whose text already says why. */
void ps_loop_error_explained(struct ps_loop *loop, p2psync_result error, const char *text);

/* Take requests off the control socket: some are replied to at once, others become events. */
void ps_loop_take_requests(struct ps_loop *loop);

/* Reply to the invite that waits, now that the engine knows of it, or has failed to take it. */
void ps_loop_finish_invite(struct ps_loop *loop, p2psync_result stepped);

#endif
