/* Addresses by inet_pton(3), which reads neither brackets, zones nor ports. */
#include "wire/address.h"

#include <arpa/inet.h>
#include <string.h>

#define TEXT_SIZE_MAX 280
#define IPV4_OFFSET   12 /* of its bytes in the IPv6 address that stands for it */

static const uint8_t ipv4_prefix[IPV4_OFFSET] = {[10] = 0xff, [11] = 0xff};

static size_t host_of(const char *text, const char **host_out);
static bool is_ipv4(const struct ps_address *address);
static bool is_of_one_machine(const struct ps_address *address);
static bool starts_equal(const uint8_t *a, const uint8_t *b, unsigned bits);

bool ps_address_parse(struct ps_bytes text, struct ps_address *out)
{
    char copy[TEXT_SIZE_MAX + 1] = {0};
    char host[INET6_ADDRSTRLEN] = {0};
    const char *start = NULL;
    struct ps_address address = {{0}};
    if (text.size > TEXT_SIZE_MAX || text.size == 0) {
        return false;
    }
    memcpy(copy, text.data, text.size);
    size_t size = host_of(copy, &start);
    if (size == 0 || size >= sizeof host) {
        return false;
    }
    memcpy(host, start, size);
    if (inet_pton(AF_INET, host, address.bytes + IPV4_OFFSET) == 1) {
        memcpy(address.bytes, ipv4_prefix, sizeof ipv4_prefix);
    } else if (inet_pton(AF_INET6, host, address.bytes) != 1) {
        return false;
    }
    if (!is_of_one_machine(&address)) {
        return false;
    }
    *out = address;
    return true;
}

bool ps_address_is_loopback(const struct ps_address *address)
{
    static const struct ps_address loopback = {{[15] = 1}};
    return is_ipv4(address) ? address->bytes[IPV4_OFFSET] == 127
                            : memcmp(address, &loopback, sizeof loopback) == 0;
}

bool ps_address_is_link_local(const struct ps_address *address)
{
    const uint8_t *bytes = address->bytes;
    return is_ipv4(address) ? bytes[IPV4_OFFSET] == 169 && bytes[IPV4_OFFSET + 1] == 254
                            : bytes[0] == 0xfe && (bytes[1] & 0xc0) == 0x80;
}

struct ps_network ps_address_network(const struct ps_address *address)
{
    return (struct ps_network){.address = *address, .bits = is_ipv4(address) ? 96 + 24 : 64};
}

bool ps_network_has(const struct ps_network *network, const struct ps_address *address)
{
    return starts_equal(network->address.bytes, address->bytes, network->bits);
}

bool ps_network_equal(const struct ps_network *a, const struct ps_network *b)
{
    return a->bits == b->bits && starts_equal(a->address.bytes, b->address.bytes, a->bits);
}

/* Where the host of an endpoint is, without brackets, zone and port; returns its size. */
static size_t host_of(const char *text, const char **host_out)
{
    const char *colon = strchr(text, ':');
    *host_out = text;
    if (text[0] == '[') {
        *host_out = text + 1;
        return strchr(text, ']') != NULL ? strcspn(text + 1, "]%") : 0;
    }
    bool bare_ipv6 = colon != NULL && strchr(colon + 1, ':') != NULL;
    return strcspn(text, bare_ipv6 ? "%" : ":");
}

static bool is_ipv4(const struct ps_address *address)
{
    return memcmp(address->bytes, ipv4_prefix, sizeof ipv4_prefix) == 0;
}

static bool is_of_one_machine(const struct ps_address *address)
{
    static const struct ps_address unspecified = {{0}};
    const uint8_t *bytes = address->bytes;
    if (is_ipv4(address)) {
        return bytes[IPV4_OFFSET] != 0 && bytes[IPV4_OFFSET] < 224;
    }
    return bytes[0] != 0xff && memcmp(address, &unspecified, sizeof unspecified) != 0;
}

static bool starts_equal(const uint8_t *a, const uint8_t *b, unsigned bits)
{
    unsigned whole = bits / 8;
    unsigned rest = bits % 8;
    bool equal = memcmp(a, b, whole) == 0;
    return equal && (rest == 0 || (a[whole] ^ b[whole]) >> (8 - rest) == 0);
}
