/* Addresses: IP addresses of endpoints, and the networks they are in. An IPv4 address is kept as
 * the IPv6 address that stands for it (::ffff:192.0.2.1). Pure; no name is ever looked up. */
#ifndef PS_WIRE_ADDRESS_H
#define PS_WIRE_ADDRESS_H

#include "wire/bytes.h"

#define PS_ADDRESS_SIZE 16

struct ps_address {
    uint8_t bytes[PS_ADDRESS_SIZE];
};

struct ps_network {
    struct ps_address address; /* of any machine in it */
    uint8_t bits; /* of the prefix; those of an IPv4 network include the 96 before it */
};

/* The address in "192.0.2.1", "192.0.2.1:47470", "2001:db8::1" or "[2001:db8::1%zone]:47470". False
 * for names, for what is malformed, and for what no single machine has: multicast, broadcast,
 * unspecified. */
bool ps_address_parse(struct ps_bytes text, struct ps_address *out);

/* Of this machine only. */
bool ps_address_is_loopback(const struct ps_address *address);
/* Of one cable only: it says nothing without the name of an interface. */
bool ps_address_is_link_local(const struct ps_address *address);

/* The network around an address, if nothing else is known of it: its /24, or the /64 of IPv6. */
struct ps_network ps_address_network(const struct ps_address *address);
bool ps_network_has(const struct ps_network *network, const struct ps_address *address);
bool ps_network_equal(const struct ps_network *a, const struct ps_network *b);

#endif
