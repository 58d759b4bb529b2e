/* config.json: what is taken, what is refused, and that a refused setting leaves the file alone. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "node/host/config.h"
#include "node/host/config_file.h"
#include "node/host/endpoint.h"
#include "nodes.h"

static char dir[NODES_DIR_SIZE];
static int dir_fd;
static struct p2psync_detail detail;

static void setup(void)
{
    nodes_dir(dir);
    dir_fd = open(dir, O_RDONLY | O_DIRECTORY);
    cr_assert_geq(dir_fd, 0);
}

static void teardown(void)
{
    (void)close(dir_fd);
    nodes_remove(dir);
}

TestSuite(test_config, .init = setup, .fini = teardown);

static void write_file(const char *text)
{
    int fd = openat(dir_fd, "config.json", O_WRONLY | O_CREAT | O_TRUNC, 0600);
    cr_assert_geq(fd, 0);
    cr_assert_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    (void)close(fd);
}

static const char *read_file(void)
{
    static char text[4096];
    int fd = openat(dir_fd, "config.json", O_RDONLY);
    if (fd < 0) {
        return "";
    }
    ssize_t size = read(fd, text, sizeof text - 1);
    cr_assert_geq(size, 0);
    text[size] = '\0';
    (void)close(fd);
    return text;
}

static p2psync_result set(const char *key, const char *json)
{
    struct p2psync_buffer value = {0};
    cr_assert_eq(p2psync_value_from_json(json, strlen(json), &value, NULL), P2PSYNC_OK);
    p2psync_result result = ps_config_write(dir_fd, key, ps_bytes(value.data, value.size), &detail);
    p2psync_buffer_free(&value);
    return result;
}

static const char *shown(void)
{
    struct ps_buf buf;
    struct p2psync_buffer packed = {0};
    ps_buf_init(&buf, 65536);
    cr_assert_eq(ps_config_pack(dir_fd, &buf, &detail), P2PSYNC_OK);
    packed.data = buf.data;
    packed.size = buf.size;
    return nodes_json(P2PSYNC_OK, &packed);
}

Test(test_config, is_all_defaults_without_a_file)
{
    struct ps_config config;
    cr_assert_eq(ps_config_read(dir_fd, &config, &detail), P2PSYNC_OK);
    cr_expect_str_eq(config.listen, "");
    cr_expect_eq(config.filter.include_count + config.filter.exclude_count + config.peer_count, 0);
    cr_expect_not(config.no_beacon);
    cr_expect_not(config.no_flush);
    const char *json = shown();
    cr_expect_not_null(strstr(json, "\"listen\":{\"value\":null,\"source\":\"default\"}"), "%s",
                       json);
    cr_expect_not_null(strstr(json, "\"beacon_port\":{\"value\":47470,\"source\":\"default\"}"));
}

Test(test_config, keeps_what_was_set)
{
    struct ps_config config;
    cr_assert_eq(set("listen", "\"[::1]:4000\""), P2PSYNC_OK);
    cr_assert_eq(set("interfaces", "[\"eth0\",\"wlan*\"]"), P2PSYNC_OK);
    cr_assert_eq(set("interfaces_exclude", "[\"docker[0-9]\"]"), P2PSYNC_OK);
    cr_assert_eq(set("beacon", "false"), P2PSYNC_OK);
    cr_assert_eq(set("beacon_port", "5000"), P2PSYNC_OK);
    cr_assert_eq(set("peers", "[\"host.example\",\"[fe80::1%wlan0]:7\"]"), P2PSYNC_OK);
    cr_assert_eq(set("durability", "\"none\""), P2PSYNC_OK);
    cr_assert_eq(set("interval_ms", "1000"), P2PSYNC_OK);
    cr_assert_eq(ps_config_read(dir_fd, &config, &detail), P2PSYNC_OK);
    cr_expect_str_eq(config.listen, "[::1]:4000");
    cr_expect_eq(config.filter.include_count, 2);
    cr_expect_str_eq(config.filter.include[1], "wlan*");
    cr_expect_eq(config.filter.exclude_count, 1);
    cr_expect_str_eq(config.filter.exclude[0], "docker[0-9]");
    cr_expect(config.no_beacon);
    cr_expect_eq(config.beacon_port, 5000);
    cr_expect_eq(config.peer_count, 2);
    cr_expect_str_eq(config.peers[0], "host.example:47470");
    cr_expect_str_eq(config.peers[1], "[fe80::1%wlan0]:7");
    cr_expect(config.no_flush);
    cr_expect_eq(config.interval_ms, 1000);
    cr_expect_not_null(strstr(shown(), "\"beacon\":{\"value\":false,\"source\":\"config\"}"));
}

Test(test_config, takes_a_setting_out_with_nil)
{
    cr_assert_eq(set("beacon_port", "5000"), P2PSYNC_OK);
    cr_assert_eq(set("beacon_port", "null"), P2PSYNC_OK);
    cr_expect_not_null(strstr(shown(), "\"beacon_port\":{\"value\":47470,\"source\":\"default\"}"));
    cr_expect_eq(set("beacon_port", "null"), P2PSYNC_OK);
}

static p2psync_result set_all(const char *json)
{
    struct p2psync_buffer map = {0};
    cr_assert_eq(p2psync_value_from_json(json, strlen(json), &map, NULL), P2PSYNC_OK);
    p2psync_result result = ps_config_write_all(dir_fd, ps_bytes(map.data, map.size), &detail);
    p2psync_buffer_free(&map);
    return result;
}

Test(test_config, sets_several_at_once_or_none)
{
    struct ps_config config;
    cr_expect_eq(set_all("{\"backup_dir\":\"/mnt/a\",\"backup_keep\":3}"), P2PSYNC_OK);
    cr_expect_eq(set_all("{\"backup_dir\":null,\"backup_keep\":5,\"interval_ms\":7000}"),
                 P2PSYNC_OK);
    cr_assert_eq(ps_config_read(dir_fd, &config, &detail), P2PSYNC_OK);
    cr_expect_str_eq(config.backup_dir, "");
    cr_expect_eq(config.backup_keep, 5);
    cr_expect_eq(config.interval_ms, 7000);

    char before[4096];
    (void)snprintf(before, sizeof before, "%s", read_file());
    cr_expect_eq(set_all("{\"backup_keep\":6,\"backup_every\":\"soon\"}"), P2PSYNC_EFORMAT);
    cr_expect_eq(set_all("{\"backup_keep\":6,\"colour\":1}"), P2PSYNC_ENOTFOUND);
    cr_expect_eq(set_all("[\"backup_keep\"]"), P2PSYNC_EFORMAT);
    cr_expect_str_eq(read_file(), before);
}

Test(test_config, refuses_bad_values_and_leaves_the_file)
{
    static const struct {
        const char *key;
        const char *json;
    } bad[] = {
        {"listen", "\"\""},
        {"listen", "5"},
        {"listen", "\"host:0\""},
        {"listen", "\"host:65536\""},
        {"listen", "\"host:12x\""},
        {"listen", "\":::1\""},
        {"listen", "\"fe80::1%\""},
        {"listen", "\"[::1\""},
        {"listen", "\"a b\""},
        {"interfaces", "\"eth0\""},
        {"interfaces", "[\"\"]"},
        {"interfaces", "[\"a/b\"]"},
        {"interfaces", "[\"thirty-two-bytes-are-one-too-many\"]"},
        {"interfaces_exclude", "[5]"},
        {"interfaces_exclude", "[\"1\",\"2\",\"3\",\"4\",\"5\",\"6\",\"7\",\"8\",\"9\"]"},
        {"interfaces", "[\"1\",\"2\",\"3\",\"4\",\"5\",\"6\",\"7\",\"8\",\"9\"]"},
        {"beacon", "1"},
        {"beacon_port", "0"},
        {"beacon_port", "65536"},
        {"beacon_port", "\"5000\""},
        {"peers", "[5]"},
        {"peers", "[\"host:\"]"},
        {"peers", "[\"fe80::1\"]"}, /* on which interface? */
        {"peers", "[\"[fe80::1%wlan0;lo]:7\"]"},
        {"durability", "\"maybe\""},
        {"interval_ms", "999"},
        {"interval_ms", "3600001"},
    };
    cr_assert_eq(set("beacon_port", "5000"), P2PSYNC_OK);
    char before[4096];
    (void)snprintf(before, sizeof before, "%s", read_file());
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        cr_expect_eq(set(bad[i].key, bad[i].json), P2PSYNC_EFORMAT, "%s %s", bad[i].key,
                     bad[i].json);
        cr_expect_not_null(strstr(detail.text, bad[i].key), "%s: %s", bad[i].key, detail.text);
    }
    cr_expect_str_eq(read_file(), before);
}

Test(test_config, knows_no_other_keys)
{
    cr_expect_eq(set("colour", "1"), P2PSYNC_ENOTFOUND);
    cr_expect_str_eq(read_file(), "");
}

Test(test_config, refuses_a_malformed_file_and_does_not_overwrite_it)
{
    static const char *const bad[] = {"{", "[]", "{\"colour\":1}", "{\"listen\":1}",
                                      "{\"beacon\":true,\"beacon\":false}"};
    for (size_t i = 0; i < 5; i++) {
        struct ps_config config;
        write_file(bad[i]);
        cr_expect_eq(ps_config_read(dir_fd, &config, &detail), P2PSYNC_EFORMAT, "%s", bad[i]);
        cr_expect_eq(set("beacon", "true"), P2PSYNC_EFORMAT, "%s", bad[i]);
        cr_expect_str_eq(read_file(), bad[i]);
    }
}

Test(test_config, mends_a_bad_value)
{
    write_file("{\"beacon\":1}");
    cr_assert_eq(set("beacon", "true"), P2PSYNC_OK);
    struct ps_config config;
    cr_expect_eq(ps_config_read(dir_fd, &config, &detail), P2PSYNC_OK);
}

Test(test_config, refuses_a_file_over_its_limit)
{
    char text[PS_CONFIG_FILE_SIZE_MAX + 2];
    struct ps_config config;
    memset(text, ' ', sizeof text);
    text[0] = '{';
    text[PS_CONFIG_FILE_SIZE_MAX - 1] = '}';
    text[PS_CONFIG_FILE_SIZE_MAX] = '\0';
    write_file(text);
    cr_expect_eq(ps_config_read(dir_fd, &config, &detail), P2PSYNC_OK);
    text[PS_CONFIG_FILE_SIZE_MAX] = ' ';
    text[PS_CONFIG_FILE_SIZE_MAX + 1] = '\0';
    write_file(text);
    cr_expect_eq(ps_config_read(dir_fd, &config, &detail), P2PSYNC_EFORMAT);
}

Test(test_config, writes_a_file_for_its_owner_only)
{
    struct stat info;
    cr_assert_eq(set("beacon", "true"), P2PSYNC_OK);
    cr_assert_eq(fstatat(dir_fd, "config.json", &info, 0), 0);
    cr_expect_eq(info.st_mode & 0777, 0600);
    cr_expect_neq(fstatat(dir_fd, "config.json.new", &info, 0), 0);
}

Test(test_config, refuses_a_file_that_others_may_write)
{
    struct ps_config config;
    cr_assert_eq(set("beacon", "false"), P2PSYNC_OK);
    for (unsigned mode = 0620; mode != 0; mode = mode == 0620 ? 0602 : 0) {
        cr_assert_eq(fchmodat(dir_fd, "config.json", mode, 0), 0);
        cr_expect_eq(ps_config_read(dir_fd, &config, &detail), P2PSYNC_EDENIED);
        cr_expect_str_eq(detail.text,
                         "other users may write to config.json, and could run programs "
                         "as this one; 'chmod go-w' ends that");
    }
    cr_assert_eq(fchmodat(dir_fd, "config.json", 0644, 0), 0);
    cr_expect_eq(ps_config_read(dir_fd, &config, &detail), P2PSYNC_OK);
    if (geteuid() == 0) {
        cr_assert_eq(fchownat(dir_fd, "config.json", 65534, 65534, 0), 0);
        cr_expect_eq(ps_config_read(dir_fd, &config, &detail), P2PSYNC_EDENIED);
        cr_expect_not_null(strstr(detail.text, "belongs to another user (65534)"));
    }
}

Test(test_config, puts_the_apps_options_over_the_file)
{
    const char *const peers[] = {"one", "two:2"};
    struct p2psync_options options = P2PSYNC_OPTIONS_INIT;
    struct ps_config config;
    cr_assert_eq(set("peers", "[\"file\"]"), P2PSYNC_OK);
    cr_assert_eq(set("durability", "\"none\""), P2PSYNC_OK);
    cr_assert_eq(ps_config_read(dir_fd, &config, &detail), P2PSYNC_OK);
    cr_assert_eq(ps_config_override(&config, &options, &detail), P2PSYNC_OK);
    cr_expect_str_eq(config.peers[0], "file:47470", "zero means what the file says");
    cr_expect(config.no_flush);
    options.peers = peers;
    options.peer_count = 2;
    options.durability = P2PSYNC_DURABILITY_FLUSH;
    options.beacon_port = 9;
    cr_assert_eq(ps_config_override(&config, &options, &detail), P2PSYNC_OK);
    cr_expect_eq(config.peer_count, 2);
    cr_expect_str_eq(config.peers[1], "two:2");
    cr_expect_not(config.no_flush);
    cr_expect_eq(config.beacon_port, 9);
    options.listen = "not a host";
    cr_assert_eq(ps_config_override(&config, &options, &detail), P2PSYNC_EMISUSE);
    cr_expect_str_eq(config.listen, "", "a refused option changes nothing");
}

Test(test_config, takes_names_and_addresses_with_or_without_a_port)
{
    static const struct {
        const char *text;
        const char *host;
        uint16_t port;
    } good[] = {
        {"host.example", "host.example", 0},
        {"host.example:5", "host.example", 5},
        {"10.0.0.1", "10.0.0.1", 0},
        {"10.0.0.1:65535", "10.0.0.1", 65535},
        {"[::1]:7", "::1", 7},
        {"[::1]", "::1", 0},
        {"::1", "::1", 0},
        {"fe80::1%eth0", "fe80::1%eth0", 0},
    };
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        struct ps_endpoint endpoint;
        cr_assert_eq(ps_endpoint_parse(good[i].text, &endpoint), P2PSYNC_OK, "%s", good[i].text);
        cr_expect_str_eq(endpoint.host, good[i].host);
        cr_expect_eq(endpoint.port, good[i].port);
    }
}

static bool takes(const char *key, const char *json)
{
    p2psync_result result = set(key, json);
    cr_assert(result == P2PSYNC_OK || result == P2PSYNC_EFORMAT);
    return result == P2PSYNC_OK;
}

Test(test_config, says_where_how_often_and_how_many_backups_are_made)
{
    struct ps_config config;
    cr_expect(takes("backup_dir", "\"/media/usb\""));
    cr_expect(takes("backup_every", "\"12h\""));
    cr_expect(takes("backup_keep", "3"));
    cr_assert_eq(ps_config_read(dir_fd, &config, &detail), P2PSYNC_OK);
    cr_assert_str_eq(config.backup_dir, "/media/usb");
    cr_assert_eq(config.backup_every_ms, 12ULL * 3600 * 1000);
    cr_assert_eq(config.backup_keep, 3);
    cr_expect(takes("backup_dir", "null"));
    cr_assert_eq(ps_config_read(dir_fd, &config, &detail), P2PSYNC_OK);
    cr_assert_str_empty(config.backup_dir);
}

Test(test_config, refuses_backups_that_make_no_sense)
{
    static const char *const spans[] = {"\"\"",   "\"d\"",    "\"1\"",           "\"1 d\"",
                                        "\"0s\"", "\"367d\"", "\"1234567890s\"", "\"-1d\"",
                                        "\"1D\"", "86400"};
    char path[PS_CONFIG_PATH_SIZE_MAX + 8];
    for (size_t i = 0; i < sizeof spans / sizeof spans[0]; i++) {
        cr_expect_not(takes("backup_every", spans[i]), "%s", spans[i]);
    }
    cr_expect(takes("backup_every", "\"1s\"") && takes("backup_every", "\"366d\""));
    cr_expect_not(takes("backup_dir", "\"backups\""), "not from the root");
    cr_expect_not(takes("backup_dir", "\"\""));
    memset(path, 'x', sizeof path);
    path[0] = '"';
    path[1] = '/';
    path[PS_CONFIG_PATH_SIZE_MAX + 1] = '"';
    path[PS_CONFIG_PATH_SIZE_MAX + 2] = '\0';
    cr_expect(takes("backup_dir", path));
    path[PS_CONFIG_PATH_SIZE_MAX + 1] = 'x';
    path[PS_CONFIG_PATH_SIZE_MAX + 2] = '"';
    path[PS_CONFIG_PATH_SIZE_MAX + 3] = '\0';
    cr_expect_not(takes("backup_dir", path));
    cr_expect_not(takes("backup_keep", "0"));
    cr_expect_not(takes("backup_keep", "1001"));
    cr_expect(takes("backup_keep", "1000"));
}
