/* The pairing code: bytes, four check bytes, base32. It is read from what a person typed or a
 * camera saw, so nothing in it is trusted before the check bytes agree, and little after. */
#include "wire/pairing_code.h"

#include <arpa/inet.h>
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "wire/base32.h"
#include "wire/hash.h"

#define CODE_VERSION  1
#define PREFIX        "P2P1"
#define PREFIX_SIZE   4
#define CHECK_SIZE    4
#define HOST_SIZE_MAX 253 /* bytes of a DNS name */
#define BINARY_MAX                                                                                 \
    (1 + PS_DEVICE_SIZE + PS_TOKEN_SIZE + 1 + PS_INVITE_ENDPOINTS_MAX * (2 + HOST_SIZE_MAX + 2) +  \
     CHECK_SIZE)

static_assert(PREFIX_SIZE + PS_BASE32_DIGITS(BINARY_MAX) + 1 <= PS_PAIRING_CODE_SIZE_MAX,
              "the longest code fits");
static_assert(HOST_SIZE_MAX + 8 <= PS_ENDPOINT_SIZE_MAX, "the longest endpoint fits");

enum endpoint_type {
    ENDPOINT_NAME = 0,
    ENDPOINT_IPV4 = 4,
    ENDPOINT_IPV6 = 6,
};

static p2psync_result endpoint_encode(const char *text, struct ps_buf *out);
static p2psync_result endpoint_split(const char *text, struct ps_bytes *host_out,
                                     uint16_t *port_out);
static p2psync_result host_encode(struct ps_bytes host, bool bracketed, struct ps_buf *out);
static bool name_valid(struct ps_bytes name);
static p2psync_result port_parse(struct ps_bytes text, uint16_t *out);
static p2psync_result text_to_binary(const char *text, struct ps_buf *out);
static p2psync_result binary_decode(struct ps_bytes rest, struct ps_pairing_code *out);
static bool endpoint_decode(struct ps_bytes *rest, char out[static PS_ENDPOINT_SIZE_MAX + 1]);
static bool take(struct ps_bytes *rest, size_t size, const uint8_t **out);
static void check_of(struct ps_bytes bytes, uint8_t out[static CHECK_SIZE]);

p2psync_result ps_pairing_code_encode(const struct ps_pairing_code *code,
                                      char out[static PS_PAIRING_CODE_SIZE_MAX])
{
    if (code->endpoint_count > PS_INVITE_ENDPOINTS_MAX) {
        return P2PSYNC_ELIMIT;
    }
    struct ps_buf buf;
    ps_buf_init(&buf, BINARY_MAX);
    uint8_t fixed[1 + PS_DEVICE_SIZE + PS_TOKEN_SIZE + 1] = {CODE_VERSION};
    uint8_t check[CHECK_SIZE];
    memcpy(fixed + 1, code->device.key, PS_DEVICE_SIZE);
    memcpy(fixed + 1 + PS_DEVICE_SIZE, code->token, PS_TOKEN_SIZE);
    fixed[sizeof fixed - 1] = (uint8_t)code->endpoint_count;
    p2psync_result result = ps_buf_append(&buf, fixed, sizeof fixed);
    for (size_t i = 0; i < code->endpoint_count && result == P2PSYNC_OK; i++) {
        result = endpoint_encode(code->endpoints[i], &buf);
    }
    if (result == P2PSYNC_OK) {
        check_of(ps_buf_view(&buf), check);
        result = ps_buf_append(&buf, check, sizeof check);
    }
    if (result == P2PSYNC_OK) {
        memcpy(out, PREFIX, PREFIX_SIZE);
        ps_base32_encode(ps_buf_view(&buf), out + PREFIX_SIZE);
        out[PREFIX_SIZE + PS_BASE32_DIGITS(buf.size)] = '\0';
    }
    ps_buf_deinit(&buf);
    return result;
}

static p2psync_result endpoint_encode(const char *text, struct ps_buf *out)
{
    struct ps_bytes host;
    uint16_t port = 0;
    uint8_t port_bytes[2];
    p2psync_result result = endpoint_split(text, &host, &port);
    if (result == P2PSYNC_OK) {
        result = host_encode(host, text[0] == '[', out);
    }
    if (result == P2PSYNC_OK) {
        ps_put_u16(port_bytes, port);
        result = ps_buf_append(out, port_bytes, sizeof port_bytes);
    }
    return result;
}

/* "host:port" or "[host]:port" */
static p2psync_result endpoint_split(const char *text, struct ps_bytes *host_out,
                                     uint16_t *port_out)
{
    size_t size = strnlen(text, PS_ENDPOINT_SIZE_MAX + 1);
    const char *colon = memrchr(text, ':', size);
    if (size > PS_ENDPOINT_SIZE_MAX || colon == NULL || colon == text) {
        return P2PSYNC_EFORMAT;
    }
    struct ps_bytes host = ps_bytes(text, (size_t)(colon - text));
    struct ps_bytes port = ps_bytes(colon + 1, size - host.size - 1);
    if (text[0] == '[') {
        if (host.size < 3 || host.data[host.size - 1] != ']') {
            return P2PSYNC_EFORMAT;
        }
        host = ps_bytes(host.data + 1, host.size - 2);
    }
    p2psync_result result = port_parse(port, port_out);
    if (result == P2PSYNC_OK) {
        *host_out = host;
    }
    return result;
}

static p2psync_result port_parse(struct ps_bytes text, uint16_t *out)
{
    uint32_t port = 0;
    if (text.size < 1 || text.size > 5) {
        return P2PSYNC_EFORMAT;
    }
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] < '0' || text.data[i] > '9') {
            return P2PSYNC_EFORMAT;
        }
        port = port * 10 + (text.data[i] - (uint32_t)'0');
    }
    if (port < 1 || port > UINT16_MAX) {
        return P2PSYNC_EFORMAT;
    }
    *out = (uint16_t)port;
    return P2PSYNC_OK;
}

static p2psync_result host_encode(struct ps_bytes host, bool bracketed, struct ps_buf *out)
{
    char text[HOST_SIZE_MAX + 1];
    uint8_t encoded[2 + HOST_SIZE_MAX];
    if (host.size > HOST_SIZE_MAX) {
        return P2PSYNC_ELIMIT;
    }
    memcpy(text, host.data, host.size);
    text[host.size] = '\0';
    if (bracketed) {
        encoded[0] = ENDPOINT_IPV6;
        if (inet_pton(AF_INET6, text, encoded + 1) != 1) {
            return P2PSYNC_EFORMAT;
        }
        return ps_buf_append(out, encoded, 1 + 16);
    }
    if (inet_pton(AF_INET, text, encoded + 1) == 1) {
        encoded[0] = ENDPOINT_IPV4;
        return ps_buf_append(out, encoded, 1 + 4);
    }
    if (!name_valid(host)) {
        return P2PSYNC_EFORMAT;
    }
    encoded[0] = ENDPOINT_NAME;
    encoded[1] = (uint8_t)host.size;
    memcpy(encoded + 2, host.data, host.size);
    return ps_buf_append(out, encoded, 2 + host.size);
}

/* What a resolver may be given: letters, digits, '-', '_' and '.'. */
static bool name_valid(struct ps_bytes name)
{
    static const char allowed[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";
    for (size_t i = 0; i < name.size; i++) {
        if (memchr(allowed, name.data[i], sizeof allowed - 1) == NULL) {
            return false;
        }
    }
    return name.size > 0 && name.size <= HOST_SIZE_MAX;
}

p2psync_result ps_pairing_code_decode(const char *text, struct ps_pairing_code *out)
{
    struct ps_buf buf;
    ps_buf_init(&buf, BINARY_MAX);
    p2psync_result result = text_to_binary(text, &buf);
    if (result == P2PSYNC_OK) {
        result = binary_decode(ps_buf_view(&buf), out);
    }
    ps_buf_deinit(&buf);
    return result == P2PSYNC_ELIMIT ? P2PSYNC_EFORMAT : result;
}

/* Digits without separators; the prefix is checked and left out, and so are the filling bits. */
static p2psync_result text_to_binary(const char *text, struct ps_buf *out)
{
    uint32_t bits = 0;
    unsigned bit_count = 0;
    size_t digit_count = 0;
    p2psync_result result = P2PSYNC_OK;
    int value = ps_base32_next(&text);
    /* Ends at the NUL, or when the buffer is at its cap. */
    for (; value != PS_BASE32_END && result == P2PSYNC_OK; value = ps_base32_next(&text)) {
        if (value < 0) {
            return P2PSYNC_EFORMAT;
        }
        if (digit_count < PREFIX_SIZE) {
            if (value != ps_base32_value(PREFIX[digit_count])) {
                return P2PSYNC_EFORMAT;
            }
            digit_count++;
            continue;
        }
        bits = ((bits << 5) | (uint32_t)value) & 0xfffU;
        bit_count += 5;
        if (bit_count >= 8) {
            bit_count -= 8;
            uint8_t byte = (uint8_t)(bits >> bit_count);
            result = ps_buf_append(out, &byte, 1);
        }
    }
    if (result == P2PSYNC_OK && (bit_count >= 5 || (bits & ((1U << bit_count) - 1)) != 0)) {
        result = P2PSYNC_EFORMAT;
    }
    return result;
}

static p2psync_result binary_decode(struct ps_bytes rest, struct ps_pairing_code *out)
{
    uint8_t check[CHECK_SIZE];
    struct ps_pairing_code code = {0};
    const uint8_t *fixed = NULL;
    if (rest.size < CHECK_SIZE + 1) {
        return P2PSYNC_EFORMAT;
    }
    rest.size -= CHECK_SIZE;
    check_of(rest, check);
    if (memcmp(check, rest.data + rest.size, CHECK_SIZE) != 0) {
        return P2PSYNC_EFORMAT;
    }
    if (rest.data[0] != CODE_VERSION) {
        return P2PSYNC_EVERSION;
    }
    if (!take(&rest, 1 + PS_DEVICE_SIZE + PS_TOKEN_SIZE + 1, &fixed)) {
        return P2PSYNC_EFORMAT;
    }
    memcpy(code.device.key, fixed + 1, PS_DEVICE_SIZE);
    if (!ps_device_valid(&code.device)) {
        return P2PSYNC_EFORMAT;
    }
    memcpy(code.token, fixed + 1 + PS_DEVICE_SIZE, PS_TOKEN_SIZE);
    code.endpoint_count = fixed[1 + PS_DEVICE_SIZE + PS_TOKEN_SIZE];
    if (code.endpoint_count > PS_INVITE_ENDPOINTS_MAX) {
        return P2PSYNC_EFORMAT;
    }
    for (size_t i = 0; i < code.endpoint_count; i++) {
        if (!endpoint_decode(&rest, code.endpoints[i])) {
            return P2PSYNC_EFORMAT;
        }
    }
    if (rest.size != 0) {
        return P2PSYNC_EFORMAT;
    }
    *out = code;
    return P2PSYNC_OK;
}

static bool endpoint_decode(struct ps_bytes *rest, char out[static PS_ENDPOINT_SIZE_MAX + 1])
{
    const uint8_t *type = NULL;
    const uint8_t *size = NULL;
    const uint8_t *host = NULL;
    const uint8_t *port = NULL;
    char text[HOST_SIZE_MAX + 1] = {0};
    if (!take(rest, 1, &type)) {
        return false;
    }
    if (*type == ENDPOINT_IPV4) {
        if (!take(rest, 4, &host) || inet_ntop(AF_INET, host, text, sizeof text) == NULL) {
            return false;
        }
    } else if (*type == ENDPOINT_IPV6) {
        if (!take(rest, 16, &host) || inet_ntop(AF_INET6, host, text, sizeof text) == NULL) {
            return false;
        }
    } else {
        if (*type != ENDPOINT_NAME || !take(rest, 1, &size) || !take(rest, *size, &host) ||
            !name_valid(ps_bytes(host, *size))) {
            return false;
        }
        memcpy(text, host, *size);
    }
    if (!take(rest, 2, &port) || ps_get_u16(port) == 0) {
        return false;
    }
    (void)snprintf(out, PS_ENDPOINT_SIZE_MAX + 1, *type == ENDPOINT_IPV6 ? "[%s]:%u" : "%s:%u",
                   text, (unsigned)ps_get_u16(port));
    return true;
}

static bool take(struct ps_bytes *rest, size_t size, const uint8_t **out)
{
    if (rest->size < size) {
        return false;
    }
    *out = rest->data;
    *rest = ps_bytes(rest->data + size, rest->size - size);
    return true;
}

static void check_of(struct ps_bytes bytes, uint8_t out[static CHECK_SIZE])
{
    struct ps_hash hash = ps_hash_bytes(bytes);
    memcpy(out, hash.bytes, CHECK_SIZE);
}
