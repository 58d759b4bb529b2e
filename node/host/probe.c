/* Probes: a thread for each, which looks the name up, connects without blocking and waits. */
#include "node/host/probe.h"

#include <assert.h>
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "node/host/endpoint.h"
#include "node/host/thread.h"

#define CONNECT_MS    3000
#define ADDRESSES_MAX 2 /* of a name: mostly one of each family */

static void *run(void *argument);
static ps_probe_state probe(const char *endpoint);
static ps_probe_state connect_to(const struct addrinfo *address);
static ps_probe_state state_of(int error);

void ps_probe_all(struct ps_probe *probes, size_t count)
{
    pthread_t threads[PS_PROBES_MAX];
    size_t started = 0;
    assert(count <= PS_PROBES_MAX);
    for (size_t i = 0; i < count; i++) {
        probes[i].state = PS_PROBE_UNTRIED;
    }
    while (started < count &&
           ps_thread_start(&threads[started], run, &probes[started]) == P2PSYNC_OK) {
        started++;
    }
    for (size_t i = 0; i < started; i++) {
        (void)pthread_join(threads[i], NULL);
    }
}

const char *ps_probe_text(ps_probe_state state)
{
    switch (state) {
    case PS_PROBE_ANSWERS:
        return "answers";
    case PS_PROBE_REFUSED:
        return "refuses connections";
    case PS_PROBE_SILENT:
        return "does not answer";
    case PS_PROBE_UNREACHABLE:
        return "cannot be reached";
    case PS_PROBE_UNRESOLVED:
        return "is not a known name";
    case PS_PROBE_UNTRIED:
        return "was not tried";
    }
    return "";
}

static void *run(void *argument)
{
    struct ps_probe *of = argument;
    of->state = probe(of->endpoint);
    return NULL;
}

static ps_probe_state probe(const char *endpoint)
{
    struct ps_endpoint parts;
    struct addrinfo *found = NULL;
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    char port[8];
    if (ps_endpoint_parse(endpoint, &parts) != P2PSYNC_OK) {
        return PS_PROBE_UNRESOLVED;
    }
    (void)snprintf(port, sizeof port, "%u", (unsigned)parts.port);
    if (getaddrinfo(parts.host, port, &hints, &found) != 0) {
        return PS_PROBE_UNRESOLVED;
    }
    ps_probe_state state = PS_PROBE_UNTRIED;
    const struct addrinfo *address = found;
    for (size_t i = 0; i < ADDRESSES_MAX && address != NULL; i++) {
        ps_probe_state told = connect_to(address);
        state = i == 0 || told == PS_PROBE_ANSWERS ? told : state;
        address = told == PS_PROBE_ANSWERS ? NULL : address->ai_next;
    }
    freeaddrinfo(found);
    return state;
}

static ps_probe_state connect_to(const struct addrinfo *address)
{
    int fd = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        return PS_PROBE_UNTRIED;
    }
    int error = 0;
    socklen_t size = sizeof error;
    if (connect(fd, address->ai_addr, address->ai_addrlen) != 0) {
        error = errno;
    }
    if (error == EINPROGRESS) {
        struct pollfd item = {.fd = fd, .events = POLLOUT};
        error = ETIMEDOUT;
        if (poll(&item, 1, CONNECT_MS) == 1 &&
            getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0) {
            error = errno;
        }
    }
    (void)close(fd);
    return state_of(error);
}

static ps_probe_state state_of(int error)
{
    switch (error) {
    case 0:
        return PS_PROBE_ANSWERS;
    case ECONNREFUSED:
    case ECONNRESET:
        return PS_PROBE_REFUSED;
    case ETIMEDOUT:
        return PS_PROBE_SILENT;
    default:
        return PS_PROBE_UNREACHABLE;
    }
}
