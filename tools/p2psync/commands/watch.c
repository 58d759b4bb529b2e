/* p2psync watch: events as they happen. */
#include <stdlib.h>
#include <string.h>

#include "tools/p2psync/attach.h"
#include "tools/p2psync/commands/commands.h"
#include "tools/p2psync/fail.h"
#include "tools/p2psync/options.h"
#include "tools/p2psync/output.h"

static int print_event(struct cli *cli, const char *collection, struct p2psync_bytes data);
static void print_line(json_t *event);

int cmd_watch(struct cli *cli, int argc, char **argv)
{
    struct events events = {0};
    const char *collection = NULL;
    p2psync_node *node = NULL;
    bool ended = false;
    int code;

    if (!options_only_operands(cli, argc, argv, 0, 1)) {
        return CLI_USAGE;
    }
    collection = optind < argc ? argv[optind] : NULL;
    code = attach_open(cli, NULL, &node);
    if (code == CLI_DONE) {
        code = events_open(cli, node, &events);
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
            code = print_event(cli, collection, (struct p2psync_bytes){data.data, data.size});
        } else if (outcome == EVENTS_FAILED) {
            code = events.code;
        }
        ended = outcome == EVENTS_INTERRUPTED;
        p2psync_buffer_free(&data);
    }
    p2psync_close(node);
    return code;
}

static int print_event(struct cli *cli, const char *collection, struct p2psync_bytes data)
{
    json_t *event = output_tree(cli, data);
    int code = CLI_DONE;

    if (event == NULL) {
        return CLI_FAILED;
    }
    if (collection == NULL || strcmp(output_string(event, "collection"), collection) == 0) {
        if (cli->json) {
            code = output_json_tree(cli, event);
        } else {
            print_line(event);
        }
    }
    json_decref(event);
    return code;
}

/* The time of day, the event, and its other parts as KEY=VALUE. */
static void print_line(json_t *event)
{
    const char *time = output_string(event, "time");
    const char *day_end = strchr(time, 'T');
    const char *key = NULL;
    json_t *value = NULL;

    printf("%-12.12s  %-18s", day_end != NULL ? day_end + 1 : time, output_string(event, "event"));
    json_object_foreach(event, key, value)
    {
        if (strcmp(key, "time") == 0 || strcmp(key, "event") == 0) {
            continue;
        }
        char *cell = output_cell(value);

        printf(" %s=", key);
        output_text(cell, strlen(cell));
        free(cell);
    }
    putchar('\n');
}
