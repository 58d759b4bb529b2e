/* p2psync mesh renew: a new mesh in another directory, with the records and settings of this one,
 * for when nobody can remove a founder that is lost. The others join the new one. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/p2psync/attach.h"
#include "tools/p2psync/commands/commands.h"
#include "tools/p2psync/fail.h"
#include "tools/p2psync/identity.h"
#include "tools/p2psync/options.h"
#include "tools/p2psync/output.h"

#define EDITS_MAX      1000      /* in one transaction ... */
#define SIZE_MAX_BYTES (4 << 20) /* ... and about as many bytes of fields */
#define NAME_SIZE      256

struct renewal {
    struct cli *cli;
    p2psync_snapshot *from;
    p2psync_node *to;
    uint64_t settings_left; /* that name a device of the old mesh */
};

/* A collection that is being copied. */
struct copying {
    char name[NAME_SIZE];
    p2psync_transaction *transaction; /* NULL: none is open */
    size_t edits;
    size_t bytes;
};

static int renew(struct cli *cli, p2psync_node *from, const char *dir, const char *name);
static int fill(struct renewal *renewal, p2psync_node *from);
static p2psync_result copy_all(struct renewal *renewal);
static p2psync_result copy_settings(struct renewal *renewal, const char *collection,
                                    struct p2psync_bytes settings);
static p2psync_result copy_records(struct renewal *renewal, struct copying *copying);
static p2psync_result copy_record(struct renewal *renewal, struct copying *copying,
                                  const struct p2psync_record *record);
static p2psync_result end_transaction(struct copying *copying);

int cmd_mesh(struct cli *cli, int argc, char **argv)
{
    static const struct option own[] = {{"name", required_argument, NULL, 'n'}, {0}};
    const char *name = NULL;
    p2psync_node *node = NULL;
    int option = options_next(cli, argc, argv, own);
    int code;

    for (; option == 'n'; option = options_next(cli, argc, argv, own)) {
        name = optarg;
    }
    if (option != OPTIONS_END || !options_operands(cli, argc, argv, 2, 2)) {
        return CLI_USAGE;
    }
    if (strcmp(argv[optind], "renew") != 0) {
        return fail_usage(cli, "there is no 'mesh %s'", argv[optind]);
    }
    code = attach_open(cli, NULL, &node);
    if (code == CLI_DONE) {
        code = renew(cli, node, argv[optind + 1], name);
    }
    p2psync_close(node);
    return code;
}

/* The new device has this one's name, if no other is given. */
static int renew(struct cli *cli, p2psync_node *from, const char *dir, const char *name)
{
    static const struct verb maker = {.name = "mesh renew", .makes_dir = true};
    struct renewal renewal = {.cli = cli};
    struct p2psync_buffer identity = {0};
    struct p2psync_buffer drawn = {0};
    struct p2psync_detail detail = {.size = sizeof detail};
    struct cli there = *cli;
    char own[NAME_SIZE];
    p2psync_result result = p2psync_identity(from, &identity);
    int code;

    if (result != P2PSYNC_OK) {
        return fail(cli, result, "mesh renew");
    }
    snprintf(own, sizeof own, "%.*s",
             TEXT(p2psync_map_text((struct p2psync_bytes){identity.data, identity.size}, "name")));
    p2psync_buffer_free(&identity);
    there.dir = dir;
    there.verb = &maker;
    code = attach_open(&there, NULL, &renewal.to);
    if (code != CLI_DONE) {
        return code;
    }
    result = p2psync_recovery_draw(&drawn);
    if (result == P2PSYNC_OK) {
        result = p2psync_init(renewal.to, name != NULL || own[0] == '\0' ? name : own, drawn.data,
                              &detail);
    }
    if (result == P2PSYNC_EEXIST) {
        code = fail_saying(cli, CLI_CONFLICT,
                           "mesh renew: '%s' holds a device already; name another directory", dir);
    } else if (result != P2PSYNC_OK) {
        code = detail.text[0] != '\0' ? fail_usage(cli, "%s", detail.text)
                                      : fail(cli, result, "mesh renew: '%s'", dir);
    } else {
        code = fill(&renewal, from);
    }
    if (code == CLI_DONE) {
        code = init_say_made(&there, renewal.to, drawn.data);
    }
    p2psync_buffer_free(&drawn);
    p2psync_close(renewal.to);
    return code;
}

static int fill(struct renewal *renewal, p2psync_node *from)
{
    p2psync_result result = p2psync_snapshot_open(from, &renewal->from);

    if (result == P2PSYNC_OK) {
        result = copy_all(renewal);
    }
    p2psync_snapshot_close(renewal->from);
    if (result != P2PSYNC_OK) {
        return fail(renewal->cli, result,
                    "mesh renew: not all records were copied; remove the new directory");
    }
    if (!renewal->cli->quiet && renewal->settings_left > 0) {
        fprintf(stderr,
                "%" PRIu64 " settings prefer a device of the old mesh: set them anew ('p2psync "
                "collection set')\n",
                renewal->settings_left);
    }
    return CLI_DONE;
}

/* All collections of apps. */
static p2psync_result copy_all(struct renewal *renewal)
{
    struct p2psync_buffer all = {0};
    struct p2psync_walk walk = {.size = sizeof walk};
    struct p2psync_bytes name;
    struct p2psync_bytes settings;
    p2psync_result result = p2psync_collections(renewal->from, &all);

    walk.value = (struct p2psync_bytes){all.data, all.size};
    while (result == P2PSYNC_OK && p2psync_walk_next(&walk, &name, &settings) == P2PSYNC_OK) {
        struct copying copying = {.edits = 0};

        snprintf(copying.name, sizeof copying.name, "%.*s", TEXT(name));
        result = copy_records(renewal, &copying);
        p2psync_transaction_abort(copying.transaction);
        if (result == P2PSYNC_OK) {
            result = copy_settings(renewal, copying.name, settings);
        }
    }
    p2psync_buffer_free(&all);
    return result;
}

static p2psync_result copy_settings(struct renewal *renewal, const char *collection,
                                    struct p2psync_bytes settings)
{
    struct p2psync_walk walk = {.size = sizeof walk, .value = settings};
    struct p2psync_bytes key;
    struct p2psync_bytes value;
    p2psync_result result = P2PSYNC_OK;

    while (result == P2PSYNC_OK && p2psync_walk_next(&walk, &key, &value) == P2PSYNC_OK) {
        char text[NAME_SIZE * 2];
        bool usual = p2psync_value_type_of(value) == P2PSYNC_VALUE_NIL ||
                     p2psync_text_equals(p2psync_value_text(value), "auto_merge");

        snprintf(text, sizeof text, "%.*s", TEXT(key));
        if (!usual) {
            result = p2psync_collection_set(renewal->to, collection, text, value, NULL);
        }
        if (result == P2PSYNC_ENOTFOUND || result == P2PSYNC_EAMBIGUOUS) {
            renewal->settings_left++;
            result = P2PSYNC_OK;
        }
    }
    return result;
}

static p2psync_result copy_records(struct renewal *renewal, struct copying *copying)
{
    const struct p2psync_range range = {.size = sizeof range, .archived = true};
    struct p2psync_record record = {.size = sizeof record};
    p2psync_iterator *iterator = NULL;
    p2psync_result result = p2psync_iterator_open(renewal->from, copying->name, &range, &iterator);

    while (result == P2PSYNC_OK) {
        result = p2psync_iterator_next(iterator, &record);
        if (result == P2PSYNC_OK) {
            result = copy_record(renewal, copying, &record);
        }
    }
    p2psync_iterator_close(iterator);
    if (result == P2PSYNC_ENOCOLLECTION) { /* it has settings only */
        return P2PSYNC_OK;
    }
    return result == P2PSYNC_EEND ? end_transaction(copying) : result;
}

/* As it is shown. A copy becomes a record of its own. */
static p2psync_result copy_record(struct renewal *renewal, struct copying *copying,
                                  const struct p2psync_record *record)
{
    char id[NAME_SIZE * 2];
    struct p2psync_copy copy = {.size = sizeof copy};
    struct p2psync_edit edit = {
        .size = sizeof edit, .kind = P2PSYNC_EDIT_REPLACE, .id = id, .fields = record->fields};
    p2psync_result result = P2PSYNC_OK;

    snprintf(id, sizeof id, "%.*s", (int)record->id_size, record->id);
    if (p2psync_copy_parse(id, &copy) == P2PSYNC_OK) {
        edit.id = copy.own;
    }
    if (copying->transaction == NULL) {
        result = p2psync_transaction_begin(renewal->to, copying->name, &copying->transaction, NULL);
    }
    if (result == P2PSYNC_OK) {
        result = p2psync_transaction_edit(copying->transaction, &edit, NULL);
    }
    if (result == P2PSYNC_OK && record->archived) {
        edit.kind = P2PSYNC_EDIT_ARCHIVE;
        edit.fields = (struct p2psync_bytes){0};
        result = p2psync_transaction_edit(copying->transaction, &edit, NULL);
    }
    copying->edits++;
    copying->bytes += record->fields.size;
    return result == P2PSYNC_OK && (copying->edits >= EDITS_MAX || copying->bytes >= SIZE_MAX_BYTES)
               ? end_transaction(copying)
               : result;
}

static p2psync_result end_transaction(struct copying *copying)
{
    p2psync_transaction *transaction = copying->transaction;

    copying->transaction = NULL;
    copying->edits = 0;
    copying->bytes = 0;
    return transaction == NULL ? P2PSYNC_OK : p2psync_transaction_commit(transaction, NULL, NULL);
}
