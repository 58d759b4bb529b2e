/* Rules of collections: what settings say, and what is passed over. */
#include <criterion/criterion.h>
#include <string.h>

#include "store/record/rules.h"
#include "tests/lib/literal.h"
#include "tests/lib/store_case.h"

static struct ps_rules rules;

static void parse(const char *settings)
{
    ps_rules_deinit(&rules);
    cr_assert_eq(ps_rules_parse(literal(settings), &rules), P2PSYNC_OK);
}

static ps_field_rule rule_of(const char *field)
{
    return ps_rules_field_rule(&rules, ps_bytes_text(field));
}

static void teardown(void)
{
    ps_rules_deinit(&rules);
}

TestSuite(rules, .fini = teardown, .timeout = 300);

Test(rules, are_auto_merge_and_last_write_wins_where_nothing_is_set)
{
    cr_assert_eq(ps_rules_parse(ps_bytes(NULL, 0), &rules), P2PSYNC_OK);
    cr_assert_eq(rules.strategy, PS_STRATEGY_AUTO_MERGE);
    cr_assert_eq(rule_of("any"), PS_FIELD_LAST_WRITE_WINS);
}

Test(rules, have_a_name_each_that_is_read_back)
{
    for (unsigned i = 0; i < PS_STRATEGY_COUNT; i++) {
        char text[PS_STRATEGY_TEXT_SIZE];
        struct ps_rules written = {.strategy = (ps_strategy)i};
        ps_strategy strategy = PS_STRATEGY_COUNT;
        struct ps_device device;
        memset(&written.preferred, 0xa5, sizeof written.preferred);
        ps_rules_strategy_text(&written, text);
        cr_assert_eq(ps_rules_strategy_parse(ps_bytes_text(text), &strategy, &device), P2PSYNC_OK);
        cr_assert_eq(strategy, i, "%s", text);
        cr_assert(i != PS_STRATEGY_PREFER || ps_device_equal(&device, &written.preferred));
    }
    for (unsigned i = 0; i < PS_FIELD_RULE_COUNT; i++) {
        ps_field_rule rule = PS_FIELD_RULE_COUNT;
        struct ps_bytes name = ps_bytes_text(ps_rules_field_rule_text((ps_field_rule)i));
        cr_assert_eq(ps_rules_field_rule_parse(name, &rule), P2PSYNC_OK);
        cr_assert_eq(rule, i);
    }
}

Test(rules, prefer_a_device_whose_id_is_in_either_case)
{
    static const char *const texts[] = {
        "prefer:ABCDEFabcdef0123456789ABCDEFabcdef0123456789ABCDEFabcdef01234567",
        "prefer:abcdefabcdef0123456789abcdefabcdef0123456789abcdefabcdef01234567",
    };
    struct ps_device devices[2];
    for (size_t i = 0; i < 2; i++) {
        ps_strategy strategy = PS_STRATEGY_COUNT;
        cr_assert_eq(ps_rules_strategy_parse(ps_bytes_text(texts[i]), &strategy, &devices[i]),
                     P2PSYNC_OK);
        cr_assert_eq(strategy, PS_STRATEGY_PREFER);
    }
    cr_assert(ps_device_equal(&devices[0], &devices[1]));
}

Test(rules, are_found_by_the_name_of_their_field)
{
    parse("{field.b: 'union', strategy: 'manual', field.a: 'counter', field.c: 'max', other: 1,"
          " field.ab: 'text', field.a.b: 'min'}");
    cr_assert_eq(rules.strategy, PS_STRATEGY_MANUAL);
    cr_assert_eq(rule_of("a"), PS_FIELD_COUNTER);
    cr_assert_eq(rule_of("ab"), PS_FIELD_TEXT);
    cr_assert_eq(rule_of("a.b"), PS_FIELD_MIN);
    cr_assert_eq(rule_of("b"), PS_FIELD_UNION);
    cr_assert_eq(rule_of("c"), PS_FIELD_MAX);
    cr_assert_eq(rule_of("d"), PS_FIELD_LAST_WRITE_WINS);
    cr_assert_eq(rule_of(""), PS_FIELD_LAST_WRITE_WINS);
}

Test(rules, that_are_malformed_or_of_a_later_version_are_not_set)
{
    static const char *const settings[] = {
        "{strategy: 'newest', field.a: 'average'}",    "{strategy: 5, field.a: 7}",
        "{strategy: 'prefer', field.a: 'Union'}",      "{strategy: 'prefer:', field.a: ''}",
        "{strategy: 'prefer:00', field.a: ['union']}", "{strategy: 'Manual', fielda: 'union'}",
        "{strategy: 'manual ', field.: 'union'}",      "{}",
    };
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++) {
        parse(settings[i]);
        cr_assert_eq(rules.strategy, PS_STRATEGY_AUTO_MERGE, "%s", settings[i]);
        cr_assert_eq(rule_of("a"), PS_FIELD_LAST_WRITE_WINS, "%s", settings[i]);
    }
}

/* ---- in a store ---- */

static struct store_case here;

static void open_store(void)
{
    case_open(&here, 1);
}

static void close_store(void)
{
    ps_rules_deinit(&rules);
    case_close(&here);
}

static ps_strategy read_strategy(const char *collection)
{
    struct ps_txn txn = case_begin(&here, false);
    ps_rules_deinit(&rules);
    cr_assert_eq(ps_rules_read(&txn, ps_bytes_text(collection), &rules), P2PSYNC_OK);
    ps_txn_abort(&txn);
    return rules.strategy;
}

TestSuite(stored_rules, .init = open_store, .fini = close_store, .timeout = 300);

Test(stored_rules, are_those_of_the_record_with_the_name_of_the_collection)
{
    cr_assert_eq(read_strategy(CASE_NOTES), PS_STRATEGY_AUTO_MERGE);
    cr_assert_eq(case_put(&here, PS_SETTINGS_COLLECTION, "notes", literal("{strategy: 'manual'}")),
                 P2PSYNC_OK);
    cr_assert_eq(read_strategy(CASE_NOTES), PS_STRATEGY_MANUAL);
    cr_assert_eq(read_strategy("others"), PS_STRATEGY_AUTO_MERGE);
}

Test(stored_rules, of_the_nodes_own_collections_are_fixed)
{
    cr_assert_eq(
        case_put(&here, PS_SETTINGS_COLLECTION, "_devices", literal("{strategy: 'manual'}")),
        P2PSYNC_OK);
    cr_assert_eq(read_strategy("_devices"), PS_STRATEGY_AUTO_MERGE);
}

Test(stored_rules, of_deleted_settings_are_those_of_none)
{
    struct ps_edit edit = {.kind = PS_EDIT_DELETE, .id = ps_bytes_text(CASE_NOTES)};
    struct ps_write write = {.collection = ps_bytes_text(PS_SETTINGS_COLLECTION),
                             .now_ms = 2000,
                             .edits = &edit,
                             .edit_count = 1};
    cr_assert_eq(case_put(&here, PS_SETTINGS_COLLECTION, "notes", literal("{strategy: 'manual'}")),
                 P2PSYNC_OK);
    cr_assert_eq(case_write(&here, &write, NULL), P2PSYNC_OK);
    cr_assert_eq(read_strategy(CASE_NOTES), PS_STRATEGY_AUTO_MERGE);
}
