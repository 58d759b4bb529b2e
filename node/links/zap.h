/* The ZAP handler of one libzmq context (RFC 27): says who may connect to its ROUTERs. Each context
 * has its own, because czmq's zauth is one per process and aborts on the second.
 *
 * Two domains: in "mesh" the devices of a set are admitted, under their id; in "pair" anyone is,
 * under the key they proved to hold. Served by the thread that owns the links: a connection that is
 * not answered times out by itself. */
#ifndef PS_NODE_LINKS_ZAP_H
#define PS_NODE_LINKS_ZAP_H

#include "wire/bytes.h"
#include "wire/id.h"
#include "wire/limits.h"

#define PS_ZAP_DOMAIN_MESH "mesh"
#define PS_ZAP_DOMAIN_PAIR "pair"

struct ps_zap_member;

struct ps_zap {
    void *socket; /* REP; poll it for ZMQ_POLLIN */
    struct ps_zap_member *members;
    size_t member_count;
};

/* Serve `context` (a libzmq one). Call it before any of its sockets is bound.
 *
 * Errors  P2PSYNC_EIO.
 */
p2psync_result ps_zap_init(struct ps_zap *zap, void *context) P2PSYNC_MUST_CHECK;

/* A zeroed one is fine. */
void ps_zap_deinit(struct ps_zap *zap);

/* Admit exactly these devices from now on; ids that are no points of the curve are left out.
 *
 * Errors  P2PSYNC_ELIMIT over PS_MEMBERS_MAX; P2PSYNC_ENOMEM. The old set stays.
 */
p2psync_result ps_zap_allow(struct ps_zap *zap, const struct ps_device *devices,
                            size_t count) P2PSYNC_MUST_CHECK;

/* Reply to the requests that wait, `max` at most; never blocks. Does nothing if it is not open.
 * True if more may wait. */
bool ps_zap_serve(struct ps_zap *zap, size_t max);

/* What the User-Id of a message says: the device in "mesh", the CURVE key in "pair".
 *
 * Errors  P2PSYNC_EFORMAT this handler did not set it. */
p2psync_result ps_zap_user(const char *user_id,
                           uint8_t key_out[static PS_DEVICE_SIZE]) P2PSYNC_MUST_CHECK;

#endif
