/* p2psync get: one record, as it is or as one of its versions left it. */
#include "tools/p2psync/attach.h"
#include "tools/p2psync/commands/commands.h"
#include "tools/p2psync/options.h"
#include "tools/p2psync/record.h"
#include "tools/p2psync/versions.h"

int cmd_get(struct cli *cli, int argc, char **argv)
{
    static const struct option own[] = {{"version", required_argument, NULL, 'V'}, {0}};
    struct record_name name = {0};
    struct p2psync_dot version;
    const char *word = NULL;
    p2psync_node *node = NULL;
    int option;
    int code;

    while ((option = options_next(cli, argc, argv, own)) != OPTIONS_END) {
        if (option == OPTIONS_WRONG || !versions_check(cli, optarg)) {
            return CLI_USAGE;
        }
        word = optarg;
    }
    if (!options_operands(cli, argc, argv, 2, 2)) {
        return CLI_USAGE;
    }
    name.collection = argv[optind];
    name.id = argv[optind + 1];
    code = attach_open(cli, NULL, &node);
    if (code == CLI_DONE && word != NULL) {
        code = versions_find(cli, node, &name, word, &version);
        name.version = &version;
    }
    if (code == CLI_DONE) {
        code = record_print_live(cli, node, &name);
    }
    p2psync_close(node);
    return code;
}
