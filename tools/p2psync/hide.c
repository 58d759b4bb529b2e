/* The two commands that hide a record, deleting and archiving, differ in the kind of edit alone. */
#include "tools/p2psync/hide.h"

#include <stdlib.h>

#include "tools/p2psync/attach.h"
#include "tools/p2psync/fail.h"
#include "tools/p2psync/options.h"
#include "tools/p2psync/record.h"
#include "tools/p2psync/versions.h"

static int parse(struct cli *cli, int argc, char **argv, struct p2psync_edit *edit,
                 const char **words);

int hide(struct cli *cli, int argc, char **argv, p2psync_edit_kind kind)
{
    struct p2psync_edit edit = {.size = sizeof edit, .kind = kind};
    struct p2psync_dot *versions = calloc((size_t)argc, sizeof *versions);
    const char **words = calloc((size_t)argc, sizeof *words);
    p2psync_node *node = NULL;
    int code;

    if (versions == NULL || words == NULL) {
        code = fail(cli, P2PSYNC_ENOMEM, "%s", cli->verb->name);
    } else {
        code = parse(cli, argc, argv, &edit, words);
    }
    if (code == CLI_DONE) {
        code = attach_open(cli, NULL, &node);
    }
    if (code == CLI_DONE) {
        const struct record_name name = {argv[optind], edit.id, NULL};

        code = versions_find_all(cli, node, &name, words, versions);
        edit.versions = edit.version_count > 0 ? versions : NULL;
    }
    if (code == CLI_DONE) {
        const char *collection = argv[optind];
        struct p2psync_copy copy = {.size = sizeof copy};
        bool is_copy = p2psync_copy_parse(edit.id, &copy) == P2PSYNC_OK;

        code = record_write(cli, node, collection, &edit);
        if (code == CLI_DONE) { /* of a copy nothing is left but what it was a version of */
            code = record_print_written(cli, node, collection, is_copy ? copy.record : edit.id);
        }
    }
    p2psync_close(node);
    free(words);
    free(versions);
    return code;
}

static int parse(struct cli *cli, int argc, char **argv, struct p2psync_edit *edit,
                 const char **words)
{
    static const struct option own[] = {
        {"note", required_argument, NULL, 'n'}, {"if-version", required_argument, NULL, 'i'}, {0}};
    int option;

    while ((option = options_next(cli, argc, argv, own)) != OPTIONS_END) {
        if (option == 'n') {
            edit->note = optarg;
        } else if (option == OPTIONS_WRONG || !versions_check(cli, optarg)) {
            return CLI_USAGE;
        } else {
            words[edit->version_count++] = optarg;
        }
    }
    if (!options_operands(cli, argc, argv, 2, 2)) {
        return CLI_USAGE;
    }
    edit->id = argv[optind + 1];
    return CLI_DONE;
}
