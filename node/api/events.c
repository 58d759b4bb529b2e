/* The events of p2psync.h, over the stream. */
#include "node/api/inside.h"
#include "node/control/stream.h"

p2psync_result p2psync_event_fd(p2psync_node *node, int *fd_out)
{
    if (!ps_node_usable(node) || fd_out == NULL) {
        return P2PSYNC_EMISUSE;
    }
    p2psync_result result = P2PSYNC_OK;
    (void)pthread_mutex_lock(&node->stream_mutex);
    if (node->stream != NULL && ps_stream_over(node->stream)) {
        ps_stream_destroy(&node->stream);
    }
    if (node->stream == NULL) {
        result = ps_stream_new(node->dir_fd, node->store, &node->stream);
    }
    if (result == P2PSYNC_OK) {
        *fd_out = ps_stream_fd(node->stream);
    }
    (void)pthread_mutex_unlock(&node->stream_mutex);
    return result;
}

p2psync_result p2psync_event_next(p2psync_node *node, p2psync_event_type *type_out,
                                  struct p2psync_buffer *data_out)
{
    if (!ps_node_usable(node) || type_out == NULL || data_out == NULL) {
        return P2PSYNC_EMISUSE;
    }
    struct ps_buf map;
    p2psync_event_type type = P2PSYNC_EVENT_ERROR;
    p2psync_result result = P2PSYNC_EMISUSE; /* nobody asked for events */
    ps_buf_init(&map, PS_BUFFER_SIZE_MAX);
    (void)pthread_mutex_lock(&node->stream_mutex);
    if (node->stream != NULL) {
        result = ps_stream_next(node->stream, node->store, &type, &map);
    }
    (void)pthread_mutex_unlock(&node->stream_mutex);
    result = ps_buffer_give(result, &map, data_out);
    if (result == P2PSYNC_OK) {
        *type_out = type;
    }
    return result;
}
