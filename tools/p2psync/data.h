/* Data that the words of a command give: whole objects, and single values. */
#ifndef P2PSYNC_CLI_DATA_H
#define P2PSYNC_CLI_DATA_H

#include "tools/p2psync/cli.h"

#define DATA_WHY_SIZE 256 /* bytes that hold any reason, with its NUL */

/* The JSON object that is the value of --data, or that stdin holds if it is "-", as a map of
 * MessagePack. Freed by the caller. Returns CLI_DONE, or a code after saying why not. */
int data_object(struct cli *cli, const char *data, struct p2psync_buffer *out);

/* A word as MessagePack: JSON as that, anything else as a string. What is JSON and over a limit is
 * no string: nobody asked for one.
 *
 * Errors  P2PSYNC_EFORMAT no UTF-8, or JSON of which something is malformed; P2PSYNC_ELIMIT;
 * P2PSYNC_ENOMEM.
 */
p2psync_result data_value(const char *word, struct p2psync_buffer *out);

/* Say in `why` what is wrong with `size` bytes that p2psync_value_from_json() refuses, and where.
 */
void data_explain(const char *json, size_t size, char why[DATA_WHY_SIZE]);

#endif
