/* Records that are merged anew after a change of settings, on two nodes: in pieces, each a commit
 * of its own between which others write. Pieces are counted, not time. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "node/api/inside.h"
#include "nodes.h"

#define RECORDS 20
#define LINES   12000 /* of one letter, in each field: the most that merging a record may cost */

static const char *const fields[] = {"a", "b", "c", "d"};

TestSuite(test_api_pieces, .init = nodes_begin, .fini = nodes_end, .timeout = 600);

/* {"a": lines, ...}: letters drawn by `seed`, so that no two lines that follow each other are often
 * found again in the other text. */
static char *texts(uint32_t seed)
{
    size_t size = 4 * ((size_t)LINES * 3 + 16);
    char *json = malloc(size);
    size_t at = 0;
    cr_assert_not_null(json);
    for (size_t i = 0; i < 4; i++) {
        at += (size_t)snprintf(json + at, size - at, "%s\"%s\":\"", i == 0 ? "{" : ",", fields[i]);
        for (size_t line = 0; line < LINES; line++) {
            seed = seed * 1664525 + 1013904223;
            json[at++] = (char)('a' + (seed >> 16) % 26);
            json[at++] = '\\';
            json[at++] = 'n';
        }
        json[at++] = '"';
    }
    json[at++] = '}';
    json[at] = '\0';
    return json;
}

static void put_all(p2psync_node *node, uint32_t seed)
{
    for (uint32_t i = 0; i < RECORDS; i++) {
        char id[16];
        char *json = texts(seed + i);
        (void)snprintf(id, sizeof id, "r%02u", (unsigned)i);
        cr_assert_eq(nodes_put(node, "notes", id, json), P2PSYNC_OK);
        free(json);
    }
}

static bool is_merging(p2psync_node *node)
{
    struct p2psync_buffer status = {0};
    const char *json = nodes_json(p2psync_status(node, &status), &status);
    return strstr(json, "\"merging\":true") != NULL;
}

/* How many commits it takes until all is merged. */
static uint64_t await_merged(p2psync_node *node, uint64_t from)
{
    while (is_merging(node)) { /* the suite's time-out ends it */
    }
    return ps_store_txn_id(node->store) - from;
}

Test(test_api_pieces, settings_merge_large_texts_one_after_another_on_both)
{
    uint64_t before[2];
    cr_assert_eq(p2psync_start(nodes_alpha), P2PSYNC_OK);
    nodes_guest = nodes_open(nodes_dirs[1], NULL);
    nodes_join(nodes_alpha, nodes_guest, "beta");
    put_all(nodes_alpha, 1);
    cr_assert_eq(p2psync_start(nodes_guest), P2PSYNC_OK);
    nodes_await_same(nodes_alpha, nodes_guest);
    cr_assert_eq(p2psync_stop(nodes_guest), P2PSYNC_OK);
    put_all(nodes_alpha, 1000);
    put_all(nodes_guest, 2000);
    for (size_t i = 0; i < 3; i++) { /* of records with one version, that costs nothing */
        char key[16];
        (void)snprintf(key, sizeof key, "field.%s", fields[i]);
        cr_assert_eq(nodes_set(nodes_alpha, "notes", key, "\"text\""), P2PSYNC_OK);
    }
    cr_assert_eq(p2psync_start(nodes_guest), P2PSYNC_OK);
    nodes_await_same(nodes_alpha, nodes_guest);
    (void)await_merged(nodes_alpha, 0);
    (void)await_merged(nodes_guest, 0);

    before[0] = ps_store_txn_id(nodes_alpha->store);
    before[1] = ps_store_txn_id(nodes_guest->store);
    cr_assert_eq(nodes_set(nodes_alpha, "notes", "field.d", "\"text\""), P2PSYNC_OK);
    cr_assert_eq(nodes_put(nodes_alpha, "others", "x", "{\"n\":1}"), P2PSYNC_OK);
    nodes_await_same(nodes_alpha, nodes_guest);
    cr_expect_geq(await_merged(nodes_alpha, before[0]), RECORDS / 2);
    cr_expect_geq(await_merged(nodes_guest, before[1]), RECORDS / 2);
    for (unsigned i = 0; i < RECORDS; i++) {
        char id[16];
        (void)snprintf(id, sizeof id, "r%02u", i);
        char *one = strdup(nodes_get(nodes_alpha, "notes", id));
        cr_assert_not_null(one);
        cr_expect_str_eq(nodes_get(nodes_guest, "notes", id), one);
        free(one);
    }
}
