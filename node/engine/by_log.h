/* A number for each log, found by the log's number in the store; 0 until it is set. Bounded by the
 * number of logs in the store. A zeroed one is empty. */
#ifndef PS_NODE_ENGINE_BY_LOG_H
#define PS_NODE_ENGINE_BY_LOG_H

#include <stddef.h>
#include <stdint.h>

#include <p2psync.h>

#include "wire/bytes.h"

struct ps_by_log {
    uint64_t *items;
    size_t count;
};

uint64_t ps_by_log_get(const struct ps_by_log *numbers, uint32_t log);
/* Errors  P2PSYNC_ENOMEM: nothing is changed. */
p2psync_result ps_by_log_set(struct ps_by_log *numbers, uint32_t log,
                             uint64_t number) P2PSYNC_MUST_CHECK;
/* Set all to 0 and keep the memory. */
void ps_by_log_clear(struct ps_by_log *numbers);
void ps_by_log_deinit(struct ps_by_log *numbers);

#endif
