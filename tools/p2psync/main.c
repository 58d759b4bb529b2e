/* p2psync, the command line: parse what stands before the command, find it in the table of verbs,
 * run it, and check at the end that stdout took everything. It is built on <p2psync.h> alone, like
 * any other program that embeds the library. */
#include <getopt.h>
#include <signal.h>
#include <stdlib.h>

#include "tools/p2psync/cli.h"
#include "tools/p2psync/fail.h"
#include "tools/p2psync/options.h"
#include "tools/p2psync/output.h"

int main(int argc, char **argv)
{
    struct cli cli = {.errors = stderr};
    char dir[DIR_SIZE_MAX];
    int code;

    /* A reader of stdout that goes away is an error like any other, not the end by a signal. */
    signal(SIGPIPE, SIG_IGN);
    cli.dir = options_default_dir(dir, sizeof dir);
    code = options_next(&cli, argc, argv, NULL);
    if (code != OPTIONS_END) {
        return cli.helped ? output_finish(&cli, CLI_DONE) : CLI_USAGE;
    }
    if (optind == argc) {
        return fail_usage(&cli, "a command is missing");
    }
    argc -= optind;
    argv += optind;
    cli.verb = verb_find(argv[0]);
    if (cli.verb == NULL) {
        return fail_usage(&cli, "there is no command '%s'", argv[0]);
    }
    optind = 0; /* getopt starts anew */
    code = cli.verb->run(&cli, argc, argv);
    return output_finish(&cli, cli.helped ? CLI_DONE : code);
}
