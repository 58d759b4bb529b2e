/* The settings: one table of keys, each with its check and its default. A key that is not in the
 * table is a fault and not passed over, because a mistyped setting that does nothing is found only
 * when it is missed. */
#include "node/host/config.h"

#include <errno.h>
#include <string.h>
#include <sys/file.h>

#include "discovery/finder.h"
#include "node/host/config_env.h"
#include "node/host/config_file.h"
#include "node/host/endpoint.h"
#include "node/host/link_local.h"
#include "node/host/time.h"
#include "wire/codec.h"
#include "wire/error.h"
#include "wire/map.h"
#include "wire/value.h"

/* Take a value. What is wrong with it the reader keeps: the caller looks once, at the end. */
typedef void take_fn(struct ps_reader *reader, struct ps_config *config);

struct setting {
    const char *key;
    const char *default_json;
    const char *takes; /* what people read of a value that is refused */
    take_fn *take;
};

static take_fn take_listen;
static take_fn take_interfaces;
static take_fn take_interfaces_exclude;
static take_fn take_beacon;
static take_fn take_beacon_port;
static take_fn take_peers;
static take_fn take_durability;
static take_fn take_interval;
static take_fn take_backup_dir;
static take_fn take_backup_every;
static take_fn take_backup_keep;
static take_fn take_on_conflict;
static take_fn take_on_conflict_timeout;
static take_fn take_on_conflict_wait;

#define TAKES_PATTERNS                                                                             \
    "an array of at most eight names of interfaces, such as \"eth0\" or \"wlan*\""
#define TAKES_MS "milliseconds, from 1 to 600000"

static const struct setting settings[] = {
    {"listen", "null", "HOST or HOST:PORT", take_listen},
    {"interfaces", "[]", TAKES_PATTERNS, take_interfaces},
    {"interfaces_exclude", "[]", TAKES_PATTERNS, take_interfaces_exclude},
    {"beacon", "true", "true or false", take_beacon},
    {"beacon_port", "47470", "a port, from 1 to 65535", take_beacon_port},
    {"peers", "[]", "an array of at most 64 times HOST or HOST:PORT", take_peers},
    {"durability", "\"flush\"", "flush or none", take_durability},
    {"interval_ms", "30000", "milliseconds, from 1000 to 3600000", take_interval},
    {"backup_dir", "null", "the full path of a directory, of at most 1024 bytes, or null",
     take_backup_dir},
    {"backup_every", "\"1d\"", "a number and s, m, h, d or w, such as 12h; from 1s to 366d",
     take_backup_every},
    {"backup_keep", "7", "a number from 1 to 1000", take_backup_keep},
    {"on_conflict", "null", "local, remote, a command of at most 1024 bytes, or null",
     take_on_conflict},
    {"on_conflict_timeout_ms", "10000", TAKES_MS, take_on_conflict_timeout},
    {"on_conflict_wait_ms", "2000", TAKES_MS, take_on_conflict_wait},
};
#define SETTING_COUNT (sizeof settings / sizeof settings[0])

typedef char pattern_text[PS_INTERFACE_PATTERN_SIZE_MAX + 1];

static p2psync_result read_all(int dir_fd, struct ps_buf *map, struct ps_config *out,
                               struct p2psync_detail *detail);
static p2psync_result take_all(struct ps_bytes map, struct ps_config *out,
                               struct p2psync_detail *detail);
static p2psync_result write_settings(int dir_fd, struct ps_bytes changes,
                                     struct p2psync_detail *detail);
static p2psync_result change_all(struct ps_bytes changes, struct ps_buf *file,
                                 struct p2psync_detail *detail);
static p2psync_result change_one(struct ps_bytes key, struct ps_bytes value, struct ps_buf *file);
static p2psync_result pack_setting(struct ps_map *map, struct ps_bytes values,
                                   const struct setting *setting);
static p2psync_result say_unknown(struct ps_bytes key, p2psync_result result,
                                  struct p2psync_detail *detail);
static const struct setting *find_setting(struct ps_bytes key);
static void take_patterns(struct ps_reader *reader, pattern_text *patterns, size_t *count);
static void take_ms(struct ps_reader *reader, uint32_t max, uint32_t *out);
static bool set_backup_dir(struct ps_config *config, const char *text);
static void read_text(struct ps_reader *reader, char *out, size_t size_max);
static p2psync_result set_listen(struct ps_config *config, const char *text);
static p2psync_result add_pattern(pattern_text *patterns, size_t *count, const char *pattern);
static p2psync_result add_peer(struct ps_config *config, const char *text);

p2psync_result ps_config_read(int dir_fd, struct ps_config *out, struct p2psync_detail *detail)
{
    struct ps_buf map;
    ps_buf_init(&map, PS_VALUE_SIZE_MAX);
    p2psync_result result = read_all(dir_fd, &map, out, detail);
    ps_buf_deinit(&map);
    return result;
}

/* The file, and over it the environment: as a map, and what that comes to. */
static p2psync_result read_all(int dir_fd, struct ps_buf *map, struct ps_config *out,
                               struct p2psync_detail *detail)
{
    p2psync_result result = ps_config_file_read(dir_fd, map, detail);
    if (result == P2PSYNC_OK) {
        result = take_all(ps_buf_view(map), out, detail);
    }
    for (size_t i = 0; i < SETTING_COUNT && result == P2PSYNC_OK; i++) {
        struct p2psync_buffer value = {0};
        struct p2psync_detail unsaid = ps_detail_none();
        char name[PS_CONFIG_ENV_SIZE_MAX];
        result = ps_config_env_read(settings[i].key, &value);
        if (result == P2PSYNC_ENOTFOUND) {
            result = P2PSYNC_OK;
            continue;
        }
        if (result == P2PSYNC_OK) {
            result =
                change_one(ps_bytes_text(settings[i].key), ps_bytes(value.data, value.size), map);
        }
        if (result == P2PSYNC_OK) {
            result = take_all(ps_buf_view(map), out, &unsaid);
        }
        p2psync_buffer_free(&value);
        if (result == P2PSYNC_EFORMAT || result == P2PSYNC_ELIMIT) {
            ps_config_env_name(settings[i].key, name);
            return ps_detail_say(detail, P2PSYNC_EFORMAT, "%s in the environment takes %s", name,
                                 settings[i].takes);
        }
    }
    return result;
}

p2psync_result ps_config_override(struct ps_config *config, const struct p2psync_options *options,
                                  struct p2psync_detail *detail)
{
    struct ps_config copy = *config;
    const char *what = NULL;
    p2psync_result result = P2PSYNC_OK;
    if (options->listen != NULL) {
        result = set_listen(&copy, options->listen);
        what = options->listen;
    }
    if (options->interface_count > 0) {
        copy.filter.include_count = 0;
    }
    for (size_t i = 0; result == P2PSYNC_OK && i < options->interface_count; i++) {
        result =
            add_pattern(copy.filter.include, &copy.filter.include_count, options->interfaces[i]);
        what = options->interfaces[i];
    }
    if (options->peer_count > 0) {
        copy.peer_count = 0;
    }
    for (size_t i = 0; result == P2PSYNC_OK && i < options->peer_count; i++) {
        result = add_peer(&copy, options->peers[i]);
        what = options->peers[i];
    }
    if (result != P2PSYNC_OK) {
        return ps_detail_say(detail, P2PSYNC_EMISUSE,
                             "'%.64s' is no valid address or interface, or there are too many",
                             what != NULL ? what : "");
    }
    if (options->backup_dir != NULL && !set_backup_dir(&copy, options->backup_dir)) {
        return ps_detail_say(detail, P2PSYNC_EMISUSE, "backup_dir is no full path");
    }
    if (options->backup_every_ms != 0) {
        copy.backup_every_ms = options->backup_every_ms;
    }
    if (options->backup_keep != 0) {
        copy.backup_keep = options->backup_keep;
    }
    if (options->beacon_port != 0) {
        copy.beacon_port = options->beacon_port;
    }
    copy.no_beacon = copy.no_beacon || options->no_beacon;
    if (options->durability != P2PSYNC_DURABILITY_DEFAULT) {
        copy.no_flush = options->durability == P2PSYNC_DURABILITY_NONE;
    }
    *config = copy;
    return P2PSYNC_OK;
}

p2psync_result ps_config_pack(int dir_fd, struct ps_buf *out, struct p2psync_detail *detail)
{
    struct ps_buf values;
    struct ps_writer writer;
    struct ps_map map;
    struct ps_config config;
    size_t size = out->size;
    ps_buf_init(&values, PS_VALUE_SIZE_MAX);
    p2psync_result result = read_all(dir_fd, &values, &config, detail);
    ps_writer_init(&writer, out);
    ps_map_begin(&map, &writer);
    for (size_t i = 0; result == P2PSYNC_OK && i < SETTING_COUNT; i++) {
        result = pack_setting(&map, ps_buf_view(&values), &settings[i]);
    }
    ps_map_end(&map);
    if (result == P2PSYNC_OK) {
        result = ps_writer_finish(&writer);
    }
    if (result != P2PSYNC_OK) {
        ps_buf_truncate(out, size);
    }
    ps_buf_deinit(&values);
    return result;
}

static p2psync_result pack_setting(struct ps_map *map, struct ps_bytes values,
                                   const struct setting *setting)
{
    struct p2psync_buffer by_default = {0};
    struct ps_map pair;
    struct ps_bytes value = ps_value_field(values, ps_bytes_text(setting->key));
    bool is_set = value.size > 0;
    p2psync_result result = P2PSYNC_OK;
    if (!is_set) {
        result = p2psync_value_from_json(setting->default_json, strlen(setting->default_json),
                                         &by_default, NULL);
        value = ps_bytes(by_default.data, by_default.size);
    }
    if (result == P2PSYNC_OK) {
        ps_map_key(map, setting->key);
        ps_map_begin(&pair, map->writer);
        ps_map_raw(&pair, "value", value);
        ps_map_text(&pair, "source",
                    ps_config_env_has(setting->key) ? "environment"
                    : is_set                        ? "config"
                                                    : "default");
        ps_map_end(&pair);
    }
    p2psync_buffer_free(&by_default);
    return result;
}

p2psync_result ps_config_write(int dir_fd, const char *key, struct ps_bytes value,
                               struct p2psync_detail *detail)
{
    struct ps_buf change;
    struct ps_writer writer;
    struct ps_map map;
    ps_buf_init(&change, PS_VALUE_SIZE_MAX);
    ps_writer_init(&writer, &change);
    ps_map_begin(&map, &writer);
    ps_map_raw(&map, key, value);
    ps_map_end(&map);
    p2psync_result result = ps_writer_finish(&writer) == P2PSYNC_OK
                                ? ps_config_write_all(dir_fd, ps_buf_view(&change), detail)
                                : P2PSYNC_EFORMAT;
    ps_buf_deinit(&change);
    return result;
}

p2psync_result ps_config_write_all(int dir_fd, struct ps_bytes changes,
                                   struct p2psync_detail *detail)
{
    if (ps_value_check(changes) != P2PSYNC_OK) {
        return P2PSYNC_EFORMAT;
    }
    /* The lock ends with the descriptor even if this process dies. */
    if (flock(dir_fd, LOCK_EX) != 0) {
        return ps_error_of_errno(errno);
    }
    p2psync_result result = write_settings(dir_fd, changes, detail);
    (void)flock(dir_fd, LOCK_UN);
    return result == P2PSYNC_ELIMIT ? P2PSYNC_EFORMAT : result;
}

/* All of them are checked before the file is written, once. */
static p2psync_result write_settings(int dir_fd, struct ps_bytes changes,
                                     struct p2psync_detail *detail)
{
    struct ps_buf file;
    struct ps_config checked;
    ps_buf_init(&file, PS_VALUE_SIZE_MAX);
    p2psync_result result = ps_config_file_read(dir_fd, &file, detail);
    if (result == P2PSYNC_OK) {
        result = change_all(changes, &file, detail);
    }
    if (result == P2PSYNC_OK) {
        result = take_all(ps_buf_view(&file), &checked, detail);
    }
    if (result == P2PSYNC_OK) {
        result = ps_config_file_write(dir_fd, ps_buf_view(&file), detail);
    }
    ps_buf_deinit(&file);
    return result;
}

static p2psync_result change_all(struct ps_bytes changes, struct ps_buf *file,
                                 struct p2psync_detail *detail)
{
    struct ps_reader reader;
    p2psync_result result = P2PSYNC_OK;
    ps_reader_init(&reader, changes);
    uint32_t count = ps_read_map(&reader);
    for (uint32_t i = 0; i < count && result == P2PSYNC_OK; i++) {
        struct ps_bytes key = ps_read_str(&reader, PS_CONFIG_FILE_SIZE_MAX);
        struct ps_bytes value = ps_read_value(&reader, PS_DEPTH_MAX);
        result = find_setting(key) != NULL ? change_one(key, value, file)
                                           : say_unknown(key, P2PSYNC_ENOTFOUND, detail);
    }
    return result == P2PSYNC_OK ? reader.error : result;
}

static p2psync_result change_one(struct ps_bytes key, struct ps_bytes value, struct ps_buf *file)
{
    struct ps_reader reader;
    struct ps_writer writer;
    struct ps_map map;
    struct ps_buf changed;
    struct ps_buf after;
    ps_buf_init(&changed, PS_VALUE_SIZE_MAX);
    ps_buf_init(&after, PS_VALUE_SIZE_MAX);
    ps_reader_init(&reader, value);
    ps_writer_init(&writer, &changed);
    bool is_taken_out = ps_read_nil(&reader);
    if (is_taken_out) {
        ps_write_array(&writer, 1);
        ps_write_str(&writer, key);
    } else {
        ps_map_begin(&map, &writer);
        ps_map_key_str(&map, key);
        ps_write_raw(&writer, value);
        ps_map_end(&map);
    }
    p2psync_result result = ps_writer_finish(&writer);
    struct ps_delta delta = {.fields = ps_bytes(NULL, 0), .unset = ps_bytes(NULL, 0)};
    *(is_taken_out ? &delta.unset : &delta.fields) = ps_buf_view(&changed);
    if (result == P2PSYNC_OK) {
        result = ps_value_apply(ps_buf_view(file), &delta, &after);
    }
    if (result == P2PSYNC_OK) {
        ps_buf_truncate(file, 0);
        result = ps_buf_append(file, after.data, after.size);
    }
    ps_buf_deinit(&after);
    ps_buf_deinit(&changed);
    return result;
}

static p2psync_result say_unknown(struct ps_bytes key, p2psync_result result,
                                  struct p2psync_detail *detail)
{
    return ps_detail_say(detail, result, "there is no setting '%.*s'",
                         key.size < 64 ? (int)key.size : 64, (const char *)key.data);
}

static const struct setting *find_setting(struct ps_bytes key)
{
    for (size_t i = 0; i < SETTING_COUNT; i++) {
        if (ps_bytes_equal(ps_bytes_text(settings[i].key), key)) {
            return &settings[i];
        }
    }
    return NULL;
}

static p2psync_result take_all(struct ps_bytes map, struct ps_config *out,
                               struct p2psync_detail *detail)
{
    struct ps_config config;
    struct ps_reader reader;
    memset(&config, 0, sizeof config);
    ps_reader_init(&reader, map);
    uint32_t count = ps_read_map(&reader);
    for (uint32_t i = 0; i < count; i++) {
        struct ps_bytes key = ps_read_str(&reader, PS_CONFIG_FILE_SIZE_MAX);
        const struct setting *setting = find_setting(key);
        struct ps_reader value;
        if (setting == NULL) {
            return say_unknown(key, P2PSYNC_EFORMAT, detail);
        }
        ps_reader_init(&value, ps_read_value(&reader, PS_DEPTH_MAX));
        setting->take(&value, &config);
        if (ps_reader_finish(&value) != P2PSYNC_OK) {
            return ps_detail_say(detail, P2PSYNC_EFORMAT, "the setting %s takes %s", setting->key,
                                 setting->takes);
        }
    }
    *out = config;
    return ps_reader_finish(&reader);
}

/* ---- one setting each ---- */

static void take_listen(struct ps_reader *reader, struct ps_config *config)
{
    char text[PS_ENDPOINT_SIZE_MAX + 1];
    read_text(reader, text, PS_ENDPOINT_SIZE_MAX);
    if (reader->error == P2PSYNC_OK && set_listen(config, text) != P2PSYNC_OK) {
        ps_reader_fail(reader, P2PSYNC_EFORMAT);
    }
}

static void take_interfaces(struct ps_reader *reader, struct ps_config *config)
{
    take_patterns(reader, config->filter.include, &config->filter.include_count);
}

static void take_interfaces_exclude(struct ps_reader *reader, struct ps_config *config)
{
    take_patterns(reader, config->filter.exclude, &config->filter.exclude_count);
}

static void take_patterns(struct ps_reader *reader, pattern_text *patterns, size_t *count)
{
    pattern_text pattern;
    uint32_t given = ps_read_array(reader);
    for (uint32_t i = 0; i < given && reader->error == P2PSYNC_OK; i++) {
        read_text(reader, pattern, PS_INTERFACE_PATTERN_SIZE_MAX);
        if (add_pattern(patterns, count, pattern) != P2PSYNC_OK) {
            ps_reader_fail(reader, P2PSYNC_EFORMAT);
        }
    }
}

static void take_beacon(struct ps_reader *reader, struct ps_config *config)
{
    config->no_beacon = !ps_read_bool(reader);
}

static void take_beacon_port(struct ps_reader *reader, struct ps_config *config)
{
    config->beacon_port = (uint16_t)ps_read_uint_max(reader, UINT16_MAX);
    if (config->beacon_port == 0) {
        ps_reader_fail(reader, P2PSYNC_EFORMAT);
    }
}

static void take_peers(struct ps_reader *reader, struct ps_config *config)
{
    char text[PS_ENDPOINT_SIZE_MAX + 1];
    uint32_t given = ps_read_array(reader);
    for (uint32_t i = 0; i < given && reader->error == P2PSYNC_OK; i++) {
        read_text(reader, text, PS_ENDPOINT_SIZE_MAX);
        if (add_peer(config, text) != P2PSYNC_OK) {
            ps_reader_fail(reader, P2PSYNC_EFORMAT);
        }
    }
}

static void take_durability(struct ps_reader *reader, struct ps_config *config)
{
    char text[8];
    read_text(reader, text, sizeof text - 1);
    config->no_flush = strcmp(text, "none") == 0;
    if (!config->no_flush && strcmp(text, "flush") != 0) {
        ps_reader_fail(reader, P2PSYNC_EFORMAT);
    }
}

static void take_interval(struct ps_reader *reader, struct ps_config *config)
{
    take_ms(reader, PS_CONFIG_INTERVAL_MS_MAX, &config->interval_ms);
    if (config->interval_ms < PS_CONFIG_INTERVAL_MS_MIN) {
        ps_reader_fail(reader, P2PSYNC_EFORMAT);
    }
}

static void take_backup_dir(struct ps_reader *reader, struct ps_config *config)
{
    char text[PS_CONFIG_PATH_SIZE_MAX + 1];
    config->backup_dir[0] = '\0';
    if (!ps_read_nil(reader)) {
        read_text(reader, text, PS_CONFIG_PATH_SIZE_MAX);
        if (reader->error == P2PSYNC_OK && !set_backup_dir(config, text)) {
            ps_reader_fail(reader, P2PSYNC_EFORMAT);
        }
    }
}

static void take_backup_every(struct ps_reader *reader, struct ps_config *config)
{
    struct ps_bytes text = ps_read_str(reader, 16);
    uint64_t *every_ms = &config->backup_every_ms;
    if (reader->error == P2PSYNC_OK &&
        (!ps_time_parse_span(text, every_ms) || *every_ms < PS_CONFIG_BACKUP_EVERY_MS_MIN ||
         *every_ms > PS_CONFIG_BACKUP_EVERY_MS_MAX)) {
        ps_reader_fail(reader, P2PSYNC_EFORMAT);
    }
}

static void take_backup_keep(struct ps_reader *reader, struct ps_config *config)
{
    config->backup_keep = (uint32_t)ps_read_uint_max(reader, PS_CONFIG_BACKUP_KEEP_MAX);
    if (config->backup_keep == 0) {
        ps_reader_fail(reader, P2PSYNC_EFORMAT);
    }
}

static void take_on_conflict(struct ps_reader *reader, struct ps_config *config)
{
    config->on_conflict[0] = '\0';
    if (!ps_read_nil(reader)) {
        read_text(reader, config->on_conflict, PS_CONFIG_COMMAND_SIZE_MAX);
        if (config->on_conflict[0] == '\0') {
            ps_reader_fail(reader, P2PSYNC_EFORMAT);
        }
    }
}

static void take_on_conflict_timeout(struct ps_reader *reader, struct ps_config *config)
{
    take_ms(reader, PS_CONFIG_ANSWER_MS_MAX, &config->on_conflict_timeout_ms);
}

static void take_on_conflict_wait(struct ps_reader *reader, struct ps_config *config)
{
    take_ms(reader, PS_CONFIG_ANSWER_MS_MAX, &config->on_conflict_wait_ms);
}

/* A node's working directory is nobody's choice: so a path begins at the root. */
static bool set_backup_dir(struct ps_config *config, const char *text)
{
    size_t size = strlen(text);
    if (text[0] != '/' || size > PS_CONFIG_PATH_SIZE_MAX) {
        return false;
    }
    memcpy(config->backup_dir, text, size + 1);
    return true;
}

/* From 1 to `max`. */
static void take_ms(struct ps_reader *reader, uint32_t max, uint32_t *out)
{
    *out = (uint32_t)ps_read_uint_max(reader, max);
    if (*out == 0) {
        ps_reader_fail(reader, P2PSYNC_EFORMAT);
    }
}

/* A text without a NUL in it, of at most `size_max` bytes, which `out` has room for and one more;
 * "" after an error. */
static void read_text(struct ps_reader *reader, char *out, size_t size_max)
{
    struct ps_bytes text = ps_read_str(reader, size_max);
    if (text.size > 0 && memchr(text.data, '\0', text.size) != NULL) {
        ps_reader_fail(reader, P2PSYNC_EFORMAT);
        text.size = 0;
    }
    if (text.size > 0) {
        memcpy(out, text.data, text.size);
    }
    out[text.size] = '\0';
}

static p2psync_result set_listen(struct ps_config *config, const char *text)
{
    struct ps_endpoint endpoint;
    p2psync_result result = ps_endpoint_parse(text, &endpoint);
    if (result == P2PSYNC_OK) {
        memcpy(config->listen, text, strlen(text) + 1);
    }
    return result;
}

/* Of PS_INTERFACE_PATTERNS_MAX at most. */
static p2psync_result add_pattern(pattern_text *patterns, size_t *count, const char *pattern)
{
    size_t size = pattern != NULL ? strlen(pattern) : 0;
    if (size == 0 || size > PS_INTERFACE_PATTERN_SIZE_MAX || strchr(pattern, '/') != NULL ||
        *count == PS_INTERFACE_PATTERNS_MAX) {
        return P2PSYNC_EFORMAT;
    }
    memcpy(patterns[*count], pattern, size + 1);
    (*count)++;
    return P2PSYNC_OK;
}

static p2psync_result add_peer(struct ps_config *config, const char *text)
{
    struct ps_endpoint endpoint;
    if (text == NULL || config->peer_count == PS_CONFIG_PEERS_MAX ||
        ps_endpoint_parse(text, &endpoint) != P2PSYNC_OK || ps_link_local_is_bare(endpoint.host)) {
        return P2PSYNC_EFORMAT;
    }
    if (endpoint.port == 0) {
        endpoint.port = PS_ENDPOINT_PORT;
    }
    if (!ps_endpoint_text(&endpoint, config->peers[config->peer_count])) {
        return P2PSYNC_EFORMAT;
    }
    config->peer_count++;
    return P2PSYNC_OK;
}
