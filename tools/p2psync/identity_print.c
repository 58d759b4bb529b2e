/* Who this device is, one key a line. */
#include "tools/p2psync/identity_print.h"

#include <string.h>

#include "tools/p2psync/output.h"

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
