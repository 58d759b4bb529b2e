/* The members of the mesh as people call them. A name that two members have is shown with the
 * fingerprint, which tells them apart. */
#ifndef P2PSYNC_CLI_MEMBERS_H
#define P2PSYNC_CLI_MEMBERS_H

#include <jansson.h>

#include "tools/p2psync/cli.h"

struct members {
    json_t *list; /* as p2psync_devices() gives it; NULL: nobody is known */
};

/* Who they are. Nobody is known if that cannot be read: then ids take the place of names. */
void members_load(struct members *members, p2psync_node *node);

void members_free(struct members *members);

/* What people call the device with the id `device`, 64 hex digits: the start of the id if it is
 * none of the members. Freed by the caller. */
char *members_name(const struct members *members, const char *device);

/* In each object of the array `list`, put what people call its `device` in place of its `name`. */
void members_tell_apart(const struct members *members, json_t *list);

/* The id of the member whose name, fingerprint or id is `word`; NULL if there is none. If several
 * have that name, `ambiguous_out` is true and it is the first. */
const char *members_find(const struct members *members, const char *word, bool *ambiguous_out);

/* The same where nothing else can be meant. Returns CLI_DONE, or a code after saying why not. */
int members_need(struct cli *cli, const struct members *members, const char *word,
                 const char **device_out);

/* Say that several devices have the name `word`. Returns the code. */
int members_say_several(struct cli *cli, const char *word);

/* A strategy for people: of "prefer:ID" the name stands in place of the id. Freed by the caller. */
char *members_strategy(const struct members *members, const char *strategy);

#endif
