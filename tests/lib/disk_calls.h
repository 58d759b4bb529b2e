/* The calls into the system by which LMDB writes a store, counted; and failing, where a test says
 * so. Linked into a program, they stand in the place of libc's, for its libraries as well. One
 * store at a time, and one thread that writes. */
#ifndef PS_TESTS_DISK_CALLS_H
#define PS_TESTS_DISK_CALLS_H

#include <stdbool.h>
#include <sys/types.h>

struct disk_calls {
    bool watched;
    ino_t file;
    unsigned unflushed;     /* writes of pages since the last flush */
    unsigned meta_writes;   /* of the page that completes a commit */
    unsigned meta_early;    /* ... while a page that it points to was not flushed */
    unsigned meta_unsynced; /* ... through a descriptor that does not wait for the disk */
    unsigned flushes;
    int write_fails; /* with this errno, if not 0, and nothing is written */
    int flush_fails;
    int meta_fails; /* likewise, of the page that completes a commit */
};
extern struct disk_calls disk_calls;

/* Flushes of directories, watched or not: of such as have a store, and of others. */
struct disk_calls_dirs {
    unsigned of_store;
    unsigned of_others;
};
extern struct disk_calls_dirs disk_calls_dirs;

/* From now on, count what is written to the store in `dir`. */
void disk_calls_watch(const char *dir);

#endif
