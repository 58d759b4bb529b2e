/* Links: CURVE connections between devices, over a libzmq context of this object's own. One ROUTER
 * is bound and accepts; one DEALER per link dials; a ZAP handler (zap.h) says who may come in.
 * DESIGN section 7.
 *
 * A thread of the links receives all the time, whatever the caller does meanwhile, and keeps what
 * came until the caller takes it: PS_PEER_MEMORY_MAX bytes of one device. Who sends more before
 * it is taken is hung up on. The thread also sends heartbeats, and hangs up on who sends none.
 *
 * Who a message is from is the device that authenticated its connection, never something it says.
 * All calls return at once; nothing is queued without bound: a full queue to send is
 * P2PSYNC_EAGAIN, PS_PEER_MEMORY_MAX bytes of one link and twice that of one device.
 *
 * A link number below PS_LINK_ACCEPTED is the caller's, given to ps_links_dial(); one with that bit
 * is a connection that came in. A link is told as UP, then its messages, then DOWN, once each. A
 * message of no bytes is never told: it is a heartbeat. Between UP and DOWN it may be told to be
 * STALLED and to PASS, in turn.
 *
 * Thread   all calls on one object come from one thread. Several objects may live in one process.
 */
#ifndef PS_NODE_LINKS_LINKS_H
#define PS_NODE_LINKS_LINKS_H

#include "node/engine/engine.h"
#include "wire/bytes.h"
#include "wire/id.h"
#include "wire/limits.h"

#define PS_LINKS_PAIR_PORT        47471 /* TCP, of the pairing socket, if it is free */
#define PS_LINKS_DIALLED_MAX      128   /* each takes three libzmq sockets */
#define PS_LINKS_ACCEPTED_MAX     PS_MEMBERS_MAX
#define PS_LINKS_DESCRIPTORS      16 /* what ps_links_new() opens, libzmq's own and some room */
#define PS_LINKS_DIAL_DESCRIPTORS 4  /* what a dial opens, or the pairing socket */
#define PS_LINK_PAIR              (1ULL << 62) /* beside PS_LINK_ACCEPTED: on the pairing socket */
#define PS_LINK_ADDRESS_SIZE      64           /* an IP address as text, with its NUL */
#define PS_PAIR_MESSAGE_SIZE_MAX  4096         /* bytes; strangers may send no more */

struct ps_links;

struct ps_links_options {
    const uint8_t
        *secret_key;  /* Ed25519 in libsodium's form, 64 bytes; only its CURVE form is kept */
    bool bind;        /* false: only dial, as a device that joins does */
    bool port_fixed;  /* false: if the port is taken, any free one will do */
    uint16_t port;    /* 0: PS_ENDPOINT_PORT, or any if that is taken */
    const char *host; /* an IP address or interface name; NULL: all addresses */
};

typedef enum ps_link_event_type {
    PS_LINK_UP = 1,      /* link, device: connected and authenticated */
    PS_LINK_DOWN,        /* link, device, reason: gone, or never came up */
    PS_LINK_MESSAGE,     /* link, device, address, bytes */
    PS_LINK_STALLED,     /* link, device: large packets to it vanish, and small ones pass */
    PS_LINK_PASSES,      /* link, device: large ones pass, for the first time or again */
    PS_LINK_PAIR_MESSAGE /* link, curve_key, address, bytes: a stranger, on the pairing socket */
} ps_link_event_type;

typedef enum ps_link_reason {
    PS_LINK_CLOSED = 1,  /* it was up, and the other side or the network ended it */
    PS_LINK_REFUSED,     /* the other side does not admit this device */
    PS_LINK_UNREACHABLE, /* nobody listens there */
    PS_LINK_HANDSHAKE,   /* somebody listens who is not that device, or is too slow */
} ps_link_reason;

struct ps_link_event {
    ps_link_event_type type;
    ps_link_reason reason;
    uint64_t link;
    struct ps_device device;
    uint8_t curve_key[PS_CURVE_KEY_SIZE];
    char address[PS_LINK_ADDRESS_SIZE]; /* the peer's IP address, IPv6 in brackets; "" for what
                                           was dialled */
    struct ps_bytes bytes;              /* until the next ps_links_next() */
};

/* Open a context, and listen if options->bind. Nobody is admitted yet: see ps_links_allow().
 *
 * Errors  P2PSYNC_EADDRINUSE; P2PSYNC_EFORMAT the key or host is malformed; P2PSYNC_ENOTFOUND this
 *         machine has no such address; P2PSYNC_EDENIED the system refuses the port; P2PSYNC_ENOMEM,
 *         also of a thread; P2PSYNC_EFILES; P2PSYNC_EIO.
 */
p2psync_result ps_links_new(const struct ps_links_options *options,
                            struct ps_links **out) P2PSYNC_MUST_CHECK;

/* End all links, as ps_links_hangup(); takes 200 ms at most. Nulls the pointer; NULL is fine. */
void ps_links_destroy(struct ps_links **links);

/* The TCP port it listens on; 0 if it does not. */
uint16_t ps_links_port(const struct ps_links *links);

/* Admit exactly these devices from now on. Links that are up stay up. A device whose id is no point
 * of the curve is never admitted.
 *
 * Errors  P2PSYNC_ELIMIT over PS_MEMBERS_MAX; P2PSYNC_ENOMEM. The old set stays.
 */
p2psync_result ps_links_allow(struct ps_links *links, const struct ps_device *devices,
                              size_t count) P2PSYNC_MUST_CHECK;

/* Connect to exactly this device at `endpoint` ("host:port"). An UP or a DOWN follows, always. It
 * does not try again by itself.
 *
 * link     the caller's number for it, without PS_LINK_ACCEPTED, not in use.
 *
 * Errors  P2PSYNC_EFORMAT the endpoint or the device's id is malformed; P2PSYNC_ELIMIT there are
 *         PS_LINKS_DIALLED_MAX already; P2PSYNC_EFILES. There is no link then.
 */
p2psync_result ps_links_dial(struct ps_links *links, uint64_t link, const struct ps_device *device,
                             const char *endpoint) P2PSYNC_MUST_CHECK;

/* End a link; no DOWN follows, and what was sent before still leaves. An accepted one cannot be
 * closed from here: whatever still comes on it is dropped until the other side ends it. No such
 * link is fine. */
void ps_links_hangup(struct ps_links *links, uint64_t link);

/* Send one message, which is copied.
 *
 * bytes    1..PS_MESSAGE_SIZE_MAX.
 *
 * Errors  P2PSYNC_EAGAIN its queue is full; P2PSYNC_EUNREACHABLE there is no such link, or it is
 * not up; P2PSYNC_ELIMIT too large; P2PSYNC_ENOMEM.
 */
p2psync_result ps_links_send(struct ps_links *links, uint64_t link,
                             struct ps_bytes bytes) P2PSYNC_MUST_CHECK;

/* The next event, taking turns between links. Call it until P2PSYNC_EAGAIN before polling again.
 *
 * Errors  P2PSYNC_EAGAIN nothing more. */
p2psync_result ps_links_next(struct ps_links *links, struct ps_link_event *out) P2PSYNC_MUST_CHECK;

/* A descriptor to poll for reading before calling ps_links_next() again. */
int ps_links_fd(const struct ps_links *links);

/* Open the pairing socket, to which any device may connect, on PS_LINKS_PAIR_PORT or any free port.
 * One that is open already stays, and what strangers have sent on it is forgotten.
 *
 * Errors  P2PSYNC_EMISUSE the links do not bind; as ps_links_new().
 */
p2psync_result ps_links_pair_open(struct ps_links *links, uint16_t *port_out) P2PSYNC_MUST_CHECK;

/* Close it; what was sent on it still leaves. Not open is fine. */
void ps_links_pair_close(struct ps_links *links);

/* Reply on the pairing socket; as ps_links_send(). */
p2psync_result ps_links_pair_send(struct ps_links *links, uint64_t link,
                                  struct ps_bytes bytes) P2PSYNC_MUST_CHECK;

#endif
