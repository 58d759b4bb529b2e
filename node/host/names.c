/* A table of names that both threads see under one lock. It belongs to both, and the one that
 * leaves last frees it, because getaddrinfo(3) cannot be interrupted. */
#include "node/host/names.h"

#include <arpa/inet.h>
#include <assert.h>
#include <netdb.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "node/host/endpoint.h"
#include "node/host/thread.h"

typedef enum name_state { NAME_ASKED = 0, NAME_FOUND, NAME_UNKNOWN } name_state;

struct name {
    char host[PS_ENDPOINT_SIZE_MAX + 1];
    char address[INET6_ADDRSTRLEN];
    name_state state; /* when it was looked up last */
    bool wanted;      /* to be asked for */
    uint64_t used;    /* number of the call that last wanted it */
};

struct ps_names {
    pthread_mutex_t lock; /* guards all */
    pthread_cond_t moved; /* a name is wanted, or the user has left */
    bool has_thread;
    bool user_left;
    uint64_t calls;
    size_t count;
    struct name names[PS_NAMES_MAX];
};

static bool start_thread(struct ps_names *names);
static void *run(void *argument);
static struct name *next_wanted(struct ps_names *names);
static bool look_up(const char *host, char out[static INET6_ADDRSTRLEN]);
static struct name *find_name(struct ps_names *names, const char *host);
static struct name *add_name(struct ps_names *names, const char *host);
static bool is_address(const char *host);
static void dispose(struct ps_names *names);

p2psync_result ps_names_new(struct ps_names **out)
{
    struct ps_names *names = calloc(1, sizeof *names);
    if (names == NULL) {
        return P2PSYNC_ENOMEM;
    }
    if (pthread_mutex_init(&names->lock, NULL) != 0) {
        free(names);
        return P2PSYNC_ENOMEM;
    }
    if (pthread_cond_init(&names->moved, NULL) != 0) {
        (void)pthread_mutex_destroy(&names->lock);
        free(names);
        return P2PSYNC_ENOMEM;
    }
    *out = names;
    return P2PSYNC_OK;
}

void ps_names_destroy(struct ps_names **names)
{
    struct ps_names *gone = *names;
    *names = NULL;
    if (gone == NULL) {
        return;
    }
    (void)pthread_mutex_lock(&gone->lock);
    gone->user_left = true;
    bool alone = !gone->has_thread;
    (void)pthread_cond_signal(&gone->moved);
    (void)pthread_mutex_unlock(&gone->lock);
    if (alone) {
        dispose(gone);
    }
}

p2psync_result ps_names_find(struct ps_names *names, const char *endpoint,
                             char out[static PS_ENDPOINT_SIZE_MAX + 1])
{
    struct ps_endpoint parts;
    if (ps_endpoint_parse(endpoint, &parts) != P2PSYNC_OK || parts.port == 0) {
        return P2PSYNC_EFORMAT;
    }
    if (is_address(parts.host)) {
        memcpy(out, endpoint, strlen(endpoint) + 1);
        return P2PSYNC_OK;
    }
    p2psync_result result = P2PSYNC_ENOMEM;
    (void)pthread_mutex_lock(&names->lock);
    if (names->has_thread || start_thread(names)) {
        struct name *name = find_name(names, parts.host);
        name = name != NULL ? name : add_name(names, parts.host);
        name->used = ++names->calls;
        name->wanted = true;
        (void)pthread_cond_signal(&names->moved);
        bool found = name->state == NAME_FOUND;
        bool bracket = strchr(name->address, ':') != NULL;
        result = name->state == NAME_UNKNOWN ? P2PSYNC_EUNREACHABLE : P2PSYNC_EAGAIN;
        if (found) {
            (void)snprintf(out, PS_ENDPOINT_SIZE_MAX + 1, "%s%s%s:%u", bracket ? "[" : "",
                           name->address, bracket ? "]" : "", (unsigned)parts.port);
            result = P2PSYNC_OK;
        }
    }
    (void)pthread_mutex_unlock(&names->lock);
    return result;
}

/* ---- the thread ---- */

/* Call it under the lock. */
static bool start_thread(struct ps_names *names)
{
    pthread_t thread;
    names->has_thread = ps_thread_start(&thread, run, names) == P2PSYNC_OK;
    if (names->has_thread) {
        (void)pthread_detach(thread);
    }
    return names->has_thread;
}

static void *run(void *argument)
{
    struct ps_names *names = argument;
    (void)pthread_mutex_lock(&names->lock);
    while (!names->user_left) {
        struct name *name = next_wanted(names);
        if (name == NULL) {
            (void)pthread_cond_wait(&names->moved, &names->lock);
            continue;
        }
        char host[sizeof name->host];
        char address[INET6_ADDRSTRLEN] = "";
        memcpy(host, name->host, sizeof host);
        name->wanted = false;
        (void)pthread_mutex_unlock(&names->lock);
        bool found = look_up(host, address);
        (void)pthread_mutex_lock(&names->lock);
        name = find_name(names, host); /* it may have been pushed out */
        if (name != NULL) {
            name->state = found ? NAME_FOUND : NAME_UNKNOWN;
            memcpy(name->address, address, sizeof address);
        }
    }
    (void)pthread_mutex_unlock(&names->lock);
    dispose(names);
    return NULL;
}

/* The one that has waited longest. */
static struct name *next_wanted(struct ps_names *names)
{
    struct name *next = NULL;
    for (size_t i = 0; i < names->count; i++) {
        struct name *name = &names->names[i];
        if (name->wanted && (next == NULL || name->used < next->used)) {
            next = name;
        }
    }
    return next;
}

/* An address of a family that this machine has one of, too, and of these IPv4 first, which gets
 * through in more networks. */
static bool look_up(const char *host, char out[static INET6_ADDRSTRLEN])
{
    static const struct {
        int family;
        int flags;
    } ways[] = {{AF_INET, AI_ADDRCONFIG}, {AF_INET6, AI_ADDRCONFIG}, {AF_INET, 0}, {AF_INET6, 0}};
    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
        const struct addrinfo hints = {
            .ai_family = ways[i].family,
            .ai_flags = ways[i].flags,
            .ai_socktype = SOCK_STREAM,
        };
        struct addrinfo *found = NULL;
        if (getaddrinfo(host, NULL, &hints, &found) != 0) {
            continue;
        }
        bool told = getnameinfo(found->ai_addr, found->ai_addrlen, out, INET6_ADDRSTRLEN, NULL, 0,
                                NI_NUMERICHOST) == 0;
        freeaddrinfo(found);
        if (told) {
            return true;
        }
    }
    out[0] = '\0';
    return false;
}

/* ---- the table ---- */

static struct name *find_name(struct ps_names *names, const char *host)
{
    for (size_t i = 0; i < names->count; i++) {
        if (strcmp(names->names[i].host, host) == 0) {
            return &names->names[i];
        }
    }
    return NULL;
}

static struct name *add_name(struct ps_names *names, const char *host)
{
    struct name *place = &names->names[0];
    if (names->count < PS_NAMES_MAX) {
        place = &names->names[names->count++];
    }
    for (size_t i = 0; i < names->count && names->count == PS_NAMES_MAX; i++) {
        if (names->names[i].used < place->used) {
            place = &names->names[i];
        }
    }
    *place = (struct name){.state = NAME_ASKED};
    memcpy(place->host, host, strlen(host) + 1);
    return place;
}

/* An IPv6 address may have a zone. */
static bool is_address(const char *host)
{
    struct in6_addr address;
    return strchr(host, ':') != NULL || inet_pton(AF_INET, host, &address) == 1;
}

static void dispose(struct ps_names *names)
{
    (void)pthread_cond_destroy(&names->moved);
    (void)pthread_mutex_destroy(&names->lock);
    free(names);
}
