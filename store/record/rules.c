/* The rules of a collection, read from its record in `_collections`. */
#include "store/record/rules.h"

#include <stdlib.h>
#include <string.h>

#include "store/log/collection.h"
#include "store/record/record.h"
#include "wire/codec.h"
#include "wire/pairs.h"

#define FIELD_PREFIX  "field."
#define PREFER_PREFIX "prefer:"

static const char *const strategies[PS_STRATEGY_COUNT] = {
    [PS_STRATEGY_AUTO_MERGE] = "auto_merge", [PS_STRATEGY_LAST_WRITE_WINS] = "last_write_wins",
    [PS_STRATEGY_KEEP_BOTH] = "keep_both",   [PS_STRATEGY_PREFER] = "prefer",
    [PS_STRATEGY_MANUAL] = "manual",
};

static const char *const field_rules[PS_FIELD_RULE_COUNT] = {
    [PS_FIELD_LAST_WRITE_WINS] = "last_write_wins",
    [PS_FIELD_UNION] = "union",
    [PS_FIELD_TEXT] = "text",
    [PS_FIELD_MAX] = "max",
    [PS_FIELD_MIN] = "min",
    [PS_FIELD_COUNTER] = "counter",
};

static p2psync_result parse_pairs(const struct ps_pairs *pairs, struct ps_rules *rules);
static struct ps_bytes text_of(struct ps_bytes value);
static bool take_prefix(struct ps_bytes text, const char *prefix, struct ps_bytes *rest_out);

p2psync_result ps_rules_read(struct ps_txn *txn, struct ps_bytes collection, struct ps_rules *out)
{
    struct ps_collection settings;
    struct ps_record_row row;
    struct ps_view view;
    struct ps_bytes nothing = ps_bytes(NULL, 0);
    if (ps_collection_is_internal(collection)) {
        return ps_rules_parse(nothing, out);
    }
    p2psync_result result =
        ps_collection_find(txn, ps_bytes_text(ps_rules_home(collection)), &settings);
    if (result == P2PSYNC_OK) {
        result = ps_record_get(txn, settings.number, collection, &row);
    }
    if (result == P2PSYNC_ENOTFOUND) {
        return ps_rules_parse(nothing, out);
    }
    if (result != P2PSYNC_OK) {
        return result;
    }
    ps_record_view(&row, &view);
    return ps_rules_parse(view.state == PS_RECORD_DELETED ? nothing : view.value, out);
}

const char *ps_rules_home(struct ps_bytes collection)
{
    return ps_collection_is_local(collection) ? PS_LOCAL_SETTINGS_COLLECTION
                                              : PS_SETTINGS_COLLECTION;
}

p2psync_result ps_rules_parse(struct ps_bytes settings, struct ps_rules *out)
{
    struct ps_rules rules = {.strategy = PS_STRATEGY_AUTO_MERGE};
    struct ps_pairs pairs = {.count = 0};
    ps_buf_init(&rules.settings, PS_VALUE_SIZE_MAX);
    p2psync_result result = ps_buf_append(&rules.settings, settings.data, settings.size);
    if (result == P2PSYNC_OK) {
        result = ps_pairs_list(&pairs, ps_buf_view(&rules.settings));
    }
    if (result == P2PSYNC_OK && pairs.count > 0) {
        rules.fields = calloc(pairs.count, sizeof *rules.fields);
        result = rules.fields == NULL ? P2PSYNC_ENOMEM : parse_pairs(&pairs, &rules);
    }
    ps_pairs_free(&pairs);
    if (result == P2PSYNC_OK) {
        *out = rules;
    } else {
        ps_rules_deinit(&rules);
    }
    return result;
}

/* The pairs come in order of their names, and so do the fields. */
static p2psync_result parse_pairs(const struct ps_pairs *pairs, struct ps_rules *rules)
{
    for (size_t i = 0; i < pairs->count; i++) {
        struct ps_bytes key = pairs->pair[i].key;
        struct ps_bytes text = text_of(pairs->pair[i].value);
        struct ps_bytes field;
        ps_field_rule rule = PS_FIELD_LAST_WRITE_WINS;
        if (ps_bytes_equal(key, ps_bytes_text("strategy"))) {
            (void)!ps_rules_strategy_parse(text, &rules->strategy, &rules->preferred);
        } else if (take_prefix(key, FIELD_PREFIX, &field) &&
                   ps_rules_field_rule_parse(text, &rule) == P2PSYNC_OK) {
            rules->fields[rules->field_count] =
                (struct ps_named_rule){.field = field, .rule = rule};
            rules->field_count++;
        }
    }
    return P2PSYNC_OK;
}

/* Empty if it is no string. */
static struct ps_bytes text_of(struct ps_bytes value)
{
    struct ps_reader reader;
    ps_reader_init(&reader, value);
    return ps_read_str(&reader, PS_VALUE_SIZE_MAX);
}

void ps_rules_deinit(struct ps_rules *rules)
{
    free(rules->fields);
    ps_buf_deinit(&rules->settings);
    memset(rules, 0, sizeof *rules);
}

ps_field_rule ps_rules_field_rule(const struct ps_rules *rules, struct ps_bytes field)
{
    size_t low = 0;
    size_t high = rules->field_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = ps_bytes_compare(rules->fields[middle].field, field);
        if (order == 0) {
            return rules->fields[middle].rule;
        }
        if (order < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return PS_FIELD_LAST_WRITE_WINS;
}

void ps_rules_strategy_text(const struct ps_rules *rules, char out[static PS_STRATEGY_TEXT_SIZE])
{
    assert(rules->strategy < PS_STRATEGY_COUNT);
    if (rules->strategy == PS_STRATEGY_PREFER) {
        memcpy(out, PREFER_PREFIX, sizeof PREFER_PREFIX);
        ps_device_text(&rules->preferred, out + sizeof PREFER_PREFIX - 1);
    } else {
        memcpy(out, strategies[rules->strategy], strlen(strategies[rules->strategy]) + 1);
    }
}

p2psync_result ps_rules_strategy_parse(struct ps_bytes text, ps_strategy *out,
                                       struct ps_device *preferred_out)
{
    struct ps_bytes device;
    if (take_prefix(text, PREFER_PREFIX, &device)) {
        p2psync_result result = ps_device_parse(device, preferred_out);
        if (result == P2PSYNC_OK) {
            *out = PS_STRATEGY_PREFER;
        }
        return result;
    }
    for (unsigned i = 0; i < PS_STRATEGY_COUNT; i++) {
        if (i != PS_STRATEGY_PREFER && ps_bytes_equal(text, ps_bytes_text(strategies[i]))) {
            *out = (ps_strategy)i;
            return P2PSYNC_OK;
        }
    }
    return P2PSYNC_EFORMAT;
}

const char *ps_rules_field_rule_text(ps_field_rule rule)
{
    assert(rule < PS_FIELD_RULE_COUNT);
    return field_rules[rule];
}

p2psync_result ps_rules_field_rule_parse(struct ps_bytes text, ps_field_rule *out)
{
    for (unsigned i = 0; i < PS_FIELD_RULE_COUNT; i++) {
        if (ps_bytes_equal(text, ps_bytes_text(field_rules[i]))) {
            *out = (ps_field_rule)i;
            return P2PSYNC_OK;
        }
    }
    return P2PSYNC_EFORMAT;
}

static bool take_prefix(struct ps_bytes text, const char *prefix, struct ps_bytes *rest_out)
{
    size_t size = strlen(prefix);
    if (text.size < size || memcmp(text.data, prefix, size) != 0) {
        return false;
    }
    *rest_out = ps_bytes(text.data + size, text.size - size);
    return true;
}
