/* zbeacon actors of czmq 4.2.1, kept on a short lead: one that hears for as long as the finder
 * lives, and for each beacon and interface one that sends it and ends. What czmq does by itself,
 * and what is done about it here:
 *   - its first socket installs handlers for SIGINT and SIGTERM, logs to stdout, seeds random(3)
 * and reads its environment: silence() goes first, once per process, and sets all of that straight;
 *   - the interface is a process global that CONFIGURE reads, and every send that fails: one lock
 * is held from setting it until the actor has sent and ended, so none strays to another interface;
 *   - an actor that is CONFIGUREd again while a datagram arrives waits for the next one, deaf to
 * commands: so none is. The one that hears is bound to all interfaces, and needs it once;
 *   - an actor aborts on port 0, on more than 255 bytes and when no descriptors are left: none of
 * it is handed to it;
 *   - a signal taken by its thread ends it: it is started with those blocked. */
#include "discovery/finder.h"

#include <assert.h>
#include <czmq.h>
#include <pthread.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "discovery/changes.h"
#include "discovery/multicast.h"
#include "discovery/signals.h"

#define BURST_COUNT    5
#define BURST_MS       1000
#define QUIET_MIN_MS   30000
#define QUIET_MAX_MS   60000
#define NONCE_MS       86400000 /* a day */
#define LOOK_MS        5000     /* for interfaces, while there are none */
#define ANSWER_MS      2000     /* an actor answers at once, unless the machine is stuck */
#define SILENT_MS      3600000  /* zbeacon's own interval, never waited out: an actor sends once */
#define MALFORMED_MAX  256      /* passed over in one call */
#define FRAME_SIZE_MAX 255      /* czmq cuts longer datagrams there */

static_assert(PS_MULTICAST_ADDRESS_SIZE == PS_FINDER_ADDRESS_SIZE, "an address fits");
static_assert(sizeof((struct ps_multicast *)NULL)->data == FRAME_SIZE_MAX, "a datagram fits");
static_assert(PS_BEACON_SIZE <= FRAME_SIZE_MAX, "zbeacon aborts over this");
static_assert(PS_BEACON_SIZE_MAX < FRAME_SIZE_MAX, "a beacon that was cut is too long anyway");

/* The nonce of this node's beacons on one interface. */
struct nonce {
    uint64_t value;
    uint64_t drawn_ms;
};

struct ps_finder {
    zactor_t *listener;
    bool listens; /* it has its socket */
    int changes_fd;
    int multicast_fd; /* -1: no IPv6 */
    struct ps_interface_filter filter;
    bool looked;
    struct ps_interfaces used;                   /* as of the last look */
    struct nonce nonces[PS_INTERFACES_USED_MAX]; /* of these */
    uint16_t port;
    struct ps_mesh mesh;
    struct ps_device device;
    uint16_t listen_port;
    uint64_t sent_count;
    uint64_t random;
    unsigned burst_left;
    uint64_t deadline_ms;
};

/* What an actor tells: a datagram and its sender, or an answer to CONFIGURE. */
struct told {
    bool heard;
    char text[PS_FINDER_ADDRESS_SIZE];
    uint8_t data[FRAME_SIZE_MAX];
    size_t size;
};

/* The state of random(3) that was put aside. */
struct borrowed {
    char *state;
    char scratch[32];
};

static pthread_once_t silenced = PTHREAD_ONCE_INIT;
/* For what is one per process: czmq's interface, and random(3). */
static pthread_mutex_t process_lock = PTHREAD_MUTEX_INITIALIZER;

static void silence(void);
static void borrow_random(struct borrowed *out);
static void return_random(struct borrowed *borrowed);
static bool descriptors_left(void);
static bool look(struct ps_finder *finder, uint64_t now_ms);
static struct nonce draw_nonce(uint64_t now_ms);
static void encode(struct ps_finder *finder, size_t index, uint64_t now_ms,
                   uint8_t out[static PS_BEACON_SIZE]);
static void send_round(struct ps_finder *finder, uint64_t now_ms);
static bool send_beacon(struct ps_finder *finder, const struct ps_interface *interface,
                        const uint8_t beacon[static PS_BEACON_SIZE]);
static bool listen_at(struct ps_finder *finder, const struct ps_interface *interface);
static zactor_t *actor_start(void);
static bool configure(zactor_t *actor, const char *address, uint16_t port);
static bool receive(zactor_t *actor, struct told *out);
static bool receive_ipv6(struct ps_finder *finder, struct told *out);
static size_t kept(int size, size_t room);
static uint64_t draw(uint64_t *random, uint64_t below);

p2psync_result ps_finder_new(const struct ps_finder_options *options, struct ps_finder **out)
{
    if (!descriptors_left()) {
        return P2PSYNC_EFILES;
    }
    (void)pthread_once(&silenced, silence);
    struct ps_finder *finder = calloc(1, sizeof *finder);
    if (finder == NULL) {
        return P2PSYNC_ENOMEM;
    }
    finder->port = options->port ? options->port : PS_FINDER_PORT;
    finder->random = options->seed;
    finder->burst_left = BURST_COUNT;
    finder->filter = options->filter;
    finder->changes_fd = ps_changes_open();
    finder->multicast_fd = ps_multicast_open(finder->port);
    finder->mesh = options->mesh;
    finder->device = options->device;
    finder->listen_port = options->listen_port;
    (void)pthread_mutex_lock(&process_lock);
    finder->listener = actor_start();
    (void)pthread_mutex_unlock(&process_lock);
    /* Every mesh's beacons: the caller counts those that are not its own. */
    zsock_send(finder->listener, "sb", "SUBSCRIBE", PS_BEACON_MAGIC, sizeof PS_BEACON_MAGIC - 1);
    *out = finder;
    return P2PSYNC_OK;
}

void ps_finder_destroy(struct ps_finder **finder)
{
    if (*finder != NULL) {
        zactor_destroy(&(*finder)->listener);
        if ((*finder)->changes_fd >= 0) {
            (void)close((*finder)->changes_fd);
        }
        if ((*finder)->multicast_fd >= 0) {
            (void)close((*finder)->multicast_fd);
        }
        free(*finder);
        *finder = NULL;
    }
}

void *ps_finder_socket(struct ps_finder *finder)
{
    return zsock_resolve(finder->listener);
}

int ps_finder_changes_fd(const struct ps_finder *finder)
{
    return finder->changes_fd;
}

int ps_finder_multicast_fd(const struct ps_finder *finder)
{
    return finder->multicast_fd;
}

p2psync_result ps_finder_next(struct ps_finder *finder, struct ps_heard *out)
{
    for (size_t i = 0; i < MALFORMED_MAX; i++) {
        struct told told;
        if (!receive(finder->listener, &told) && !receive_ipv6(finder, &told)) {
            return P2PSYNC_EAGAIN;
        }
        struct ps_beacon beacon;
        if (told.heard && !ps_beacon_decode(ps_bytes(told.data, told.size), &beacon)) {
            out->beacon = beacon;
            memcpy(out->address, told.text, sizeof out->address);
            return P2PSYNC_OK;
        }
    }
    return P2PSYNC_EAGAIN;
}

void ps_finder_burst(struct ps_finder *finder, uint64_t now_ms)
{
    if (!finder->burst_left) {
        finder->burst_left = BURST_COUNT;
        finder->deadline_ms = now_ms;
    }
}

bool ps_finder_tick(struct ps_finder *finder, uint64_t now_ms)
{
    bool moved = ps_changes_take(finder->changes_fd);
    if (!moved && now_ms < finder->deadline_ms) {
        return false;
    }
    bool changed = look(finder, now_ms);
    if (changed) {
        finder->burst_left = BURST_COUNT;
        finder->deadline_ms = now_ms;
    }
    if (now_ms >= finder->deadline_ms) {
        send_round(finder, now_ms);
    }
    return changed;
}

uint64_t ps_finder_deadline_ms(const struct ps_finder *finder)
{
    return finder->deadline_ms;
}

bool ps_finder_is_ours(const struct ps_finder *finder, uint64_t nonce)
{
    for (size_t i = 0; i < finder->used.count; i++) {
        if (finder->nonces[i].value == nonce) {
            return true;
        }
    }
    return false;
}

bool ps_finder_listens(const struct ps_finder *finder)
{
    return finder->listens;
}

uint64_t ps_finder_sent_count(const struct ps_finder *finder)
{
    return finder->sent_count;
}

/* Read the interfaces. True if others are to be used than before; the first look is no change. */
static bool look(struct ps_finder *finder, uint64_t now_ms)
{
    struct ps_interfaces all;
    struct ps_interfaces used;
    struct nonce nonces[PS_INTERFACES_USED_MAX];
    if (ps_interfaces_read(&all)) {
        return false;
    }
    ps_interfaces_select(&all, &finder->filter, &used);
    bool changed = finder->looked && !ps_interfaces_equal(&used, &finder->used);
    for (size_t i = 0; i < used.count; i++) {
        size_t before = ps_interfaces_find(&finder->used, &used.items[i]);
        nonces[i] = before < finder->used.count ? finder->nonces[before] : draw_nonce(now_ms);
    }
    finder->looked = true;
    finder->used = used;
    memcpy(finder->nonces, nonces, used.count * sizeof *nonces);
    return changed;
}

static struct nonce draw_nonce(uint64_t now_ms)
{
    struct nonce nonce = {.drawn_ms = now_ms};
    randombytes_buf(&nonce.value, sizeof nonce.value);
    return nonce;
}

/* The beacon for the interface at `index`. */
static void encode(struct ps_finder *finder, size_t index, uint64_t now_ms,
                   uint8_t out[static PS_BEACON_SIZE])
{
    struct nonce *nonce = &finder->nonces[index];
    if (now_ms - nonce->drawn_ms >= NONCE_MS) {
        *nonce = draw_nonce(now_ms);
    }
    const struct ps_beacon beacon = {
        .nonce = nonce->value,
        .mesh = ps_mesh_tag(&finder->mesh, nonce->value),
        .device = ps_device_tag(&finder->mesh, nonce->value, &finder->device),
        .port = finder->listen_port,
    };
    ps_beacon_encode(&beacon, out);
}

static void send_round(struct ps_finder *finder, uint64_t now_ms)
{
    bool sent = false;
    for (size_t i = 0; i < finder->used.count; i++) {
        if (!finder->listens && !finder->used.items[i].ipv6) {
            finder->listens = listen_at(finder, &finder->used.items[i]);
        }
        uint8_t beacon[PS_BEACON_SIZE];
        encode(finder, i, now_ms, beacon);
        if (send_beacon(finder, &finder->used.items[i], beacon)) {
            finder->sent_count++;
            sent = true;
        }
    }
    if (!sent) {
        finder->burst_left = BURST_COUNT;
        finder->deadline_ms = now_ms + LOOK_MS;
        return;
    }
    finder->burst_left -= finder->burst_left > 0;
    finder->deadline_ms =
        now_ms + (finder->burst_left
                      ? BURST_MS
                      : QUIET_MIN_MS + draw(&finder->random, QUIET_MAX_MS - QUIET_MIN_MS));
}

/* IPv4 by an actor that does nothing else: it handles PUBLISH and sends in one go, and only then
 * sees that it shall end. False if it could not open its sockets. */
static bool send_beacon(struct ps_finder *finder, const struct ps_interface *interface,
                        const uint8_t beacon[static PS_BEACON_SIZE])
{
    if (interface->ipv6) {
        return ps_multicast_send(finder->multicast_fd, interface->name, finder->port,
                                 ps_bytes(beacon, PS_BEACON_SIZE));
    }
    if (!descriptors_left()) {
        return false;
    }
    (void)pthread_mutex_lock(&process_lock);
    zactor_t *sender = actor_start();
    bool ready = configure(sender, interface->address, finder->port);
    if (ready) {
        (void)zsock_send(sender, "sbi", "PUBLISH", beacon, (size_t)PS_BEACON_SIZE, SILENT_MS);
    }
    zactor_destroy(&sender);
    (void)pthread_mutex_unlock(&process_lock);
    return ready;
}

/* Begin to hear, on all interfaces: any IPv4 address will do. */
static bool listen_at(struct ps_finder *finder, const struct ps_interface *interface)
{
    if (!descriptors_left()) {
        return false;
    }
    (void)pthread_mutex_lock(&process_lock);
    bool ready = configure(finder->listener, interface->address, finder->port);
    (void)pthread_mutex_unlock(&process_lock);
    return ready;
}

/* Set czmq up for the whole process. */
static void silence(void)
{
    struct borrowed borrowed;
    borrow_random(&borrowed);
    zsys_handler_set(NULL);
    zsys_init();
    zsys_set_logstream(NULL);
    zsys_set_logsystem(false);
    zsys_set_ipv6(0);
    return_random(&borrowed);
}

/* czmq seeds random(3) and draws from it, which are the app's: meanwhile it gets another state.
 * Only one thread at a time may have borrowed it. */
static void borrow_random(struct borrowed *out)
{
    out->state = initstate((unsigned)getpid(), out->scratch, sizeof out->scratch);
}

static void return_random(struct borrowed *borrowed)
{
    (void)setstate(borrowed->state);
}

/* Whether an actor can be given what it opens: it aborts the process if it cannot. */
static bool descriptors_left(void)
{
    int sockets[PS_FINDER_DESCRIPTORS];
    size_t count = 0;
    for (; count < sizeof sockets / sizeof *sockets; count++) {
        sockets[count] = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        if (sockets[count] < 0) {
            break;
        }
    }
    bool left = count == sizeof sockets / sizeof *sockets;
    while (count) {
        (void)close(sockets[--count]);
    }
    return left;
}

/* Under the lock. */
static zactor_t *actor_start(void)
{
    sigset_t before;
    struct borrowed borrowed;
    borrow_random(&borrowed);
    ps_signals_block(&before);
    zactor_t *actor = zactor_new(zbeacon, NULL);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    return_random(&borrowed);
    return actor;
}

/* Make an actor open its sockets, on the interface that has this address: under the lock, and once
 * per actor. False if it cannot. */
static bool configure(zactor_t *actor, const char *address, uint16_t port)
{
    struct told told;
    zmq_pollitem_t item = {.socket = zsock_resolve(actor), .events = ZMQ_POLLIN};
    zsys_set_interface(address);
    (void)zsock_send(actor, "si", "CONFIGURE", (int)port);
    return zmq_poll(&item, 1, ANSWER_MS) > 0 && receive(actor, &told) && !told.heard &&
           told.text[0];
}

/* What an actor tells next; false if that is nothing. */
static bool receive(zactor_t *actor, struct told *out)
{
    void *socket = zsock_resolve(actor);
    int size = zmq_recv(socket, out->text, sizeof out->text - 1, ZMQ_DONTWAIT);
    if (size < 0) {
        return false;
    }
    out->text[kept(size, sizeof out->text - 1)] = '\0';
    int more = 0;
    size_t more_size = sizeof more;
    (void)zmq_getsockopt(socket, ZMQ_RCVMORE, &more, &more_size);
    out->heard = more;
    out->size = 0;
    if (more) {
        size = zmq_recv(socket, out->data, sizeof out->data, ZMQ_DONTWAIT);
        out->size = kept(size, sizeof out->data);
    }
    return true;
}

static bool receive_ipv6(struct ps_finder *finder, struct told *out)
{
    struct ps_multicast multicast;
    if (!ps_multicast_receive(finder->multicast_fd, &multicast)) {
        return false;
    }
    out->heard = multicast.address[0];
    memcpy(out->text, multicast.address, sizeof out->text);
    memcpy(out->data, multicast.data, multicast.size);
    out->size = multicast.size;
    return true;
}

/* How much of a part is there: zmq_recv() gives its whole size, even if it was cut. */
static size_t kept(int size, size_t room)
{
    if (size < 0) {
        return 0;
    }
    return (size_t)size < room ? (size_t)size : room;
}

/* A number below `below`, by SplitMix64. */
static uint64_t draw(uint64_t *random, uint64_t below)
{
    *random += 0x9E3779B97F4A7C15ULL;
    uint64_t mixed = *random;
    mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9ULL;
    mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EBULL;
    return (mixed ^ (mixed >> 31)) % below;
}
