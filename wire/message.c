/* The envelope [type, version, ...] and the parts that messages share. A message is walked as a
 * whole by the bounded scanner before any of it is read, so the readers called after that only see
 * whole values. */
#include "wire/message.h"

#include <assert.h>
#include <string.h>

#include "wire/message_part.h"
#include "wire/scan.h"

static bool endpoint_valid(struct ps_bytes endpoint);

p2psync_result ps_message_peek(struct ps_bytes input, uint64_t *type_out, uint64_t *version_out)
{
    if (input.size > PS_MESSAGE_SIZE_MAX) {
        return P2PSYNC_ELIMIT;
    }
    p2psync_result result = ps_scan_exact(input, PS_MESSAGE_DEPTH_MAX);
    if (result != P2PSYNC_OK) {
        return result;
    }
    struct ps_reader reader;
    ps_reader_init(&reader, input);
    (void)ps_read_array_at_least(&reader, 2);
    uint64_t type = ps_read_uint(&reader);
    uint64_t version = ps_read_uint(&reader);
    if (reader.error == P2PSYNC_OK) {
        *type_out = type;
        *version_out = version;
    }
    return reader.error;
}

uint32_t ps_message_begin(struct ps_reader *reader, struct ps_bytes input, ps_message_type type,
                          uint32_t count)
{
    uint64_t found = 0;
    uint64_t version = 0;
    ps_reader_init(reader, input);
    p2psync_result result = ps_message_peek(input, &found, &version);
    if (result == P2PSYNC_OK && found != (uint64_t)type) {
        result = P2PSYNC_EFORMAT;
    }
    /* HELLO says itself which versions its sender speaks, and ERROR is the same in all. */
    bool any_version = type == PS_MESSAGE_HELLO || type == PS_MESSAGE_ERROR;
    if (result == P2PSYNC_OK && version < PS_PROTOCOL_VERSION_MIN && !any_version) {
        result = P2PSYNC_EVERSION;
    }
    if (result != P2PSYNC_OK) {
        ps_reader_fail(reader, result);
        return 0;
    }
    uint32_t extra = ps_read_array_at_least(reader, 2 + count);
    ps_read_skip(reader, 2);
    return extra;
}

void ps_message_start(struct ps_writer *writer, struct ps_buf *out, ps_message_type type,
                      size_t count)
{
    ps_writer_init(writer, out);
    ps_write_array(writer, 2 + count);
    ps_write_uint(writer, (uint64_t)type);
    ps_write_uint(writer, PS_PROTOCOL_VERSION);
}

p2psync_result ps_message_end(const struct ps_writer *writer, struct ps_buf *out, size_t start)
{
    p2psync_result result = ps_writer_finish(writer);
    if (result == P2PSYNC_OK && out->size - start > PS_MESSAGE_SIZE_MAX) {
        result = P2PSYNC_ELIMIT;
    }
    if (result != P2PSYNC_OK) {
        ps_buf_truncate(out, start);
    }
    return result;
}

uint32_t ps_message_read_list(struct ps_reader *reader, uint32_t max)
{
    uint32_t count = ps_read_array(reader);
    if (count > max) {
        ps_reader_fail(reader, P2PSYNC_ELIMIT);
        return 0;
    }
    return count;
}

struct ps_bytes ps_message_read_since(const struct ps_reader *reader, struct ps_bytes before)
{
    assert(reader->rest.size <= before.size);
    return ps_bytes(before.data, before.size - reader->rest.size);
}

struct ps_bytes ps_message_read_collection(struct ps_reader *reader)
{
    struct ps_bytes name = ps_read_str(reader, PS_COLLECTION_SIZE_MAX);
    if (!ps_collection_name_valid(name)) {
        ps_reader_fail(reader, P2PSYNC_EFORMAT);
    }
    return name;
}

struct ps_bytes ps_message_read_device_name(struct ps_reader *reader)
{
    struct ps_bytes name = ps_read_str(reader, PS_DEVICE_NAME_SIZE_MAX);
    if (!ps_device_name_valid(name)) {
        ps_reader_fail(reader, P2PSYNC_EFORMAT);
    }
    return name;
}

void ps_message_read_device(struct ps_reader *reader, struct ps_device *out)
{
    ps_read_bin_exact(reader, out->key, PS_DEVICE_SIZE);
}

void ps_message_read_mesh(struct ps_reader *reader, struct ps_mesh *out)
{
    ps_read_bin_exact(reader, out, PS_MESH_SIZE);
}

void ps_message_read_branch(struct ps_reader *reader, uint8_t out[static PS_HASH_SHORT_SIZE])
{
    struct ps_bytes branch = ps_read_bin(reader, PS_HASH_SHORT_SIZE);
    memset(out, 0, PS_HASH_SHORT_SIZE);
    if (branch.size == PS_HASH_SHORT_SIZE) {
        memcpy(out, branch.data, PS_HASH_SHORT_SIZE);
    } else if (branch.size != 0) {
        ps_reader_fail(reader, P2PSYNC_EFORMAT);
    }
}

void ps_message_write_branch(struct ps_writer *writer,
                             const uint8_t branch[static PS_HASH_SHORT_SIZE])
{
    ps_write_bin(writer, ps_bytes(branch, ps_branch_is_trunk(branch) ? 0 : PS_HASH_SHORT_SIZE));
}

struct ps_head_context ps_message_head_context(const struct ps_log_name *log,
                                               const struct ps_mesh *mesh)
{
    return (struct ps_head_context){
        .mesh = mesh, .collection = log->collection, .origin = &log->origin};
}

void ps_message_read_log_name(struct ps_reader *reader, struct ps_log_name *out)
{
    *out = (struct ps_log_name){.number = 0};
    if (!ps_reader_at_array(reader)) {
        out->number = ps_read_uint_max(reader, PS_NUMBERS_MAX);
        if (out->number == 0) {
            ps_reader_fail(reader, P2PSYNC_EFORMAT);
        }
        return;
    }
    uint32_t extra = ps_read_array_at_least(reader, 5);
    out->collection = ps_message_read_collection(reader);
    ps_message_read_device(reader, &out->origin.device);
    out->origin.incarnation = ps_read_uint(reader);
    ps_message_read_branch(reader, out->branch);
    out->number = ps_read_uint_max(reader, PS_NUMBERS_MAX);
    ps_read_skip(reader, extra);
}

void ps_message_write_log_name(struct ps_writer *writer, const struct ps_log_name *log)
{
    if (log->collection.size == 0) {
        assert(log->number > 0);
        ps_write_uint(writer, log->number);
        return;
    }
    ps_write_array(writer, 5);
    ps_write_str(writer, log->collection);
    ps_write_bin(writer, ps_bytes(log->origin.device.key, PS_DEVICE_SIZE));
    ps_write_uint(writer, log->origin.incarnation);
    ps_message_write_branch(writer, log->branch);
    ps_write_uint(writer, log->number);
}

void ps_message_read_state(struct ps_reader *reader, struct ps_state *out)
{
    *out = (struct ps_state){.as_before = ps_read_nil(reader)};
    if (out->as_before) {
        return;
    }
    uint32_t extra = ps_read_array_at_least(reader, 2);
    ps_read_bin_exact(reader, out->common.bytes, PS_HASH_SHORT_SIZE);
    out->pending = ps_read_uint(reader);
    ps_read_skip(reader, extra);
}

void ps_message_write_state(struct ps_writer *writer, const struct ps_state *state)
{
    if (state->as_before) {
        ps_write_nil(writer);
        return;
    }
    ps_write_array(writer, 2);
    ps_write_bin(writer, ps_bytes(state->common.bytes, PS_HASH_SHORT_SIZE));
    ps_write_uint(writer, state->pending);
}

size_t ps_message_read_endpoints(struct ps_reader *reader,
                                 struct ps_bytes out[static PS_ENDPOINTS_MAX])
{
    uint32_t count = ps_message_read_list(reader, PS_ENDPOINTS_MAX);
    for (uint32_t i = 0; i < count; i++) {
        out[i] = ps_read_str(reader, PS_ENDPOINT_SIZE_MAX);
        if (!endpoint_valid(out[i])) {
            ps_reader_fail(reader, P2PSYNC_EFORMAT);
        }
    }
    return reader->error == P2PSYNC_OK ? count : 0;
}

void ps_message_write_endpoints(struct ps_writer *writer, const struct ps_bytes *endpoints,
                                size_t count)
{
    assert(count <= PS_ENDPOINTS_MAX);
    ps_write_array(writer, count);
    for (size_t i = 0; i < count; i++) {
        ps_write_str(writer, endpoints[i]);
    }
}

/* Printable ASCII without spaces: it goes into addresses and onto terminals. */
static bool endpoint_valid(struct ps_bytes endpoint)
{
    for (size_t i = 0; i < endpoint.size; i++) {
        if (endpoint.data[i] <= ' ' || endpoint.data[i] > '~') {
            return false;
        }
    }
    return endpoint.size > 0;
}

uint32_t ps_message_cursor_begin(struct ps_cursor *cursor, struct ps_bytes list)
{
    ps_reader_init(&cursor->reader, list);
    cursor->left = list.size == 0 ? 0 : ps_read_array(&cursor->reader);
    return cursor->left;
}
