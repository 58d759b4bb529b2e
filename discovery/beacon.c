/* The beacon's bytes. Anything may come from the network here, so decoding takes any bytes. */
#include "discovery/beacon.h"

#include <assert.h>
#include <string.h>

/* Offsets of the parts, in order. */
enum offset {
    OFFSET_VERSION = sizeof PS_BEACON_MAGIC - 1,
    OFFSET_NONCE = OFFSET_VERSION + 1,
    OFFSET_MESH = OFFSET_NONCE + 8,
    OFFSET_DEVICE = OFFSET_MESH + PS_TAG_SIZE,
    OFFSET_PORT = OFFSET_DEVICE + PS_TAG_SIZE,
    OFFSET_END = OFFSET_PORT + 2
};
static_assert(OFFSET_END == PS_BEACON_SIZE, "the parts are the whole");

void ps_beacon_encode(const struct ps_beacon *beacon, uint8_t out[static PS_BEACON_SIZE])
{
    assert(beacon->port);
    memcpy(out, PS_BEACON_MAGIC, OFFSET_VERSION);
    out[OFFSET_VERSION] = PS_BEACON_VERSION;
    ps_put_u64(out + OFFSET_NONCE, beacon->nonce);
    memcpy(out + OFFSET_MESH, beacon->mesh.bytes, PS_TAG_SIZE);
    memcpy(out + OFFSET_DEVICE, beacon->device.bytes, PS_TAG_SIZE);
    ps_put_u16(out + OFFSET_PORT, beacon->port);
}

p2psync_result ps_beacon_decode(struct ps_bytes bytes, struct ps_beacon *out)
{
    if (bytes.size < PS_BEACON_SIZE || bytes.size > PS_BEACON_SIZE_MAX ||
        memcmp(bytes.data, PS_BEACON_MAGIC, OFFSET_VERSION) != 0 ||
        bytes.data[OFFSET_VERSION] < PS_BEACON_VERSION) {
        return P2PSYNC_EFORMAT;
    }
    uint16_t port = ps_get_u16(bytes.data + OFFSET_PORT);
    if (!port) {
        return P2PSYNC_EFORMAT;
    }
    out->nonce = ps_get_u64(bytes.data + OFFSET_NONCE);
    memcpy(out->mesh.bytes, bytes.data + OFFSET_MESH, PS_TAG_SIZE);
    memcpy(out->device.bytes, bytes.data + OFFSET_DEVICE, PS_TAG_SIZE);
    out->port = port;
    return P2PSYNC_OK;
}
