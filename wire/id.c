/* Identities: how they are hashed to tags, compared, shown and read. Names that people give are
 * checked here too, because keys, logs and messages rely on their bounds. */
#include "wire/id.h"

#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "wire/base32.h"
#include "wire/hash.h"
#include "wire/scan.h"

static struct ps_tag tag_of(const struct ps_bytes *parts, size_t count);
static int hex_value(uint8_t digit);
static p2psync_result hex_parse(struct ps_bytes text, uint8_t *out);
static void hex_text(struct ps_bytes bytes, char *out);
static bool has_control(struct ps_bytes text);
static void fingerprint_digits(const struct ps_device *device,
                               char out[static PS_FINGERPRINT_DIGITS]);

struct ps_tag ps_origin_tag(const struct ps_mesh *mesh, const struct ps_origin *origin)
{
    uint8_t incarnation[8];
    ps_put_u64(incarnation, origin->incarnation);
    const struct ps_bytes parts[] = {
        ps_bytes_text("p2psync origin 1"),
        ps_bytes(mesh, PS_MESH_SIZE),
        ps_bytes(origin->device.key, PS_DEVICE_SIZE),
        ps_bytes(incarnation, sizeof incarnation),
    };
    return tag_of(parts, 4);
}

struct ps_dot ps_dot_apart(struct ps_dot dot, const uint8_t leaf[static PS_HASH_SHORT_SIZE])
{
    const struct ps_bytes parts[] = {
        ps_bytes_text("p2psync branch 1"),
        ps_bytes(dot.origin.bytes, PS_TAG_SIZE),
        ps_bytes(leaf, PS_HASH_SHORT_SIZE),
    };
    return (struct ps_dot){.origin = tag_of(parts, 3), .seq = dot.seq};
}

struct ps_log_id ps_log_id_of(const struct ps_mesh *mesh, const struct ps_origin *origin,
                              const uint8_t branch[static PS_HASH_SHORT_SIZE])
{
    struct ps_log_id id = {.origin = ps_origin_tag(mesh, origin)};
    memcpy(id.branch, branch, PS_HASH_SHORT_SIZE);
    return id;
}

bool ps_branch_is_trunk(const uint8_t branch[static PS_HASH_SHORT_SIZE])
{
    static const uint8_t trunk[PS_HASH_SHORT_SIZE] = {0};
    return memcmp(branch, trunk, PS_HASH_SHORT_SIZE) == 0;
}

struct ps_tag ps_mesh_tag(const struct ps_mesh *mesh, uint64_t nonce)
{
    uint8_t number[8];
    ps_put_u64(number, nonce);
    const struct ps_bytes parts[] = {
        ps_bytes_text("p2psync mesh 1"),
        ps_bytes(mesh, PS_MESH_SIZE),
        ps_bytes(number, sizeof number),
    };
    return tag_of(parts, 3);
}

struct ps_tag ps_device_tag(const struct ps_mesh *mesh, uint64_t nonce,
                            const struct ps_device *device)
{
    uint8_t number[8];
    ps_put_u64(number, nonce);
    const struct ps_bytes parts[] = {
        ps_bytes_text("p2psync device 1"),
        ps_bytes(mesh, PS_MESH_SIZE),
        ps_bytes(number, sizeof number),
        ps_bytes(device->key, PS_DEVICE_SIZE),
    };
    return tag_of(parts, 4);
}

void ps_mesh_recovery_nonce(const struct ps_device *key, uint8_t out[static PS_MESH_NONCE_SIZE])
{
    static_assert(PS_MESH_NONCE_SIZE == PS_TAG_SIZE, "the nonce is made as tags are");
    const struct ps_bytes parts[] = {
        ps_bytes_text("p2psync recovery 1"),
        ps_bytes(key->key, PS_DEVICE_SIZE),
    };
    struct ps_tag tag = tag_of(parts, 2);
    memcpy(out, tag.bytes, PS_MESH_NONCE_SIZE);
}

bool ps_mesh_recovers(const struct ps_mesh *mesh, const struct ps_device *key)
{
    uint8_t nonce[PS_MESH_NONCE_SIZE];
    ps_mesh_recovery_nonce(key, nonce);
    return memcmp(nonce, mesh->nonce, PS_MESH_NONCE_SIZE) == 0;
}

static struct ps_tag tag_of(const struct ps_bytes *parts, size_t count)
{
    struct ps_hash hash = ps_hash_parts(parts, count);
    struct ps_tag tag;
    memcpy(tag.bytes, hash.bytes, PS_TAG_SIZE);
    return tag;
}

bool ps_device_valid(const struct ps_device *device)
{
    return (device->key[PS_DEVICE_SIZE - 1] & 0x80U) == 0 &&
           crypto_core_ed25519_is_valid_point(device->key) == 1;
}

bool ps_device_equal(const struct ps_device *a, const struct ps_device *b)
{
    return ps_device_compare(a, b) == 0;
}

int ps_device_compare(const struct ps_device *a, const struct ps_device *b)
{
    return memcmp(a->key, b->key, PS_DEVICE_SIZE);
}

int ps_tag_compare(struct ps_tag a, struct ps_tag b)
{
    return memcmp(a.bytes, b.bytes, PS_TAG_SIZE);
}

int ps_dot_compare(struct ps_dot a, struct ps_dot b)
{
    int order = ps_tag_compare(a.origin, b.origin);
    return order != 0 ? order : (a.seq > b.seq) - (a.seq < b.seq);
}

int ps_log_id_compare(const struct ps_log_id *a, const struct ps_log_id *b)
{
    int order = ps_tag_compare(a->origin, b->origin);
    return order != 0 ? order : memcmp(a->branch, b->branch, PS_HASH_SHORT_SIZE);
}

void ps_device_fingerprint(const struct ps_device *device,
                           char out[static PS_FINGERPRINT_TEXT_SIZE])
{
    char digits[PS_FINGERPRINT_DIGITS];
    fingerprint_digits(device, digits);
    for (size_t i = 0; i < PS_FINGERPRINT_DIGITS; i += 4) {
        memcpy(out, digits + i, 4);
        out[4] = '-';
        out += 5;
    }
    out[-1] = '\0';
}

static void fingerprint_digits(const struct ps_device *device,
                               char out[static PS_FINGERPRINT_DIGITS])
{
    struct ps_hash hash = ps_hash_bytes(ps_bytes(device->key, PS_DEVICE_SIZE));
    static_assert(PS_BASE32_DIGITS(10) == PS_FINGERPRINT_DIGITS, "80 bits");
    ps_base32_encode(ps_bytes(hash.bytes, 10), out);
}

size_t ps_device_fingerprint_match(const struct ps_device *device, struct ps_bytes text)
{
    char digits[PS_FINGERPRINT_DIGITS];
    size_t count = 0;
    fingerprint_digits(device, digits);
    for (size_t i = 0; i < text.size; i++) {
        char digit = (char)text.data[i];
        if (digit == '-') {
            continue;
        }
        if (count == PS_FINGERPRINT_DIGITS ||
            ps_base32_value(digit) != ps_base32_value(digits[count])) {
            return 0;
        }
        count++;
    }
    return count;
}

void ps_device_text(const struct ps_device *device, char out[static PS_DEVICE_TEXT_SIZE])
{
    hex_text(ps_bytes(device->key, PS_DEVICE_SIZE), out);
    out[PS_DEVICE_TEXT_SIZE - 1] = '\0';
}

p2psync_result ps_device_parse(struct ps_bytes text, struct ps_device *out)
{
    struct ps_device device;
    if (text.size != 2 * sizeof device.key) {
        return P2PSYNC_EFORMAT;
    }
    p2psync_result result = hex_parse(text, device.key);
    if (result == P2PSYNC_OK) {
        *out = device;
    }
    return result;
}

void ps_dot_text(struct ps_dot dot, char out[static PS_DOT_TEXT_SIZE])
{
    hex_text(ps_bytes(dot.origin.bytes, PS_TAG_SIZE), out);
    char *seq = out + (size_t)2 * PS_TAG_SIZE;
    (void)snprintf(seq, PS_DOT_TEXT_SIZE - 2 * PS_TAG_SIZE, "-%" PRIu64, dot.seq);
}

p2psync_result ps_dot_parse(struct ps_bytes text, struct ps_dot *out)
{
    const size_t tag_digits = (size_t)2 * PS_TAG_SIZE;
    struct ps_dot dot = {.seq = 0};
    if (text.size < tag_digits + 2 || text.data[tag_digits] != '-') {
        return P2PSYNC_EFORMAT;
    }
    p2psync_result result = hex_parse(ps_bytes(text.data, tag_digits), dot.origin.bytes);
    if (result != P2PSYNC_OK) {
        return result;
    }
    /* One text for one dot: no leading zero. */
    struct ps_bytes digits = ps_bytes(text.data + tag_digits + 1, text.size - tag_digits - 1);
    if (digits.size > 1 && digits.data[0] == '0') {
        return P2PSYNC_EFORMAT;
    }
    for (size_t i = 0; i < digits.size; i++) {
        unsigned digit = (unsigned)digits.data[i] - '0';
        if (digit > 9 || dot.seq > (UINT64_MAX - digit) / 10) {
            return P2PSYNC_EFORMAT;
        }
        dot.seq = dot.seq * 10 + digit;
    }
    *out = dot;
    return P2PSYNC_OK;
}

static void hex_text(struct ps_bytes bytes, char *out)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < bytes.size; i++) {
        out[2 * i] = digits[bytes.data[i] >> 4];
        out[2 * i + 1] = digits[bytes.data[i] & 15U];
    }
}

/* text.size is twice the size of `out`. */
static p2psync_result hex_parse(struct ps_bytes text, uint8_t *out)
{
    for (size_t i = 0; i < text.size; i += 2) {
        int high = hex_value(text.data[i]);
        int low = hex_value(text.data[i + 1]);
        if (high < 0 || low < 0) {
            return P2PSYNC_EFORMAT;
        }
        out[i / 2] = (uint8_t)(high * 16 + low);
    }
    return P2PSYNC_OK;
}

static int hex_value(uint8_t digit)
{
    if (digit >= '0' && digit <= '9') {
        return digit - '0';
    }
    if (digit >= 'a' && digit <= 'f') {
        return digit - 'a' + 10;
    }
    if (digit >= 'A' && digit <= 'F') {
        return digit - 'A' + 10;
    }
    return -1;
}

bool ps_collection_name_valid(struct ps_bytes name)
{
    return name.size >= 1 && name.size <= PS_COLLECTION_SIZE_MAX && ps_scan_utf8(name) &&
           !has_control(name);
}

bool ps_collection_is_local(struct ps_bytes name)
{
    static const char prefix[] = "_local";
    return name.size >= sizeof prefix - 1 && memcmp(name.data, prefix, sizeof prefix - 1) == 0;
}

bool ps_collection_is_internal(struct ps_bytes name)
{
    return name.size > 0 && name.data[0] == '_' && !ps_collection_is_local(name);
}

bool ps_device_name_valid(struct ps_bytes name)
{
    return name.size >= 1 && name.size <= PS_DEVICE_NAME_SIZE_MAX && ps_scan_utf8(name) &&
           !has_control(name);
}

bool ps_record_id_valid(struct ps_bytes id)
{
    struct ps_bytes record;
    struct ps_dot dot;
    return id.size >= 1 && id.size <= PS_RECORD_ID_SIZE_MAX && ps_scan_utf8(id) &&
           memchr(id.data, '\0', id.size) == NULL && !ps_copy_id_split(id, &record, &dot);
}

bool ps_copy_id_split(struct ps_bytes id, struct ps_bytes *record_out, struct ps_dot *dot_out)
{
    const uint8_t *at = id.size > 0 ? memrchr(id.data, '@', id.size) : NULL;
    if (at == NULL || at == id.data) {
        return false;
    }
    size_t size = (size_t)(at - id.data);
    *record_out = ps_bytes(id.data, size);
    return ps_dot_parse(ps_bytes(at + 1, id.size - size - 1), dot_out) == P2PSYNC_OK;
}

size_t ps_copy_id(struct ps_bytes record, struct ps_dot dot, char out[static PS_COPY_ID_SIZE_MAX])
{
    char text[PS_DOT_TEXT_SIZE];
    ps_dot_text(dot, text);
    struct ps_bytes version = ps_bytes_text(text);
    assert(record.size <= PS_RECORD_ID_SIZE_MAX);
    memcpy(out, record.data, record.size);
    out[record.size] = '@';
    memcpy(out + record.size + 1, version.data, version.size);
    return record.size + 1 + version.size;
}

size_t ps_copy_id_own(struct ps_bytes record, struct ps_dot dot,
                      uint8_t out[static PS_RECORD_ID_SIZE_MAX])
{
    char text[PS_DOT_TEXT_SIZE];
    ps_dot_text(dot, text);
    struct ps_bytes version = ps_bytes_text(text);
    size_t room = PS_RECORD_ID_SIZE_MAX - 1 - version.size;
    if (record.size > room) { /* between two characters: not before a byte 10xxxxxx */
        while (room > 0 && (record.data[room] & 0xc0U) == 0x80U) {
            room--;
        }
        record.size = room;
    }
    memcpy(out, record.data, record.size);
    out[record.size] = '~';
    memcpy(out + record.size + 1, version.data, version.size);
    return record.size + 1 + version.size;
}

/* Unicode's category Cc in valid UTF-8: U+0000 to U+001F, U+007F, and U+0080 to U+009F. */
static bool has_control(struct ps_bytes text)
{
    for (size_t i = 0; i < text.size; i++) {
        uint8_t byte = text.data[i];
        if (byte < 0x20 || byte == 0x7f) {
            return true;
        }
        if (byte == 0xc2 && i + 1 < text.size && text.data[i + 1] < 0xa0) {
            return true;
        }
    }
    return false;
}
