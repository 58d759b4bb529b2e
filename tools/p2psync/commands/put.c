/* p2psync put: create or edit one record, field by field. What --data, FIELD=VALUE and --unset say
 * becomes one edit, merged into what is there when it is committed. */
#include <stdlib.h>
#include <string.h>

#include "tools/p2psync/attach.h"
#include "tools/p2psync/commands/commands.h"
#include "tools/p2psync/data.h"
#include "tools/p2psync/fail.h"
#include "tools/p2psync/fields.h"
#include "tools/p2psync/options.h"
#include "tools/p2psync/record.h"
#include "tools/p2psync/versions.h"

struct put {
    const char *collection;
    struct fields fields;          /* what is in `values` */
    struct p2psync_buffer *values; /* of --data, and of each word */
    size_t value_count;
    const char **unset; /* words of argv */
    size_t unset_count;
    struct p2psync_dot *versions; /* that the record must have */
    const char **words;           /* which name them */
    size_t version_count;
    bool conditional;
    const char *note;
    struct p2psync_buffer packed; /* the fields */
    p2psync_node *node;
    bool is_copy; /* the record is one */
    struct p2psync_copy copy;
};

static int parse(struct cli *cli, int argc, char **argv, struct put *put);
static int merge_data(struct cli *cli, const char *data, struct put *put);
static int merge_field(struct cli *cli, const char *word, struct put *put);
static int pack(struct cli *cli, struct put *put, char **argv);
static int write_edit(struct cli *cli, const struct put *put, const char *id);

int cmd_put(struct cli *cli, int argc, char **argv)
{
    struct put put = {.copy = {.size = sizeof put.copy}};
    int code = CLI_FAILED;

    put.values = calloc((size_t)argc, sizeof *put.values);
    put.unset = calloc((size_t)argc, sizeof *put.unset);
    put.versions = calloc((size_t)argc, sizeof *put.versions);
    put.words = calloc((size_t)argc, sizeof *put.words);
    if (put.values == NULL || put.unset == NULL || put.versions == NULL || put.words == NULL) {
        code = fail(cli, P2PSYNC_ENOMEM, "put");
        goto out;
    }
    code = parse(cli, argc, argv, &put);
    if (code == CLI_DONE) {
        code = pack(cli, &put, argv);
    }
    if (code == CLI_DONE) {
        code = attach_open(cli, NULL, &put.node);
    }
    if (code == CLI_DONE) {
        put.collection = argv[optind];
        put.is_copy = p2psync_copy_parse(argv[optind + 1], &put.copy) == P2PSYNC_OK;
        const struct record_name name = {put.collection, argv[optind + 1], NULL};
        code = versions_find_all(cli, put.node, &name, put.words, put.versions);
    }
    if (code == CLI_DONE) {
        code = write_edit(cli, &put, argv[optind + 1]);
    }
    if (code == CLI_DONE) { /* a copy is a record of its own now */
        code = record_print_written(cli, put.node, argv[optind],
                                    put.is_copy ? put.copy.own : argv[optind + 1]);
    }

out:
    p2psync_close(put.node);
    p2psync_buffer_free(&put.packed);
    fields_free(&put.fields);
    for (size_t i = 0; i < put.value_count; i++) {
        p2psync_buffer_free(&put.values[i]);
    }
    free(put.values);
    free(put.words);
    free(put.versions);
    free(put.unset);
    return code;
}

static int parse(struct cli *cli, int argc, char **argv, struct put *put)
{
    static const struct option own[] = {{"data", required_argument, NULL, 'd'},
                                        {"unset", required_argument, NULL, 'u'},
                                        {"note", required_argument, NULL, 'n'},
                                        {"if-version", required_argument, NULL, 'i'},
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
        case 'i':
            put->conditional = true;
            if (strcmp(optarg, "none") != 0 && !versions_check(cli, optarg)) {
                return CLI_USAGE;
            }
            if (strcmp(optarg, "none") != 0) {
                put->words[put->version_count++] = optarg;
            }
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
    struct p2psync_buffer *map = &put->values[put->value_count];
    int code = data_object(cli, data, map);

    if (code == CLI_DONE) {
        put->value_count++;
        if (fields_add_map(&put->fields, (struct p2psync_bytes){map->data, map->size}) !=
            P2PSYNC_OK) {
            code = fail(cli, P2PSYNC_ENOMEM, "put");
        }
    }
    return code;
}

/* FIELD=VALUE, or FIELD:=JSON. */
static int merge_field(struct cli *cli, const char *word, struct put *put)
{
    const char *equals = strchr(word, '=');
    bool is_json = equals != NULL && equals > word && equals[-1] == ':';
    size_t name_size = equals == NULL ? 0 : (size_t)(equals - word) - (is_json ? 1 : 0);
    struct p2psync_buffer *value = &put->values[put->value_count];
    struct p2psync_detail detail = {.size = sizeof detail};
    char why[DATA_WHY_SIZE];
    p2psync_result result;

    if (name_size == 0) {
        return fail_usage(cli, "'%s' is not FIELD=VALUE or FIELD:=JSON", word);
    }
    equals++;
    result = is_json ? p2psync_value_from_json(equals, strlen(equals), value, &detail)
                     : data_value(equals, value, &detail);
    if (result == P2PSYNC_EFORMAT) {
        data_explain(&detail, why);
        return fail_usage(cli, is_json ? "'%s' is no JSON: %s" : "'%s': %s", word, why);
    }
    if (result == P2PSYNC_ELIMIT) {
        /* It is JSON, and what is meant by it cannot be kept: it must not become a string unasked.
         */
        data_explain(&detail, why);
        return fail_usage(cli, "'%s': %s; as a string it stands in quotes", word, why);
    }
    put->value_count += result == P2PSYNC_OK ? 1 : 0;
    if (result == P2PSYNC_OK) {
        result = fields_set(&put->fields, (struct p2psync_bytes){word, name_size},
                            (struct p2psync_bytes){value->data, value->size});
    }
    return result == P2PSYNC_OK ? CLI_DONE : fail(cli, result, "put");
}

static int pack(struct cli *cli, struct put *put, char **argv)
{
    p2psync_result result = fields_pack(&put->fields, &put->packed);

    if (result == P2PSYNC_EFORMAT) { /* values have been checked */
        return fail_usage(cli, "the name of a field is no UTF-8");
    }
    return result == P2PSYNC_OK ? CLI_DONE
                                : fail(cli, result, "put %s %s", argv[optind], argv[optind + 1]);
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
        .versions = put->conditional ? put->versions : NULL,
        .version_count = put->version_count,
    };

    return record_write(cli, put->node, put->collection, &edit);
}
