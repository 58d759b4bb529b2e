/* Faults by --wrap: see fault.h. */
#include "tests/fault/fault.h"

#include <errno.h>
#include <lmdb.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
int __real_mdb_put(MDB_txn *txn, MDB_dbi dbi, MDB_val *key, MDB_val *value, unsigned flags);
int __real_mdb_txn_commit(MDB_txn *txn);
int __real_mdb_txn_begin(MDB_env *env, MDB_txn *parent, unsigned flags, MDB_txn **txn);
int __real_mdb_cursor_open(MDB_txn *txn, MDB_dbi dbi, MDB_cursor **cursor);
int __real_fstatfs(int fd, struct statfs *info);
int __real_fstatvfs(int fd, struct statvfs *info);
int __real_fsync(int fd);

void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);
int __wrap_mdb_put(MDB_txn *txn, MDB_dbi dbi, MDB_val *key, MDB_val *value, unsigned flags);
int __wrap_mdb_txn_commit(MDB_txn *txn);
int __wrap_mdb_txn_begin(MDB_env *env, MDB_txn *parent, unsigned flags, MDB_txn **txn);
int __wrap_mdb_cursor_open(MDB_txn *txn, MDB_dbi dbi, MDB_cursor **cursor);
int __wrap_fstatfs(int fd, struct statfs *info);
int __wrap_fstatvfs(int fd, struct statvfs *info);
int __wrap_fsync(int fd);

static unsigned armed; /* kinds */
static unsigned left;  /* calls until the one that fails */
static bool fired;

void fault_arm(unsigned kinds, unsigned n)
{
    armed = kinds;
    left = n;
    fired = false;
}

bool fault_disarm(void)
{
    armed = 0;
    return fired;
}

static bool fails(fault_kind kind)
{
    if ((armed & (unsigned)kind) == 0) {
        return false;
    }
    left--;
    if (left > 0) {
        return false;
    }
    armed = 0;
    fired = true;
    return true;
}

void *__wrap_malloc(size_t size)
{
    if (fails(FAULT_MEMORY)) {
        errno = ENOMEM;
        return NULL;
    }
    return __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    if (fails(FAULT_MEMORY)) {
        errno = ENOMEM;
        return NULL;
    }
    return __real_calloc(count, size);
}

void *__wrap_realloc(void *old, size_t size)
{
    if (fails(FAULT_MEMORY)) {
        errno = ENOMEM;
        return NULL;
    }
    return __real_realloc(old, size);
}

int __wrap_mdb_put(MDB_txn *txn, MDB_dbi dbi, MDB_val *key, MDB_val *value, unsigned flags)
{
    return fails(FAULT_PUT) ? MDB_MAP_FULL : __real_mdb_put(txn, dbi, key, value, flags);
}

/* As LMDB, a commit that fails ends the transaction. */
int __wrap_mdb_txn_commit(MDB_txn *txn)
{
    if (fails(FAULT_COMMIT)) {
        mdb_txn_abort(txn);
        return EIO;
    }
    return __real_mdb_txn_commit(txn);
}

int __wrap_mdb_txn_begin(MDB_env *env, MDB_txn *parent, unsigned flags, MDB_txn **txn)
{
    return fails(FAULT_BEGIN) ? ENOMEM : __real_mdb_txn_begin(env, parent, flags, txn);
}

int __wrap_mdb_cursor_open(MDB_txn *txn, MDB_dbi dbi, MDB_cursor **cursor)
{
    return fails(FAULT_CURSOR) ? ENOMEM : __real_mdb_cursor_open(txn, dbi, cursor);
}

int __wrap_fstatfs(int fd, struct statfs *info)
{
    int code = __real_fstatfs(fd, info);
    if (code == 0 && fails(FAULT_STATFS)) {
        info->f_type = 0x6969;
    }
    return code;
}

int __wrap_fstatvfs(int fd, struct statvfs *info)
{
    int code = __real_fstatvfs(fd, info);
    if (code == 0 && fails(FAULT_SPACE)) {
        info->f_bavail = 0;
    }
    return code;
}

int __wrap_fsync(int fd)
{
    if (fails(FAULT_SYNC)) {
        errno = EIO;
        return -1;
    }
    return __real_fsync(fd);
}
