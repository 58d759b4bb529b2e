/* Versions of records as people write and read them. A whole one is TAG-NUMBER, the tag in hex
 * digits. People are shown the first digits of the tag with the number, and may type, as in git, as
 * few digits of the tag as name one version of the record, with or without the number. */
#ifndef P2PSYNC_CLI_VERSIONS_H
#define P2PSYNC_CLI_VERSIONS_H

#include "tools/p2psync/cli.h"

#define VERSIONS_SHORT_SIZE 32 /* with its NUL */

struct record_name;

/* Whether `text` may name a version. */
bool versions_may_be(const char *text);

/* The same. If not, says so, as wrong usage. */
bool versions_check(struct cli *cli, const char *text);

/* Which version of the record `text` names. Returns CLI_DONE, or a code after saying why not. */
int versions_find(struct cli *cli, p2psync_node *node, const struct record_name *record,
                  const char *text, struct p2psync_dot *out);

/* The versions of a condition: that the record still has exactly these. */
struct versions_condition {
    bool given;
    size_t count; /* 0: that there is no record */
    const char **words;
    struct p2psync_dot *dots; /* by versions_condition_find() */
};

/* Make room for `most` versions. Returns CLI_DONE, or a code after saying why not. */
int versions_condition_init(struct cli *cli, struct versions_condition *condition, int most);
/* A zeroed one is fine. */
void versions_condition_deinit(struct versions_condition *condition);

/* Take the value of --if-version: a version, or "none" if that may be. False after saying that it
 * is neither. */
bool versions_condition_add(struct cli *cli, struct versions_condition *condition, const char *word,
                            bool none);

/* Find them all. As versions_find(). */
int versions_condition_find(struct cli *cli, p2psync_node *node, const struct record_name *record,
                            struct versions_condition *condition);

/* `version`, a whole one, as people are shown it; anything else as it is. */
void versions_shorten(const char *version, char out[static VERSIONS_SHORT_SIZE]);

#endif
