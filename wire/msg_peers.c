/* PEERS: where other members listen, for networks that carry no beacons. Hints, as all addresses
 * are. */
#include "wire/message_part.h"

static void read_item(struct ps_reader *reader, struct ps_peer_endpoints *out);

p2psync_result ps_peers_decode(struct ps_bytes input, struct ps_cursor *out)
{
    struct ps_reader reader;
    uint32_t extra = ps_message_begin(&reader, input, PS_MESSAGE_PEERS, 1);
    struct ps_bytes list = reader.rest;
    uint32_t count = ps_message_read_list(&reader, PS_PEERS_MAX);
    for (uint32_t i = 0; i < count && reader.error == P2PSYNC_OK; i++) {
        struct ps_peer_endpoints item;
        read_item(&reader, &item);
    }
    ps_read_skip(&reader, extra);
    p2psync_result result = ps_reader_finish(&reader);
    if (result == P2PSYNC_OK) {
        (void)ps_message_cursor_begin(out, list);
    }
    return result;
}

bool ps_peers_next(struct ps_cursor *cursor, struct ps_peer_endpoints *out)
{
    if (cursor->left == 0) {
        return false;
    }
    cursor->left--;
    read_item(&cursor->reader, out);
    return cursor->reader.error == P2PSYNC_OK;
}

static void read_item(struct ps_reader *reader, struct ps_peer_endpoints *out)
{
    uint32_t extra = ps_read_array_at_least(reader, 2);
    ps_message_read_device(reader, &out->device);
    out->endpoint_count = ps_message_read_endpoints(reader, out->endpoints);
    ps_read_skip(reader, extra);
}

p2psync_result ps_peers_encode(const struct ps_peer_endpoints *items, size_t count,
                               struct ps_buf *out)
{
    size_t start = out->size;
    struct ps_writer writer;
    ps_message_start(&writer, out, PS_MESSAGE_PEERS, 1);
    ps_write_array(&writer, count);
    for (size_t i = 0; i < count; i++) {
        ps_write_array(&writer, 2);
        ps_write_bin(&writer, ps_bytes(items[i].device.key, PS_DEVICE_SIZE));
        ps_message_write_endpoints(&writer, items[i].endpoints, items[i].endpoint_count);
    }
    return ps_message_end(&writer, out, start);
}
