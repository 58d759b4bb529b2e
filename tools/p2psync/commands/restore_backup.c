/* p2psync restore-backup: a backup becomes a directory. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "tools/p2psync/commands/commands.h"
#include "tools/p2psync/fail.h"
#include "tools/p2psync/identity.h"
#include "tools/p2psync/options.h"
#include "tools/p2psync/output.h"
#include "tools/p2psync/progress.h"
#include "tools/p2psync/signals.h"

static int parse(struct cli *cli, int argc, char **argv, struct p2psync_backup_restore *restore);
static void print_device(struct p2psync_bytes device);
static void print_new_device(struct p2psync_bytes device);
static int fail_restore(struct cli *cli, p2psync_result result,
                        const struct p2psync_backup_restore *restore,
                        const struct p2psync_detail *detail);
static bool show(uint64_t done, uint64_t total, void *user);

int cmd_restore_backup(struct cli *cli, int argc, char **argv)
{
    struct progress progress;
    struct p2psync_backup_restore restore = {
        .size = sizeof restore, .dir = cli->dir, .progress = show, .progress_user = &progress};
    struct p2psync_detail detail = {.size = sizeof detail};
    struct p2psync_buffer device = {0};
    p2psync_result result;
    int code = parse(cli, argc, argv, &restore);

    if (code != CLI_DONE) {
        return code;
    }
    if (cli->dir == NULL) {
        return fail_saying(cli, CLI_FAILED,
                           "no directory for the data is known: HOME is not set; give one with -C "
                           "DIR");
    }
    if (signals_catch() < 0) {
        return fail_system(cli, errno, "restore-backup: cannot wait for signals");
    }
    progress_init(&progress, cli, "MiB restored", 0);
    result = p2psync_backup_restore(&restore, &device, &detail);
    progress_end(&progress);
    return result == P2PSYNC_OK
               ? output_answer(cli, &device,
                               restore.as_new_device ? print_new_device : print_device)
               : fail_restore(cli, result, &restore, &detail);
}

static int parse(struct cli *cli, int argc, char **argv, struct p2psync_backup_restore *restore)
{
    static const struct option own[] = {
        {"as-new-device", no_argument, NULL, 'n'}, {"name", required_argument, NULL, 'm'}, {0}};
    int option = options_next(cli, argc, argv, own);

    for (; option == 'n' || option == 'm'; option = options_next(cli, argc, argv, own)) {
        if (option == 'n') {
            restore->as_new_device = true;
        } else {
            restore->name = optarg;
        }
    }
    if (option != OPTIONS_END || !options_operands(cli, argc, argv, 1, 1)) {
        return CLI_USAGE;
    }
    if (restore->name != NULL && !restore->as_new_device) {
        return fail_usage(cli, "--name is for a new device: --as-new-device makes one");
    }
    restore->file = argv[optind];
    if (strcmp(restore->file, "-") == 0) {
        restore->file = NULL;
        restore->fd = STDIN_FILENO;
    }
    return CLI_DONE;
}

static void print_device(struct p2psync_bytes device)
{
    struct p2psync_bytes made = p2psync_map_text(device, "made");

    identity_print(device);
    printf("%" PRIu64 " records, as they were at %.*s; other devices bring what is newer.\n"
           "Let this device run nowhere else.\n",
           p2psync_map_unsigned(device, "records"), TEXT(made));
}

static void print_new_device(struct p2psync_bytes device)
{
    identity_print(device);
    identity_print_unknown();
}

static int fail_restore(struct cli *cli, p2psync_result result,
                        const struct p2psync_backup_restore *restore,
                        const struct p2psync_detail *detail)
{
    const char *file = restore->file != NULL ? restore->file : "stdin";

    switch (result) {
    case P2PSYNC_ENOTFOUND: /* a file, and nothing that a device has */
        return fail_saying(cli, CLI_FAILED, "restore-backup: '%s': %s", file, detail->text);
    case P2PSYNC_EFORMAT:
    case P2PSYNC_ELIMIT:
        return fail_usage(cli, "%s", detail->text);
    case P2PSYNC_ECORRUPT:
        return fail_detail(cli, result, detail, "take another one; nothing was made",
                           "restore-backup: '%s'", file);
    case P2PSYNC_EOLDER:
        return fail_detail(cli, result, detail,
                           "restore it with the p2psync that made it, and export its records there",
                           "restore-backup: '%s'", file);
    case P2PSYNC_ENEWER:
    case P2PSYNC_EDENIED:
        return fail_detail(cli, result, detail, NULL, "restore-backup: '%s' to '%s'", file,
                           cli->dir);
    case P2PSYNC_ENODEVICE:
        return fail_detail(cli, result, detail, "add --as-new-device", "restore-backup: '%s'",
                           file);
    case P2PSYNC_EEXIST:
    case P2PSYNC_EBUSY:
        return fail_detail(cli, result, detail, "name another directory with -C DIR",
                           "restore-backup: cannot make '%s'", cli->dir);
    case P2PSYNC_ECANCELLED:
        return fail_saying(cli, CLI_FAILED, "restore-backup: interrupted; nothing was made");
    default:
        return fail_detail(cli, result, detail, NULL, "restore-backup: cannot make '%s'", cli->dir);
    }
}

static bool show(uint64_t done, uint64_t total, void *user)
{
    struct progress *progress = user;

    progress->total = total;
    progress_show(progress, done >> 20, done);
    return !signals_caught();
}
