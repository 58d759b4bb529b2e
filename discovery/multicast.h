/* Beacons over IPv6, for networks without IPv4: UDP to all nodes on the link of one interface
 * (ff02::1), to which every host listens. czmq does the same for IPv4 only: its IPv6 is a switch of
 * the whole process. */
#ifndef PS_DISCOVERY_MULTICAST_H
#define PS_DISCOVERY_MULTICAST_H

#include "wire/bytes.h"

/* A socket that sends to UDP port `port` and hears what comes there, as others of this machine do.
 * -1: the system has no IPv6, or no descriptors left, or another program has the port for itself.
 */
int ps_multicast_open(uint16_t port);

/* Send to all on the link of the interface of this name. Never blocks. False: it cannot be. */
bool ps_multicast_send(int descriptor, const char *interface, uint16_t port, struct ps_bytes bytes);

#define PS_MULTICAST_ADDRESS_SIZE 64 /* an IPv6 address with its zone as text, with its NUL */

/* A datagram, cut if it is longer. */
struct ps_multicast {
    uint8_t data[255];
    size_t size;
    char address[PS_MULTICAST_ADDRESS_SIZE]; /* of its sender, such as "fe80::1%wlan0" */
};

/* Take the next datagram. Never blocks. False: there is none. */
bool ps_multicast_receive(int descriptor, struct ps_multicast *out);

#endif
