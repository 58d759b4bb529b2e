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
static void print_line(const struct members *members, struct p2psync_bytes event);
static void write_device(FILE *out, const struct members *members, struct p2psync_bytes event);
static void write_versions(FILE *out, struct p2psync_bytes event);
static void write_rest(FILE *out, struct p2psync_bytes event);

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
    int code = output_check(cli, data);

    if (code != CLI_DONE ||
        (watch->collection != NULL &&
         !p2psync_text_equals(p2psync_map_text(data, "collection"), watch->collection))) {
        return code;
    }
    if (cli->json) {
        return output_json(cli, data);
    }
    refresh_members(watch);
    print_line(&watch->members, data);
    return CLI_DONE;
}

/* Devices join and are renamed while we watch; events may come by the thousand. */
static void refresh_members(struct watch *watch)
{
    struct timespec now = {0};

    clock_gettime(CLOCK_MONOTONIC, &now);
    if (watch->members.answer.data == NULL || now.tv_sec != watch->members_s) {
        members_free(&watch->members);
        members_load(&watch->members, watch->node);
        watch->members_s = now.tv_sec;
    }
}

/* The time of day, the event, the record or the device that it is about, and what else it says as
 * KEY=VALUE. It is one line, whatever is in it, and a terminal's line at most. */
static void print_line(const struct members *members, struct p2psync_bytes event)
{
    struct p2psync_bytes type = p2psync_map_text(event, "event");
    struct p2psync_bytes collection = p2psync_map_text(event, "collection");
    struct p2psync_bytes id = p2psync_map_text(event, "id");
    char *line = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&line, &size);
    char time[32];
    size_t width = output_width();

    if (out == NULL) {
        fail_memory();
    }
    times_show(p2psync_value_find(event, "time"), time, sizeof time);
    fprintf(out, "%s  %-18.*s", time, TEXT(type));
    if (collection.size > 0) {
        fprintf(out, " %.*s %.*s", TEXT(collection), TEXT(id));
    }
    write_device(out, members, event);
    write_versions(out, event);
    write_rest(out, event);
    if (fclose(out) != 0) {
        fail_memory();
    }
    char *escaped = output_escaped(line, size);
    char *cut =
        width > 0 ? width_cut((struct p2psync_bytes){escaped, strlen(escaped)}, width) : NULL;
    puts(cut != NULL ? cut : escaped);
    free(cut);
    free(escaped);
    free(line);
}

/* Who it is about, or who wrote the record that it is about. */
static void write_device(FILE *out, const struct members *members, struct p2psync_bytes event)
{
    struct p2psync_bytes device = p2psync_map_text(event, "device");
    struct p2psync_bytes own = p2psync_map_text(event, "name"); /* of no member yet, too */
    char *name = NULL;

    if (device.size == 0) {
        return;
    }
    name = members_name(members, device);
    fputs(p2psync_map_text(event, "collection").size > 0 ? " by " : " ", out);
    if (own.size > 0 && strlen(name) <= device.size &&
        memcmp(name, device.data, strlen(name)) == 0) {
        fprintf(out, "%.*s", TEXT(own));
    } else {
        fputs(name, out);
    }
    free(name);
}

static void write_version(FILE *out, struct p2psync_bytes version)
{
    char text[VERSIONS_SHORT_SIZE];

    versions_shorten(version, text);
    fprintf(out, " %s", text);
}

static void write_versions(FILE *out, struct p2psync_bytes event)
{
    struct p2psync_walk walk = {.size = sizeof walk,
                                .value = p2psync_value_find(event, "versions")};
    struct p2psync_bytes version = p2psync_value_find(event, "version");

    if (p2psync_value_type_of(version) == P2PSYNC_VALUE_TEXT) {
        write_version(out, version);
    }
    while (p2psync_walk_next(&walk, NULL, &version) == P2PSYNC_OK) {
        write_version(out, version);
    }
    if (p2psync_map_bool(event, "deleted")) {
        fputs(" deleted", out);
    }
}

static void write_rest(FILE *out, struct p2psync_bytes event)
{
    static const char *const told[] = {"time",        "event",   "collection", "id",      "device",
                                       "fingerprint", "version", "versions",   "deleted", "name"};
    struct p2psync_walk walk = {.size = sizeof walk, .value = event};
    struct p2psync_bytes key;
    struct p2psync_bytes value;

    while (p2psync_walk_next(&walk, &key, &value) == P2PSYNC_OK) {
        bool known = p2psync_value_type_of(value) == P2PSYNC_VALUE_NIL;

        for (size_t i = 0; i < sizeof told / sizeof told[0]; i++) {
            known = known || p2psync_text_equals(key, told[i]);
        }
        if (!known) {
            struct p2psync_buffer room = {0};
            struct p2psync_bytes cell = output_cell(value, &room);

            fprintf(out, " %.*s=", TEXT(key));
            fwrite(cell.data, 1, cell.size, out);
            p2psync_buffer_free(&room);
        }
    }
}
