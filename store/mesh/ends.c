/* Rows of reports, as ends.h says. The reports are read anew each time, and what has come or gone
 * is written. */
#include "store/mesh/ends.h"

#include <stdlib.h>
#include <string.h>

#include "store/mesh/roles.h"
#include "wire/array.h"

/* Of reported roots of one size so many are looked through, if the proof does not say which. */
#define ROOTS_MAX 256U

/* What the reports say, without what has no say. */
struct ends {
    struct ps_key *keys;
    size_t count;
    size_t capacity;
};

/* Who reports whose logs of which collection, and whether that counts; as it was asked last. */
struct asked {
    const struct ps_report *report;
    struct ps_bytes collection;
    bool counts;
};

static p2psync_result read_report(struct ps_txn *txn, const struct ps_mesh *mesh,
                                  const struct ps_acts *acts, const struct ps_report *report,
                                  struct ends *ends);
static p2psync_result ask(struct ps_txn *txn, const struct ps_mesh *mesh, struct asked *asked);
static p2psync_result add(struct ends *ends, const struct ps_key *key);
static void sort(struct ends *ends);
static int compare_keys(const void *a, const void *b);
static p2psync_result write_all(struct ps_txn *txn, const struct ends *ends, bool *moved_out);
static bool next_of(struct ps_txn *txn, struct ps_key *from, const struct ps_ends_of *of,
                    p2psync_result *result, struct ps_end *out);
static struct ps_key key_at(const struct ps_ends_of *of, const struct ps_end *end);

p2psync_result ps_ends_keep(struct ps_txn *txn, const struct ps_mesh *mesh,
                            const struct ps_acts *acts, bool *moved_out)
{
    struct ends ends = {0};
    p2psync_result result = P2PSYNC_OK;
    *moved_out = false;
    for (size_t i = 0; i < acts->report_count && result == P2PSYNC_OK; i++) {
        result = read_report(txn, mesh, acts, &acts->reports[i], &ends);
    }
    if (result == P2PSYNC_OK) {
        sort(&ends);
        result = write_all(txn, &ends, moved_out);
    }
    free(ends.keys);
    return result;
}

static p2psync_result read_report(struct ps_txn *txn, const struct ps_mesh *mesh,
                                  const struct ps_acts *acts, const struct ps_report *report,
                                  struct ends *ends)
{
    const struct ps_act act = {.kind = PS_ACT_REPORT,
                               .subject = report->subject,
                               .ends = ps_bytes(acts->ends.data + report->at, report->size)};
    struct ps_claim_walk walk = {.act = &act};
    struct ps_claim claim;
    struct asked asked = {.report = report, .collection = ps_bytes("", 0)};
    p2psync_result result = P2PSYNC_OK;
    while (result == P2PSYNC_OK && ps_claim_next(&walk, &claim)) {
        if (!ps_bytes_equal(asked.collection, claim.collection)) {
            asked.collection = claim.collection;
            result = ask(txn, mesh, &asked);
        }
        if (result == P2PSYNC_OK && asked.counts) {
            const struct ps_origin origin = {.device = report->subject,
                                             .incarnation = claim.incarnation};
            const struct ps_ends_of of = {.origin = ps_origin_tag(mesh, &origin),
                                          .collection = claim.collection};
            const struct ps_end end = {.size = claim.size, .root = claim.root};
            struct ps_key key = key_at(&of, &end);
            result = add(ends, &key);
        }
    }
    return result;
}

/* A report of a log that is open says nothing that is needed. */
static p2psync_result ask(struct ps_txn *txn, const struct ps_mesh *mesh, struct asked *asked)
{
    const struct ps_report *report = asked->report;
    struct ps_member author;
    bool writes = false;
    bool open = true;
    asked->counts = false;
    if (ps_device_equal(&report->author, &report->subject)) {
        return P2PSYNC_OK;
    }
    p2psync_result result = ps_member_get(txn, &report->author, &author);
    if (result == P2PSYNC_ENOTFOUND) {
        return P2PSYNC_OK;
    }
    if (result == P2PSYNC_OK) {
        result = ps_role_opens(txn, mesh, &report->author, asked->collection, &writes);
    }
    if (result == P2PSYNC_OK && writes) {
        result = ps_role_opens(txn, mesh, &report->subject, asked->collection, &open);
    }
    asked->counts = writes && !open;
    return result;
}

static p2psync_result add(struct ends *ends, const struct ps_key *key)
{
    struct ps_key *keys = ps_array_room(ends->keys, ends->count + 1, &ends->capacity, sizeof *keys);
    if (keys == NULL) {
        return P2PSYNC_ENOMEM;
    }
    ends->keys = keys;
    ends->keys[ends->count] = *key;
    ends->count++;
    return P2PSYNC_OK;
}

/* Ascending, each once. */
static void sort(struct ends *ends)
{
    size_t kept = 0;
    if (ends->count > 0) {
        qsort(ends->keys, ends->count, sizeof *ends->keys, compare_keys);
    }
    for (size_t i = 0; i < ends->count; i++) {
        if (i == 0 || compare_keys(&ends->keys[i], &ends->keys[kept - 1]) != 0) {
            ends->keys[kept] = ends->keys[i];
            kept++;
        }
    }
    ends->count = kept;
}

static int compare_keys(const void *a, const void *b)
{
    return ps_bytes_compare(ps_key_view(a), ps_key_view(b));
}

/* Both ascend. */
static p2psync_result write_all(struct ps_txn *txn, const struct ends *ends, bool *moved_out)
{
    struct ps_key from = {.size = 0};
    struct ps_row row;
    p2psync_result result = P2PSYNC_OK;
    size_t at = 0;
    while (ps_db_walk_next(txn, PS_DB_ENDS, &from, &result, &row)) {
        int order = -1;
        while (result == P2PSYNC_OK && at < ends->count &&
               (order = ps_bytes_compare(ps_key_view(&ends->keys[at]), row.key)) < 0) {
            at++;
        }
        at += at < ends->count && order == 0 ? 1 : 0;
        if (order != 0) {
            struct ps_key gone = {.size = row.key.size};
            memcpy(gone.bytes, row.key.data, row.key.size);
            *moved_out = true;
            result = ps_db_delete(txn, PS_DB_ENDS, ps_key_view(&gone));
        }
    }
    for (size_t i = 0; i < ends->count && result == P2PSYNC_OK; i++) {
        struct ps_bytes there;
        result = ps_db_get(txn, PS_DB_ENDS, ps_key_view(&ends->keys[i]), &there);
        if (result == P2PSYNC_ENOTFOUND || result == P2PSYNC_ECORRUPT) {
            *moved_out = true;
            result = ps_db_put(txn, PS_DB_ENDS, ps_key_view(&ends->keys[i]), ps_bytes("", 0));
        }
    }
    return result;
}

p2psync_result ps_ends_cover(struct ps_txn *txn, struct ps_bytes collection,
                             const struct ps_log *log, struct ps_end *out)
{
    const struct ps_ends_of of = {.origin = log->id.origin, .collection = collection};
    const struct ps_end most = {.size = log->size};
    struct ps_key from = key_at(&of, &most);
    struct ps_end end;
    struct ps_end had = {.size = 0};
    p2psync_result result = P2PSYNC_OK;
    while (next_of(txn, &from, &of, &result, &end)) { /* as many steps as there are claims of it */
        if (end.size != had.size) {
            had.size = end.size;
            result = end.size == log->size ? P2PSYNC_OK
                                           : ps_log_prove(txn, log, end.size, NULL, &had.root);
            had.root = end.size == log->size ? log->root : had.root;
        }
        if (result == P2PSYNC_OK && ps_hash_equal(&end.root, &had.root)) {
            *out = end;
            return P2PSYNC_OK;
        }
    }
    return result == P2PSYNC_OK ? P2PSYNC_ENOTFOUND : result;
}

/* The next claim of these logs; the largest come first. */
static bool next_of(struct ps_txn *txn, struct ps_key *from, const struct ps_ends_of *of,
                    p2psync_result *result, struct ps_end *out)
{
    struct ps_row row;
    struct ps_end_key key;
    if (!ps_db_walk_next(txn, PS_DB_ENDS, from, result, &row)) {
        return false;
    }
    if (!ps_key_split_end(row.key, &key)) {
        *result = P2PSYNC_ECORRUPT;
        return false;
    }
    out->size = key.size;
    memcpy(out->root.bytes, key.root, sizeof key.root);
    return ps_tag_compare(key.origin, of->origin) == 0 &&
           ps_bytes_equal(key.collection, of->collection);
}

static struct ps_key key_at(const struct ps_ends_of *of, const struct ps_end *end)
{
    struct ps_end_key key = {.origin = of->origin, .collection = of->collection, .size = end->size};
    static_assert(sizeof key.root == sizeof end->root.bytes, "a root");
    memcpy(key.root, end->root.bytes, sizeof key.root);
    return ps_key_end(&key);
}

p2psync_result ps_ends_prove(struct ps_txn *txn, const struct ps_ends_of *of,
                             const struct ps_head_offer *offer, struct ps_end *out)
{
    const struct ps_range sizes = {.begin = offer->proof_size, .end = offer->head.size};
    const struct ps_end first = {.size = offer->proof_size};
    struct ps_key from = key_at(of, &first);
    struct ps_end end;
    p2psync_result result = P2PSYNC_OK;
    size_t looked = 0;
    if (sizes.begin == 0 || sizes.begin > sizes.end) {
        return P2PSYNC_ENOTFOUND;
    }
    while (looked < ROOTS_MAX && next_of(txn, &from, of, &result, &end) &&
           end.size == offer->proof_size) {
        looked++;
        if (ps_proof_verify(offer->proof, sizes, &end.root, &offer->head.root) == P2PSYNC_OK) {
            *out = end;
            return P2PSYNC_OK;
        }
    }
    return result == P2PSYNC_OK ? P2PSYNC_ENOTFOUND : result;
}
