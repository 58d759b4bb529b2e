/* config.json: one table of keys, each with its check and its default. A key that is not in the
 * table is a fault and not passed over, because a mistyped setting that does nothing is found only
 * when it is missed. */
#include "node/host/config.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "discovery/finder.h"
#include "node/host/endpoint.h"
#include "node/host/link_local.h"
#include "wire/codec.h"
#include "wire/error.h"
#include "wire/scan.h"

#define CONFIG_FILE      "config.json"
#define CONFIG_FILE_TEMP "config.json.new"

typedef p2psync_result take_fn(const json_t *value, struct ps_config *config);

struct setting {
    const char *key;
    const char *default_json;
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
static take_fn take_on_conflict;
static take_fn take_on_conflict_timeout;
static take_fn take_on_conflict_wait;

static const struct setting settings[] = {
    {"listen", "null", take_listen},
    {"interfaces", "[]", take_interfaces},
    {"interfaces_exclude", "[]", take_interfaces_exclude},
    {"beacon", "true", take_beacon},
    {"beacon_port", "47470", take_beacon_port},
    {"peers", "[]", take_peers},
    {"durability", "\"flush\"", take_durability},
    {"interval_ms", "30000", take_interval},
    {"on_conflict", "null", take_on_conflict},
    {"on_conflict_timeout_ms", "10000", take_on_conflict_timeout},
    {"on_conflict_wait_ms", "2000", take_on_conflict_wait},
};
#define SETTING_COUNT (sizeof(settings) / sizeof(settings[0]))

static p2psync_result file_load(int dir_fd, json_t **out);
static p2psync_result file_read(int fd, char *text, size_t *size_out);
static p2psync_result file_save(int dir_fd, const json_t *root);
static p2psync_result write_all(int fd, const char *data, size_t size);
static p2psync_result take_all(const json_t *root, struct ps_config *out);
static p2psync_result pack_setting(struct ps_writer *writer, const json_t *root,
                                   const struct setting *setting);
static p2psync_result value_to_json(struct ps_bytes value, json_t **out);
static const struct setting *find_setting(const char *key);
static p2psync_result add_peer(struct ps_config *config, const char *text);
typedef char pattern_text[PS_INTERFACE_PATTERN_SIZE_MAX + 1];
static p2psync_result add_pattern(pattern_text *patterns, size_t *count, const char *pattern);
static p2psync_result take_patterns(const json_t *value, pattern_text *patterns, size_t *count);
static p2psync_result set_listen(struct ps_config *config, const char *text);
static p2psync_result take_ms(const json_t *value, uint32_t max, uint32_t *out);

p2psync_result ps_config_read(int dir_fd, struct ps_config *out)
{
    json_t *root = NULL;
    p2psync_result result = file_load(dir_fd, &root);
    if (result == P2PSYNC_OK) {
        result = take_all(root, out);
    }
    json_decref(root);
    return result;
}

p2psync_result ps_config_override(struct ps_config *config, const struct p2psync_options *options)
{
    struct ps_config copy = *config;
    p2psync_result result = P2PSYNC_OK;
    if (options->listen != NULL) {
        result = set_listen(&copy, options->listen);
    }
    if (options->interface_count > 0) {
        copy.filter.include_count = 0;
    }
    for (size_t i = 0; result == P2PSYNC_OK && i < options->interface_count; i++) {
        result =
            add_pattern(copy.filter.include, &copy.filter.include_count, options->interfaces[i]);
    }
    if (options->peer_count > 0) {
        copy.peer_count = 0;
    }
    for (size_t i = 0; result == P2PSYNC_OK && i < options->peer_count; i++) {
        result = add_peer(&copy, options->peers[i]);
    }
    if (result != P2PSYNC_OK) {
        return P2PSYNC_EMISUSE;
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

p2psync_result ps_config_pack_waiting(const struct ps_config *before, const struct ps_config *now,
                                      struct ps_buf *out)
{
    const struct ps_interface_filter *old = &before->filter;
    const struct ps_interface_filter *new = &now->filter;
    const struct {
        const char *key;
        bool differs;
    } all[] = {
        {"listen", strcmp(before->listen, now->listen) != 0},
        {"interfaces", old->include_count != new->include_count ||
                           memcmp(old->include, new->include, sizeof old->include) != 0},
        {"interfaces_exclude", old->exclude_count != new->exclude_count ||
                                   memcmp(old->exclude, new->exclude, sizeof old->exclude) != 0},
        {"beacon", before->no_beacon != now->no_beacon},
        {"beacon_port", before->beacon_port != now->beacon_port},
        {"durability", before->no_flush != now->no_flush},
    };
    const size_t all_count = sizeof all / sizeof all[0];
    struct ps_writer writer;
    size_t count = 0;
    for (size_t i = 0; i < all_count; i++) {
        count += all[i].differs ? 1 : 0;
    }
    ps_writer_init(&writer, out);
    ps_write_array(&writer, count);
    for (size_t i = 0; i < all_count; i++) {
        if (all[i].differs) {
            ps_write_text(&writer, all[i].key);
        }
    }
    return ps_writer_finish(&writer);
}

p2psync_result ps_config_pack(int dir_fd, struct ps_buf *out)
{
    json_t *root = NULL;
    size_t size = out->size;
    struct ps_writer writer;
    ps_writer_init(&writer, out);
    p2psync_result result = file_load(dir_fd, &root);
    if (result == P2PSYNC_OK) {
        struct ps_config config;
        result = take_all(root, &config);
    }
    if (result != P2PSYNC_OK) {
        goto out;
    }
    ps_write_map(&writer, SETTING_COUNT);
    for (size_t i = 0; result == P2PSYNC_OK && i < SETTING_COUNT; i++) {
        result = pack_setting(&writer, root, &settings[i]);
    }
    if (result == P2PSYNC_OK) {
        result = ps_writer_finish(&writer);
    }
out:
    if (result != P2PSYNC_OK) {
        ps_buf_truncate(out, size);
    }
    json_decref(root);
    return result;
}

p2psync_result ps_config_write(int dir_fd, const char *key, struct ps_bytes value)
{
    const struct setting *setting = find_setting(key);
    if (setting == NULL) {
        return P2PSYNC_ENOTFOUND;
    }
    json_t *root = NULL;
    json_t *json = NULL;
    struct ps_config checked;
    p2psync_result result = value_to_json(value, &json);
    if (result != P2PSYNC_OK) {
        return result;
    }
    /* The lock ends with the descriptor even if this process dies. */
    if (flock(dir_fd, LOCK_EX) != 0) {
        result = ps_error_of_errno(errno);
        goto out;
    }
    result = file_load(dir_fd, &root);
    if (result != P2PSYNC_OK) {
        goto out;
    }
    if (json_is_null(json)) {
        (void)json_object_del(root, key);
    } else if (json_object_set(root, key, json) != 0) {
        result = P2PSYNC_ENOMEM;
        goto out;
    }
    result = take_all(root, &checked);
    if (result == P2PSYNC_OK) {
        result = file_save(dir_fd, root);
    }
out:
    (void)flock(dir_fd, LOCK_UN);
    json_decref(json);
    json_decref(root);
    return result;
}

static const struct setting *find_setting(const char *key)
{
    for (size_t i = 0; i < SETTING_COUNT; i++) {
        if (strcmp(settings[i].key, key) == 0) {
            return &settings[i];
        }
    }
    return NULL;
}

/* Gives an object in any case; an empty one if there is no file. */
static p2psync_result file_load(int dir_fd, json_t **out)
{
    static const char empty[] = "{}";
    char text[PS_CONFIG_FILE_SIZE_MAX + 1];
    size_t size = sizeof empty - 1;
    memcpy(text, empty, size);
    int fd = openat(dir_fd, CONFIG_FILE, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 && errno != ENOENT) {
        return ps_error_of_errno(errno);
    }
    if (fd >= 0) {
        p2psync_result result = file_read(fd, text, &size);
        (void)close(fd);
        if (result != P2PSYNC_OK) {
            return result;
        }
    }
    json_t *root = json_loadb(text, size, JSON_REJECT_DUPLICATES, NULL);
    if (!json_is_object(root)) {
        json_decref(root);
        return P2PSYNC_EFORMAT;
    }
    *out = root;
    return P2PSYNC_OK;
}

/* `text` has room for one byte more than the largest file may have, so that a file that is too
 * large is noticed. */
static p2psync_result file_read(int fd, char *text, size_t *size_out)
{
    size_t size = 0;
    while (size <= PS_CONFIG_FILE_SIZE_MAX) {
        ssize_t got = read(fd, text + size, PS_CONFIG_FILE_SIZE_MAX + 1 - size);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return ps_error_of_errno(errno);
        }
        if (got == 0) {
            *size_out = size;
            return P2PSYNC_OK;
        }
        size += (size_t)got;
    }
    return P2PSYNC_EFORMAT;
}

static p2psync_result file_save(int dir_fd, const json_t *root)
{
    char *text = json_dumps(root, JSON_INDENT(4));
    if (text == NULL) {
        return P2PSYNC_ENOMEM;
    }
    p2psync_result result = P2PSYNC_OK;
    int fd = openat(dir_fd, CONFIG_FILE_TEMP, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW,
                    S_IRUSR | S_IWUSR);
    if (fd < 0) {
        result = ps_error_of_errno(errno);
        goto out;
    }
    result = write_all(fd, text, strlen(text));
    if (result == P2PSYNC_OK) {
        result = write_all(fd, "\n", 1);
    }
    /* The bytes must be on the disk before the name points to them, so that a crash leaves the old
     * file or the new one. */
    if (result == P2PSYNC_OK && fsync(fd) != 0) {
        result = ps_error_of_errno(errno);
    }
    if (close(fd) != 0 && result == P2PSYNC_OK) {
        result = ps_error_of_errno(errno);
    }
    if (result == P2PSYNC_OK && renameat(dir_fd, CONFIG_FILE_TEMP, dir_fd, CONFIG_FILE) != 0) {
        result = ps_error_of_errno(errno);
    }
    if (result == P2PSYNC_OK && fsync(dir_fd) != 0) {
        result = ps_error_of_errno(errno);
    }
    if (result != P2PSYNC_OK) {
        (void)unlinkat(dir_fd, CONFIG_FILE_TEMP, 0);
    }
out:
    free(text);
    return result;
}

static p2psync_result write_all(int fd, const char *data, size_t size)
{
    size_t done = 0;
    while (done < size) {
        ssize_t written = write(fd, data + done, size - done);
        if (written < 0 && errno == EINTR) {
            continue;
        }
        if (written < 0) {
            return ps_error_of_errno(errno);
        }
        done += (size_t)written;
    }
    return P2PSYNC_OK;
}

static p2psync_result take_all(const json_t *root, struct ps_config *out)
{
    struct ps_config config;
    memset(&config, 0, sizeof config);
    const char *key = NULL;
    json_t *value = NULL;
    json_object_foreach((json_t *)(uintptr_t)root, key, value)
    {
        const struct setting *setting = find_setting(key);
        if (setting == NULL || setting->take(value, &config) != P2PSYNC_OK) {
            return P2PSYNC_EFORMAT;
        }
    }
    *out = config;
    return P2PSYNC_OK;
}

static p2psync_result pack_setting(struct ps_writer *writer, const json_t *root,
                                   const struct setting *setting)
{
    const json_t *value = json_object_get(root, setting->key);
    char *text = NULL;
    struct p2psync_buffer packed = {0};
    p2psync_result result = P2PSYNC_OK;
    if (value != NULL) {
        text = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
        if (text == NULL) {
            return P2PSYNC_ENOMEM;
        }
    }
    const char *json = text != NULL ? text : setting->default_json;
    result = p2psync_value_from_json(json, strlen(json), &packed, NULL);
    if (result == P2PSYNC_OK) {
        ps_write_text(writer, setting->key);
        ps_write_map(writer, 2);
        ps_write_text(writer, "value");
        ps_write_raw(writer, ps_bytes(packed.data, packed.size));
        ps_write_text(writer, "source");
        ps_write_text(writer, value != NULL ? "config" : "default");
    }
    p2psync_buffer_free(&packed);
    free(text);
    return result;
}

static p2psync_result value_to_json(struct ps_bytes value, json_t **out)
{
    struct p2psync_buffer text = {0};
    struct p2psync_bytes bytes = {.data = value.data, .size = value.size};
    p2psync_result result = p2psync_value_to_json(bytes, &text);
    if (result == P2PSYNC_ENOMEM) {
        return result;
    }
    if (result != P2PSYNC_OK || text.size > PS_CONFIG_FILE_SIZE_MAX / 2) {
        p2psync_buffer_free(&text);
        return P2PSYNC_EFORMAT;
    }
    json_t *json = json_loadb(text.data, text.size, JSON_DECODE_ANY, NULL);
    p2psync_buffer_free(&text);
    if (json == NULL) {
        return P2PSYNC_EFORMAT;
    }
    *out = json;
    return P2PSYNC_OK;
}

/* ---- one setting each ---- */

static p2psync_result take_listen(const json_t *value, struct ps_config *config)
{
    return json_is_string(value) ? set_listen(config, json_string_value(value)) : P2PSYNC_EFORMAT;
}

static p2psync_result take_interfaces(const json_t *value, struct ps_config *config)
{
    return take_patterns(value, config->filter.include, &config->filter.include_count);
}

static p2psync_result take_interfaces_exclude(const json_t *value, struct ps_config *config)
{
    return take_patterns(value, config->filter.exclude, &config->filter.exclude_count);
}

static p2psync_result take_patterns(const json_t *value, pattern_text *patterns, size_t *count)
{
    p2psync_result result = json_is_array(value) ? P2PSYNC_OK : P2PSYNC_EFORMAT;
    for (size_t i = 0; result == P2PSYNC_OK && i < json_array_size(value); i++) {
        result = add_pattern(patterns, count, json_string_value(json_array_get(value, i)));
    }
    return result;
}

static p2psync_result take_beacon(const json_t *value, struct ps_config *config)
{
    config->no_beacon = json_is_false(value);
    return json_is_boolean(value) ? P2PSYNC_OK : P2PSYNC_EFORMAT;
}

static p2psync_result take_beacon_port(const json_t *value, struct ps_config *config)
{
    json_int_t port = json_integer_value(value);
    if (!json_is_integer(value) || port < 1 || port > UINT16_MAX) {
        return P2PSYNC_EFORMAT;
    }
    config->beacon_port = (uint16_t)port;
    return P2PSYNC_OK;
}

static p2psync_result take_peers(const json_t *value, struct ps_config *config)
{
    p2psync_result result = json_is_array(value) ? P2PSYNC_OK : P2PSYNC_EFORMAT;
    for (size_t i = 0; result == P2PSYNC_OK && i < json_array_size(value); i++) {
        result = add_peer(config, json_string_value(json_array_get(value, i)));
    }
    return result;
}

static p2psync_result take_durability(const json_t *value, struct ps_config *config)
{
    const char *text = json_is_string(value) ? json_string_value(value) : "";
    config->no_flush = strcmp(text, "none") == 0;
    return config->no_flush || strcmp(text, "flush") == 0 ? P2PSYNC_OK : P2PSYNC_EFORMAT;
}

static p2psync_result take_interval(const json_t *value, struct ps_config *config)
{
    json_int_t interval = json_integer_value(value);
    if (!json_is_integer(value) || interval < PS_CONFIG_INTERVAL_MS_MIN ||
        interval > PS_CONFIG_INTERVAL_MS_MAX) {
        return P2PSYNC_EFORMAT;
    }
    config->interval_ms = (uint32_t)interval;
    return P2PSYNC_OK;
}

static p2psync_result take_on_conflict(const json_t *value, struct ps_config *config)
{
    const char *text = json_is_string(value) ? json_string_value(value) : "";
    size_t size = strlen(text);
    config->on_conflict[0] = '\0';
    if (json_is_null(value)) {
        return P2PSYNC_OK;
    }
    if (size == 0 || size > PS_CONFIG_COMMAND_SIZE_MAX || size != json_string_length(value)) {
        return P2PSYNC_EFORMAT;
    }
    memcpy(config->on_conflict, text, size + 1);
    return P2PSYNC_OK;
}

static p2psync_result take_on_conflict_timeout(const json_t *value, struct ps_config *config)
{
    return take_ms(value, PS_CONFIG_ANSWER_MS_MAX, &config->on_conflict_timeout_ms);
}

static p2psync_result take_on_conflict_wait(const json_t *value, struct ps_config *config)
{
    return take_ms(value, PS_CONFIG_ANSWER_MS_MAX, &config->on_conflict_wait_ms);
}

/* From 1 to `max`. */
static p2psync_result take_ms(const json_t *value, uint32_t max, uint32_t *out)
{
    json_int_t ms = json_integer_value(value);
    if (!json_is_integer(value) || ms < 1 || ms > max) {
        return P2PSYNC_EFORMAT;
    }
    *out = (uint32_t)ms;
    return P2PSYNC_OK;
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
