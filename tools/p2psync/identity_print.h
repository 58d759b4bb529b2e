/* Who this device is, for people: what `init` and `join` answer. */
#ifndef P2PSYNC_CLI_IDENTITY_PRINT_H
#define P2PSYNC_CLI_IDENTITY_PRINT_H

#include <jansson.h>

/* Print name, fingerprint, id and mesh of an answer of p2psync_identity() or p2psync_join(). */
void identity_print(json_t *identity);

#endif
