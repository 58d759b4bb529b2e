/* p2psync watch: events as they happen. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tools/p2psync/attach.h"
#include "tools/p2psync/commands/commands.h"
#include "tools/p2psync/fail.h"
#include "tools/p2psync/members.h"
#include "tools/p2psync/options.h"
#include "tools/p2psync/output.h"
#include "tools/p2psync/times.h"
#include "tools/p2psync/versions.h"
#include "tools/p2psync/width.h"

struct watch {
    p2psync_node *node;
    const char *collection; /* NULL: all events */
    struct members members;
    time_t members_s; /* when they were loaded */
};

static int print_event(struct cli *cli, struct watch *watch, struct p2psync_bytes data);
static void refresh_members(struct watch *watch);
static void print_line(const struct members *members, json_t *event);
static void write_device(FILE *out, const struct members *members, const json_t *event);
static void write_versions(FILE *out, const json_t *event);
static void write_rest(FILE *out, json_t *event);

int cmd_watch(struct cli *cli, int argc, char **argv)
{
    struct events events = {0};
    struct watch watch = {0};
    bool ended = false;
    int code = attach_plain(cli, argc, argv, 1, &watch.node);

    watch.collection = optind < argc ? argv[optind] : NULL;
    if (code == CLI_DONE) {
        code = events_open(cli, watch.node, &events);
    }
    if (code == CLI_DONE && cli->verbose > 0) {
        fprintf(stderr, "watching\n"); /* from here on nothing is missed */
    }
    while (code == CLI_DONE && !ended) {
        struct p2psync_buffer data = {0};
        p2psync_event_type type = P2PSYNC_EVENT_ERROR;
        events_outcome outcome = events_next(cli, &events, -1, &type, &data);

        if (outcome == EVENTS_ONE && type == P2PSYNC_EVENT_STOPPED) {
            code = fail(cli, P2PSYNC_ENOTRUNNING, "watch: the node was stopped");
        } else if (outcome == EVENTS_ONE) {
            code = print_event(cli, &watch, (struct p2psync_bytes){data.data, data.size});
        } else if (outcome == EVENTS_FAILED) {
            code = events.code;
        }
        ended = outcome == EVENTS_INTERRUPTED;
        p2psync_buffer_free(&data);
    }
    members_free(&watch.members);
    p2psync_close(watch.node);
    return code;
}

static int print_event(struct cli *cli, struct watch *watch, struct p2psync_bytes data)
{
    json_t *event = output_tree(cli, data);
    int code = CLI_DONE;

    if (event == NULL) {
        return CLI_FAILED;
    }
    if (watch->collection == NULL ||
        strcmp(output_string(event, "collection"), watch->collection) == 0) {
        if (cli->json) {
            code = output_json_tree(cli, event);
        } else {
            refresh_members(watch);
            print_line(&watch->members, event);
        }
    }
    json_decref(event);
    return code;
}

/* Devices join and are renamed while we watch; events may come by the thousand. */
static void refresh_members(struct watch *watch)
{
    struct timespec now = {0};

    clock_gettime(CLOCK_MONOTONIC, &now);
    if (watch->members.list == NULL || now.tv_sec != watch->members_s) {
        members_free(&watch->members);
        members_load(&watch->members, watch->node);
        watch->members_s = now.tv_sec;
    }
}

/* The time of day, the event, the record or the device that it is about, and what else it says as
 * KEY=VALUE. It is one line, whatever is in it, and a terminal's line at most. */
static void print_line(const struct members *members, json_t *event)
{
    char *line = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&line, &size);
    char time[32] = "-";
    uint64_t ms = 0;
    size_t width = output_width();

    if (out == NULL) {
        fail_memory();
    }
    if (times_parse(output_string(event, "time"), &ms)) {
        output_time(ms, time, sizeof time);
    }
    fprintf(out, "%s  %-18s", time, output_string(event, "event"));
    if (json_is_string(json_object_get(event, "collection"))) {
        fprintf(out, " %s %s", output_string(event, "collection"), output_string(event, "id"));
    }
    write_device(out, members, event);
    write_versions(out, event);
    write_rest(out, event);
    if (fclose(out) != 0) {
        fail_memory();
    }
    char *escaped = output_escaped(line);
    char *shown = width > 0 ? width_cut(escaped, width) : NULL;
    puts(shown != NULL ? shown : escaped);
    free(shown);
    free(escaped);
    free(line);
}

/* Who it is about, or who wrote the record that it is about. */
static void write_device(FILE *out, const struct members *members, const json_t *event)
{
    const char *device = output_string(event, "device");
    const char *own = output_string(event, "name"); /* of a device that is no member yet, too */
    char *name = NULL;

    if (device[0] == '\0') {
        return;
    }
    name = members_name(members, device);
    fprintf(out, "%s %s", json_is_string(json_object_get(event, "collection")) ? " by" : "",
            own[0] != '\0' && strncmp(name, device, strlen(name)) == 0 ? own : name);
    free(name);
}

static void write_versions(FILE *out, const json_t *event)
{
    const json_t *version = NULL;
    size_t index = 0;
    char text[VERSIONS_SHORT_SIZE];

    if (json_is_string(json_object_get(event, "version"))) {
        versions_shorten(output_string(event, "version"), text);
        fprintf(out, " %s", text);
    }
    json_array_foreach(json_object_get(event, "versions"), index, version)
    {
        versions_shorten(json_string_value(version), text);
        fprintf(out, " %s", text);
    }
    if (json_is_true(json_object_get(event, "deleted"))) {
        fputs(" deleted", out);
    }
}

static void write_rest(FILE *out, json_t *event)
{
    static const char *const told[] = {"time",        "event",   "collection", "id",      "device",
                                       "fingerprint", "version", "versions",   "deleted", "name"};
    const char *key = NULL;
    json_t *value = NULL;

    json_object_foreach(event, key, value)
    {
        bool known = json_is_null(value);

        for (size_t i = 0; i < sizeof told / sizeof told[0]; i++) {
            known = known || strcmp(key, told[i]) == 0;
        }
        if (!known) {
            char *cell = output_cell(value);

            fprintf(out, " %s=%s", key, cell);
            free(cell);
        }
    }
}
