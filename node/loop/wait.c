/* Waiting: for what the loop polls, and until when. */
#include <zmq.h>

#include "node/host/time.h"
#include "node/loop/inside.h"

#define UNWATCHED_MS   1000 /* without inotify: how often the store is looked at */
#define PENDING_MS     1    /* until a commit that is under way is looked for again */
#define STAND_BACK_MS  20   /* at most, in which a writer that is not stopped has begun */
#define POLL_ITEMS_MAX 7

static uint64_t next_deadline(struct ps_loop *loop);
static uint64_t look_again_ms(struct ps_loop *loop);

p2psync_result ps_loop_wait(struct ps_loop *loop)
{
    zmq_pollitem_t items[POLL_ITEMS_MAX];
    size_t count = 0;
    items[count++] = (zmq_pollitem_t){.fd = ps_links_fd(loop->links), .events = ZMQ_POLLIN};
    if (loop->finder != NULL) {
        int changes_fd = ps_finder_changes_fd(loop->finder);
        items[count++] =
            (zmq_pollitem_t){.socket = ps_finder_socket(loop->finder), .events = ZMQ_POLLIN};
        int multicast_fd = ps_finder_multicast_fd(loop->finder);
        if (changes_fd >= 0) {
            items[count++] = (zmq_pollitem_t){.fd = changes_fd, .events = ZMQ_POLLIN};
        }
        if (multicast_fd >= 0) {
            items[count++] = (zmq_pollitem_t){.fd = multicast_fd, .events = ZMQ_POLLIN};
        }
    }
    items[count++] = (zmq_pollitem_t){.fd = loop->wake_fd, .events = ZMQ_POLLIN};
    items[count++] = (zmq_pollitem_t){.fd = ps_control_fd(loop->control), .events = ZMQ_POLLIN};
    if (loop->watch_fd >= 0) {
        items[count++] = (zmq_pollitem_t){.fd = loop->watch_fd, .events = ZMQ_POLLIN};
    }
    uint64_t now_ms = ps_time_monotonic_ms();
    uint64_t deadline_ms = next_deadline(loop);
    long wait_ms = deadline_ms > now_ms ? (long)(deadline_ms - now_ms) : 0;
    if (zmq_poll(items, (int)count, wait_ms) >= 0) {
        return P2PSYNC_OK;
    }
    return zmq_errno() == EINTR ? P2PSYNC_OK : P2PSYNC_EIO;
}

/* A lock of another process cannot be awaited for a time only, so it is looked at each millisecond.
 */
void ps_loop_stand_back(struct ps_loop *loop)
{
    uint64_t began_ms = ps_time_monotonic_ms();
    while (ps_txn_is_awaited(loop->options.store) &&
           ps_time_monotonic_ms() - began_ms < STAND_BACK_MS) {
        (void)zmq_poll(NULL, 0, 1);
    }
}

/* At most PS_LOOP_HOUSEKEEPING_MS away, so that it fits any timeout. */
static uint64_t next_deadline(struct ps_loop *loop)
{
    bool more = !loop->links_dry || loop->failed.size > 0;
    uint64_t engine_ms = ps_engine_deadline_ms(loop->engine);
    uint64_t deadline_ms = loop->housekeeping_ms;
    if (loop->network_changed || ps_store_txn_id(loop->options.store) != loop->seen_txn) {
        engine_ms = 0;
    }
    if (engine_ms < loop->pause_ms) {
        engine_ms = loop->pause_ms;
    }
    deadline_ms = engine_ms < deadline_ms ? engine_ms : deadline_ms;
    if (loop->finder != NULL) {
        uint64_t finder_ms = ps_finder_deadline_ms(loop->finder);
        deadline_ms = finder_ms < deadline_ms ? finder_ms : deadline_ms;
    }
    uint64_t store_ms = loop->batch.now_ms + look_again_ms(loop);
    deadline_ms = store_ms < deadline_ms ? store_ms : deadline_ms;
    return more ? 0 : deadline_ms;
}

/* When to look at the store though nothing wakes the loop. A commit changes the file a moment
 * before it can be read, and nothing wakes the loop at that moment; if the writer was killed in
 * between, the moment never comes. */
static uint64_t look_again_ms(struct ps_loop *loop)
{
    if (!ps_store_txn_pending(loop->options.store)) {
        loop->pending_since_ms = 0;
        return loop->watch_fd < 0 ? UNWATCHED_MS : PS_LOOP_HOUSEKEEPING_MS;
    }
    if (loop->pending_since_ms == 0) {
        loop->pending_since_ms = loop->batch.now_ms;
    }
    bool soon = loop->batch.now_ms - loop->pending_since_ms < UNWATCHED_MS;
    return soon ? PENDING_MS : UNWATCHED_MS;
}
