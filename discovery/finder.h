/* The finder: sends this node's beacon on every usable broadcast interface and hears those of
 * others, by zbeacon. The only file that knows czmq, which it sets up once per process so that it
 * installs no signal handler and prints nothing. DESIGN section 8.
 *
 * Every change of the machine's interfaces, and every round, looks for them again: those that come,
 * go, or change address are found.
 *
 * Thread   one finder is used by one thread; several finders may live in one process.
 * Time     now_ms is monotonic, as all its callers' times. */
#ifndef PS_DISCOVERY_FINDER_H
#define PS_DISCOVERY_FINDER_H

#include "discovery/beacon.h"
#include "discovery/interfaces.h"

#define PS_FINDER_PORT         47470 /* UDP, unless another is asked for */
#define PS_FINDER_ADDRESS_SIZE 64    /* an IP address as text, with its NUL */

struct ps_finder;

struct ps_finder_options {
    struct ps_interface_filter filter; /* which interfaces to send on */
    uint16_t port;                     /* UDP; 0: PS_FINDER_PORT */
    struct ps_beacon beacon;           /* what to send */
    uint64_t seed;                     /* of jitter; not secret */
};

struct ps_heard {
    struct ps_beacon beacon;
    char address[PS_FINDER_ADDRESS_SIZE]; /* the sender's, as text: a hint, never a proof */
};

/* Make a finder. It sends its first beacon in the first ps_finder_tick(), and hears from then on.
 * That no interface is usable now is not an error.
 *
 * Errors  P2PSYNC_ENOMEM; P2PSYNC_EIO the system has no descriptors left.
 */
p2psync_result ps_finder_new(const struct ps_finder_options *options,
                             struct ps_finder **out) P2PSYNC_MUST_CHECK;

/* Nulls the pointer; NULL is fine. */
void ps_finder_destroy(struct ps_finder **finder);

/* A libzmq socket for zmq_poll() (ZMQ_POLLIN) in the thread that uses the finder: readable means
 * call ps_finder_next(). Do not read it. */
void *ps_finder_socket(struct ps_finder *finder);

/* A descriptor to poll for input: readable means call ps_finder_tick(). -1: there is none, and
 * interfaces are looked at in each round only. */
int ps_finder_changes_fd(const struct ps_finder *finder);

/* The next beacon heard, of any mesh and our own too. Never blocks. At most a few hundred malformed
 * ones are passed over in one call.
 *
 * Errors  P2PSYNC_EAGAIN there is none.
 */
p2psync_result ps_finder_next(struct ps_finder *finder, struct ps_heard *out) P2PSYNC_MUST_CHECK;

/* Send more often for a while: one beacon each second, five times. During a burst it does nothing.
 */
void ps_finder_burst(struct ps_finder *finder, uint64_t now_ms);

/* Look at the interfaces if they have changed, and send beacons if they are due; that takes a
 * millisecond or two for each interface. True if other interfaces, or addresses, are used than
 * after the last call. */
bool ps_finder_tick(struct ps_finder *finder, uint64_t now_ms);

/* When to call ps_finder_tick() next. 0 right after ps_finder_new(). */
uint64_t ps_finder_deadline_ms(const struct ps_finder *finder);

/* How many beacons it has sent. */
uint64_t ps_finder_sent_count(const struct ps_finder *finder);

#endif
