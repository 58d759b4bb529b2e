/* Memory that the app gets, and gives back. */
#ifndef PS_NODE_HOST_BUFFER_H
#define PS_NODE_HOST_BUFFER_H

#include "wire/bytes.h"

#define PS_BUFFER_SIZE_MAX ((size_t)4 * 1024 * 1024) /* bytes of one output: thousands of peers */

/* Hand what is in `buf` to the app, if `result` is OK; frees `buf` in any case.
 *
 * Errors  `result`; P2PSYNC_ENOMEM.
 */
p2psync_result ps_buffer_give(p2psync_result result, struct ps_buf *buf,
                              struct p2psync_buffer *out) P2PSYNC_MUST_CHECK;

#endif
