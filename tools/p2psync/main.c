/* p2psync, the command line: parse what stands before the command, find it in the table of verbs,
 * run it, and check at the end that stdout took everything. It is built on <p2psync.h> alone, like
 * any other program that embeds the library. */
#include <getopt.h>
#include <langinfo.h>
#include <locale.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/p2psync/cli.h"
#include "tools/p2psync/fail.h"
#include "tools/p2psync/help.h"
#include "tools/p2psync/options.h"
#include "tools/p2psync/output.h"
#include "tools/p2psync/verbs.h"

static void choose_characters(void);
static void explain_faults(void);
static void explain(int signal);

int main(int argc, char **argv)
{
    struct cli cli = {.verbs = verbs_table, .verb_count = verbs_count, .errors = stderr};
    char dir[DIR_SIZE_MAX];
    int code;

    /* A reader of stdout that goes away ends the output, not the program in the middle of a write.
     */
    signal(SIGPIPE, SIG_IGN);
    explain_faults();
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

/* What is stored is UTF-8, and so is what is printed: the widths of a table's cells are counted so
 * in every locale. Nothing else of a locale is wanted. */
static void choose_characters(void)
{
    if (setlocale(LC_CTYPE, "") == NULL || strcmp(nl_langinfo(CODESET), "UTF-8") != 0) {
        (void)setlocale(LC_CTYPE, "C.UTF-8");
    }
}

/* Records are read straight from the file, so that damage which no check has found shows as a fault
 * of memory. */
static void explain_faults(void)
{
    const struct sigaction action = {.sa_handler = explain, .sa_flags = (int)SA_RESETHAND};
    static const int faults[] = {SIGBUS, SIGSEGV, SIGABRT};

    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        struct sigaction before = {0};
        /* A sanitizer's own handler says more. */
        if (sigaction(faults[i], NULL, &before) == 0 && before.sa_handler == SIG_DFL) {
            sigaction(faults[i], &action, NULL);
        }
    }
}

/* Say it, and end as the signal would have it: it is the default again. */
static void explain(int signal)
{
    static const char line[] =
        "p2psync: stopped by a fault: the store is damaged, or this is a bug; keep a copy of the "
        "directory, then join again from another device with 'p2psync -C NEWDIR join CODE'\n";

    if (write(STDERR_FILENO, line, sizeof line - 1) >= 0) {
        raise(signal);
    }
}
