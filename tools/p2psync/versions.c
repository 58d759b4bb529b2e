/* Finding and shortening versions. */
#include "tools/p2psync/versions.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "tools/p2psync/attach.h"
#include "tools/p2psync/fail.h"
#include "tools/p2psync/options.h"
#include "tools/p2psync/output.h"

#define TAG_MIN   4 /* digits that must be typed */
#define TAG_MAX   32
#define TAG_SHOWN 7

static int find_in(struct cli *cli, const struct record_name *record, struct p2psync_bytes page,
                   const char *text, char first[static P2PSYNC_DOT_TEXT_SIZE]);

bool versions_check(struct cli *cli, const char *text)
{
    if (versions_may_be(text)) {
        return true;
    }
    (void)fail_usage(cli,
                     "'%s' is no version, which is hex digits, four at least, and mostly a hyphen "
                     "and a number",
                     text);
    return false;
}

static size_t digits_of_tag(const char *text)
{
    return strspn(text, "0123456789abcdefABCDEF");
}

bool versions_may_be(const char *text)
{
    size_t digits = digits_of_tag(text);
    uint64_t number = 0;

    return digits >= TAG_MIN && digits <= TAG_MAX &&
           (text[digits] == '\0' ||
            (text[digits] == '-' && options_number(text + digits + 1, UINT64_MAX, &number)));
}

int versions_find(struct cli *cli, p2psync_node *node, const struct record_name *record,
                  const char *text, struct p2psync_dot *out)
{
    p2psync_history *history = NULL;
    p2psync_result result;
    char first[P2PSYNC_DOT_TEXT_SIZE] = "";
    int code = CLI_DONE;

    if (p2psync_dot_parse(text, out) == P2PSYNC_OK) {
        return CLI_DONE;
    }
    result = p2psync_history_open(node, record->collection, record->id, &history);
    while (result == P2PSYNC_OK && code == CLI_DONE) {
        struct p2psync_buffer page = {0};

        result = p2psync_history_next(history, &page);
        if (result == P2PSYNC_OK) {
            code = find_in(cli, record, (struct p2psync_bytes){page.data, page.size}, text, first);
        }
        p2psync_buffer_free(&page);
    }
    p2psync_history_close(history);
    if (code != CLI_DONE) {
        return code;
    }
    if (result != P2PSYNC_EEND) {
        return record_fail(cli, result, record);
    }
    if (p2psync_dot_parse(first, out) != P2PSYNC_OK) {
        return fail_saying(cli, CLI_NOT_FOUND,
                           "%s %s %s: no version of it begins with '%s'; 'p2psync history %s %s' "
                           "shows all",
                           cli->verb->name, record->collection, record->id, text,
                           record->collection, record->id);
    }
    return CLI_DONE;
}

int versions_find_all(struct cli *cli, p2psync_node *node, const struct record_name *record,
                      const char *const *words, struct p2psync_dot *dots)
{
    int code = CLI_DONE;

    for (; *words != NULL && code == CLI_DONE; words++, dots++) {
        code = versions_find(cli, node, record, *words, dots);
    }
    return code;
}

/* Whether `text` begins the tag of `version`, and has its number or none. */
static bool names(const char *text, const char *version)
{
    size_t digits = digits_of_tag(text);
    const char *number = strchr(version, '-');

    return strncasecmp(text, version, digits) == 0 &&
           (text[digits] == '\0' || (number != NULL && strcmp(text + digits, number) == 0));
}

/* Look through a page for versions that `text` names. `first` is the first of them, or "". */
static int find_in(struct cli *cli, const struct record_name *record, struct p2psync_bytes page,
                   const char *text, char first[static P2PSYNC_DOT_TEXT_SIZE])
{
    struct p2psync_walk walk = {.size = sizeof walk, .value = page};
    struct p2psync_bytes change;
    int code = output_check(cli, page);

    while (code == CLI_DONE && p2psync_walk_next(&walk, NULL, &change) == P2PSYNC_OK) {
        char version[P2PSYNC_DOT_TEXT_SIZE];

        if (p2psync_value_string(p2psync_value_find(change, "version"), version, sizeof version) !=
                P2PSYNC_OK ||
            !names(text, version)) {
            continue;
        }
        if (first[0] != '\0') {
            return fail_saying(cli, CLI_NOT_FOUND,
                               "%s %s %s: '%s' is ambiguous: it names %s, %s and maybe more; give "
                               "more of the version",
                               cli->verb->name, record->collection, record->id, text, first,
                               version);
        }
        memcpy(first, version, sizeof version);
    }
    return code;
}

void versions_shorten(struct p2psync_bytes version, char out[static VERSIONS_SHORT_SIZE])
{
    struct p2psync_dot dot;
    char whole[P2PSYNC_DOT_TEXT_SIZE] = "";
    p2psync_result result = p2psync_value_string(version, whole, sizeof whole);
    const char *number = strchr(whole, '-');

    if (result == P2PSYNC_OK && number != NULL && p2psync_dot_parse(whole, &dot) == P2PSYNC_OK) {
        snprintf(out, VERSIONS_SHORT_SIZE, "%.*s%s", TAG_SHOWN, whole, number);
    } else {
        snprintf(out, VERSIONS_SHORT_SIZE, "%s", whole);
    }
}

int versions_open(struct cli *cli, int argc, char **argv, p2psync_node **node_out,
                  struct versions_wanted *wanted)
{
    const struct option own[] = {{"version", required_argument, NULL, 'V'},
                                 {wanted->noted ? "note" : NULL, required_argument, NULL,
                                  'n'}, /* without a name it is the end */
                                 {0}};
    int option;
    int code;

    while ((option = options_next(cli, argc, argv, own)) != OPTIONS_END) {
        if (option == 'n') {
            wanted->note = optarg;
        } else if (option == OPTIONS_WRONG || !versions_check(cli, optarg)) {
            return CLI_USAGE;
        } else {
            wanted->word = optarg;
        }
    }
    if (!options_operands(cli, argc, argv, 2, 2)) {
        return CLI_USAGE;
    }
    wanted->name.collection = argv[optind];
    wanted->name.id = argv[optind + 1];
    code = attach_open(cli, NULL, node_out);
    if (code == CLI_DONE && wanted->word != NULL) {
        code = versions_find(cli, *node_out, &wanted->name, wanted->word, &wanted->version);
        wanted->name.version = &wanted->version;
    }
    return code;
}
