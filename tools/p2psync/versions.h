/* Versions of records as people write and read them. A whole one is TAG-NUMBER, the tag in hex
 * digits. People are shown the first digits of the tag with the number, and may type, as in git, as
 * few digits of the tag as name one version of the record, with or without the number. */
#ifndef P2PSYNC_CLI_VERSIONS_H
#define P2PSYNC_CLI_VERSIONS_H

#include "tools/p2psync/record.h"

#define VERSIONS_SHORT_SIZE 32 /* with its NUL */

/* Whether `text` may name a version. */
bool versions_may_be(const char *text);

/* The same. If not, says so, as wrong usage. */
bool versions_check(struct cli *cli, const char *text);

/* Which version of the record `text` names. Returns CLI_DONE, or a code after saying why not. */
int versions_find(struct cli *cli, p2psync_node *node, const struct record_name *record,
                  const char *text, struct p2psync_dot *out);

/* The same for each of `words`, which end with NULL; `dots` has room for all. */
int versions_find_all(struct cli *cli, p2psync_node *node, const struct record_name *record,
                      const char *const *words, struct p2psync_dot *dots);

/* What `get` and `restore` are asked for. */
struct versions_wanted {
    bool noted;       /* set by the caller: --note is an option */
    const char *word; /* of --version; NULL: as the record is */
    const char *note; /* of --note, or NULL */
    struct p2psync_dot version;
    struct record_name name;
};

/* Parse COLLECTION ID [--version VERSION] [--note TEXT], and open the node. Returns CLI_DONE, or a
 * code after saying why not. */
int versions_open(struct cli *cli, int argc, char **argv, p2psync_node **node_out,
                  struct versions_wanted *wanted);

/* A version of an answer, a whole one, as people are shown it; another text as it is. */
void versions_shorten(struct p2psync_bytes version, char out[static VERSIONS_SHORT_SIZE]);

#endif
