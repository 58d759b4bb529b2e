/* The loop: runs one node in a thread of its own. It feeds the engine with what sockets, beacons,
 * clock, other processes and the control socket bring, and carries out what the engine decides.
 * Only one loop runs on a directory at a time, of all processes. */
#ifndef PS_NODE_LOOP_LOOP_H
#define PS_NODE_LOOP_LOOP_H

#include "node/host/config.h"
#include "node/host/report.h"
#include "store/env/store.h"

struct ps_loop;

/* All of it must outlive the loop. */
struct ps_loop_options {
    struct ps_store *store;
    const struct ps_config *config; /* copied */
    const struct ps_report *report;
    int dir_fd;
    int news_fd; /* an eventfd to write to whenever something was committed, and whenever the node
                    comes to be in sync; -1: none */
};

/* Listen, then run in a new thread, which takes no signals.
 *
 * Errors  P2PSYNC_ENODEVICE; P2PSYNC_EBUSY a node runs in this directory; P2PSYNC_EADDRINUSE;
 *         P2PSYNC_ENOTFOUND the host to listen on is not this machine's; P2PSYNC_EIO;
 * P2PSYNC_ENOMEM.
 */
p2psync_result ps_loop_start(const struct ps_loop_options *options,
                             struct ps_loop **out) P2PSYNC_MUST_CHECK;

/* Whether it has ended, because another process asked it to. Thread  any. */
bool ps_loop_ended(const struct ps_loop *loop);

/* Something was committed to the store: send it on now, not when the file's change is noticed.
 * Thread any. */
void ps_loop_wake(struct ps_loop *loop);

/* Since when the node has been in sync with every device that it is connected to, by the monotonic
 * clock; 0: it is not, or nobody is connected. A node that is alone in its mesh is in sync. Only
 * kept if there is a news_fd. Thread  any. */
uint64_t ps_loop_in_sync_since_ms(const struct ps_loop *loop);

/* Keep an error for `status`, and tell the app's log and those who listen to events. One that comes
 * before another was told takes its place. Thread  any. */
void ps_loop_tell_error(struct ps_loop *loop, p2psync_result error, const char *text);

/* Whether anybody reads news_fd; until it is told so, nothing is written there. Thread  any. */
void ps_loop_want_news(struct ps_loop *loop, bool wanted);

/* Take up peers, interval_ms, what beacons depend on, and what is said of backups from `config`,
 * soon; it is copied. Errors
 * P2PSYNC_ENOMEM. Thread  any. */
p2psync_result ps_loop_configure(struct ps_loop *loop,
                                 const struct ps_config *config) P2PSYNC_MUST_CHECK;

/* Say goodbye to all peers, end the thread and wait for it. Nulls the pointer; NULL is fine. */
void ps_loop_destroy(struct ps_loop **loop);

#endif
