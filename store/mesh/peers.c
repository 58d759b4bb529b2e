/* What is remembered of a peer: written as a MessagePack array, so that later versions can add to
 * it. */
#include "store/mesh/peers.h"

#include <string.h>

#include "store/env/keys.h"
#include "wire/codec.h"

#define FIELDS       8
#define FIELDS_ADDED 5 /* that older versions did not write */
#define ROW_SIZE_MAX                                                                               \
    (16 + (FIELDS + FIELDS_ADDED + PS_ENDPOINTS_MAX) * 9 +                                         \
     PS_ENDPOINTS_MAX * (PS_ENDPOINT_SIZE_MAX + 8))

static p2psync_result read_row(struct ps_txn *txn, const struct ps_device *device,
                               struct ps_peer_row *out);
static void read_found_by(struct ps_reader *reader, struct ps_peer_row *row);

p2psync_result ps_mesh_peer_read(struct ps_txn *txn, const struct ps_device *device,
                                 struct ps_peer_row *out)
{
    struct ps_peer_row row;
    p2psync_result result = read_row(txn, device, &row);
    if (result == P2PSYNC_OK) {
        *out = row;
    } else if (result == P2PSYNC_ENOTFOUND || result == P2PSYNC_ECORRUPT) {
        *out = (struct ps_peer_row){0};
        result = P2PSYNC_OK;
    }
    return result;
}

static p2psync_result read_row(struct ps_txn *txn, const struct ps_device *device,
                               struct ps_peer_row *out)
{
    struct ps_key key = ps_key_device(device);
    struct ps_bytes row;
    struct ps_reader reader;
    struct ps_peer_row peer = {0};
    p2psync_result result = ps_db_get(txn, PS_DB_PEERS, ps_key_view(&key), &row);
    if (result != P2PSYNC_OK) {
        return result;
    }
    ps_reader_init(&reader, row);
    uint32_t extra = ps_read_array_at_least(&reader, FIELDS);
    peer.last_seen_ms = ps_read_uint(&reader);
    peer.last_sync_ms = ps_read_uint(&reader);
    peer.behind = ps_read_uint(&reader);
    peer.ahead = ps_read_uint(&reader);
    peer.skew_ms = (int64_t)ps_read_uint(&reader);
    peer.received_bytes = ps_read_uint(&reader);
    peer.sent_bytes = ps_read_uint(&reader);
    uint32_t count = ps_read_array(&reader);
    for (uint32_t i = 0; i < count && i < PS_ENDPOINTS_MAX; i++) {
        struct ps_bytes endpoint = ps_read_str(&reader, PS_ENDPOINT_SIZE_MAX);
        if (endpoint.size > 0) {
            memcpy(peer.endpoints[i], endpoint.data, endpoint.size);
        }
    }
    if (extra > 0) {
        read_found_by(&reader, &peer);
        extra--;
    }
    if (extra > 0) {
        peer.common = ps_read_uint(&reader);
        extra--;
    }
    if (extra > 0) {
        uint64_t worked = ps_read_uint(&reader);
        peer.worked_count = worked < count ? (size_t)worked : count;
        extra--;
    }
    if (extra > 0) {
        peer.at_end = ps_read_uint(&reader);
        extra--;
    }
    if (extra > 0) {
        peer.refused_ms = ps_read_uint(&reader);
        extra--;
    }
    ps_read_skip(&reader, extra);
    if (count > PS_ENDPOINTS_MAX || ps_reader_finish(&reader) != P2PSYNC_OK) {
        return P2PSYNC_ECORRUPT;
    }
    peer.endpoint_count = count;
    *out = peer;
    return P2PSYNC_OK;
}

static void read_found_by(struct ps_reader *reader, struct ps_peer_row *row)
{
    uint32_t count = ps_read_array(reader);
    for (uint32_t i = 0; i < count && i < PS_ENDPOINTS_MAX; i++) {
        uint64_t found_by = ps_read_uint(reader);
        row->found_by[i] = found_by <= PS_FOUND_ACCEPTED ? (ps_found_by)found_by : PS_FOUND_UNKNOWN;
    }
    if (count > PS_ENDPOINTS_MAX) {
        ps_reader_fail(reader, P2PSYNC_ECORRUPT);
    }
}

p2psync_result ps_mesh_peer_write(struct ps_txn *txn, const struct ps_device *device,
                                  const struct ps_peer_row *row)
{
    struct ps_key key = ps_key_device(device);
    struct ps_buf buf;
    struct ps_writer writer;
    assert(row->endpoint_count <= PS_ENDPOINTS_MAX);
    ps_buf_init(&buf, ROW_SIZE_MAX);
    ps_writer_init(&writer, &buf);
    ps_write_array(&writer, FIELDS + FIELDS_ADDED);
    ps_write_uint(&writer, row->last_seen_ms);
    ps_write_uint(&writer, row->last_sync_ms);
    ps_write_uint(&writer, row->behind);
    ps_write_uint(&writer, row->ahead);
    ps_write_uint(&writer,
                  (uint64_t)row->skew_ms); /* two's complement, for there is no other reader */
    ps_write_uint(&writer, row->received_bytes);
    ps_write_uint(&writer, row->sent_bytes);
    ps_write_array(&writer, row->endpoint_count);
    for (size_t i = 0; i < row->endpoint_count; i++) {
        ps_write_text(&writer, row->endpoints[i]);
    }
    ps_write_array(&writer, row->endpoint_count);
    for (size_t i = 0; i < row->endpoint_count; i++) {
        ps_write_uint(&writer, row->found_by[i]);
    }
    ps_write_uint(&writer, row->common);
    ps_write_uint(&writer, row->worked_count);
    ps_write_uint(&writer, row->at_end);
    ps_write_uint(&writer, row->refused_ms);
    p2psync_result result = ps_writer_finish(&writer);
    if (result == P2PSYNC_OK) {
        result = ps_db_put(txn, PS_DB_PEERS, ps_key_view(&key), ps_buf_view(&buf));
    }
    ps_buf_deinit(&buf);
    return result;
}
