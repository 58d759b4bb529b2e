/* The identity of a device for people. */
#include "tools/p2psync/identity.h"

#include <string.h>

#include "tools/p2psync/options.h"
#include "tools/p2psync/output.h"

int identity_options(struct cli *cli, int argc, char **argv, int operands, const char **name_out)
{
    static const struct option own[] = {{"name", required_argument, NULL, 'n'}, {0}};
    int option = options_next(cli, argc, argv, own);

    *name_out = NULL;
    for (; option == 'n'; option = options_next(cli, argc, argv, own)) {
        *name_out = optarg;
    }
    return option == OPTIONS_END && options_operands(cli, argc, argv, 0, operands) ? CLI_DONE
                                                                                   : CLI_USAGE;
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
