/* p2psync help and version. */
#include "tools/p2psync/help.h"

#include "tools/p2psync/commands/commands.h"
#include "tools/p2psync/fail.h"
#include "tools/p2psync/options.h"

int cmd_help(struct cli *cli, int argc, char **argv)
{
    const struct verb *verb = NULL;

    if (!options_only_operands(cli, argc, argv, 0, 1)) {
        return CLI_USAGE;
    }
    if (optind < argc) {
        verb = help_find(cli, argv[optind]);
        if (verb == NULL) {
            return fail_usage(cli, "there is no command '%s'", argv[optind]);
        }
    }
    help_print(cli, verb);
    return CLI_DONE;
}

int cmd_version(struct cli *cli, int argc, char **argv)
{
    if (!options_only_operands(cli, argc, argv, 0, 0)) {
        return CLI_USAGE;
    }
    printf(cli->json ? "{\"version\":\"%s\"}\n" : "p2psync %s\n", p2psync_version());
    return CLI_DONE;
}
