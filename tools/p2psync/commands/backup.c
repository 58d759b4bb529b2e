/* p2psync backup: all that this device holds, as one file. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "tools/p2psync/attach.h"
#include "tools/p2psync/commands/commands.h"
#include "tools/p2psync/fail.h"
#include "tools/p2psync/options.h"
#include "tools/p2psync/output.h"
#include "tools/p2psync/progress.h"
#include "tools/p2psync/signals.h"

static int parse(struct cli *cli, int argc, char **argv, struct p2psync_backup *backup);
static int answer(struct cli *cli, const struct p2psync_backup *backup,
                  struct p2psync_buffer *made);
static int fail_backup(struct cli *cli, p2psync_result result, const char *file,
                       const struct p2psync_detail *detail);
static bool show(uint64_t done, uint64_t total, void *user);

int cmd_backup(struct cli *cli, int argc, char **argv)
{
    struct progress progress;
    struct p2psync_backup backup = {
        .size = sizeof backup, .progress = show, .progress_user = &progress};
    struct p2psync_detail detail = {.size = sizeof detail};
    struct p2psync_buffer made = {0};
    p2psync_node *node = NULL;
    p2psync_result result;
    int code = parse(cli, argc, argv, &backup);

    if (code == CLI_DONE) {
        code = attach_open(cli, NULL, &node);
    }
    if (code != CLI_DONE) {
        return code;
    }
    if (backup.file != NULL && signals_catch() < 0) {
        code = fail_system(cli, errno, "backup: cannot wait for signals");
    } else {
        progress_init(&progress, cli, "rows copied", 0);
        result = p2psync_backup(node, &backup, &made, &detail);
        progress_end(&progress);
        code = result == P2PSYNC_OK ? answer(cli, &backup, &made)
                                    : fail_backup(cli, result, backup.file, &detail);
    }
    p2psync_close(node);
    return code;
}

static int parse(struct cli *cli, int argc, char **argv, struct p2psync_backup *backup)
{
    static const struct option own[] = {{"without-identity", no_argument, NULL, 'w'}, {0}};
    int option = options_next(cli, argc, argv, own);

    for (; option == 'w'; option = options_next(cli, argc, argv, own)) {
        backup->without_identity = true;
    }
    if (option != OPTIONS_END || !options_operands(cli, argc, argv, 1, 1)) {
        return CLI_USAGE;
    }
    backup->file = argv[optind];
    if (strcmp(backup->file, "-") == 0) {
        backup->file = NULL;
        backup->fd = STDOUT_FILENO;
        if (isatty(STDOUT_FILENO)) {
            return fail_usage(cli, "a terminal cannot show a backup; name a FILE, or a pipe");
        }
    }
    return CLI_DONE;
}

static void print_made(struct p2psync_bytes made)
{
    char size[32];

    output_bytes(p2psync_map_unsigned(made, "size_bytes"), size, sizeof size);
    output_text(p2psync_map_text(made, "file").data, p2psync_map_text(made, "file").size);
    printf(": %" PRIu64 " records, %s\n", p2psync_map_unsigned(made, "records"), size);
}

/* What goes to stdout is the backup itself: then nothing else does. */
static int answer(struct cli *cli, const struct p2psync_backup *backup, struct p2psync_buffer *made)
{
    if (backup->file == NULL) {
        p2psync_buffer_free(made);
        return CLI_DONE;
    }
    return output_answer(cli, made, print_made);
}

static int fail_backup(struct cli *cli, p2psync_result result, const char *file,
                       const struct p2psync_detail *detail)
{
    const char *name = file != NULL ? file : "stdout";

    switch (result) {
    case P2PSYNC_ENOTFOUND: /* a file's directory, and nothing that a device has */
        return fail_saying(cli, CLI_FAILED, "backup: cannot write '%s': %s; name another FILE",
                           name, detail->text);
    case P2PSYNC_EEXIST:
    case P2PSYNC_EBUSY:
        return fail_detail(cli, result, detail, "name another FILE, or remove that one",
                           "backup: cannot write '%s'", name);
    case P2PSYNC_ECORRUPT:
        return fail_detail(cli, result, detail, NULL, "backup");
    case P2PSYNC_ECANCELLED:
        return fail_saying(cli, CLI_FAILED, "backup: interrupted; no '%s' was written", name);
    case P2PSYNC_EDENIED:
        return fail_detail(cli, result, detail, "name another FILE", "backup: cannot write '%s'",
                           name);
    case P2PSYNC_ELIMIT:
    case P2PSYNC_EUNREACHABLE:
    case P2PSYNC_ETIMEDOUT:
        return fail_detail(cli, result, detail, "no backup was made", "backup: '%s'", name);
    default:
        return fail_detail(cli, result, detail, NULL, "backup: cannot write '%s'", name);
    }
}

static bool show(uint64_t done, uint64_t total, void *user)
{
    struct progress *progress = user;

    progress->total = total;
    progress_show(progress, done, done);
    return !signals_caught();
}
