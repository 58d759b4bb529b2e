/* p2psync reset: the past is dropped, and fetched again from other devices. */
#include <inttypes.h>

#include "tools/p2psync/commands/commands.h"
#include "tools/p2psync/fail.h"
#include "tools/p2psync/identity.h"
#include "tools/p2psync/options.h"
#include "tools/p2psync/output.h"

static void print_reset(struct p2psync_bytes device);
static int fail_reset(struct cli *cli, p2psync_result result, const struct p2psync_detail *detail);

int cmd_reset(struct cli *cli, int argc, char **argv)
{
    static const struct option own[] = {{"yes", no_argument, NULL, 'y'}, {0}};
    struct p2psync_reset reset = {.size = sizeof reset, .dir = cli->dir};
    struct p2psync_detail detail = {.size = sizeof detail};
    struct p2psync_buffer answer = {0};
    int option = options_next(cli, argc, argv, own);
    p2psync_result result;

    for (; option == 'y'; option = options_next(cli, argc, argv, own)) {
        reset.even_if_lost = true;
    }
    if (option != OPTIONS_END || !options_operands(cli, argc, argv, 0, 0)) {
        return CLI_USAGE;
    }
    if (cli->dir == NULL) {
        return fail_saying(cli, CLI_FAILED,
                           "no directory for the data is known: HOME is not set; give one with -C "
                           "DIR");
    }
    result = p2psync_reset(&reset, &answer, &detail);
    return result == P2PSYNC_OK ? output_answer(cli, &answer, print_reset)
                                : fail_reset(cli, result, &detail);
}

static void print_reset(struct p2psync_bytes device)
{
    uint64_t lost = p2psync_map_unsigned(device, "lost");

    identity_print(device);
    printf("%" PRIu64 " changes were dropped", p2psync_map_unsigned(device, "dropped"));
    if (lost > 0) {
        printf(", of which %" PRIu64 " may be on no other device", lost);
    }
    printf(".\nOnce 'p2psync start' has it run, it fetches what other devices have.\n");
}

static int fail_reset(struct cli *cli, p2psync_result result, const struct p2psync_detail *detail)
{
    switch (result) {
    case P2PSYNC_ECONFLICT:
        return fail_detail(cli, result, detail,
                           "start the node, wait until 'p2psync status' says in_sync, stop it and "
                           "try again; or lose them with --yes",
                           "reset");
    case P2PSYNC_EBUSY:
        return fail_detail(cli, result, detail, "end it ('p2psync stop' ends a node)", "reset '%s'",
                           cli->dir);
    default:
        return fail_detail(cli, result, detail, NULL, "reset '%s'", cli->dir);
    }
}
