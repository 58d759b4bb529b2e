/* Who this device is, one key a line. */
#include "tools/p2psync/identity_print.h"

#include <string.h>

#include "tools/p2psync/output.h"

void identity_print(const json_t *identity)
{
    static const char *const KEYS[] = {"name", "fingerprint", "device", "mesh"};

    for (size_t i = 0; i < sizeof KEYS / sizeof KEYS[0]; i++) {
        const char *value = output_string(identity, KEYS[i]);

        printf("%-12s", KEYS[i]);
        output_text(value, strlen(value));
        putchar('\n');
    }
}
