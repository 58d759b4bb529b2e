/* The door of the links: a lock around the hub, and the thread that receives into it. The caller's
 * thread sends and dials under the lock, which libzmq permits, so that every call's result is known
 * at once. The links' thread holds the lock only while it receives what has come, and never for the
 * store or for a caller that is busy. Where both want the lock, the caller comes first. */
#include "node/links/links.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "node/host/descriptors.h"
#include "node/host/thread.h"
#include "node/host/time.h"
#include "node/links/hub.h"

#define PAUSE_MS 10 /* if polling fails: memory is short */

struct ps_links {
    pthread_t thread;
    bool running;
    atomic_uint waiting;   /* callers that want the lock */
    pthread_mutex_t mutex; /* guards all that follows */
    pthread_cond_t left;   /* no caller wants the lock any more */
    struct ps_hub hub;
    int wake_fd;   /* wakes the thread ... */
    bool woken;    /* and it is written to */
    int news_fd;   /* tells the caller that there is something to take ... */
    bool news;     /* and it is written to */
    bool stopping; /* the thread ends */
};

static void *run(void *argument);
static void wait_for_more(struct ps_links *links, bool more);
static void enter(struct ps_links *links);
static void leave(struct ps_links *links);
static void act(struct ps_links *links);
static void signal_fd(int fd, bool *written);
static void clear_fd(int fd, bool *written);

p2psync_result ps_links_new(const struct ps_links_options *options, struct ps_links **out)
{
    struct ps_links *links = NULL;
    if (!ps_descriptors_left(PS_LINKS_DESCRIPTORS)) {
        return P2PSYNC_EFILES;
    }
    links = calloc(1, sizeof *links);
    if (!links) {
        return P2PSYNC_ENOMEM;
    }
    (void)pthread_mutex_init(&links->mutex, NULL);
    (void)pthread_cond_init(&links->left, NULL);
    atomic_init(&links->waiting, 0);
    links->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    links->news_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    p2psync_result result = ps_hub_init(&links->hub, options);
    if (!result && (links->wake_fd < 0 || links->news_fd < 0)) {
        result = P2PSYNC_EIO;
    }
    if (!result) {
        result = ps_thread_start(&links->thread, run, links);
        links->running = result == P2PSYNC_OK;
    }
    if (result) {
        ps_links_destroy(&links);
        return result;
    }
    *out = links;
    return P2PSYNC_OK;
}

void ps_links_destroy(struct ps_links **links_ptr)
{
    struct ps_links *links = *links_ptr;
    if (!links) {
        return;
    }
    *links_ptr = NULL;
    if (links->running) {
        enter(links);
        links->stopping = true;
        act(links);
        (void)pthread_join(links->thread, NULL);
    }
    ps_hub_deinit(&links->hub);
    if (links->wake_fd >= 0) {
        (void)close(links->wake_fd);
    }
    if (links->news_fd >= 0) {
        (void)close(links->news_fd);
    }
    (void)pthread_cond_destroy(&links->left);
    (void)pthread_mutex_destroy(&links->mutex);
    free(links);
}

uint16_t ps_links_port(const struct ps_links *links)
{
    return links->hub.port; /* set before the thread began */
}

int ps_links_fd(const struct ps_links *links)
{
    return links->news_fd;
}

p2psync_result ps_links_allow(struct ps_links *links, const struct ps_device *devices, size_t count)
{
    enter(links);
    p2psync_result result = ps_zap_allow(&links->hub.zap, devices, count);
    leave(links);
    return result;
}

p2psync_result ps_links_dial(struct ps_links *links, uint64_t link, const struct ps_device *device,
                             const char *endpoint)
{
    enter(links);
    p2psync_result result = ps_hub_dial(&links->hub, link, device, endpoint);
    act(links);
    return result;
}

void ps_links_hangup(struct ps_links *links, uint64_t link)
{
    enter(links);
    ps_hub_hangup(&links->hub, link);
    act(links);
}

p2psync_result ps_links_send(struct ps_links *links, uint64_t link, struct ps_bytes bytes)
{
    enter(links);
    p2psync_result result = ps_hub_send(&links->hub, link, bytes);
    act(links);
    return result;
}

p2psync_result ps_links_next(struct ps_links *links, struct ps_link_event *out)
{
    enter(links);
    p2psync_result result = ps_hub_next(&links->hub, out);
    if (result) {
        clear_fd(links->news_fd, &links->news);
    }
    leave(links);
    return result;
}

p2psync_result ps_links_pair_open(struct ps_links *links, uint16_t *port_out)
{
    enter(links);
    p2psync_result result = ps_hub_pair_open(&links->hub, port_out);
    act(links);
    return result;
}

void ps_links_pair_close(struct ps_links *links)
{
    enter(links);
    ps_hub_pair_close(&links->hub);
    act(links);
}

p2psync_result ps_links_pair_send(struct ps_links *links, uint64_t link, struct ps_bytes bytes)
{
    enter(links);
    p2psync_result result = ps_hub_pair_send(&links->hub, link, bytes);
    act(links);
    return result;
}

static void *run(void *argument)
{
    struct ps_links *links = argument;
    (void)pthread_mutex_lock(&links->mutex);
    while (!links->stopping) { /* until the links are destroyed */
        uint64_t now_ms = ps_time_monotonic_ms();
        if (links->hub.changed) { /* also since what was polled was looked at */
            ps_hub_polled(&links->hub, NULL);
        }
        ps_hub_tick(&links->hub, now_ms);
        bool more = ps_hub_receive(&links->hub, now_ms);
        if (links->hub.news) {
            signal_fd(links->news_fd, &links->news);
        }
        wait_for_more(links, more);
        while (atomic_load(&links->waiting) > 0) {
            (void)pthread_cond_wait(&links->left, &links->mutex);
        }
    }
    (void)pthread_mutex_unlock(&links->mutex);
    return NULL;
}

/* Without the lock; if there is more already, only let others have it and look what else has come.
 */
static void wait_for_more(struct ps_links *links, bool more)
{
    struct pollfd items[1 + PS_HUB_POLL_MAX] = {{.fd = links->wake_fd, .events = POLLIN}};
    size_t count = 1 + ps_hub_poll_items(&links->hub, items + 1);
    uint64_t now_ms = ps_time_monotonic_ms();
    uint64_t deadline_ms = ps_hub_deadline_ms(&links->hub);
    int wait_ms = -1;
    if (more || deadline_ms <= now_ms) {
        wait_ms = 0;
    } else if (deadline_ms != UINT64_MAX) {
        wait_ms = (int)(deadline_ms - now_ms); /* all pauses of the hub are seconds */
    }
    (void)pthread_mutex_unlock(&links->mutex);
    int polled = poll(items, count, wait_ms);
    if (polled < 0) {
        (void)poll(NULL, 0, PAUSE_MS);
    }
    (void)pthread_mutex_lock(&links->mutex);
    clear_fd(links->wake_fd, &links->woken);
    ps_hub_polled(&links->hub, polled < 0 ? NULL : items + 1);
}

static void enter(struct ps_links *links)
{
    (void)atomic_fetch_add(&links->waiting, 1);
    (void)pthread_mutex_lock(&links->mutex);
    (void)atomic_fetch_sub(&links->waiting, 1);
}

static void leave(struct ps_links *links)
{
    (void)pthread_cond_signal(&links->left);
    (void)pthread_mutex_unlock(&links->mutex);
}

/* Leave after sockets were used or changed: the thread must look at all of them, because libzmq may
 * have taken note of what came while it did something else, and then wakes nobody for it. */
static void act(struct ps_links *links)
{
    links->hub.changed = true;
    signal_fd(links->wake_fd, &links->woken);
    leave(links);
}

static void signal_fd(int fd, bool *written)
{
    if (!*written) {
        *written = true;
        (void)!eventfd_write(fd, 1); /* it takes one always */
    }
}

static void clear_fd(int fd, bool *written)
{
    eventfd_t value = 0;
    if (*written) {
        *written = false;
        (void)!eventfd_read(fd, &value);
    }
}
