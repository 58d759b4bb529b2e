/* Data that the words of a command give: whole objects, and single values. */
#ifndef P2PSYNC_CLI_DATA_H
#define P2PSYNC_CLI_DATA_H

#include <jansson.h>

#include "tools/p2psync/cli.h"

/* The JSON object that is the value of --data, or that stdin holds if it is "-". Freed by the
 * caller. Returns CLI_DONE, or a code after saying why not. */
int data_object(struct cli *cli, const char *data, json_t **object_out);

/* An object as MessagePack. Returns as above. */
int data_pack(struct cli *cli, const json_t *object, struct p2psync_buffer *out);

/* A word as MessagePack: JSON as that, anything else as a string. */
p2psync_result data_value(const char *word, struct p2psync_buffer *out);

#endif
