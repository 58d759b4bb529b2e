/* What the killed processes do. Two devices of one mesh, `ada` and `ben`, have each a node in a
 * process of its own; a third process imports into ada's store beside her node. Each says what it
 * vouches for over a pipe: the importer each transaction that is committed, a node each record that
 * its app was told of. What was said must be there whatever happens next. */
#ifndef TESTS_KILL_PARTS_H
#define TESTS_KILL_PARTS_H

#include <stdint.h>

#include <p2psync.h>

#define KILL_COLLECTION  "things"
#define KILL_RECORDS_MAX 12 /* in one transaction */
#define KILL_ID_SIZE     24

struct kill_device {
    const char *name;
    const char *dir;
    const char *listen; /* and where the other one is dialled */
    const char *peer;
};

/* Print what failed and end the process. */
_Noreturn void kill_fail(const char *what, const char *why);
/* End the process unless the result is OK. */
void kill_check(p2psync_result result, const char *what);

/* Open the store of a device, durable. */
p2psync_node *kill_open(const struct kill_device *device);

/* How many records transaction `number` has; the id of one of them. */
unsigned kill_records(uint64_t number);
void kill_id(uint64_t number, unsigned index, char out[static KILL_ID_SIZE]);

/* Run the node of a device until stdin ends. Says "ready" as UINT64_MAX, then the numbers of the
 * transactions whose last record was told. */
void kill_run_node(const struct kill_device *device);

/* Commit transactions `first` to `first` + `count` - 1 and say each one's number. The last one
 * waits until stdin ends, so that whoever keeps it open meets an import that is not over. */
void kill_import(const struct kill_device *device, uint64_t first, uint64_t count);

#endif
