/* The finder sends this node's beacon on every usable broadcast interface, and hears the beacons of
 * other nodes. On each interface the beacon has a nonce of its own, which is drawn again when the
 * interface comes, gets another address, or a day is over. It uses zbeacon of czmq for IPv4, and no
 * other file does. It sets czmq up once in a process, so that czmq installs no signal handler and
 * prints nothing. DESIGN section 8.
 *
 * The finder reads the interfaces anew when the kernel says that they have changed, and before it
 * sends beacons. So it notices interfaces that come, go, or change their address.
 *
 * Thread   one finder is used by one thread; several finders may live in one process.
 * Time     now_ms is monotonic time. */
#ifndef PS_DISCOVERY_FINDER_H
#define PS_DISCOVERY_FINDER_H

#include "discovery/beacon.h"
#include "discovery/interfaces.h"

#define PS_FINDER_PORT         47470 /* UDP, unless the options name another */
#define PS_FINDER_DESCRIPTORS  12    /* five of czmq itself, a pipe, UDP sockets, and some room */
#define PS_FINDER_ADDRESS_SIZE 64    /* an IP address as text, with its NUL */

struct ps_finder;

struct ps_finder_options {
    struct ps_interface_filter filter; /* which interfaces to send on */
    uint16_t port;                     /* UDP; 0: PS_FINDER_PORT */
    struct ps_mesh mesh;               /* whose beacons to send */
    struct ps_device device;
    uint16_t listen_port; /* TCP, where the node listens; never 0 */
    uint64_t seed;        /* of the random part of pauses; not secret */
};

struct ps_heard {
    struct ps_beacon beacon;
    char address[PS_FINDER_ADDRESS_SIZE]; /* of the sender, as text: a hint, no proof */
};

/* Make a finder. The first ps_finder_tick() sends the first beacon, and from then on the finder
 * hears beacons. It is no error if no interface is usable now.
 *
 * Errors  P2PSYNC_ENOMEM; P2PSYNC_EFILES fewer than PS_FINDER_DESCRIPTORS are left.
 */
p2psync_result ps_finder_new(const struct ps_finder_options *options,
                             struct ps_finder **out) P2PSYNC_MUST_CHECK;

/* Nulls the pointer; NULL is fine. */
void ps_finder_destroy(struct ps_finder **finder);

/* A libzmq socket for zmq_poll() (ZMQ_POLLIN) in the thread that uses the finder. When it is
 * readable, call ps_finder_next(). Do not read from the socket itself. */
void *ps_finder_socket(struct ps_finder *finder);

/* A descriptor to poll for input. When it is readable, call ps_finder_tick(). -1: there is none,
 * and the finder looks at the interfaces only when it sends beacons. */
int ps_finder_changes_fd(const struct ps_finder *finder);

/* A descriptor to poll for input: beacons over IPv6. When it is readable, call ps_finder_next().
 * -1: there is none. */
int ps_finder_multicast_fd(const struct ps_finder *finder);

/* The next beacon heard: of any mesh, and our own ones, too. Never blocks. One call passes over a
 * few hundred malformed beacons at most.
 *
 * Errors  P2PSYNC_EAGAIN there is none.
 */
p2psync_result ps_finder_next(struct ps_finder *finder, struct ps_heard *out) P2PSYNC_MUST_CHECK;

/* Send five beacons, one each second. If such a burst is going on already, this does nothing. */
void ps_finder_burst(struct ps_finder *finder, uint64_t now_ms);

/* Read the interfaces if they have changed, and send beacons if they are due. Sending takes a
 * millisecond or two for each interface. True if the interfaces that are used, or their addresses,
 * are not those of the last call. */
bool ps_finder_tick(struct ps_finder *finder, uint64_t now_ms);

/* When to call ps_finder_tick() next. 0 right after ps_finder_new(). */
uint64_t ps_finder_deadline_ms(const struct ps_finder *finder);

/* Whether a beacon with this nonce is one of our own. Those from before the nonce was drawn anew
 * are not known any more. */
bool ps_finder_is_ours(const struct ps_finder *finder, uint64_t nonce);

/* Whether it hears beacons over IPv4. It begins to when it first sends one there, and fails if
 * another program has the port for itself. */
bool ps_finder_listens(const struct ps_finder *finder);

/* How many beacons it has sent. */
uint64_t ps_finder_sent_count(const struct ps_finder *finder);

#endif
