/* Large rows that the write transaction at hand has found sound. Hundreds of changes may name the
 * same large one as a parent, and each looks it up: so its checksum is computed once a transaction.
 * What is forgotten, because another row came to its place, is computed again. */
#ifndef PS_STORE_ENV_CHECKED_H
#define PS_STORE_ENV_CHECKED_H

#include "store/env/db.h"

#define PS_CHECKED_SIZE_MIN 4096 /* bytes of a row that is remembered */
#define PS_CHECKED_MAX      4096 /* such rows */

struct ps_checked {
    uint64_t turn;                /* of the write transaction */
    uint64_t row[PS_CHECKED_MAX]; /* what was checked, by its hash */
};

/* A write transaction begins: nothing was checked in it. */
void ps_checked_begin(struct ps_checked *checked);

/* Whether this row, at this place in memory, was found sound since then. */
bool ps_checked_has(const struct ps_checked *checked, struct ps_bytes key, struct ps_bytes row);

/* It is sound. */
void ps_checked_add(struct ps_checked *checked, struct ps_bytes key, struct ps_bytes row);

#endif
