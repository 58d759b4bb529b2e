/* Help texts, put together from the table of verbs. */
#include "tools/p2psync/help.h"

#include <stdio.h>
#include <string.h>

static void print_program(const struct cli *cli);

const struct verb *help_find(const struct cli *cli, const char *name)
{
    for (size_t i = 0; i < cli->verb_count; i++) {
        if (strcmp(cli->verbs[i].name, name) == 0) {
            return &cli->verbs[i];
        }
    }
    return NULL;
}

void help_print(const struct cli *cli, const struct verb *verb)
{
    if (verb == NULL) {
        print_program(cli);
        return;
    }
    printf("usage: p2psync %s%s%s\n\n%s\n", verb->name, verb->operands[0] != '\0' ? " " : "",
           verb->operands, verb->summary);
    if (verb->details != NULL) {
        printf("\n%s", verb->details);
    }
}

static void print_program(const struct cli *cli)
{
    printf("usage: p2psync [-C DIR] [--json] [-q | -v...] COMMAND [ARGUMENT]...\n\n"
           "Records that live on every device and converge, with no server between them.\n\n");
    for (size_t i = 0; i < cli->verb_count; i++) {
        printf("  %-15s%s\n", cli->verbs[i].name, cli->verbs[i].summary);
    }
    printf("\n  -C, --directory DIR  where the data lies (default: $P2PSYNC_DIR, else\n"
           "                       $XDG_DATA_HOME/p2psync, else ~/.local/share/p2psync)\n"
           "      --json           answer in JSON, for scripts\n"
           "  -q, --quiet          no progress, and only errors in the log\n"
           "  -v, --verbose        tell more; -vv tells all\n"
           "  -h, --help           help, for the command that it stands with\n"
           "      --version        show the version\n\n"
           "Exit codes: 0 done, 1 failed, 2 wrong usage, 3 not found or ambiguous, 4 conflict or\n"
           "exists already, 5 no node runs, 6 not allowed, 7 the node does not answer.\n"
           "'p2psync help COMMAND' says more; so does the man page p2psync(1).\n");
}
