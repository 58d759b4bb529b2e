/* A device broadcasts beacons so that other devices of its mesh find it. DESIGN section 8. A beacon
 * proves nothing: CURVE proves which device is there. (format)
 *
 *     "P2PS" | version 2 | nonce 8 BE | mesh tag 16 | device tag 16 | TCP port 2 BE       47 bytes
 *
 * The nonce is random, and another one for each start, network and day. The tags are hashes of it
 * with the mesh, so that members recognise each other without a clock, and nobody else can tell
 * that two beacons with different nonces are of one device, or of one mesh.
 *
 * Later versions only add bytes at the end, so a longer beacon of version 2 or above is read, too.
 */
#ifndef PS_DISCOVERY_BEACON_H
#define PS_DISCOVERY_BEACON_H

#include "wire/bytes.h"
#include "wire/id.h"
#include "wire/limits.h"

#define PS_BEACON_MAGIC   "P2PS"
#define PS_BEACON_VERSION 2
#define PS_BEACON_SIZE    47 /* bytes of a beacon of version 2 */
static_assert(PS_BEACON_SIZE <= PS_BEACON_SIZE_MAX, "we accept our own beacon");

struct ps_beacon {
    uint64_t nonce;
    struct ps_tag mesh;
    struct ps_tag device;
    uint16_t port; /* TCP, where the node listens; never 0 */
};

/* Encode a beacon. Its port must not be 0. */
void ps_beacon_encode(const struct ps_beacon *beacon, uint8_t out[static PS_BEACON_SIZE]);

/* Decode one datagram.
 *
 * Errors  P2PSYNC_EFORMAT it is no beacon of p2psync.
 */
p2psync_result ps_beacon_decode(struct ps_bytes bytes, struct ps_beacon *out) P2PSYNC_MUST_CHECK;

#endif
