/* The members of the mesh as people call them. A name that two members have is shown with the
 * fingerprint, which tells them apart. */
#ifndef P2PSYNC_CLI_MEMBERS_H
#define P2PSYNC_CLI_MEMBERS_H

#include "tools/p2psync/cli.h"

/* Texts of the answer. */
struct member {
    struct p2psync_bytes device; /* its id, 64 hex digits */
    struct p2psync_bytes name;
    struct p2psync_bytes fingerprint;
    bool namesake; /* another one has the same name */
};

struct members {
    struct p2psync_buffer answer; /* of p2psync_devices(); empty: nobody is known */
    struct member *member;
    size_t count;
};

/* Who they are. Nobody is known if that cannot be read: then ids take the place of names. */
void members_load(struct members *members, p2psync_node *node);

void members_free(struct members *members);

/* What people call the device with the id `device`, 64 hex digits: the start of the id if it is
 * none of the members. Freed by the caller. */
char *members_name(const struct members *members, struct p2psync_bytes device);

/* The member whose name, fingerprint or id is `word`; NULL if there is none. An id and a
 * fingerprint go before names, which anybody can choose. If several have that name, `ambiguous_out`
 * is true and it is the first. */
const struct member *members_find(const struct members *members, const char *word,
                                  bool *ambiguous_out);

/* The same where nothing else can be meant, and only looked at: the first digits of a fingerprint
 * will do, four at least. Returns CLI_DONE, or a code after saying why not. */
int members_need(struct cli *cli, const struct members *members, const char *word,
                 const struct member **member_out);

/* Say that several devices have the name `word`. Returns the code. */
int members_say_several(struct cli *cli, const char *word);

/* A strategy for people: of "prefer:ID" the name stands in place of the id. Freed by the caller. */
char *members_strategy(const struct members *members, struct p2psync_bytes strategy);

#endif
