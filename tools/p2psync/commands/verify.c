/* p2psync verify: whether everything that is stored is what it should be, and mending it. Exit code
 * 1 if something is bad and was not repaired. */
#include <inttypes.h>
#include <stdio.h>

#include "tools/p2psync/attach.h"
#include "tools/p2psync/commands/commands.h"
#include "tools/p2psync/fail.h"
#include "tools/p2psync/output.h"
#include "tools/p2psync/progress.h"
#include "tools/p2psync/signals.h"

static int give(struct cli *cli, struct p2psync_buffer *answer);
static int fail_verify(struct cli *cli, p2psync_result result);
static bool show(uint64_t done, uint64_t total, void *user);
static void print_findings(struct p2psync_bytes answer);

int cmd_verify(struct cli *cli, int argc, char **argv)
{
    static const struct option own[] = {{"repair", no_argument, NULL, 'r'}, {0}};
    struct progress progress;
    struct p2psync_verify_options options = {
        .size = sizeof options, .progress = show, .user = &progress};
    struct p2psync_buffer answer = {0};
    p2psync_node *node = NULL;
    int option = 0;
    int code;

    while ((option = options_next(cli, argc, argv, own)) != OPTIONS_END) {
        if (option != 'r') {
            return CLI_USAGE;
        }
        options.repair = true;
    }
    code = options_operands(cli, argc, argv, 0, 0) ? attach_open(cli, NULL, &node) : CLI_USAGE;
    if (code == CLI_DONE) {
        (void)signals_catch();
        progress_init(&progress, cli, "changes and records checked", 0);
        p2psync_result result = p2psync_verify(node, &options, &answer);
        progress_end(&progress);
        code = result == P2PSYNC_OK ? give(cli, &answer) : fail_verify(cli, result);
    }
    p2psync_close(node);
    return code;
}

static int give(struct cli *cli, struct p2psync_buffer *answer)
{
    struct p2psync_bytes bytes = {answer->data, answer->size};
    bool sound = p2psync_map_unsigned(bytes, "repaired") == p2psync_map_unsigned(bytes, "bad");
    int code = output_answer(cli, answer, print_findings);

    return code == CLI_DONE && !sound ? CLI_FAILED : code;
}

static int fail_verify(struct cli *cli, p2psync_result result)
{
    return result == P2PSYNC_ECANCELLED
               ? fail_saying(cli, CLI_FAILED,
                             "verify: interrupted; what was mended stays so, run it again for the "
                             "rest")
               : fail(cli, result, "verify");
}

static bool show(uint64_t done, uint64_t total, void *user)
{
    struct progress *progress = user;

    progress->total = total;
    progress_show(progress, done, done);
    return !signals_caught();
}

/* What to do about a kind of finding. */
static const char *what_to_do(struct p2psync_bytes kind)
{
    return p2psync_text_equals(kind, "change")
               ? "changes whose bytes are gone; 'p2psync verify --repair' beside a running node "
                 "fetches them from a device that has them"
           : p2psync_text_equals(kind, "tree")
               ? "hashes over changes; 'p2psync verify --repair' works them out anew"
           : p2psync_text_equals(kind, "record")
               ? "rows or counts of records; 'p2psync verify --repair' works them out anew"
           : p2psync_text_equals(kind, "log")
               ? "logs that are not what their author signed; keep a copy of the directory, and "
                 "join "
                 "again in another one"
               : "other rows that cannot be read; keep a copy of the directory, and join again in "
                 "another one";
}

static void print_findings(struct p2psync_bytes answer)
{
    struct p2psync_walk walk = {.size = sizeof walk,
                                .value = p2psync_value_find(answer, "findings")};
    struct p2psync_bytes one;
    uint64_t bad = p2psync_map_unsigned(answer, "bad");

    printf("%" PRIu64 " changes and records checked, %" PRIu64 " bad, %" PRIu64 " repaired\n",
           p2psync_map_unsigned(answer, "checked"), bad, p2psync_map_unsigned(answer, "repaired"));
    while (p2psync_walk_next(&walk, NULL, &one) == P2PSYNC_OK) {
        struct p2psync_buffer room = {0};
        struct p2psync_bytes name = output_cell(p2psync_value_find(one, "collection"), &room);

        printf("  %.*s: %" PRIu64 " %s\n", (int)name.size, (const char *)name.data,
               p2psync_map_unsigned(one, "count"), what_to_do(p2psync_map_text(one, "kind")));
        p2psync_buffer_free(&room);
    }
}
