/* The settings of collections: how concurrent edits are merged, and how long the past is kept. They
 * are fields of a record that is named as the collection is, so they replicate and merge as any
 * record does, each for itself. */
#include <stdlib.h>
#include <string.h>

#include "node/api/input.h"
#include "node/api/snapshot.h"
#include "node/host/time.h"
#include "store/log/collection.h"
#include "store/mesh/may.h"
#include "store/record/rules.h"
#include "wire/map.h"
#include "wire/scan.h"
#include "wire/value.h"

#define KEY_STRATEGY  "strategy"
#define KEY_RETENTION "retention"
#define FIELD_PREFIX  "field."
#define PREFER_PREFIX "prefer:"

#define RETENTION_DIGITS_MAX 9

/* Names of collections, in the map. */
struct names {
    struct ps_bytes *list;
    size_t count;
    size_t capacity;
};

typedef enum key_kind { KEY_IS_UNKNOWN, KEY_IS_STRATEGY, KEY_IS_RETENTION, KEY_IS_FIELD } key_kind;

/* A setting that is being set. */
struct setting {
    const char *key;
    struct ps_bytes value;
    struct ps_bytes collection;
    struct ps_buf fields; /* what is set, or nothing */
    struct ps_buf unset;  /* what is taken back, or nothing */
    struct p2psync_detail detail;
};

static ps_node_work_fn set;
static p2psync_result write_settings(struct ps_txn *txn, struct ps_bytes name,
                                     struct ps_writer *writer);
static bool is_set(const struct ps_rules *rules);
static struct ps_bytes retention_of(const struct ps_rules *rules);
static p2psync_result list_names(struct ps_txn *txn, struct names *names);
static p2psync_result list_names_in(struct ps_txn *txn, const char *home, struct names *names);
static p2psync_result add_name(struct names *names, struct ps_bytes name);
static void sort_names(struct names *names);
static int compare_names(const void *a, const void *b);
static key_kind kind_of(struct ps_bytes key);
static p2psync_result make_edit(struct ps_txn *txn, struct setting *setting);
static p2psync_result check_value(struct ps_txn *txn, key_kind kind, struct ps_bytes text,
                                  char strategy_out[static PS_STRATEGY_TEXT_SIZE],
                                  struct p2psync_detail *detail);
static p2psync_result take_strategy(struct ps_txn *txn, struct ps_bytes text,
                                    char out[static PS_STRATEGY_TEXT_SIZE],
                                    struct p2psync_detail *detail);
static bool is_duration(struct ps_bytes text);
static bool begins_with(struct ps_bytes text, const char *prefix);

p2psync_result p2psync_collection_settings(p2psync_snapshot *snapshot, const char *collection,
                                           struct p2psync_buffer *out)
{
    if (snapshot == NULL || collection == NULL || out == NULL) {
        return P2PSYNC_EMISUSE;
    }
    struct ps_bytes name = ps_bytes_text(collection);
    struct ps_collection found;
    struct ps_rules rules;
    if (!ps_collection_name_valid(name)) {
        return P2PSYNC_ENOCOLLECTION;
    }
    p2psync_result result = ps_collection_find(&snapshot->txn, name, &found);
    if (result == P2PSYNC_ENOTFOUND) { /* settings may come before records */
        result = ps_rules_read(&snapshot->txn, name, &rules);
        if (result == P2PSYNC_OK) {
            result = rules.settings.size > 0 ? P2PSYNC_OK : P2PSYNC_ENOCOLLECTION;
            ps_rules_deinit(&rules);
        }
    }
    struct ps_buf answer;
    struct ps_writer writer;
    ps_buf_init(&answer, PS_BUFFER_SIZE_MAX);
    ps_writer_init(&writer, &answer);
    if (result == P2PSYNC_OK) {
        result = write_settings(&snapshot->txn, name, &writer);
    }
    if (result == P2PSYNC_OK) {
        result = ps_writer_finish(&writer);
    }
    return ps_buffer_give(result, &answer, out);
}

p2psync_result p2psync_collections(p2psync_snapshot *snapshot, struct p2psync_buffer *out)
{
    if (snapshot == NULL || out == NULL) {
        return P2PSYNC_EMISUSE;
    }
    struct names names = {.count = 0};
    struct ps_buf answer;
    struct ps_writer writer;
    struct ps_map map;
    ps_buf_init(&answer, PS_HISTORY_SIZE_MAX);
    ps_writer_init(&writer, &answer);
    p2psync_result result = list_names(&snapshot->txn, &names);
    if (result == P2PSYNC_OK) {
        sort_names(&names);
    }
    ps_map_begin(&map, &writer);
    for (size_t i = 0; i < names.count && result == P2PSYNC_OK; i++) {
        ps_map_key_str(&map, names.list[i]);
        result = write_settings(&snapshot->txn, names.list[i], &writer);
    }
    ps_map_end(&map);
    if (result == P2PSYNC_OK) {
        result = ps_writer_finish(&writer);
    }
    free(names.list);
    return ps_buffer_give(result, &answer, out);
}

p2psync_result p2psync_collection_set(p2psync_node *node, const char *collection, const char *key,
                                      struct p2psync_bytes value, struct p2psync_detail *detail)
{
    if (!ps_node_usable(node) || collection == NULL || key == NULL || value.data == NULL ||
        value.size == 0 || !ps_detail_valid(detail)) {
        return P2PSYNC_EMISUSE;
    }
    struct setting setting = {.key = key,
                              .value = ps_bytes(value.data, value.size),
                              .collection = ps_bytes_text(collection),
                              .detail = ps_detail_none()};
    ps_buf_init(&setting.fields, PS_VALUE_SIZE_MAX);
    ps_buf_init(&setting.unset, PS_UNSET_SIZE_MAX);
    p2psync_result result = ps_input_collection(setting.collection, &setting.detail);
    if (result == P2PSYNC_OK) { /* settings are a record of that id */
        result = ps_input_id(setting.collection, true, &setting.detail);
    }
    if (result == P2PSYNC_OK) {
        result = ps_node_apply(node, set, &setting);
    }
    ps_buf_deinit(&setting.unset);
    ps_buf_deinit(&setting.fields);
    return ps_detail_give(result, &setting.detail, detail);
}

/* Which device a name stands for is looked up in the same transaction. */
static p2psync_result set(struct ps_txn *txn, void *context, bool *changed_out)
{
    struct setting *setting = context;
    struct ps_written written = {0};
    p2psync_result result = make_edit(txn, setting);
    const struct ps_edit edit = {.kind = PS_EDIT_PUT,
                                 .id = setting->collection,
                                 .fields = ps_buf_view(&setting->fields),
                                 .unset = ps_buf_view(&setting->unset)};
    const struct ps_write write = {.collection = ps_bytes_text(ps_rules_home(setting->collection)),
                                   .edits = &edit,
                                   .edit_count = 1};
    if (result == P2PSYNC_OK) {
        result = ps_may_write(txn, &write, ps_time_wall_ms(), &written);
    }
    *changed_out = written.changed > 0;
    return result;
}

/* ---- reading ---- */

/* What holds, set or not: {strategy, retention, field.NAME...}. */
static p2psync_result write_settings(struct ps_txn *txn, struct ps_bytes name,
                                     struct ps_writer *writer)
{
    struct ps_rules rules;
    char strategy[PS_STRATEGY_TEXT_SIZE];
    char key[PS_FIELD_SIZE_MAX];
    struct ps_map map;
    p2psync_result result = ps_rules_read(txn, name, &rules);
    if (result != P2PSYNC_OK) {
        return result;
    }
    struct ps_bytes retention = retention_of(&rules);
    ps_rules_strategy_text(&rules, strategy);
    ps_map_begin(&map, writer);
    ps_map_text(&map, KEY_STRATEGY, strategy);
    if (retention.size > 0) {
        ps_map_str(&map, KEY_RETENTION, retention);
    } else {
        ps_map_nil(&map, KEY_RETENTION);
    }
    for (size_t i = 0; i < rules.field_count; i++) {
        const struct ps_named_rule *rule = &rules.fields[i];
        size_t size = sizeof FIELD_PREFIX - 1;
        assert(size + rule->field.size <= sizeof key);
        memcpy(key, FIELD_PREFIX, size);
        memcpy(key + size, rule->field.data, rule->field.size);
        ps_map_key_str(&map, ps_bytes(key, size + rule->field.size));
        ps_write_text(writer, ps_rules_field_rule_text(rule->rule));
    }
    ps_map_end(&map);
    ps_rules_deinit(&rules);
    return P2PSYNC_OK;
}

static bool is_set(const struct ps_rules *rules)
{
    struct ps_reader reader;
    ps_reader_init(&reader, ps_buf_view(&rules->settings));
    return rules->settings.size > 0 && ps_read_map(&reader) > 0;
}

/* Empty if it is not set, or malformed. */
static struct ps_bytes retention_of(const struct ps_rules *rules)
{
    struct ps_reader reader;
    struct ps_bytes nothing = ps_bytes(NULL, 0);
    if (!is_set(rules)) {
        return nothing;
    }
    ps_reader_init(&reader,
                   ps_value_field(ps_buf_view(&rules->settings), ps_bytes_text(KEY_RETENTION)));
    struct ps_bytes text = ps_read_str(&reader, PS_VALUE_SIZE_MAX);
    return is_duration(text) ? text : nothing;
}

/* Collections that there are, and those that are only set. The node's own are left out. */
static p2psync_result list_names(struct ps_txn *txn, struct names *names)
{
    struct ps_collection_walk walk = {.txn = txn};
    struct ps_collection collection;
    while (ps_collection_walk_next(&walk, &collection)) {
        if (!ps_collection_is_internal(collection.name)) {
            walk.result = add_name(names, collection.name);
        }
    }
    p2psync_result result = walk.result;
    if (result == P2PSYNC_OK) {
        result = list_names_in(txn, PS_SETTINGS_COLLECTION, names);
    }
    return result == P2PSYNC_OK ? list_names_in(txn, PS_LOCAL_SETTINGS_COLLECTION, names) : result;
}

/* Those that a collection of settings names. What names none is passed over. */
static p2psync_result list_names_in(struct ps_txn *txn, const char *home, struct names *names)
{
    struct ps_record_cursor cursor = {0};
    struct ps_collection settings;
    struct ps_record_row row;
    struct ps_bytes name;
    p2psync_result result = ps_collection_find(txn, ps_bytes_text(home), &settings);
    if (result == P2PSYNC_OK) {
        result = ps_record_cursor_open(txn, settings.number, ps_bytes(NULL, 0), &cursor);
    }
    if (result == P2PSYNC_OK) {
        result = ps_record_cursor_next(&cursor, &name, &row);
    }
    while (result == P2PSYNC_OK) { /* ends with the collection */
        struct ps_rules rules = {.field_count = 0};
        bool named = ps_collection_name_valid(name) && !ps_collection_is_internal(name) &&
                     strcmp(ps_rules_home(name), home) == 0;
        result = named ? ps_rules_read(txn, name, &rules) : P2PSYNC_OK;
        if (result == P2PSYNC_OK && named && is_set(&rules)) {
            result = add_name(names, name);
        }
        ps_rules_deinit(&rules);
        if (result == P2PSYNC_OK) {
            result = ps_record_cursor_next(&cursor, &name, &row);
        }
    }
    ps_record_cursor_close(&cursor);
    return result == P2PSYNC_ENOTFOUND ? P2PSYNC_OK : result;
}

static p2psync_result add_name(struct names *names, struct ps_bytes name)
{
    if (names->count == names->capacity) {
        size_t capacity = names->capacity == 0 ? 16 : names->capacity * 2;
        struct ps_bytes *list = reallocarray(names->list, capacity, sizeof *list);
        if (list == NULL) {
            return P2PSYNC_ENOMEM;
        }
        names->list = list;
        names->capacity = capacity;
    }
    names->list[names->count] = name;
    names->count++;
    return P2PSYNC_OK;
}

/* By name, each once. */
static void sort_names(struct names *names)
{
    size_t kept = 0;
    if (names->count > 0) {
        qsort(names->list, names->count, sizeof *names->list, compare_names);
    }
    for (size_t i = 0; i < names->count; i++) {
        if (kept == 0 || !ps_bytes_equal(names->list[kept - 1], names->list[i])) {
            names->list[kept] = names->list[i];
            kept++;
        }
    }
    names->count = kept;
}

static int compare_names(const void *a, const void *b)
{
    const struct ps_bytes *left = a;
    const struct ps_bytes *right = b;
    return ps_bytes_compare(*left, *right);
}

/* ---- writing ---- */

/* What is set, or taken back. */
static p2psync_result make_edit(struct ps_txn *txn, struct setting *setting)
{
    struct p2psync_detail *detail = &setting->detail;
    struct ps_reader reader;
    struct ps_writer writer;
    struct ps_map map;
    struct ps_bytes name = ps_bytes_text(setting->key);
    key_kind kind = kind_of(name);
    char strategy[PS_STRATEGY_TEXT_SIZE];
    if (kind == KEY_IS_UNKNOWN) {
        return ps_detail_say(detail, P2PSYNC_ENOTFOUND,
                             "there is no setting '%.64s'; there are strategy, field.NAME and "
                             "retention",
                             setting->key);
    }
    if (name.size > PS_FIELD_SIZE_MAX) {
        return ps_detail_limit(detail, "the name of a field", PS_FIELD_SIZE_MAX, "bytes");
    }
    ps_reader_init(&reader, setting->value);
    bool is_taken_back = ps_read_nil(&reader);
    struct ps_bytes text =
        is_taken_back ? ps_bytes(NULL, 0) : ps_read_str(&reader, PS_VALUE_SIZE_MAX);
    if (ps_reader_finish(&reader) != P2PSYNC_OK) {
        text = ps_bytes(NULL, 0); /* which no setting takes */
        is_taken_back = false;
    }
    if (is_taken_back) {
        ps_writer_init(&writer, &setting->unset);
        ps_write_array(&writer, 1);
        ps_write_str(&writer, name);
        return ps_writer_finish(&writer);
    }
    p2psync_result result = check_value(txn, kind, text, strategy, detail);
    if (result != P2PSYNC_OK) {
        return result;
    }
    ps_writer_init(&writer, &setting->fields);
    ps_map_begin(&map, &writer);
    ps_map_str(&map, setting->key, kind == KEY_IS_STRATEGY ? ps_bytes_text(strategy) : text);
    ps_map_end(&map);
    return ps_writer_finish(&writer);
}

static key_kind kind_of(struct ps_bytes key)
{
    if (ps_bytes_equal(key, ps_bytes_text(KEY_STRATEGY))) {
        return KEY_IS_STRATEGY;
    }
    if (ps_bytes_equal(key, ps_bytes_text(KEY_RETENTION))) {
        return KEY_IS_RETENTION;
    }
    bool names_field = begins_with(key, FIELD_PREFIX) && key.size > strlen(FIELD_PREFIX);
    return names_field && ps_scan_utf8(key) ? KEY_IS_FIELD : KEY_IS_UNKNOWN;
}

/* strategy_out: as it is kept. */
static p2psync_result check_value(struct ps_txn *txn, key_kind kind, struct ps_bytes text,
                                  char strategy_out[static PS_STRATEGY_TEXT_SIZE],
                                  struct p2psync_detail *detail)
{
    ps_field_rule rule;
    if (kind == KEY_IS_STRATEGY) {
        return take_strategy(txn, text, strategy_out, detail);
    }
    if (kind == KEY_IS_FIELD) {
        return ps_rules_field_rule_parse(text, &rule) == P2PSYNC_OK
                   ? P2PSYNC_OK
                   : ps_detail_say(detail, P2PSYNC_EFORMAT,
                                   "field.NAME takes last_write_wins, union, text, max, min or "
                                   "counter");
    }
    return is_duration(text)
               ? P2PSYNC_OK
               : ps_detail_say(detail, P2PSYNC_EFORMAT,
                               "retention takes a duration such as 12h or 90d, of at most nine "
                               "digits, or nil");
}

/* A device is kept as its id, by which all devices know it. */
static p2psync_result take_strategy(struct ps_txn *txn, struct ps_bytes text,
                                    char out[static PS_STRATEGY_TEXT_SIZE],
                                    struct p2psync_detail *detail)
{
    struct ps_rules rules = {.field_count = 0};
    char device[PS_DEVICE_TEXT_SIZE + PS_DEVICE_NAME_SIZE_MAX];
    size_t skipped = strlen(PREFER_PREFIX);
    p2psync_result result = P2PSYNC_OK;
    if (begins_with(text, PREFER_PREFIX)) {
        size_t size = text.size - skipped;
        if (size >= sizeof device || memchr(text.data, '\0', text.size) != NULL) {
            return ps_detail_say(detail, P2PSYNC_ENOTFOUND, "no device is called so");
        }
        memcpy(device, text.data + skipped, size);
        device[size] = '\0';
        rules.strategy = PS_STRATEGY_PREFER;
        result = ps_input_member(txn, device, &rules.preferred, detail);
    } else if (ps_rules_strategy_parse(text, &rules.strategy, &rules.preferred) != P2PSYNC_OK) {
        result = ps_detail_say(detail, P2PSYNC_EFORMAT,
                               "strategy takes auto_merge, last_write_wins, keep_both, manual or "
                               "prefer:DEVICE");
    }
    if (result == P2PSYNC_OK) {
        ps_rules_strategy_text(&rules, out);
    }
    return result;
}

static bool is_duration(struct ps_bytes text)
{
    bool over_0 = false;
    if (text.size < 2 || text.size > RETENTION_DIGITS_MAX + 1) {
        return false;
    }
    uint8_t unit = text.data[text.size - 1];
    for (size_t i = 0; i + 1 < text.size; i++) {
        if (text.data[i] < '0' || text.data[i] > '9') {
            return false;
        }
        over_0 = over_0 || text.data[i] > '0';
    }
    return over_0 && (unit == 's' || unit == 'm' || unit == 'h' || unit == 'd');
}

static bool begins_with(struct ps_bytes text, const char *prefix)
{
    size_t size = strlen(prefix);
    return text.size >= size && memcmp(text.data, prefix, size) == 0;
}
