/* p2psync put: create or edit one record, field by field. What --data, FIELD=VALUE and --unset say
 * becomes one edit, merged into what is there when it is committed. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tools/p2psync/attach.h"
#include "tools/p2psync/fail.h"
#include "tools/p2psync/options.h"
#include "tools/p2psync/record.h"

#define INPUT_SIZE_MAX (8UL * 1024 * 1024) /* bytes of JSON: no record needs more */

struct put {
    const char *collection;
    json_t *fields;
    const char **unset; /* words of argv */
    size_t unset_count;
    const char *note;
    struct p2psync_buffer packed; /* the fields */
    p2psync_node *node;
};

static int parse(struct cli *cli, int argc, char **argv, struct put *put);
static int merge_data(struct cli *cli, const char *data, struct put *put);
static int merge_field(struct cli *cli, const char *word, struct put *put);
static int pack(struct cli *cli, struct put *put);
static int write_edit(struct cli *cli, const struct put *put, const char *id);

int cmd_put(struct cli *cli, int argc, char **argv)
{
    struct put put = {0};
    int code = CLI_FAILED;

    put.fields = json_object();
    put.unset = calloc((size_t)argc, sizeof *put.unset);
    if (put.fields == NULL || put.unset == NULL) {
        code = fail(cli, P2PSYNC_ENOMEM, "put");
        goto out;
    }
    code = parse(cli, argc, argv, &put);
    if (code == CLI_DONE) {
        code = pack(cli, &put);
    }
    if (code == CLI_DONE) {
        code = attach_open(cli, NULL, &put.node);
    }
    if (code == CLI_DONE) {
        put.collection = argv[optind];
        code = write_edit(cli, &put, argv[optind + 1]);
    }
    if (code == CLI_DONE) {
        code = record_print(cli, put.node, argv[optind], argv[optind + 1]);
    }

out:
    p2psync_close(put.node);
    p2psync_buffer_free(&put.packed);
    json_decref(put.fields);
    free(put.unset);
    return code;
}

static int parse(struct cli *cli, int argc, char **argv, struct put *put)
{
    static const struct option own[] = {{"data", required_argument, NULL, 'd'},
                                        {"unset", required_argument, NULL, 'u'},
                                        {"note", required_argument, NULL, 'n'},
                                        {0}};
    const char *data = NULL;
    int code = CLI_DONE;
    int option;

    do {
        option = options_next(cli, argc, argv, own);
        switch (option) {
        case 'd':
            data = optarg;
            break;
        case 'u':
            put->unset[put->unset_count++] = optarg;
            break;
        case 'n':
            put->note = optarg;
            break;
        case OPTIONS_WRONG:
            return CLI_USAGE;
        default:
            break;
        }
    } while (option != OPTIONS_END);
    if (!options_operands(cli, argc, argv, 2, argc)) {
        return CLI_USAGE;
    }
    if (data != NULL) {
        code = merge_data(cli, data, put);
    }
    for (int i = optind + 2; i < argc && code == CLI_DONE; i++) {
        code = merge_field(cli, argv[i], put);
    }
    return code;
}

/* All of stdin, at most INPUT_SIZE_MAX bytes; freed by the caller. NULL after saying why. */
static char *read_input(struct cli *cli, size_t *size_out)
{
    char *input = malloc(INPUT_SIZE_MAX + 1);
    size_t size = 0;

    if (input == NULL) {
        fail(cli, P2PSYNC_ENOMEM, "put --data -");
        return NULL;
    }
    size = fread(input, 1, INPUT_SIZE_MAX + 1, stdin);
    if (ferror(stdin)) {
        fail_system(cli, errno, "put --data -: cannot read stdin");
    } else if (size > INPUT_SIZE_MAX) {
        fail(cli, P2PSYNC_ELIMIT, "put --data -");
    } else {
        *size_out = size;
        return input;
    }
    free(input);
    return NULL;
}

static int merge_data(struct cli *cli, const char *data, struct put *put)
{
    bool from_input = strcmp(data, "-") == 0;
    size_t size = strlen(data);
    char *input = from_input ? read_input(cli, &size) : NULL;
    json_error_t error;
    json_t *tree = NULL;
    int code = CLI_DONE;

    if (from_input && input == NULL) {
        return CLI_FAILED;
    }
    tree = json_loadb(from_input ? input : data, size, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL,
                      &error);
    if (tree == NULL) {
        code = fail_usage(cli, "--data is no JSON: %s", error.text);
    } else if (!json_is_object(tree)) {
        code = fail_usage(cli, "--data is no JSON object");
    } else if (json_object_update(put->fields, tree) != 0) {
        code = fail(cli, P2PSYNC_ENOMEM, "put");
    }
    json_decref(tree);
    free(input);
    return code;
}

static int merge_field(struct cli *cli, const char *word, struct put *put)
{
    const char *equals = strchr(word, '=');
    char *name = NULL;
    json_t *value = NULL;
    json_error_t error;
    int code = CLI_DONE;

    if (equals == NULL || equals == word) {
        return fail_usage(cli, "'%s' is not FIELD=VALUE", word);
    }
    name = strndup(word, (size_t)(equals - word));
    value =
        json_loads(equals + 1, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | JSON_ALLOW_NUL, &error);
    if (value == NULL && json_error_code(&error) == json_error_numeric_overflow &&
        (size_t)error.position == strlen(equals + 1)) {
        /* It is JSON, and what is meant by it cannot be kept: it must not become a string unasked.
         */
        free(name);
        return fail_usage(cli, "the number in '%s' is too large; as a string it stands in quotes",
                          word);
    }
    if (value == NULL) {
        value = json_string(equals + 1);
    }
    if (name == NULL) {
        code = fail(cli, P2PSYNC_ENOMEM, "put");
    } else if (value == NULL || json_object_set(put->fields, name, value) != 0) {
        code = fail_usage(cli, "'%s' is not UTF-8", word);
    }
    json_decref(value);
    free(name);
    return code;
}

static int pack(struct cli *cli, struct put *put)
{
    char *text = json_dumps(put->fields, JSON_COMPACT);
    p2psync_result result = P2PSYNC_ENOMEM;

    if (text != NULL) {
        result = p2psync_from_json(text, strlen(text), &put->packed);
    }
    free(text);
    if (result == P2PSYNC_EFORMAT) {
        return fail_usage(cli, "a value is malformed: {\"$bytes\": TEXT} takes base64");
    }
    return result == P2PSYNC_OK ? CLI_DONE : fail(cli, result, "put");
}

static int write_edit(struct cli *cli, const struct put *put, const char *id)
{
    const struct p2psync_edit edit = {
        .size = sizeof edit,
        .id = id,
        .fields = {put->packed.data, put->packed.size},
        .unset = put->unset,
        .unset_count = put->unset_count,
        .note = put->note,
    };
    p2psync_transaction *transaction = NULL;
    p2psync_result result = p2psync_transaction_begin(put->node, put->collection, &transaction);

    if (result == P2PSYNC_OK) {
        result = p2psync_transaction_edit(transaction, &edit);
        if (result == P2PSYNC_OK) {
            result = p2psync_transaction_commit(transaction, NULL);
        } else {
            p2psync_transaction_abort(transaction);
        }
    }
    return result == P2PSYNC_OK ? CLI_DONE : fail(cli, result, "put %s %s", put->collection, id);
}
