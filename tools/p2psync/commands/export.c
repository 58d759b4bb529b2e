/* p2psync export: a collection as JSON lines that `import` takes back: the fields of each record,
 * and before them its id under "id" or the name given with --id. All of it is of one moment of the
 * store, which is closed before a reader that pauses is waited for. A file appears whole or not at
 * all. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/p2psync/aside.h"
#include "tools/p2psync/attach.h"
#include "tools/p2psync/commands/commands.h"
#include "tools/p2psync/fail.h"
#include "tools/p2psync/fields.h"
#include "tools/p2psync/options.h"
#include "tools/p2psync/output.h"
#include "tools/p2psync/progress.h"

struct export
{
    const char *collection;
    const char *id_field;
    const char *file; /* NULL: stdout */
    char *temporary;  /* what is written first, if the file is a regular one */
    FILE *out;
    struct aside aside;
    uint64_t count;
    uint64_t left_out; /* records that cannot be written */
    struct progress progress;
};

static int parse(struct cli *cli, int argc, char **argv, struct export *export);
static int open_output(struct cli *cli, struct export *export);
static int close_output(struct cli *cli, struct export *export, int code);
static int write_all(struct cli *cli, struct export *export, p2psync_node *node);
static int write_records(struct cli *cli, struct export *export, p2psync_iterator *iterator);
static int write_record(struct cli *cli, struct export *export,
                        const struct p2psync_record *record);

int cmd_export(struct cli *cli, int argc, char **argv)
{
    struct export export = {.id_field = "id"};
    p2psync_node *node = NULL;
    int code = parse(cli, argc, argv, &export);

    if (code != CLI_DONE) {
        return code;
    }
    code = attach_open(cli, NULL, &node);
    if (code == CLI_DONE) {
        code = write_all(cli, &export, node);
    }
    p2psync_close(node);
    return code;
}

static int parse(struct cli *cli, int argc, char **argv, struct export *export)
{
    static const struct option own[] = {{"id", required_argument, NULL, 'i'}, {0}};
    int option = options_next(cli, argc, argv, own);

    for (; option == 'i'; option = options_next(cli, argc, argv, own)) {
        export->id_field = optarg;
    }
    if (option != OPTIONS_END || !options_operands(cli, argc, argv, 1, 2)) {
        return CLI_USAGE;
    }
    export->collection = argv[optind];
    if (optind + 1 < argc && strcmp(argv[optind + 1], "-") != 0) {
        export->file = argv[optind + 1];
    }
    return CLI_DONE;
}

static int open_output(struct cli *cli, struct export *export)
{
    struct stat found = {0};
    const char *path = export->file;

    export->out = stdout;
    if (path == NULL) {
        return CLI_DONE;
    }
    /* A pipe or a device is written to, not replaced. */
    if (stat(path, &found) != 0 || S_ISREG(found.st_mode)) {
        if (asprintf(&export->temporary, "%s.%ld", path, (long)getpid()) < 0) {
            export->temporary = NULL;
            return fail(cli, P2PSYNC_ENOMEM, "export");
        }
        path = export->temporary;
    }
    export->out = fopen(path, "we");
    if (export->out == NULL) {
        int code = fail_system(cli, errno, "export: cannot write '%s'", export->file);

        free(export->temporary);
        export->temporary = NULL;
        return code;
    }
    return CLI_DONE;
}

/* Make the file what was written, or remove it. */
static int close_output(struct cli *cli, struct export *export, int code)
{
    bool good = code == CLI_DONE;
    int error = 0;

    if (export->out == stdout) {
        return code;
    }
    errno = 0;
    good = fflush(export->out) == 0 && !ferror(export->out) && good;
    good = (export->temporary == NULL || fsync(fileno(export->out)) == 0) && good;
    good = fclose(export->out) == 0 && good;
    if (export->temporary != NULL) {
        good = good && rename(export->temporary, export->file) == 0;
        error = errno;
        if (!good) {
            (void)unlink(export->temporary);
        }
        errno = error;
    }
    if (code == CLI_DONE && !good) {
        code =
            fail_system(cli, errno != 0 ? errno : EIO, "export: cannot write '%s'", export->file);
    }
    free(export->temporary);
    export->temporary = NULL;
    return code;
}

/* How many records there are, for the progress; 0 if nobody knows. */
static uint64_t count_records(p2psync_node *node, const char *collection)
{
    struct p2psync_buffer status = {0};
    struct p2psync_walk walk = {.size = sizeof walk};
    struct p2psync_bytes one;
    uint64_t count = 0;

    if (p2psync_status(node, &status) == P2PSYNC_OK) {
        walk.value =
            p2psync_value_find((struct p2psync_bytes){status.data, status.size}, "collections");
    }
    while (p2psync_walk_next(&walk, NULL, &one) == P2PSYNC_OK) {
        if (p2psync_text_equals(p2psync_map_text(one, "name"), collection)) {
            count = p2psync_map_unsigned(one, "records");
        }
    }
    p2psync_buffer_free(&status);
    return count;
}

/* What is not whole does not take the place of a file that may be. */
static int say_left_out(struct cli *cli, const struct export *export)
{
    if (export->file == NULL) {
        return CLI_FAILED; /* each was told */
    }
    return fail_saying(cli, CLI_FAILED,
                       "export %s: '%s' is not written: %" PRIu64
                       " records would be missing; without FILE all others go to stdout",
                       export->collection, export->file, export->left_out);
}

static int write_all(struct cli *cli, struct export *export, p2psync_node *node)
{
    p2psync_snapshot *snapshot = NULL;
    p2psync_iterator *iterator = NULL;
    p2psync_result result = p2psync_snapshot_open(node, &snapshot);
    int code = CLI_DONE;

    if (result == P2PSYNC_OK) {
        const struct p2psync_range range = {.size = sizeof range, .archived = true};

        result = p2psync_iterator_open(snapshot, export->collection, &range, &iterator);
    }
    if (result != P2PSYNC_OK) {
        code = fail(cli, result, "export %s", export->collection);
    } else {
        code = open_output(cli, export);
    }
    if (code == CLI_DONE) {
        aside_init(&export->aside, cli, export->out);
        progress_init(&export->progress, cli, "records", count_records(node, export->collection));
        code = write_records(cli, export, iterator);
        progress_end(&export->progress);
        p2psync_iterator_close(iterator);
        p2psync_snapshot_close(snapshot);
        iterator = NULL;
        snapshot = NULL;
        if (code == CLI_DONE && export->left_out > 0) {
            code = say_left_out(cli, export);
        }
        code = aside_end(cli, &export->aside, code);
        code = close_output(cli, export, code);
    }
    p2psync_iterator_close(iterator);
    p2psync_snapshot_close(snapshot);
    return code;
}

static int write_records(struct cli *cli, struct export *export, p2psync_iterator *iterator)
{
    p2psync_result result = P2PSYNC_OK;
    int code = CLI_DONE;

    while (code == CLI_DONE && result == P2PSYNC_OK && !aside_broken(&export->aside)) {
        struct p2psync_record record = {.size = sizeof record};

        result = p2psync_iterator_next(iterator, &record);
        if (result == P2PSYNC_OK) {
            code = write_record(cli, export, &record);
        } else if (result != P2PSYNC_EEND) {
            code = fail(cli, result, "export %s", export->collection);
        }
    }
    return code;
}

/* A copy goes by the id that it would get as a record of its own: import takes no other. */
static p2psync_result pack_id(const struct p2psync_record *record, struct p2psync_buffer *out)
{
    struct p2psync_bytes id = {record->id, record->id_size};
    struct p2psync_copy copy = {.size = sizeof copy};
    char *text = strndup(record->id, record->id_size);
    p2psync_result result = P2PSYNC_ENOMEM;

    if (text != NULL) {
        if (record->conflict && p2psync_copy_parse(text, &copy) == P2PSYNC_OK) {
            id = (struct p2psync_bytes){copy.own, strlen(copy.own)};
        }
        result = p2psync_value_from_text(id.data, id.size, out);
    }
    free(text);
    return result;
}

/* The line of a record as JSON: its id, then its fields. P2PSYNC_EEXIST: a field has the id's name.
 */
static p2psync_result make_line(const struct export *export, const struct p2psync_record *record,
                                struct p2psync_buffer *out)
{
    const struct p2psync_bytes id_field = {export->id_field, strlen(export->id_field)};
    struct p2psync_buffer id = {0};
    struct p2psync_buffer map = {0};
    struct fields own = {0};
    struct fields all = {0};
    p2psync_result result = pack_id(record, &id);

    if (result == P2PSYNC_OK && record->fields.size > 0) {
        result = fields_add_map(&own, record->fields);
    }
    if (result == P2PSYNC_EFORMAT) {
        result = P2PSYNC_ECORRUPT; /* the store takes no such value */
    }
    if (result == P2PSYNC_OK && fields_find(&own, id_field) != NULL) {
        result = P2PSYNC_EEXIST;
    }
    if (result == P2PSYNC_OK) {
        result = fields_append(&all, id_field, (struct p2psync_bytes){id.data, id.size});
    }
    for (size_t i = 0; i < own.count && result == P2PSYNC_OK; i++) {
        result = fields_append(&all, own.field[i].name, own.field[i].value);
    }
    if (result == P2PSYNC_OK) {
        result = fields_pack(&all, &map);
    }
    if (result == P2PSYNC_OK) {
        result = p2psync_value_to_json((struct p2psync_bytes){map.data, map.size}, out);
    }
    fields_free(&all);
    fields_free(&own);
    p2psync_buffer_free(&map);
    p2psync_buffer_free(&id);
    return result;
}

/* One that cannot be written does not keep the others back. */
static int write_record(struct cli *cli, struct export *export, const struct p2psync_record *record)
{
    struct p2psync_buffer line = {0};
    p2psync_result result = make_line(export, record, &line);
    int code = CLI_DONE;

    if (result == P2PSYNC_EEXIST) {
        code = fail_saying(
            cli, CLI_CONFLICT,
            "export %s: record '%.*s' has a field '%s' of its own; name another with --id",
            export->collection, (int)record->id_size, record->id, export->id_field);
    } else if (result == P2PSYNC_OK) {
        aside_write(&export->aside, line.data, line.size);
        aside_write(&export->aside, "\n", 1);
        export->count++;
        progress_show(&export->progress, export->count, export->count);
    } else {
        progress_end(&export->progress);
        fail(cli, result, "export %s: record '%.*s' is left out", export->collection,
             (int)record->id_size, record->id);
        export->left_out++;
    }
    p2psync_buffer_free(&line);
    return code;
}
