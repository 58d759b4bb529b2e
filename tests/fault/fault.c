/* Faults by --wrap: see fault.h. */
#include "tests/fault/fault.h"

#include <errno.h>
#include <lmdb.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>

/* The linker's names are reserved ones, so they are given as such and not used here. */
void *real_malloc(size_t size) __asm__("__real_malloc");
void *real_calloc(size_t count, size_t size) __asm__("__real_calloc");
void *real_realloc(void *old, size_t size) __asm__("__real_realloc");
void *real_reallocarray(void *old, size_t count, size_t size) __asm__("__real_reallocarray");
int real_mdb_put(MDB_txn *txn, MDB_dbi dbi, MDB_val *key, MDB_val *value,
                 unsigned flags) __asm__("__real_mdb_put");
int real_mdb_txn_commit(MDB_txn *txn) __asm__("__real_mdb_txn_commit");
int real_mdb_txn_begin(MDB_env *env, MDB_txn *parent, unsigned flags,
                       MDB_txn **txn) __asm__("__real_mdb_txn_begin");
int real_mdb_cursor_open(MDB_txn *txn, MDB_dbi dbi,
                         MDB_cursor **cursor) __asm__("__real_mdb_cursor_open");
int real_fstatfs(int fd, struct statfs *info) __asm__("__real_fstatfs");
int real_fstatvfs(int fd, struct statvfs *info) __asm__("__real_fstatvfs");
int real_fsync(int fd) __asm__("__real_fsync");
void *faulty_malloc(size_t size) __asm__("__wrap_malloc");
void *faulty_calloc(size_t count, size_t size) __asm__("__wrap_calloc");
void *faulty_realloc(void *old, size_t size) __asm__("__wrap_realloc");
void *faulty_reallocarray(void *old, size_t count, size_t size) __asm__("__wrap_reallocarray");
int faulty_mdb_put(MDB_txn *txn, MDB_dbi dbi, MDB_val *key, MDB_val *value,
                   unsigned flags) __asm__("__wrap_mdb_put");
int faulty_mdb_txn_commit(MDB_txn *txn) __asm__("__wrap_mdb_txn_commit");
int faulty_mdb_txn_begin(MDB_env *env, MDB_txn *parent, unsigned flags,
                         MDB_txn **txn) __asm__("__wrap_mdb_txn_begin");
int faulty_mdb_cursor_open(MDB_txn *txn, MDB_dbi dbi,
                           MDB_cursor **cursor) __asm__("__wrap_mdb_cursor_open");
int faulty_fstatfs(int fd, struct statfs *info) __asm__("__wrap_fstatfs");
int faulty_fstatvfs(int fd, struct statvfs *info) __asm__("__wrap_fstatvfs");
int faulty_fsync(int fd) __asm__("__wrap_fsync");

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

void *faulty_malloc(size_t size)
{
    if (fails(FAULT_MEMORY)) {
        errno = ENOMEM;
        return NULL;
    }
    return real_malloc(size);
}

void *faulty_calloc(size_t count, size_t size)
{
    if (fails(FAULT_MEMORY)) {
        errno = ENOMEM;
        return NULL;
    }
    return real_calloc(count, size);
}

void *faulty_realloc(void *old, size_t size)
{
    if (fails(FAULT_MEMORY)) {
        errno = ENOMEM;
        return NULL;
    }
    return real_realloc(old, size);
}

void *faulty_reallocarray(void *old, size_t count, size_t size)
{
    if (fails(FAULT_MEMORY)) {
        errno = ENOMEM;
        return NULL;
    }
    return real_reallocarray(old, count, size);
}

int faulty_mdb_put(MDB_txn *txn, MDB_dbi dbi, MDB_val *key, MDB_val *value, unsigned flags)
{
    return fails(FAULT_PUT) ? MDB_MAP_FULL : real_mdb_put(txn, dbi, key, value, flags);
}

/* As LMDB, a commit that fails ends the transaction. */
int faulty_mdb_txn_commit(MDB_txn *txn)
{
    if (fails(FAULT_COMMIT)) {
        mdb_txn_abort(txn);
        return EIO;
    }
    return real_mdb_txn_commit(txn);
}

int faulty_mdb_txn_begin(MDB_env *env, MDB_txn *parent, unsigned flags, MDB_txn **txn)
{
    return fails(FAULT_BEGIN) ? ENOMEM : real_mdb_txn_begin(env, parent, flags, txn);
}

int faulty_mdb_cursor_open(MDB_txn *txn, MDB_dbi dbi, MDB_cursor **cursor)
{
    return fails(FAULT_CURSOR) ? ENOMEM : real_mdb_cursor_open(txn, dbi, cursor);
}

int faulty_fstatfs(int fd, struct statfs *info)
{
    int code = real_fstatfs(fd, info);
    if (code == 0 && fails(FAULT_STATFS)) {
        info->f_type = 0x6969;
    }
    return code;
}

int faulty_fstatvfs(int fd, struct statvfs *info)
{
    int code = real_fstatvfs(fd, info);
    if (code == 0 && fails(FAULT_SPACE)) {
        info->f_bavail = 0;
    }
    return code;
}

int faulty_fsync(int fd)
{
    if (fails(FAULT_SYNC)) {
        errno = EIO;
        return -1;
    }
    return real_fsync(fd);
}
