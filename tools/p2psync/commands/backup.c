/* p2psync backup: all that this device holds, as one file; or the settings by which the running
 * node makes such files by itself. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/p2psync/attach.h"
#include "tools/p2psync/commands/commands.h"
#include "tools/p2psync/fail.h"
#include "tools/p2psync/options.h"
#include "tools/p2psync/output.h"
#include "tools/p2psync/progress.h"
#include "tools/p2psync/signals.h"

/* What the node is to do by itself. */
struct plan {
    const char *every; /* NULL: nothing is said of it */
    const char *keep;  /* the same */
    const char *dir;   /* the same */
};

static int parse(struct cli *cli, int argc, char **argv, struct p2psync_backup *backup,
                 struct plan *plan);
static int parse_place(struct cli *cli, const char *file, struct p2psync_backup *backup);
static int make(struct cli *cli, p2psync_node *node, struct p2psync_backup *backup);
static int set_plan(struct cli *cli, p2psync_node *node, const struct plan *plan);
static int make_settings(struct cli *cli, const struct plan *plan, struct p2psync_buffer *out);
static int answer_plan(struct cli *cli, struct p2psync_buffer *settings);
static void print_plan(struct p2psync_bytes plan);
static int answer(struct cli *cli, const struct p2psync_backup *backup,
                  struct p2psync_buffer *made);
static int fail_backup(struct cli *cli, p2psync_result result, const char *file,
                       const struct p2psync_detail *detail);
static bool show(uint64_t done, uint64_t total, void *user);

int cmd_backup(struct cli *cli, int argc, char **argv)
{
    struct p2psync_backup backup = {.size = sizeof backup};
    struct plan plan = {.every = NULL};
    p2psync_node *node = NULL;
    int code = parse(cli, argc, argv, &backup, &plan);

    if (code == CLI_DONE) {
        code = attach_open(cli, NULL, &node);
    }
    if (code == CLI_DONE) {
        code = plan.every != NULL || plan.keep != NULL ? set_plan(cli, node, &plan)
                                                       : make(cli, node, &backup);
    }
    p2psync_close(node);
    return code;
}

static int parse(struct cli *cli, int argc, char **argv, struct p2psync_backup *backup,
                 struct plan *plan)
{
    static const struct option own[] = {{"without-identity", no_argument, NULL, 'w'},
                                        {"every", required_argument, NULL, 'e'},
                                        {"keep", required_argument, NULL, 'k'},
                                        {0}};
    int option;

    while ((option = options_next(cli, argc, argv, own)) != OPTIONS_END) {
        switch (option) {
        case 'w':
            backup->without_identity = true;
            break;
        case 'e':
            plan->every = optarg;
            break;
        case 'k':
            plan->keep = optarg;
            break;
        default:
            return CLI_USAGE;
        }
    }
    if (plan->every == NULL && plan->keep == NULL) {
        return options_operands(cli, argc, argv, 1, 1) ? parse_place(cli, argv[optind], backup)
                                                       : CLI_USAGE;
    }
    if (!options_operands(cli, argc, argv, 0, 1)) {
        return CLI_USAGE;
    }
    if (backup->without_identity) {
        return fail_usage(cli, "--without-identity is for one backup; those that the node makes by "
                               "itself hold its key");
    }
    plan->dir = argv[optind];
    return CLI_DONE;
}

static int parse_place(struct cli *cli, const char *file, struct p2psync_backup *backup)
{
    backup->file = file;
    if (strcmp(file, "-") == 0) {
        backup->file = NULL;
        backup->fd = STDOUT_FILENO;
        if (isatty(STDOUT_FILENO)) {
            return fail_usage(cli, "a terminal cannot show a backup; name a FILE, or a pipe");
        }
    }
    return CLI_DONE;
}

/* ---- those that the node makes ---- */

static int set_plan(struct cli *cli, p2psync_node *node, const struct plan *plan)
{
    struct p2psync_buffer settings = {0};
    struct p2psync_detail detail = {.size = sizeof detail};
    int code = make_settings(cli, plan, &settings);
    p2psync_result result;

    if (code != CLI_DONE) {
        return code;
    }
    result =
        p2psync_config_set_all(node, (struct p2psync_bytes){settings.data, settings.size}, &detail);
    p2psync_buffer_free(&settings);
    if (result == P2PSYNC_OK) {
        result = p2psync_config(node, &settings, &detail);
    }
    switch (result) {
    case P2PSYNC_OK:
        return answer_plan(cli, &settings);
    case P2PSYNC_EFORMAT:
        return fail_usage(cli, "backup: %s", detail.text);
    default:
        return fail_detail(cli, result, &detail, NULL, "backup");
    }
}

/* A node takes the full path of a directory: what is given here may be shorter, and must be there.
 */
static int make_settings(struct cli *cli, const struct plan *plan, struct p2psync_buffer *out)
{
    p2psync_builder *builder = NULL;
    uint64_t keep = 0;
    char *dir = plan->dir != NULL ? realpath(plan->dir, NULL) : NULL;
    int code = CLI_DONE;

    if (plan->dir != NULL && dir == NULL) {
        code = fail_system(cli, errno, "backup: '%s'", plan->dir);
    } else if (plan->keep != NULL && !options_number(plan->keep, UINT32_MAX, &keep)) {
        code = fail_usage(cli, "--keep takes a number, not '%s'", plan->keep);
    } else if (p2psync_builder_new(&builder) != P2PSYNC_OK) {
        fail_memory();
    } else {
        if (dir != NULL) {
            p2psync_builder_text(builder, "backup_dir", dir);
        }
        if (plan->every != NULL) {
            p2psync_builder_text(builder, "backup_every", plan->every);
        }
        if (plan->keep != NULL) {
            p2psync_builder_unsigned(builder, "backup_keep", keep);
        }
        p2psync_result result = p2psync_builder_finish(builder, out);
        code = result == P2PSYNC_OK ? CLI_DONE : fail(cli, result, "backup");
    }
    free(dir);
    return code;
}

/* Of all settings, those of this command. */
static int answer_plan(struct cli *cli, struct p2psync_buffer *settings)
{
    static const char *const keys[] = {"backup_dir", "backup_every", "backup_keep"};
    struct p2psync_bytes all = {settings->data, settings->size};
    struct p2psync_buffer own = {0};
    p2psync_builder *builder = NULL;

    if (p2psync_builder_new(&builder) != P2PSYNC_OK) {
        fail_memory();
    }
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        struct p2psync_bytes setting = p2psync_value_find(all, keys[i]);

        p2psync_builder_value(builder, keys[i], p2psync_value_find(setting, "value"));
    }
    p2psync_result result = p2psync_builder_finish(builder, &own);
    p2psync_buffer_free(settings);
    return result == P2PSYNC_OK ? output_answer(cli, &own, print_plan)
                                : fail(cli, result, "backup");
}

static void print_plan(struct p2psync_bytes plan)
{
    struct p2psync_bytes dir = p2psync_map_text(plan, "backup_dir");

    if (dir.size == 0) {
        printf("No backups are made by the node: no directory is named.\n");
        return;
    }
    printf("The running node makes a backup in ");
    output_text(dir.data, dir.size);
    printf(" every %.*s, and keeps %" PRIu64 ".\nOne that runs already takes this up when it gets "
           "SIGHUP.\n",
           TEXT(p2psync_map_text(plan, "backup_every")), p2psync_map_unsigned(plan, "backup_keep"));
}

/* ---- one that is made now ---- */

static int make(struct cli *cli, p2psync_node *node, struct p2psync_backup *backup)
{
    struct progress progress;
    struct p2psync_detail detail = {.size = sizeof detail};
    struct p2psync_buffer made = {0};
    p2psync_result result;

    if (backup->file != NULL && signals_catch() < 0) {
        return fail_system(cli, errno, "backup: cannot wait for signals");
    }
    progress_init(&progress, cli, "rows copied", 0);
    backup->progress = show;
    backup->progress_user = &progress;
    result = p2psync_backup(node, backup, &made, &detail);
    progress_end(&progress);
    return result == P2PSYNC_OK ? answer(cli, backup, &made)
                                : fail_backup(cli, result, backup->file, &detail);
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
