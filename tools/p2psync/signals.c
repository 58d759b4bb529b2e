/* A handler writes to an eventfd, which is all that a handler may safely do. */
#include "tools/p2psync/signals.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

static int wake_fd = -1; /* what the handler makes readable */

static int hangup_fd = -1;

static void wake(int number)
{
    const uint64_t one = 1;
    int error = errno;

    (void)number;
    (void)!write(wake_fd, &one, sizeof one);
    errno = error;
}

int signals_catch(void)
{
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};

    if (wake_fd >= 0) {
        return wake_fd;
    }
    wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0] && wake_fd >= 0; i++) {
        /* Without SA_RESTART, so that a write to a pipe that nobody empties ends too. */
        struct sigaction action = {.sa_handler = wake, .sa_flags = (int)SA_RESETHAND};
        struct sigaction old = {0};

        sigaction(numbers[i], NULL, &old);
        if (numbers[i] != SIGHUP || old.sa_handler != SIG_IGN) { /* nohup stays in force */
            sigaction(numbers[i], &action, NULL);
        }
    }
    return wake_fd;
}

static void hang_up(int number)
{
    const uint64_t one = 1;
    int error = errno;

    (void)number;
    (void)!write(hangup_fd, &one, sizeof one);
    errno = error;
}

int signals_catch_hangups(void)
{
    const struct sigaction action = {.sa_handler = hang_up, .sa_flags = SA_RESTART};
    struct sigaction old = {0};

    if (hangup_fd < 0) {
        hangup_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    }
    sigaction(SIGHUP, NULL, &old);
    if (hangup_fd >= 0 && old.sa_handler != SIG_IGN) { /* nohup stays in force */
        sigaction(SIGHUP, &action, NULL);
    }
    return hangup_fd;
}

bool signals_hung_up(void)
{
    uint64_t count = 0;

    return hangup_fd >= 0 && read(hangup_fd, &count, sizeof count) == (ssize_t)sizeof count;
}

bool signals_caught(void)
{
    struct pollfd polled = {.fd = wake_fd, .events = POLLIN};

    return wake_fd >= 0 && poll(&polled, 1, 0) > 0;
}

void signals_block(bool block)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGHUP);
    sigprocmask(block ? SIG_BLOCK : SIG_UNBLOCK, &set, NULL);
}
