/* The identity of a device for people. */
#include "tools/p2psync/identity.h"

#include <string.h>

#include "tools/p2psync/fail.h"
#include "tools/p2psync/options.h"
#include "tools/p2psync/output.h"

int identity_options(struct cli *cli, int argc, char **argv, int operands,
                     struct identity_wish *wish)
{
    static const struct option naming[] = {{"name", required_argument, NULL, 'n'}, {0}};
    static const struct option founding[] = {{"name", required_argument, NULL, 'n'},
                                             {"no-recovery", no_argument, NULL, 'r'},
                                             {"from-copy", no_argument, NULL, 'c'},
                                             {0}};
    const struct option *own = wish->founds ? founding : naming;
    int option = options_next(cli, argc, argv, own);

    for (; option != OPTIONS_END; option = options_next(cli, argc, argv, own)) {
        switch (option) {
        case 'n':
            wish->name = optarg;
            break;
        case 'r':
            wish->no_recovery = true;
            break;
        case 'c':
            wish->from_copy = true;
            break;
        default:
            return CLI_USAGE;
        }
    }
    if (wish->no_recovery && wish->from_copy) {
        return fail_usage(cli, "--from-copy makes no mesh, so --no-recovery is not for it");
    }
    return options_operands(cli, argc, argv, 0, operands) ? CLI_DONE : CLI_USAGE;
}

void identity_print(struct p2psync_bytes identity)
{
    static const char *const keys[] = {"name", "fingerprint", "device", "mesh"};

    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        struct p2psync_bytes text = p2psync_map_text(identity, keys[i]);

        printf("%-12s", keys[i]);
        output_text(text.data, text.size);
        putchar('\n');
    }
}

void identity_print_unknown(void)
{
    printf("No device admits this one yet: run 'p2psync invite' on one, and 'p2psync join CODE' "
           "here.\n");
}
