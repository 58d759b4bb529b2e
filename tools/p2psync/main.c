/* p2psync, the command line: parse what stands before the command, find it in the table of verbs,
 * run it, and check at the end that stdout took everything. It is built on <p2psync.h> alone, like
 * any other program that embeds the library. */
#include <getopt.h>
#include <langinfo.h>
#include <locale.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "tools/p2psync/cli.h"
#include "tools/p2psync/fail.h"
#include "tools/p2psync/faults.h"
#include "tools/p2psync/help.h"
#include "tools/p2psync/options.h"
#include "tools/p2psync/output.h"
#include "tools/p2psync/verbs.h"

static void choose_characters(void);
static void leave_no_core(void);

int main(int argc, char **argv)
{
    struct cli cli = {.verbs = verbs_table, .verb_count = verbs_count, .errors = stderr};
    char dir[DIR_SIZE_MAX];
    int code;

    /* A reader of stdout that goes away ends the output, not the program in the middle of a write.
     */
    signal(SIGPIPE, SIG_IGN);
    faults_explain();
    leave_no_core();
    choose_characters();
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
    cli.verb = help_find(&cli, argv[0]);
    if (cli.verb == NULL) {
        return fail_usage(&cli, "there is no command '%s'", argv[0]);
    }
    optind = 0; /* getopt starts anew */
    code = cli.verb->run(&cli, argc, argv);
    return output_finish(&cli, cli.helped ? CLI_DONE : code);
}

/* No core file: it would hold this device's key, also where libzmq and LMDB have copied it to.
 * Whoever needs one raises the limit of a running process, with prlimit. Locks on memory would not
 * reach those copies. */
static void leave_no_core(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_CORE, &limit) == 0) {
        limit.rlim_cur = 0;
        (void)setrlimit(RLIMIT_CORE, &limit);
    }
}

/* What is stored is UTF-8, and so is what is printed: the widths of a table's cells are counted so
 * in every locale. Nothing else of a locale is wanted. */
static void choose_characters(void)
{
    if (setlocale(LC_CTYPE, "") == NULL || strcmp(nl_langinfo(CODESET), "UTF-8") != 0) {
        (void)setlocale(LC_CTYPE, "C.UTF-8");
    }
}
