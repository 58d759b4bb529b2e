/* p2psync init: this device and a new mesh, or a device of its own of what was copied. */
#include "tools/p2psync/attach.h"
#include "tools/p2psync/commands/commands.h"
#include "tools/p2psync/fail.h"
#include "tools/p2psync/identity.h"
#include "tools/p2psync/output.h"

static void print_copy(struct p2psync_bytes identity);
static int say_exists(struct cli *cli, p2psync_node *node);

int cmd_init(struct cli *cli, int argc, char **argv)
{
    struct identity_wish wish = {.may_copy = true};
    struct p2psync_buffer identity = {0};
    struct p2psync_detail detail = {.size = sizeof detail};
    p2psync_node *node = NULL;
    p2psync_result result;
    int code = identity_options(cli, argc, argv, 0, &wish);

    if (code == CLI_DONE) {
        code = attach_open(cli, NULL, &node);
    }
    if (code != CLI_DONE) {
        return code;
    }
    result = wish.from_copy ? p2psync_init_copy(node, wish.name, &detail)
                            : p2psync_init(node, wish.name, &detail);
    if (result == P2PSYNC_OK) {
        result = p2psync_identity(node, &identity);
    }
    if (result == P2PSYNC_OK) {
        code = output_answer(cli, &identity, wish.from_copy ? print_copy : identity_print);
    } else if (result == P2PSYNC_EEXIST) {
        code = say_exists(cli, node);
    } else if (detail.text[0] != '\0') {
        code = fail_usage(cli, "%s", detail.text);
    } else {
        code = fail(cli, result, "init");
    }
    p2psync_close(node);
    return code;
}

static void print_copy(struct p2psync_bytes identity)
{
    identity_print(identity);
    identity_print_unknown();
}

static int say_exists(struct cli *cli, p2psync_node *node)
{
    struct p2psync_buffer identity = {0};
    struct p2psync_bytes map = {0};

    if (p2psync_identity(node, &identity) == P2PSYNC_OK) {
        map = (struct p2psync_bytes){identity.data, identity.size};
    }
    struct p2psync_bytes name = p2psync_map_text(map, "name");
    struct p2psync_bytes fingerprint = p2psync_map_text(map, "fingerprint");
    int code = fail_saying(cli, CLI_CONFLICT,
                           "init: '%s' holds the device '%.*s' (%.*s) already; use it, or name "
                           "another directory with -C DIR",
                           cli->dir, TEXT(name), TEXT(fingerprint));

    p2psync_buffer_free(&identity);
    return code;
}
