/* p2psync now: sync with everybody reachable and wait for it. */
#include <inttypes.h>

#include "tools/p2psync/attach.h"
#include "tools/p2psync/commands/commands.h"
#include "tools/p2psync/fail.h"
#include "tools/p2psync/output.h"

static void print_numbers(struct p2psync_bytes numbers);

int cmd_now(struct cli *cli, int argc, char **argv)
{
    struct p2psync_buffer numbers = {0};
    p2psync_node *node = NULL;
    int code = attach_plain(cli, argc, argv, 0, &node);

    if (code == CLI_DONE) {
        p2psync_result result = p2psync_now(node, 0, &numbers);

        code = result == P2PSYNC_OK ? output_answer(cli, &numbers, print_numbers)
                                    : fail_node(cli, node, result, "now");
    }
    p2psync_close(node);
    return code;
}

static void print_numbers(struct p2psync_bytes numbers)
{
    printf(
        "In sync. Peers: %" PRIu64 ", changes received: %" PRIu64 ", sent: %" PRIu64
        ", conflicts: %" PRIu64 ", %" PRIu64 " ms.\n",
        p2psync_map_unsigned(numbers, "peers"), p2psync_map_unsigned(numbers, "changes_received"),
        p2psync_map_unsigned(numbers, "changes_sent"), p2psync_map_unsigned(numbers, "conflicts"),
        p2psync_map_unsigned(numbers, "duration_ms"));
}
