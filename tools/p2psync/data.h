/* Data that the words of a command give: whole objects, and single values. */
#ifndef P2PSYNC_CLI_DATA_H
#define P2PSYNC_CLI_DATA_H

#include "tools/p2psync/cli.h"

#define DATA_WHY_SIZE 256 /* bytes that hold any reason, with its NUL */

/* The JSON object that is the value of --data, or that stdin holds if it is "-", as a map of
 * MessagePack. Freed by the caller. Returns CLI_DONE, or a code after saying why not. */
int data_object(struct cli *cli, const char *data, struct p2psync_buffer *out);

/* A word as MessagePack: JSON as that, anything else as a string. What is JSON that no value can be
 * is no string: nobody asked for one.
 *
 * Errors  P2PSYNC_EFORMAT no UTF-8, or JSON that means nothing; P2PSYNC_ELIMIT; P2PSYNC_ENOMEM;
 * `detail` says more.
 */
p2psync_result data_value(const char *word, struct p2psync_buffer *out,
                          struct p2psync_detail *detail);

/* Say in `why` what p2psync_value_from_json() says of JSON that it refuses, and where. */
void data_explain(const struct p2psync_detail *detail, char why[DATA_WHY_SIZE]);

#endif
