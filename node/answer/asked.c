/* What was asked about: see asked.h. */
#include "node/answer/asked.h"

#include <sodium.h>
#include <string.h>

#include "store/env/store.h"
#include "store/log/collection.h"

static void name_versions(const struct ps_asked *asked, const struct ps_asked_about *about,
                          bool failed, uint8_t out[static PS_CONFLICT_ASKED_SIZE]);
static p2psync_result write_row(struct ps_txn *txn, const struct ps_asked_row *row);

void ps_asked_init(struct ps_asked *asked, struct ps_store *store, const char *who)
{
    asked->store = store;
    asked->who = ps_hash_bytes(ps_bytes_text(who));
    asked->count = 0;
    randombytes_buf(asked->run.bytes, sizeof asked->run.bytes);
}

bool ps_asked_has(const struct ps_asked *asked, const struct ps_asked_about *about,
                  struct ps_bytes kept)
{
    uint8_t none[PS_CONFLICT_ASKED_SIZE];
    uint8_t failed[PS_CONFLICT_ASKED_SIZE];
    name_versions(asked, about, false, none);
    name_versions(asked, about, true, failed);
    if (ps_bytes_equal(kept, ps_bytes(none, sizeof none)) ||
        ps_bytes_equal(kept, ps_bytes(failed, sizeof failed))) {
        return true;
    }
    for (size_t i = 0; i < asked->count; i++) {
        const struct ps_asked_row *row = &asked->rows[i];
        bool same_versions = memcmp(row->asked, none, sizeof none) == 0 ||
                             memcmp(row->asked, failed, sizeof failed) == 0;
        if (same_versions && strcmp(row->id, about->id) == 0 &&
            strcmp(row->collection, about->collection) == 0) {
            return true;
        }
    }
    return false;
}

static void name_versions(const struct ps_asked *asked, const struct ps_asked_about *about,
                          bool failed, uint8_t out[static PS_CONFLICT_ASKED_SIZE])
{
    crypto_generichash_state state;
    (void)crypto_generichash_init(&state, NULL, 0, PS_CONFLICT_ASKED_SIZE);
    (void)crypto_generichash_update(&state, asked->who.bytes, sizeof asked->who.bytes);
    if (failed) {
        (void)crypto_generichash_update(&state, asked->run.bytes, sizeof asked->run.bytes);
    }
    for (size_t i = 0; i < about->version_count; i++) {
        uint8_t seq[8];
        ps_put_u64(seq, about->versions[i].seq);
        (void)crypto_generichash_update(&state, about->versions[i].origin.bytes, PS_TAG_SIZE);
        (void)crypto_generichash_update(&state, seq, sizeof seq);
    }
    (void)crypto_generichash_final(&state, out, PS_CONFLICT_ASKED_SIZE);
}

p2psync_result ps_asked_add(struct ps_asked *asked, const struct ps_asked_about *about, bool failed)
{
    p2psync_result result = asked->count < PS_ASKED_ROOM ? P2PSYNC_OK : ps_asked_write(asked);
    if (result != P2PSYNC_OK) {
        return result;
    }
    struct ps_asked_row *row = &asked->rows[asked->count];
    memcpy(row->collection, about->collection, sizeof row->collection);
    memcpy(row->id, about->id, sizeof row->id);
    name_versions(asked, about, failed, row->asked);
    asked->count++;
    return P2PSYNC_OK;
}

p2psync_result ps_asked_write(struct ps_asked *asked)
{
    struct ps_txn txn = {0};
    if (asked->count == 0) {
        return P2PSYNC_OK;
    }
    p2psync_result result = ps_txn_begin(asked->store, true, &txn);
    for (size_t i = 0; i < asked->count && result == P2PSYNC_OK; i++) {
        result = write_row(&txn, &asked->rows[i]);
    }
    if (result == P2PSYNC_OK) {
        result = ps_txn_commit(&txn);
    }
    ps_txn_abort(&txn);
    asked->count = result == P2PSYNC_OK ? 0 : asked->count;
    return result;
}

/* A conflict that has ended meanwhile needs no row. */
static p2psync_result write_row(struct ps_txn *txn, const struct ps_asked_row *row)
{
    struct ps_collection collection;
    p2psync_result result = ps_collection_find(txn, ps_bytes_text(row->collection), &collection);
    if (result == P2PSYNC_OK) {
        result = ps_conflict_keep_asked(txn, collection.number, ps_bytes_text(row->id), row->asked);
    }
    return result == P2PSYNC_ENOTFOUND ? P2PSYNC_OK : result;
}
