/* What no command can make, for the cases of the command line; no node may run in DIR.
 *
 *     sign DIR COLLECTION ID BODY...   another device has written the record so: each BODY is the
 *                                      hex of a change's body
 *     sign DIR COLLECTION ID lost      another device has edited the record on top of what is lost
 *     sign DIR COLLECTION ID begun     another device's transaction begins with it, and that is all
 *     sign DIR DEVICE MS skew          the clock of that member, an id, is so far ahead of this
 *                                      one's
 *     sign DIR COLLECTION ID damage    the record's value on this device's disk is none
 *     sign DIR COLLECTION - lose       the bytes of the first change of each of its logs are gone
 *     sign DIR COLLECTION - rot        the row of its first log has rotted
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/env/keys.h"
#include "store/log/collection.h"
#include "store/mesh/peers.h"
#include "tests/lib/author.h"

static void must(bool condition, const char *what)
{
    if (!condition) {
        fprintf(stderr, "sign: %s failed\n", what);
        exit(1);
    }
}

/* free() what it returns. */
static uint8_t *from_hex(const char *hex, size_t *size_out)
{
    size_t size = strlen(hex) / 2;
    uint8_t *bytes = malloc(size + 1);

    must(bytes != NULL, "memory");
    for (size_t i = 0; i < size; i++) {
        const char digits[3] = {hex[2 * i], hex[2 * i + 1], '\0'};

        bytes[i] = (uint8_t)strtoul(digits, NULL, 16);
    }
    *size_out = size;
    return bytes;
}

static struct author author;

/* A device for each record: two logs of one would contradict each other. */
static void begin(struct store_case *here, const char *collection, const char *id)
{
    uint64_t seed = 1000;

    for (const char *at = id; *at != '\0'; at++) {
        seed = seed * 31 + (uint8_t)*at;
    }
    author_init(&author, seed);
    author.identity.mesh = here->identity.mesh;
    author.collection = collection;
}

static void deliver(struct store_case *here)
{
    author_deliver_all(&author, here);
    (void)case_apply(here);
    author_deinit(&author);
}

static void let_wait(struct store_case *here, const char *collection, const char *id, bool lost)
{
    struct author_change change = {
        .op_and_flags = lost ? PS_OP_UPDATE : PS_OP_CREATE | PS_CHANGE_MORE, .id = id, .hlc = 1};

    change.parents[0].dot.origin.bytes[0] = 0xab;
    change.parents[0].dot.seq = 41;
    change.parent_count = lost ? 1 : 0;
    begin(here, collection, id);
    (void)author_add(&author, &change);
    deliver(here);
}

static void sign(struct store_case *here, const char *collection, const char *id, char **bodies)
{
    struct author_change change = {.op_and_flags = PS_OP_CREATE, .id = id, .hlc = 1};

    begin(here, collection, id);
    for (; *bodies != NULL; bodies++) {
        size_t size = 0;
        uint8_t *body = from_hex(*bodies, &size);

        change.raw_body = ps_bytes(body, size);
        change.parents[0] = author_add(&author, &change);
        change.parent_count = 1;
        change.op_and_flags = PS_OP_UPDATE;
        change.hlc++;
        free(body);
    }
    deliver(here);
}

static void damage(struct store_case *here, const char *collection, const char *id)
{
    struct ps_txn txn = case_begin(here, true);
    struct ps_collection found;
    struct ps_bytes row;
    struct ps_record_row record;
    struct ps_view view;

    must(ps_collection_find(&txn, ps_bytes_text(collection), &found) == P2PSYNC_OK, "collection");
    struct ps_key key = ps_key_record(found.number, ps_bytes_text(id));
    must(ps_db_get(&txn, PS_DB_RECORDS, ps_key_view(&key), &row) == P2PSYNC_OK, "row");
    must(ps_record_get(&txn, found.number, ps_bytes_text(id), &record) == P2PSYNC_OK, "record");
    ps_record_view(&record, &view);
    uint8_t *copy = malloc(row.size);
    must(copy != NULL && view.value.size > 0, "memory");
    memcpy(copy, row.data, row.size);
    copy[view.value.data - row.data] = 0xc1; /* which nothing begins with */
    must(ps_db_put(&txn, PS_DB_RECORDS, ps_key_view(&key), ps_bytes(copy, row.size)) == P2PSYNC_OK,
         "write");
    free(copy);
    case_commit(&txn);
}

/* The bytes of the first change of every log of the collection are gone. */
static void lose(struct store_case *here, const char *collection)
{
    struct ps_txn txn = case_begin(here, true);
    struct ps_collection found;
    struct ps_log log;

    must(ps_collection_find(&txn, ps_bytes_text(collection), &found) == P2PSYNC_OK, "collection");
    struct ps_log_walk walk = {.txn = &txn, .collection = found.number};
    while (ps_log_walk_next(&walk, &log)) {
        struct ps_key key = ps_key_entry(log.number, 0);
        must(ps_db_delete(&txn, PS_DB_ENTRIES, ps_key_view(&key)) == P2PSYNC_OK, "delete");
    }
    case_commit(&txn);
}

static void rot(struct store_case *here, const char *collection)
{
    struct ps_txn txn = case_begin(here, true);
    struct ps_collection found;
    struct ps_log log;
    struct ps_bytes row;
    uint8_t *room = NULL;

    must(ps_collection_find(&txn, ps_bytes_text(collection), &found) == P2PSYNC_OK, "collection");
    struct ps_log_walk walk = {.txn = &txn, .collection = found.number};
    must(ps_log_walk_next(&walk, &log), "log");
    const struct ps_log_key log_key = {.collection = found.number, .id = log.id};
    struct ps_key key = ps_key_log(&log_key);
    must(ps_db_get(&txn, PS_DB_LOGS, ps_key_view(&key), &row) == P2PSYNC_OK, "row");
    size_t size = row.size;
    must(ps_db_reserve(&txn, PS_DB_LOGS, ps_key_view(&key), size, &room) == P2PSYNC_OK, "write");
    memset(room, 0x55, size + 4); /* its checksum too */
    case_commit(&txn);
}

static void skew(struct store_case *here, const char *id, const char *ms)
{
    struct ps_txn txn = case_begin(here, true);
    struct ps_device device;
    struct ps_peer_row row;

    must(ps_device_parse(ps_bytes_text(id), &device) == P2PSYNC_OK, "device");
    must(ps_mesh_peer_read(&txn, &device, &row) == P2PSYNC_OK, "reading");
    row.skew_ms = strtoll(ms, NULL, 10);
    must(ps_mesh_peer_write(&txn, &device, &row) == P2PSYNC_OK, "writing");
    case_commit(&txn);
}

int main(int argc, char **argv)
{
    must(argc > 4, "sign DIR COLLECTION ID BODY...|lost|begun|skew|damage|lose|rot: an argument");
    const struct ps_store_options options = {.dir = argv[1], .map_size_bytes = CASE_MAP_SIZE};
    struct store_case here = {.map_size = CASE_MAP_SIZE};

    must(ps_store_open(&options, &here.store) == P2PSYNC_OK, "opening the store");
    struct ps_txn txn = case_begin(&here, false);
    must(ps_identity_read(&txn, &here.identity) == P2PSYNC_OK, "reading the identity");
    ps_txn_abort(&txn);
    if (strcmp(argv[4], "damage") == 0) {
        damage(&here, argv[2], argv[3]);
    } else if (strcmp(argv[4], "lose") == 0) {
        lose(&here, argv[2]);
    } else if (strcmp(argv[4], "rot") == 0) {
        rot(&here, argv[2]);
    } else if (strcmp(argv[4], "skew") == 0) {
        skew(&here, argv[2], argv[3]);
    } else if (strcmp(argv[4], "lost") == 0 || strcmp(argv[4], "begun") == 0) {
        let_wait(&here, argv[2], argv[3], strcmp(argv[4], "lost") == 0);
    } else {
        sign(&here, argv[2], argv[3], argv + 4);
    }
    ps_store_destroy(&here.store);
    return 0;
}
