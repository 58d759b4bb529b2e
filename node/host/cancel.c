/* Calls of the app that wait, and that another thread of it may cancel. */
#include "node/host/cancel.h"

#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "wire/error.h"

p2psync_result ps_cancel_init(struct ps_cancel *cancel)
{
    (void)pthread_mutex_init(&cancel->mutex, NULL);
    cancel->waiting = 0;
    cancel->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    return cancel->fd >= 0 ? P2PSYNC_OK : ps_error_of_errno(errno);
}

void ps_cancel_deinit(struct ps_cancel *cancel)
{
    if (cancel->fd >= 0) {
        (void)close(cancel->fd);
    }
    (void)pthread_mutex_destroy(&cancel->mutex);
}

void ps_cancel_begin(struct ps_cancel *cancel)
{
    (void)pthread_mutex_lock(&cancel->mutex);
    cancel->waiting++;
    (void)pthread_mutex_unlock(&cancel->mutex);
}

void ps_cancel_end(struct ps_cancel *cancel)
{
    uint64_t count = 0;
    (void)pthread_mutex_lock(&cancel->mutex);
    cancel->waiting--;
    if (cancel->waiting == 0 && read(cancel->fd, &count, sizeof count) < 0) {
        count = 0; /* nobody has cancelled */
    }
    (void)pthread_mutex_unlock(&cancel->mutex);
}

void ps_cancel_all(struct ps_cancel *cancel)
{
    uint64_t one = 1;
    (void)pthread_mutex_lock(&cancel->mutex);
    if (cancel->waiting > 0 && write(cancel->fd, &one, sizeof one) < 0) {
        one = 0; /* it is readable already */
    }
    (void)pthread_mutex_unlock(&cancel->mutex);
}

bool ps_cancel_wait(const struct ps_cancel *cancel, int timeout_ms)
{
    struct pollfd item = {.fd = cancel->fd, .events = POLLIN};
    return poll(&item, 1, timeout_ms) > 0;
}

bool ps_cancel_wait_for(const struct ps_cancel *cancel, int fd, int timeout_ms)
{
    struct pollfd items[] = {{.fd = fd, .events = POLLIN},
                             {.fd = cancel != NULL ? cancel->fd : -1, .events = POLLIN}};
    int ready;
    do {
        ready = poll(items, 2, timeout_ms);
    } while (ready < 0 && errno == EINTR);
    return ready > 0 && items[0].revents != 0;
}
