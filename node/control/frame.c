/* What travels on the control socket, for its server and its clients: the address, and frames. */
#include <stdio.h>
#include <string.h>

#include "node/control/control.h"
#include "node/feed/event.h"

void ps_control_address(int dir_fd, struct sockaddr_un *out)
{
    memset(out, 0, sizeof *out);
    out->sun_family = AF_UNIX;
    (void)snprintf(out->sun_path, sizeof out->sun_path, "/proc/self/fd/%d/" PS_CONTROL_FILE,
                   dir_fd);
}

p2psync_result ps_control_frame(struct ps_buf *out, uint64_t number, struct ps_bytes value)
{
    size_t start = out->size;
    struct ps_writer writer;
    uint8_t *header = NULL;
    p2psync_result result = ps_buf_extend(out, PS_CONTROL_HEADER_SIZE, &header);
    if (result != P2PSYNC_OK) {
        return result;
    }
    ps_writer_init(&writer, out);
    ps_write_array(&writer, 2);
    ps_write_uint(&writer, number);
    if (value.size == 0) {
        ps_write_nil(&writer);
    } else {
        ps_write_raw(&writer, value);
    }
    result = ps_writer_finish(&writer);
    if (result != P2PSYNC_OK) {
        ps_buf_truncate(out, start);
        return result;
    }
    ps_put_u32(out->data + start, (uint32_t)(out->size - start - PS_CONTROL_HEADER_SIZE));
    return P2PSYNC_OK;
}

p2psync_result ps_control_frame_loss(struct ps_buf *out, uint64_t lost)
{
    char text[96];
    struct ps_buf map;
    (void)snprintf(text, sizeof text, "%llu events were dropped because nobody took them",
                   (unsigned long long)lost);
    ps_buf_init(&map, sizeof text + 128);
    p2psync_result result = ps_feed_event_error(&map, P2PSYNC_ELIMIT, text);
    if (result == P2PSYNC_OK) {
        result = ps_control_frame(out, P2PSYNC_EVENT_ERROR, ps_buf_view(&map));
    }
    ps_buf_deinit(&map);
    return result;
}
