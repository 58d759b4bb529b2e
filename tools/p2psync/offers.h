/* The words that a shell is offered: whatever begins as the word that is completed does. Names that
 * come from the store are looked up when they are asked for. */
#ifndef P2PSYNC_CLI_OFFERS_H
#define P2PSYNC_CLI_OFFERS_H

#include "tools/p2psync/cli.h"

struct offers {
    struct cli *cli;
    const struct verb *verb; /* NULL: there is none yet */
    bool unknown;            /* there is one, but not in the table */
    const char *current;     /* the word that is completed */
    size_t prefix_size;      /* of it, which is left alone: "--take=" */
    const char *operands[8]; /* those before it */
    size_t operand_count;
    size_t count; /* of offers; the line that says how is printed before the first */
    bool headed;
};

/* Offer one word, if it fits, with what it is. */
void offers_add(struct offers *offers, const char *word, const char *about);

/* Offer all commands. */
void offers_commands(struct offers *offers);

/* Offer what a word in capitals of the table of verbs asks for, if that is known. */
void offers_kind(struct offers *offers, const char *kind);

/* All is offered. */
void offers_end(struct offers *offers);

#endif
