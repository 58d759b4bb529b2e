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
    json_t *tree = NULL;

    if (cli->json) {
        node_run_ready_line(cli, identity, stdout);
        return;
    }
    tree = output_tree(cli, (struct p2psync_bytes){identity->data, identity->size});
    printf("ready: ");
    output_text(output_string(tree, "name"), strlen(output_string(tree, "name")));
    printf(" (%s)\n", output_string(tree, "fingerprint"));
    fflush(stdout);
    json_decref(tree);
}
