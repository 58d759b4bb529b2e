/* Settings in the environment: P2PSYNC_ and the key in capitals, a dot as `_`. */
#ifndef PS_NODE_HOST_CONFIG_ENV_H
#define PS_NODE_HOST_CONFIG_ENV_H

#include <stdbool.h>

#include <p2psync.h>

#define PS_CONFIG_ENV_SIZE_MAX 64 /* bytes of a variable's name, with its NUL */

/* The name of a setting's variable. The key is one of ours. */
void ps_config_env_name(const char *key, char out[static PS_CONFIG_ENV_SIZE_MAX]);

bool ps_config_env_has(const char *key);

/* The value that a setting has in the environment, as MessagePack: what parses as JSON is that, all
 * else is a text. An empty variable is none, and none counts in a process that runs with other
 * rights than its caller's.
 *
 * Memory  freed by p2psync_buffer_free().
 * Errors  P2PSYNC_ENOTFOUND there is none; P2PSYNC_EFORMAT no UTF-8; P2PSYNC_ELIMIT;
 *         P2PSYNC_ENOMEM.
 */
p2psync_result ps_config_env_read(const char *key, struct p2psync_buffer *out) P2PSYNC_MUST_CHECK;

#endif
