/* p2psync revert: undo what one device did since a time. For people it tells first what it would
 * do, then does it. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "tools/p2psync/attach.h"
#include "tools/p2psync/changes.h"
#include "tools/p2psync/commands/commands.h"
#include "tools/p2psync/fail.h"
#include "tools/p2psync/members.h"
#include "tools/p2psync/options.h"
#include "tools/p2psync/output.h"
#include "tools/p2psync/times.h"

#define CLOCK_OFF_MS 60000 /* less than that nobody asks about */

static int parse(struct cli *cli, int argc, char **argv, struct p2psync_revert *revert);
static int carry_out(struct cli *cli, p2psync_node *node, struct p2psync_revert *revert);
static void say_clock(p2psync_node *node, const char *word);
static int say_failed(struct cli *cli, p2psync_result result, const struct p2psync_detail *detail,
                      const struct p2psync_revert *revert);
static void print_plan(struct p2psync_bytes items);
static void print_done(struct p2psync_bytes items);

int cmd_revert(struct cli *cli, int argc, char **argv)
{
    struct p2psync_revert revert = {.size = sizeof revert};
    p2psync_node *node = NULL;
    int code = parse(cli, argc, argv, &revert);

    if (code == CLI_DONE) {
        code = attach_open(cli, NULL, &node);
    }
    if (code == CLI_DONE) {
        code = carry_out(cli, node, &revert);
    }
    p2psync_close(node);
    return code;
}

static int parse(struct cli *cli, int argc, char **argv, struct p2psync_revert *revert)
{
    static const struct option own[] = {
        {"device", required_argument, NULL, 'D'},     {"since", required_argument, NULL, 's'},
        {"collection", required_argument, NULL, 'c'}, {"note", required_argument, NULL, 'n'},
        {"dry-run", no_argument, NULL, 'd'},          {0}};
    bool since = false;
    int option;

    while ((option = options_next(cli, argc, argv, own)) != OPTIONS_END) {
        switch (option) {
        case 'D':
            revert->device = optarg;
            break;
        case 's':
            since = times_since_option(cli, optarg, &revert->since_ms);
            if (!since) {
                return CLI_USAGE;
            }
            break;
        case 'c':
            revert->collection = optarg;
            break;
        case 'n':
            revert->note = optarg;
            break;
        case 'd':
            revert->dry_run = true;
            break;
        default:
            return CLI_USAGE;
        }
    }
    if (!options_operands(cli, argc, argv, 0, 0)) {
        return CLI_USAGE;
    }
    if (revert->device == NULL || !since) {
        return fail_usage(cli, "%s is missing", revert->device == NULL ? "--device" : "--since");
    }
    return CLI_DONE;
}

static int carry_out(struct cli *cli, p2psync_node *node, struct p2psync_revert *revert)
{
    struct p2psync_buffer answer = {0};
    struct p2psync_detail detail = {.size = sizeof detail};
    bool really = !revert->dry_run;
    p2psync_result result;
    int code = CLI_DONE;

    if (!cli->json) {
        say_clock(node, revert->device);
        revert->dry_run = true;
        result = p2psync_revert(node, revert, &answer, &detail);
        code = result == P2PSYNC_OK ? output_answer(cli, &answer, print_plan)
                                    : say_failed(cli, result, &detail, revert);
        if (!really || code != CLI_DONE) {
            return code;
        }
        fflush(stdout);
        revert->dry_run = false;
    }
    result = p2psync_revert(node, revert, &answer, &detail);
    return result == P2PSYNC_OK ? output_answer(cli, &answer, print_done)
                                : say_failed(cli, result, &detail, revert);
}

/* --since goes by the device's own clock. Say how far that was off when this device last met it. */
static void say_clock(p2psync_node *node, const char *word)
{
    struct p2psync_buffer peers = {0};
    struct p2psync_walk walk = {.size = sizeof walk};
    struct p2psync_bytes peer;
    struct members members = {0};
    bool ambiguous = false;
    const struct member *member = NULL;
    int64_t skew_ms = 0;

    members_load(&members, node);
    member = members_find(&members, word, &ambiguous);
    if (member != NULL && !ambiguous && p2psync_peers(node, &peers) == P2PSYNC_OK) {
        walk.value = (struct p2psync_bytes){peers.data, peers.size};
    }
    while (member != NULL && p2psync_walk_next(&walk, NULL, &peer) == P2PSYNC_OK) {
        struct p2psync_bytes device = p2psync_map_text(peer, "device");

        if (device.size == member->device.size &&
            memcmp(device.data, member->device.data, device.size) == 0 &&
            p2psync_value_integer(p2psync_value_find(peer, "skew_ms"), &skew_ms) != P2PSYNC_OK) {
            skew_ms = 0;
        }
    }
    if (member != NULL && (skew_ms > CLOCK_OFF_MS || skew_ms < -CLOCK_OFF_MS)) {
        printf("The clock of ");
        output_text(member->name.data, member->name.size);
        printf(" was %" PRIi64 " s %s this one's when they last met. --since goes by it.\n",
               (skew_ms < 0 ? -skew_ms : skew_ms) / 1000, skew_ms < 0 ? "behind" : "ahead of");
    }
    members_free(&members);
    p2psync_buffer_free(&peers);
}

static int say_failed(struct cli *cli, p2psync_result result, const struct p2psync_detail *detail,
                      const struct p2psync_revert *revert)
{
    return fail_detail(cli, result, detail,
                       result == P2PSYNC_ELIMIT ? "give a later --since, or --collection" : NULL,
                       "revert --device %s%s%s", revert->device,
                       revert->collection != NULL ? " --collection " : "",
                       revert->collection != NULL ? revert->collection : "");
}

static void print_plan(struct p2psync_bytes items)
{
    static const struct column columns[] = {{.head = "COLLECTION", .cut = true},
                                            {.head = "ID", .cut = true},
                                            {.head = "OP"},
                                            {.head = "KEPT", .cut = true},
                                            {.head = "CHANGES", .cut = true}};
    struct p2psync_walk walk = {.size = sizeof walk, .value = items};
    struct p2psync_bytes item;
    struct table table;

    if (p2psync_value_count(items) == 0) {
        puts("there is nothing to undo");
    }
    table_init(&table, columns, sizeof columns / sizeof columns[0]);
    while (p2psync_walk_next(&walk, NULL, &item) == P2PSYNC_OK) {
        struct p2psync_bytes kept = p2psync_value_find(item, "kept");
        const struct p2psync_bytes none = {0};
        struct p2psync_buffer room = {0};

        table_text(&table, p2psync_map_text(item, "collection"));
        table_text(&table, p2psync_map_text(item, "id"));
        table_text(&table, p2psync_map_text(item, "op"));
        table_text(&table, output_cell(p2psync_value_count(kept) > 0 ? kept : none, &room));
        changes_cell(&table, item);
        p2psync_buffer_free(&room);
    }
    table_print(&table);
    table_deinit(&table);
}

static void print_done(struct p2psync_bytes items)
{
    struct p2psync_walk walk = {.size = sizeof walk, .value = items};
    struct p2psync_bytes item;
    size_t count = 0;

    while (p2psync_walk_next(&walk, NULL, &item) == P2PSYNC_OK) {
        count += !p2psync_text_equals(p2psync_map_text(item, "op"), "none");
    }
    if (count > 0) {
        printf("done: %zu record%s\n", count, count == 1 ? "" : "s");
    }
}
