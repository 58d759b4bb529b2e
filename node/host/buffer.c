/* A buffer of the app is plain malloc()ed memory, without the slack that a growing one has. */
#include "node/host/buffer.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

p2psync_result ps_buffer_give(p2psync_result result, struct ps_buf *buf, struct p2psync_buffer *out)
{
    if (result == P2PSYNC_OK) {
        void *copy = malloc(buf->size > 0 ? buf->size : 1);
        if (copy == NULL) {
            result = P2PSYNC_ENOMEM;
        } else {
            if (buf->size > 0) {
                memcpy(copy, buf->data, buf->size);
            }
            out->data = copy;
            out->size = buf->size;
        }
    }
    ps_buf_deinit(buf);
    return result;
}

void p2psync_buffer_free(struct p2psync_buffer *buffer)
{
    if (buffer != NULL) {
        if (buffer->data != NULL) {
            sodium_memzero(buffer->data, buffer->size); /* it may hold an invite's code */
        }
        free(buffer->data);
        *buffer = (struct p2psync_buffer){0};
    }
}
