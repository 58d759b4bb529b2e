/* Endpoints are read by hand: neither inet_pton() nor getaddrinfo() takes a port. */
#include "node/host/endpoint.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

static bool is_bare_ipv6(const char *text);
static bool host_valid(struct ps_bytes host, bool bracketed);
static p2psync_result port_parse(const char *text, uint16_t *out);

p2psync_result ps_endpoint_parse(const char *text, struct ps_endpoint *out)
{
    struct ps_endpoint endpoint = {.port = 0};
    size_t size = strlen(text);
    if (size == 0 || size > PS_ENDPOINT_SIZE_MAX) {
        return P2PSYNC_EFORMAT;
    }
    if (is_bare_ipv6(text)) {
        memcpy(endpoint.host, text, size);
        *out = endpoint;
        return P2PSYNC_OK;
    }
    bool bracketed = text[0] == '[';
    const char *host = bracketed ? text + 1 : text;
    const char *host_end = strchr(host, bracketed ? ']' : ':');
    if (host_end == NULL) {
        host_end = host + strlen(host);
    }
    const char *rest = host_end;
    if (bracketed) {
        if (*rest != ']') {
            return P2PSYNC_EFORMAT;
        }
        rest++;
    }
    if (!host_valid(ps_bytes(host, (size_t)(host_end - host)), bracketed)) {
        return P2PSYNC_EFORMAT;
    }
    if (*rest != '\0') {
        if (*rest != ':' || port_parse(rest + 1, &endpoint.port) != P2PSYNC_OK) {
            return P2PSYNC_EFORMAT;
        }
    }
    memcpy(endpoint.host, host, (size_t)(host_end - host));
    *out = endpoint;
    return P2PSYNC_OK;
}

/* An IPv6 address without brackets, perhaps with its zone. No port can follow it. */
static bool is_bare_ipv6(const char *text)
{
    struct in6_addr address;
    char bare[INET6_ADDRSTRLEN] = {0};
    size_t size = strcspn(text, "%");
    if (size >= sizeof bare) {
        return false;
    }
    memcpy(bare, text, size);
    bool zone_valid = text[size] == '\0' || host_valid(ps_bytes_text(text + size + 1), false);
    return zone_valid && inet_pton(AF_INET6, bare, &address) == 1;
}

/* Characters of a name or an address; a colon only in brackets. */
static bool host_valid(struct ps_bytes host, bool bracketed)
{
    for (size_t i = 0; i < host.size; i++) {
        uint8_t c = host.data[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        bool mark = c == '.' || c == '-' || c == '_' || c == '%';
        if (!letter && !(c >= '0' && c <= '9') && !mark && !(c == ':' && bracketed)) {
            return false;
        }
    }
    return host.size > 0;
}

static p2psync_result port_parse(const char *text, uint16_t *out)
{
    size_t size = strlen(text);
    uint32_t port = 0;
    if (size == 0 || size > 5) {
        return P2PSYNC_EFORMAT;
    }
    for (size_t i = 0; i < size; i++) {
        if (text[i] < '0' || text[i] > '9') {
            return P2PSYNC_EFORMAT;
        }
        port = port * 10 + (uint32_t)(text[i] - '0');
    }
    if (port == 0 || port > UINT16_MAX) {
        return P2PSYNC_EFORMAT;
    }
    *out = (uint16_t)port;
    return P2PSYNC_OK;
}

bool ps_endpoint_text(const struct ps_endpoint *endpoint, char out[static PS_ENDPOINT_SIZE_MAX + 1])
{
    bool bracket = strchr(endpoint->host, ':') != NULL;
    int size = snprintf(out, PS_ENDPOINT_SIZE_MAX + 1, "%s%s%s:%u", bracket ? "[" : "",
                        endpoint->host, bracket ? "]" : "", (unsigned)endpoint->port);
    return size > 0 && size <= PS_ENDPOINT_SIZE_MAX;
}
