/* The table of errors, and the one place that prints one. */
#include "tools/p2psync/fail.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define LINE_SIZE_MAX 1024

struct remedy {
    p2psync_result result;
    int code;
    const char *why; /* NULL: as p2psync_strerror() says */
    const char *advice;
};

static const struct remedy remedies[] = {
    {P2PSYNC_EMISUSE, CLI_USAGE, "an argument is not valid",
     "see 'p2psync help' and the limits there"},
    {P2PSYNC_ENOMEM, CLI_FAILED, NULL, "close other programs and try again"},
    {P2PSYNC_EIO, CLI_FAILED, NULL, "look at the disk and at the system's log"},
    {P2PSYNC_EFILES, CLI_FAILED, NULL, "raise their limit (ulimit -n) and try again"},
    {P2PSYNC_EFULL, CLI_FAILED, NULL,
     "nothing was lost; allow it more address space (ulimit -v) and start again"},
    {P2PSYNC_ENOSPC, CLI_FAILED, NULL, "nothing was lost; free some space and try again"},
    {P2PSYNC_ECORRUPT, CLI_FAILED, NULL,
     "keep a copy of it, then join again from another device with 'p2psync -C NEWDIR join CODE'"},
    {P2PSYNC_ENEWER, CLI_FAILED, NULL, "install a newer p2psync; nothing was changed"},
    {P2PSYNC_EOLDER, CLI_FAILED, NULL,
     "export its records with the p2psync that wrote it, and begin a new mesh with 'p2psync -C "
     "NEWDIR "
     "init' and import; nothing was changed"},
    {P2PSYNC_ENETFS, CLI_FAILED, NULL, "name a directory on a local disk with -C DIR"},
    {P2PSYNC_EBUSY, CLI_CONFLICT, "a node runs in this directory", "stop it with 'p2psync stop'"},
    {P2PSYNC_ENODEVICE, CLI_FAILED, NULL, "run 'p2psync init' or 'p2psync join CODE'"},
    {P2PSYNC_EEXIST, CLI_CONFLICT, NULL,
     "use what is there, or name another directory with -C DIR"},
    {P2PSYNC_ENOTFOUND, CLI_NOT_FOUND, NULL,
     "check the name; 'list', 'status' and 'devices' show them"},
    {P2PSYNC_ENOCOLLECTION, CLI_NOT_FOUND, NULL,
     "check the name; 'p2psync status' shows the collections"},
    {P2PSYNC_ECONFLICT, CLI_CONFLICT, NULL, "name another directory with -C DIR"},
    {P2PSYNC_ENOTRUNNING, CLI_NOT_RUNNING, NULL, "run 'p2psync start'"},
    {P2PSYNC_ENOANSWER, CLI_UNANSWERED, NULL,
     "let it go on with 'kill -CONT PID' if it is suspended; else end it with 'kill -KILL PID' and "
     "start it again: nothing that was written is lost"},
    {P2PSYNC_EDENIED, CLI_DENIED, NULL,
     "names that begin with '_' are the node's own, a reader writes nothing, nor does a device "
     "that "
     "was removed, settings are for admins: 'p2psync devices'; files must belong to you"},
    {P2PSYNC_ELIMIT, CLI_FAILED, NULL,
     "a record holds 1 MiB, nested 32 deep, an id 255 bytes, a collection's name 128, a "
     "note 4 KiB"},
    {P2PSYNC_EFORMAT, CLI_FAILED, NULL, "mend it and try again"},
    {P2PSYNC_ETIMEDOUT, CLI_FAILED, NULL, "look at 'p2psync peers' and try again"},
    {P2PSYNC_EUNREACHABLE, CLI_FAILED, NULL,
     "check that the other device runs and is on this network; see 'p2psync peers'"},
    {P2PSYNC_EEXPIRED, CLI_FAILED, NULL, "run 'p2psync invite' there again for a new code"},
    {P2PSYNC_EVERSION, CLI_FAILED, NULL,
     "install the same version of p2psync on both devices; a mesh of an earlier one is begun anew"},
    {P2PSYNC_EADDRINUSE, CLI_FAILED, NULL, "name another port with --listen HOST:PORT, or none"},
    {P2PSYNC_EAMBIGUOUS, CLI_NOT_FOUND, NULL, "give the fingerprint or the id"},
};

static struct remedy find_remedy(p2psync_result result);
static void print_failed(struct cli *cli, const struct remedy *remedy, const char *format,
                         va_list arguments) __attribute__((format(printf, 3, 0)));
static void print_line(struct cli *cli, const char *line);

int fail(struct cli *cli, p2psync_result result, const char *format, ...)
{
    struct remedy remedy = find_remedy(result);
    va_list arguments;

    va_start(arguments, format);
    print_failed(cli, &remedy, format, arguments);
    va_end(arguments);
    return remedy.code;
}

int fail_detail(struct cli *cli, p2psync_result result, const struct p2psync_detail *detail,
                const char *advice, const char *format, ...)
{
    struct remedy remedy = find_remedy(result);
    va_list arguments;

    remedy.why = detail->text[0] != '\0' ? detail->text : remedy.why;
    remedy.advice = advice != NULL ? advice : remedy.advice;
    va_start(arguments, format);
    print_failed(cli, &remedy, format, arguments);
    va_end(arguments);
    return remedy.code;
}

int fail_node(struct cli *cli, p2psync_node *node, p2psync_result result, const char *what)
{
    struct p2psync_detail detail = {.size = sizeof detail};
    bool silent = result == P2PSYNC_ENOANSWER && p2psync_unanswered(node, &detail) == result;

    return silent ? fail_detail(cli, result, &detail, NULL, "%s", what)
                  : fail(cli, result, "%s", what);
}

static struct remedy find_remedy(p2psync_result result)
{
    struct remedy remedy = {
        .code = CLI_FAILED, .why = p2psync_strerror(result), .advice = "see 'p2psync help'"};

    for (size_t i = 0; i < sizeof remedies / sizeof remedies[0]; i++) {
        if (remedies[i].result == result) {
            remedy.code = remedies[i].code;
            remedy.why = remedies[i].why != NULL ? remedies[i].why : remedy.why;
            remedy.advice = remedies[i].advice;
        }
    }
    return remedy;
}

static void print_failed(struct cli *cli, const struct remedy *remedy, const char *format,
                         va_list arguments)
{
    char what[LINE_SIZE_MAX / 2];
    char line[LINE_SIZE_MAX];

    vsnprintf(what, sizeof what, format, arguments);
    snprintf(line, sizeof line, "%s: %s; %s", what, remedy->why, remedy->advice);
    print_line(cli, line);
}

int fail_system(struct cli *cli, int error, const char *format, ...)
{
    char what[LINE_SIZE_MAX / 2];
    char line[LINE_SIZE_MAX];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(what, sizeof what, format, arguments);
    va_end(arguments);
    snprintf(line, sizeof line, "%s: %s", what, strerror(error));
    print_line(cli, line);
    return CLI_FAILED;
}

int fail_saying(struct cli *cli, int code, const char *format, ...)
{
    char line[LINE_SIZE_MAX];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    print_line(cli, line);
    return code;
}

int fail_usage(struct cli *cli, const char *format, ...)
{
    char what[LINE_SIZE_MAX / 2];
    char line[LINE_SIZE_MAX];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(what, sizeof what, format, arguments);
    va_end(arguments);
    if (cli->verb == NULL) {
        snprintf(line, sizeof line, "%s; see 'p2psync help'", what);
    } else {
        snprintf(line, sizeof line, "%s: %s; see 'p2psync help %s'", cli->verb->name, what,
                 cli->verb->name);
    }
    print_line(cli, line);
    return CLI_USAGE;
}

void fail_memory(void)
{
    fputs("p2psync: out of memory; close other programs and try again\n", stderr);
    exit(CLI_FAILED);
}

/* One line, whatever was put into it. */
static void print_line(struct cli *cli, const char *line)
{
    char escaped[2 * LINE_SIZE_MAX];

    fflush(stdout);
    fputs("p2psync: ", cli->errors);
    p2psync_text_escape(line, strlen(line), escaped, sizeof escaped);
    fputs(escaped, cli->errors);
    fputc('\n', cli->errors);
    fflush(cli->errors);
}
