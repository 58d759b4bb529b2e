/* Logs by the names that messages give them. */
#ifndef PS_NODE_ENGINE_LOOKUP_H
#define PS_NODE_ENGINE_LOOKUP_H

#include <stdbool.h>

#include "store/log/log.h"
#include "wire/message.h"

struct ps_engine;
struct ps_turn;

/* The short id of a log of our mesh. */
struct ps_log_id ps_lookup_id(const struct ps_engine *engine, const struct ps_log_name *log);
/* Whether a name means the trunk of a log: branches of forked logs are not kept in this version. */
bool ps_lookup_is_trunk(const struct ps_log_name *log);
/* Errors  P2PSYNC_ENOTFOUND there is no such log here. */
p2psync_result ps_lookup_log(struct ps_turn *turn, struct ps_bytes collection,
                             const struct ps_log_id *id, struct ps_log *out) P2PSYNC_MUST_CHECK;
/* What a head of that log must be signed for. */
struct ps_head_context ps_lookup_head_context(const struct ps_engine *engine,
                                              const struct ps_log_name *log);

#endif
