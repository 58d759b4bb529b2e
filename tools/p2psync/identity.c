/* The identity of a device for people. */
#include "tools/p2psync/identity.h"

#include <stdlib.h>
#include <string.h>

#include "tools/p2psync/fail.h"
#include "tools/p2psync/options.h"
#include "tools/p2psync/output.h"

#define NAME_SIZE_MAX 64

static const char *unusable(const char *name);

int identity_options(struct cli *cli, int argc, char **argv, int operands, const char **name_out)
{
    static const struct option own[] = {{"name", required_argument, NULL, 'n'}, {0}};
    const char *why = NULL;
    int option = options_next(cli, argc, argv, own);

    *name_out = NULL;
    for (; option == 'n'; option = options_next(cli, argc, argv, own)) {
        *name_out = optarg;
    }
    if (option != OPTIONS_END || !options_operands(cli, argc, argv, operands, operands)) {
        return CLI_USAGE;
    }
    why = *name_out != NULL ? unusable(*name_out) : NULL;
    return why == NULL ? CLI_DONE
                       : fail_usage(cli,
                                    "'%s' is no name for a device: it %s; 1 to 64 bytes of "
                                    "UTF-8 make one",
                                    *name_out, why);
}

/* Why no device can be called so, or NULL. */
static const char *unusable(const char *name)
{
    if (name[0] == '\0') {
        return "is empty";
    }
    if (strlen(name) > NAME_SIZE_MAX) {
        return "is too long";
    }
    if (mbstowcs(NULL, name, 0) == (size_t)-1) {
        return "is not UTF-8";
    }
    for (const unsigned char *at = (const unsigned char *)name; *at != '\0'; at++) {
        if (*at < 0x20 || *at == 0x7f || (at[0] == 0xc2 && at[1] < 0xa0)) {
            return "has control characters";
        }
    }
    return NULL;
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
