/* p2psync run: the node in the foreground. */
#include <string.h>

#include "tools/p2psync/commands/commands.h"
#include "tools/p2psync/node_run.h"
#include "tools/p2psync/options.h"
#include "tools/p2psync/output.h"

static void print_ready(struct cli *cli, const struct p2psync_buffer *identity);

int cmd_run(struct cli *cli, int argc, char **argv)
{
    struct node_run run;
    int code = node_run_parse(cli, argc, argv, &run);

    return code == CLI_DONE ? node_run(cli, &run, print_ready) : code;
}

static void print_ready(struct cli *cli, const struct p2psync_buffer *identity)
{
    const struct p2psync_bytes map = {identity->data, identity->size};
    struct p2psync_bytes name = p2psync_map_text(map, "name");
    struct p2psync_bytes fingerprint = p2psync_map_text(map, "fingerprint");

    if (cli->json) {
        node_run_ready_line(cli, identity, stdout);
        return;
    }
    printf("ready: ");
    output_text(name.data, name.size);
    printf(" (%.*s)\n", TEXT(fingerprint));
    fflush(stdout);
}
