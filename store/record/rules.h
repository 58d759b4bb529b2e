/* How the records of a collection are merged: its strategy and the rules of its fields, as the
 * collection's record in `_collections` says. These records replicate like any other. The settings
 * of a collection that never leaves the device are in `_local_collections`, which stays there too.
 *
 * A setting that is malformed, or that only a later version knows, counts as not set, on every
 * device.
 */
#ifndef PS_STORE_RECORD_RULES_H
#define PS_STORE_RECORD_RULES_H

#include "store/env/db.h"
#include "wire/id.h"

#define PS_SETTINGS_COLLECTION "_collections"
#define PS_LOCAL_SETTINGS_COLLECTION                                                               \
    "_local_collections" /* of those that never leave the device                                   \
                          */

/* The collection whose record of that name holds the settings of `collection`. Static. */
const char *ps_rules_home(struct ps_bytes collection);

typedef enum ps_strategy {
    PS_STRATEGY_AUTO_MERGE = 0, /* the default: field by field */
    PS_STRATEGY_LAST_WRITE_WINS,
    PS_STRATEGY_KEEP_BOTH,
    PS_STRATEGY_PREFER, /* one device's versions */
    PS_STRATEGY_MANUAL,
    PS_STRATEGY_COUNT,
} ps_strategy;

/* What becomes of a field that both sides changed. */
typedef enum ps_field_rule {
    PS_FIELD_LAST_WRITE_WINS = 0, /* the default; nested maps by key */
    PS_FIELD_UNION,               /* arrays as sets */
    PS_FIELD_TEXT,                /* strings, three ways by lines */
    PS_FIELD_MAX,
    PS_FIELD_MIN,
    PS_FIELD_COUNTER, /* numbers: what both sides added is added up */
    PS_FIELD_RULE_COUNT,
} ps_field_rule;

struct ps_named_rule {
    struct ps_bytes field;
    ps_field_rule rule;
};

/* A zeroed one is the default: what holds if nothing is set. */
struct ps_rules {
    ps_strategy strategy;
    struct ps_device preferred;   /* with PS_STRATEGY_PREFER */
    struct ps_named_rule *fields; /* ascending by name */
    size_t field_count;
    struct ps_buf settings; /* what the names point into */
};

/* Read the rules of a collection. Those of the node's own collections are fixed: nothing is read.
 *
 * Memory  the caller's: ps_rules_deinit().
 * Errors  P2PSYNC_ECORRUPT; P2PSYNC_ENOMEM.
 */
p2psync_result ps_rules_read(struct ps_txn *txn, struct ps_bytes collection,
                             struct ps_rules *out) P2PSYNC_MUST_CHECK;

/* The rules that a map of settings says: {"strategy": TEXT, "field.NAME": TEXT, ...}. As above. */
p2psync_result ps_rules_parse(struct ps_bytes settings, struct ps_rules *out) P2PSYNC_MUST_CHECK;

/* A zeroed one is fine. */
void ps_rules_deinit(struct ps_rules *rules);

ps_field_rule ps_rules_field_rule(const struct ps_rules *rules, struct ps_bytes field);

/* "auto_merge" and so on, or "prefer:" and 64 hex digits. */
#define PS_STRATEGY_TEXT_SIZE (sizeof("prefer:") - 1 + PS_DEVICE_TEXT_SIZE)
void ps_rules_strategy_text(const struct ps_rules *rules, char out[static PS_STRATEGY_TEXT_SIZE]);

/* Read a strategy's text; `preferred_out` is written with "prefer:" and 64 hex digits only.
 *
 * Errors  P2PSYNC_EFORMAT.
 */
p2psync_result ps_rules_strategy_parse(struct ps_bytes text, ps_strategy *out,
                                       struct ps_device *preferred_out) P2PSYNC_MUST_CHECK;

const char *ps_rules_field_rule_text(ps_field_rule rule);

/* Errors  P2PSYNC_EFORMAT. */
p2psync_result ps_rules_field_rule_parse(struct ps_bytes text,
                                         ps_field_rule *out) P2PSYNC_MUST_CHECK;

#endif
