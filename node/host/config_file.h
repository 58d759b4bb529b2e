/* config.json in a node's directory, as one map from keys to values. It is replaced in one step, so
 * that no reader ever sees half of it. What the keys mean is not known here. */
#ifndef PS_NODE_HOST_CONFIG_FILE_H
#define PS_NODE_HOST_CONFIG_FILE_H

#include "node/host/detail.h"
#include "wire/bytes.h"

#define PS_CONFIG_FILE_SIZE_MAX 32768

/* Read the file in the directory `dir_fd` into an empty buffer, as MessagePack: an empty map if
 * there is none.
 *
 * Errors  P2PSYNC_EFORMAT it holds no JSON object, or is too large; P2PSYNC_EDENIED it may not be
 *         read, or others may have written it; P2PSYNC_EIO; P2PSYNC_ENOMEM. `detail` says what is
 *         malformed, and where.
 */
p2psync_result ps_config_file_read(int dir_fd, struct ps_buf *out,
                                   struct p2psync_detail *detail) P2PSYNC_MUST_CHECK;

/* Replace the file by `map`, a line for each key.
 *
 * Errors  P2PSYNC_EFORMAT it would be too large; P2PSYNC_ENOSPC; P2PSYNC_EDENIED; P2PSYNC_EIO;
 *         P2PSYNC_ENOMEM. The file is as it was.
 */
p2psync_result ps_config_file_write(int dir_fd, struct ps_bytes map,
                                    struct p2psync_detail *detail) P2PSYNC_MUST_CHECK;

#endif
