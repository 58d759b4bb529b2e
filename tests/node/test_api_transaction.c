/* Transactions, as an app sees them through p2psync.h. */
#include <criterion/criterion.h>
#include <string.h>

#include "nodes.h"
#include "wire/limits.h"

TestSuite(test_api_transaction, .init = nodes_begin, .fini = nodes_end, .timeout = 600);

static p2psync_result edit(p2psync_transaction *transaction, const char *id, const char *json,
                           bool replace)
{
    struct p2psync_buffer fields = {0};
    cr_assert_eq(p2psync_value_from_json(json, strlen(json), &fields, NULL), P2PSYNC_OK);
    struct p2psync_edit one = {.size = sizeof one,
                               .id = id,
                               .fields = {.data = fields.data, .size = fields.size},
                               .kind = replace ? P2PSYNC_EDIT_REPLACE : P2PSYNC_EDIT_PUT};
    p2psync_result result = p2psync_transaction_edit(transaction, &one, NULL);
    p2psync_buffer_free(&fields);
    return result;
}

Test(test_api_transaction, writes_a_transaction_whole_and_counts_it)
{
    p2psync_transaction *transaction = NULL;
    struct p2psync_committed committed = {.size = sizeof committed};
    cr_assert_eq(nodes_put(nodes_alpha, "notes", "same", "{\"n\":1}"), P2PSYNC_OK);
    cr_assert_eq(p2psync_transaction_begin(nodes_alpha, "notes", &transaction, NULL), P2PSYNC_OK);
    cr_assert_eq(edit(transaction, "a", "{\"n\":1,\"m\":1}", false), P2PSYNC_OK);
    cr_assert_eq(edit(transaction, "same", "{\"n\":1}", false), P2PSYNC_OK);
    cr_assert_eq(edit(transaction, "a", "{\"n\":2}", true), P2PSYNC_OK);
    cr_assert_str_eq(nodes_get(nodes_alpha, "notes", "a"), "", "nothing shows before the commit");
    cr_assert_eq(p2psync_transaction_commit(transaction, &committed, NULL), P2PSYNC_OK);
    cr_expect_eq(committed.changed, 2);
    cr_expect_eq(committed.unchanged, 1);
    const char *json = nodes_get(nodes_alpha, "notes", "a");
    cr_expect_not_null(strstr(json, "\"fields\":{\"n\":2}"), "%s", json);
}

Test(test_api_transaction, takes_fields_out)
{
    p2psync_transaction *transaction = NULL;
    const char *const names[] = {"n", "unknown"};
    struct p2psync_edit one = {
        .size = sizeof one, .id = "a", .unset = names, .unset_count = 2, .note = "tidy"};
    cr_assert_eq(nodes_put(nodes_alpha, "notes", "a", "{\"n\":1,\"m\":1}"), P2PSYNC_OK);
    cr_assert_eq(p2psync_transaction_begin(nodes_alpha, "notes", &transaction, NULL), P2PSYNC_OK);
    cr_assert_eq(p2psync_transaction_edit(transaction, &one, NULL), P2PSYNC_OK);
    cr_assert_eq(p2psync_transaction_commit(transaction, NULL, NULL), P2PSYNC_OK);
    const char *json = nodes_get(nodes_alpha, "notes", "a");
    cr_expect_not_null(strstr(json, "\"fields\":{\"m\":1}"), "%s", json);
}

Test(test_api_transaction, writes_nothing_of_a_transaction_that_fails)
{
    p2psync_transaction *transaction = NULL;
    struct p2psync_edit gone = {.size = sizeof gone, .id = "missing", .kind = P2PSYNC_EDIT_DELETE};
    cr_assert_eq(p2psync_transaction_begin(nodes_alpha, "notes", &transaction, NULL), P2PSYNC_OK);
    cr_assert_eq(edit(transaction, "a", "{}", false), P2PSYNC_OK);
    cr_assert_eq(p2psync_transaction_edit(transaction, &gone, NULL), P2PSYNC_OK);
    cr_assert_eq(p2psync_transaction_commit(transaction, NULL, NULL), P2PSYNC_ENOTFOUND);
    cr_expect_str_eq(nodes_get(nodes_alpha, "notes", "a"), "");
}

Test(test_api_transaction, keeps_a_transaction_after_a_bad_edit)
{
    p2psync_transaction *transaction = NULL;
    const char *const names[] = {"n"};
    struct p2psync_edit bad = {.size = sizeof bad,
                               .id = "b",
                               .kind = P2PSYNC_EDIT_DELETE,
                               .unset = names,
                               .unset_count = 1};
    cr_assert_eq(p2psync_transaction_begin(nodes_alpha, "notes", &transaction, NULL), P2PSYNC_OK);
    cr_assert_eq(edit(transaction, "a", "{}", false), P2PSYNC_OK);
    cr_expect_eq(p2psync_transaction_edit(transaction, &bad, NULL), P2PSYNC_EMISUSE);
    cr_expect_eq(edit(transaction, "b", "[]", false), P2PSYNC_EFORMAT);
    cr_assert_eq(p2psync_transaction_commit(transaction, NULL, NULL), P2PSYNC_OK);
    cr_expect_str_neq(nodes_get(nodes_alpha, "notes", "a"), "");
    cr_expect_str_eq(nodes_get(nodes_alpha, "notes", "b"), "");
}

Test(test_api_transaction, bounds_the_edits_of_a_transaction)
{
    p2psync_transaction *transaction = NULL;
    struct p2psync_edit one = {.size = sizeof one, .id = "a", .kind = P2PSYNC_EDIT_REPLACE};
    cr_assert_eq(p2psync_transaction_begin(nodes_alpha, "notes", &transaction, NULL), P2PSYNC_OK);
    for (size_t i = 0; i < PS_TRANSACTION_CHANGES_MAX; i++) {
        cr_assert_eq(p2psync_transaction_edit(transaction, &one, NULL), P2PSYNC_OK);
    }
    cr_assert_eq(p2psync_transaction_edit(transaction, &one, NULL), P2PSYNC_ELIMIT);
    p2psync_transaction_abort(transaction);
    cr_expect_str_eq(nodes_get(nodes_alpha, "notes", "a"), "");
}

Test(test_api_transaction, bounds_the_bytes_of_a_transaction)
{
    static uint8_t map[PS_VALUE_SIZE_MAX];
    const uint8_t header[] = {0x81, 0xa1, 'a', 0xc6, 0x00, 0x0f, 0xff, 0xf8};
    p2psync_transaction *transaction = NULL;
    struct p2psync_edit one = {
        .size = sizeof one, .id = "a", .fields = {.data = map, .size = sizeof map}};
    size_t taken = 0;
    memcpy(map, header, sizeof header);
    cr_assert_eq(p2psync_transaction_begin(nodes_alpha, "notes", &transaction, NULL), P2PSYNC_OK);
    p2psync_result result = P2PSYNC_OK;
    while (result == P2PSYNC_OK && taken < PS_TRANSACTION_SIZE_MAX) {
        result = p2psync_transaction_edit(transaction, &one, NULL);
        taken += result == P2PSYNC_OK ? sizeof map : 0;
    }
    cr_expect_eq(result, P2PSYNC_ELIMIT);
    cr_expect_gt(taken, PS_TRANSACTION_SIZE_MAX - 2 * PS_VALUE_SIZE_MAX);
    p2psync_transaction_abort(transaction);
}
