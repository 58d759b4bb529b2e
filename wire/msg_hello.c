/* HELLO: who is there, what it speaks, what it holds. The first message of a session, both ways. */
#include "wire/message_part.h"

static struct ps_bytes read_subscriptions(struct ps_reader *reader);

#define ELEMENT_COUNT 11

p2psync_result ps_hello_decode(struct ps_bytes input, struct ps_hello *out)
{
    struct ps_reader reader;
    struct ps_hello hello = {0};
    uint32_t extra = ps_message_begin(&reader, input, PS_MESSAGE_HELLO, ELEMENT_COUNT);
    hello.version_min = ps_read_uint(&reader);
    hello.version_max = ps_read_uint(&reader);
    hello.capabilities = ps_read_uint(&reader);
    ps_message_read_device(&reader, &hello.device);
    ps_read_bin_exact(&reader, hello.mesh.nonce, PS_MESH_NONCE_SIZE);
    hello.name = ps_message_read_device_name(&reader);
    hello.instance = ps_read_uint(&reader);
    hello.subscriptions = read_subscriptions(&reader);
    hello.clock_ms = ps_read_uint(&reader);
    hello.listen_count = ps_message_read_endpoints(&reader, hello.listen);
    ps_message_read_state(&reader, &hello.state);
    ps_read_skip(&reader, extra);
    if (hello.version_min > hello.version_max || hello.state.as_before) {
        ps_reader_fail(&reader, P2PSYNC_EFORMAT);
    }
    p2psync_result result = ps_reader_finish(&reader);
    if (result == P2PSYNC_OK) {
        *out = hello;
    }
    return result;
}

/* nil, or names of collections: then the bytes of the array. */
static struct ps_bytes read_subscriptions(struct ps_reader *reader)
{
    if (ps_read_nil(reader)) {
        return ps_bytes(NULL, 0);
    }
    struct ps_bytes before = reader->rest;
    uint32_t count = ps_message_read_list(reader, PS_ROOTS_MAX);
    for (uint32_t i = 0; i < count && reader->error == P2PSYNC_OK; i++) {
        (void)ps_message_read_collection(reader);
    }
    return ps_message_read_since(reader, before);
}

p2psync_result ps_hello_encode(const struct ps_hello *hello, struct ps_buf *out)
{
    size_t start = out->size;
    struct ps_writer writer;
    ps_message_start(&writer, out, PS_MESSAGE_HELLO, ELEMENT_COUNT);
    ps_write_uint(&writer, hello->version_min);
    ps_write_uint(&writer, hello->version_max);
    ps_write_uint(&writer, hello->capabilities);
    ps_write_bin(&writer, ps_bytes(hello->device.key, PS_DEVICE_SIZE));
    ps_write_bin(&writer, ps_bytes(hello->mesh.nonce, PS_MESH_NONCE_SIZE));
    ps_write_str(&writer, hello->name);
    ps_write_uint(&writer, hello->instance);
    ps_write_raw_or_nil(&writer, hello->subscriptions);
    ps_write_uint(&writer, hello->clock_ms);
    ps_message_write_endpoints(&writer, hello->listen, hello->listen_count);
    ps_message_write_state(&writer, &hello->state);
    return ps_message_end(&writer, out, start);
}
