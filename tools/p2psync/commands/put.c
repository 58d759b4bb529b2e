/* p2psync put: create or edit one record, field by field. What --data, FIELD=VALUE and --unset say
 * becomes one edit, merged into what is there when it is committed. */
#include <stdlib.h>
#include <string.h>

#include "tools/p2psync/attach.h"
#include "tools/p2psync/commands/commands.h"
#include "tools/p2psync/data.h"
#include "tools/p2psync/fail.h"
#include "tools/p2psync/options.h"
#include "tools/p2psync/record.h"

struct put {
    const char *collection;
    json_t *fields;
    const char **unset; /* words of argv */
    size_t unset_count;
    const char *note;
    struct p2psync_buffer packed; /* the fields */
    p2psync_node *node;
    bool is_copy; /* the record is one */
    struct p2psync_copy copy;
};

static int parse(struct cli *cli, int argc, char **argv, struct put *put);
static int merge_data(struct cli *cli, const char *data, struct put *put);
static int merge_field(struct cli *cli, const char *word, struct put *put);
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
        code = data_pack(cli, put.fields, &put.packed);
    }
    if (code == CLI_DONE) {
        code = attach_open(cli, NULL, &put.node);
    }
    if (code == CLI_DONE) {
        put.collection = argv[optind];
        put.is_copy = p2psync_copy_parse(argv[optind + 1], &put.copy) == P2PSYNC_OK;
        code = write_edit(cli, &put, argv[optind + 1]);
    }
    if (code == CLI_DONE) { /* a copy is a record of its own now */
        code = record_print(cli, put.node, argv[optind],
                            put.is_copy ? put.copy.own : argv[optind + 1]);
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

static int merge_data(struct cli *cli, const char *data, struct put *put)
{
    json_t *object = NULL;
    int code = data_object(cli, data, &object);

    if (code == CLI_DONE && json_object_update(put->fields, object) != 0) {
        code = fail(cli, P2PSYNC_ENOMEM, "put");
    }
    json_decref(object);
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
    if (result == P2PSYNC_EEXIST) {
        return fail_saying(cli, CLI_CONFLICT,
                           "put %s %s: the record that it would become is there already; edit '%s'",
                           put->collection, id, put->copy.own);
    }
    return result == P2PSYNC_OK ? CLI_DONE : fail(cli, result, "put %s %s", put->collection, id);
}
