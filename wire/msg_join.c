/* JOIN and WELCOME: the two messages of pairing, on a socket of its own that is open only while an
 * invite is. Who joins is the key that CURVE proved; the message names it for the record only. */
#include "wire/message_part.h"

#define JOIN_ELEMENT_COUNT    3
#define WELCOME_ELEMENT_COUNT 4

/* Here ids enter that nobody knows yet. In all other messages they are compared with members. */
static void check_device(struct ps_reader *reader, const struct ps_device *device)
{
    if (reader->error == P2PSYNC_OK && !ps_device_valid(device)) {
        ps_reader_fail(reader, P2PSYNC_EFORMAT);
    }
}

static void read_new_device(struct ps_reader *reader, struct ps_device *out)
{
    ps_message_read_device(reader, out);
    check_device(reader, out);
}

p2psync_result ps_join_decode(struct ps_bytes input, struct ps_join *out)
{
    struct ps_reader reader;
    struct ps_join join = {0};
    uint32_t extra = ps_message_begin(&reader, input, PS_MESSAGE_JOIN, JOIN_ELEMENT_COUNT);
    ps_read_bin_exact(&reader, join.token, PS_TOKEN_SIZE);
    read_new_device(&reader, &join.device);
    join.name = ps_message_read_device_name(&reader);
    ps_read_skip(&reader, extra);
    p2psync_result result = ps_reader_finish(&reader);
    if (result == P2PSYNC_OK) {
        *out = join;
    }
    return result;
}

p2psync_result ps_join_encode(const struct ps_join *join, struct ps_buf *out)
{
    size_t start = out->size;
    struct ps_writer writer;
    ps_message_start(&writer, out, PS_MESSAGE_JOIN, JOIN_ELEMENT_COUNT);
    ps_write_bin(&writer, ps_bytes(join->token, PS_TOKEN_SIZE));
    ps_write_bin(&writer, ps_bytes(join->device.key, PS_DEVICE_SIZE));
    ps_write_str(&writer, join->name);
    return ps_message_end(&writer, out, start);
}

p2psync_result ps_welcome_decode(struct ps_bytes input, struct ps_welcome *out)
{
    struct ps_reader reader;
    struct ps_welcome welcome = {0};
    uint32_t extra = ps_message_begin(&reader, input, PS_MESSAGE_WELCOME, WELCOME_ELEMENT_COUNT);
    ps_message_read_mesh(&reader, &welcome.mesh);
    check_device(&reader, &welcome.mesh.founder);
    read_new_device(&reader, &welcome.device);
    welcome.name = ps_message_read_device_name(&reader);
    welcome.endpoint_count = ps_message_read_endpoints(&reader, welcome.endpoints);
    ps_read_skip(&reader, extra);
    p2psync_result result = ps_reader_finish(&reader);
    if (result == P2PSYNC_OK) {
        *out = welcome;
    }
    return result;
}

p2psync_result ps_welcome_encode(const struct ps_welcome *welcome, struct ps_buf *out)
{
    size_t start = out->size;
    struct ps_writer writer;
    ps_message_start(&writer, out, PS_MESSAGE_WELCOME, WELCOME_ELEMENT_COUNT);
    ps_write_bin(&writer, ps_bytes(&welcome->mesh, PS_MESH_SIZE));
    ps_write_bin(&writer, ps_bytes(welcome->device.key, PS_DEVICE_SIZE));
    ps_write_str(&writer, welcome->name);
    ps_message_write_endpoints(&writer, welcome->endpoints, welcome->endpoint_count);
    return ps_message_end(&writer, out, start);
}
