/* Making the n-th call of a kind fail. The linker puts the functions of fault.c in the place of the
 * real ones (-Wl,--wrap), for calls from our own objects; production code knows nothing of it. */
#ifndef TESTS_FAULT_FAULT_H
#define TESTS_FAULT_FAULT_H

#include <stdbool.h>

typedef enum fault_kind {
    FAULT_MEMORY = 1U << 0, /* malloc, calloc, realloc, reallocarray: ENOMEM */
    FAULT_PUT = 1U << 1,    /* mdb_put: MDB_MAP_FULL */
    FAULT_COMMIT = 1U << 2, /* mdb_txn_commit: EIO */
    FAULT_BEGIN = 1U << 3,  /* mdb_txn_begin: ENOMEM */
    FAULT_CURSOR = 1U << 4, /* mdb_cursor_open: ENOMEM */
    FAULT_STATFS = 1U << 5, /* fstatfs: says that it is NFS */
    FAULT_SYNC = 1U << 6,   /* fsync: EIO */
    FAULT_SPACE = 1U << 7,  /* fstatvfs: says that nothing is free */
} fault_kind;

/* From now on the n-th call (from 1) of these kinds fails, and only that one. */
void fault_arm(unsigned kinds, unsigned n);

/* No more faults; whether there was one. */
bool fault_disarm(void);

#endif
