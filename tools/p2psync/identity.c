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

json_t *identity_read(p2psync_node *node)
{
    struct p2psync_buffer packed = {0};
    struct p2psync_buffer text = {0};
    json_t *identity = NULL;

    if (p2psync_identity(node, &packed) == P2PSYNC_OK &&
        p2psync_value_to_json((struct p2psync_bytes){packed.data, packed.size}, &text) ==
            P2PSYNC_OK) {
        identity = json_loadb(text.data, text.size, 0, NULL);
    }
    p2psync_buffer_free(&text);
    p2psync_buffer_free(&packed);
    return identity;
}

void identity_print(json_t *identity)
{
    static const char *const keys[] = {"name", "fingerprint", "device", "mesh"};

    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        const char *value = output_string(identity, keys[i]);

        printf("%-12s", keys[i]);
        output_text(value, strlen(value));
        putchar('\n');
    }
}
