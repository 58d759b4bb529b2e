/* p2psync export: a collection as JSON lines that `import` takes back: the fields of each record,
 * and before them its id under "id" or the name given with --id. A file appears whole or not at
 * all. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/p2psync/attach.h"
#include "tools/p2psync/commands/commands.h"
#include "tools/p2psync/fail.h"
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
    char *key; /* id_field as JSON */
    uint64_t count;
    struct progress progress;
};

static int parse(struct cli *cli, int argc, char **argv, struct export *export);
static int open_output(struct cli *cli, struct export *export);
static int close_output(struct cli *cli, struct export *export, int code);
static int write_all(struct cli *cli, struct export *export, p2psync_node *node);
static int write_record(struct cli *cli, struct export *export,
                        const struct p2psync_record *record);

int cmd_export(struct cli *cli, int argc, char **argv)
{
    struct export export = {.id_field = "id"};
    p2psync_node *node = NULL;
    json_t *name = NULL;
    int code = parse(cli, argc, argv, &export);

    if (code != CLI_DONE) {
        return code;
    }
    name = json_string(export.id_field);
    export.key = name != NULL ? json_dumps(name, JSON_ENCODE_ANY) : NULL;
    json_decref(name);
    if (export.key == NULL) {
        return fail_usage(cli, "--id '%s' is not UTF-8", export.id_field);
    }
    code = attach_open(cli, NULL, &node);
    if (code == CLI_DONE) {
        code = write_all(cli, &export, node);
    }
    p2psync_close(node);
    free(export.key);
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
    struct p2psync_buffer packed = {0};
    struct p2psync_buffer text = {0};
    json_t *status = NULL;
    json_t *one = NULL;
    size_t index = 0;
    uint64_t count = 0;

    if (p2psync_status(node, &packed) == P2PSYNC_OK &&
        p2psync_to_json((struct p2psync_bytes){packed.data, packed.size}, &text) == P2PSYNC_OK) {
        status = json_loadb(text.data, text.size, JSON_ALLOW_NUL, NULL);
    }
    json_array_foreach(json_object_get(status, "collections"), index, one)
    {
        if (strcmp(output_string(one, "name"), collection) == 0) {
            count = output_number(one, "records");
        }
    }
    json_decref(status);
    p2psync_buffer_free(&text);
    p2psync_buffer_free(&packed);
    return count;
}

static int write_all(struct cli *cli, struct export *export, p2psync_node *node)
{
    p2psync_snapshot *snapshot = NULL;
    p2psync_iterator *iterator = NULL;
    p2psync_result result = p2psync_snapshot_open(node, &snapshot);
    int code = CLI_DONE;

    if (result == P2PSYNC_OK) {
        result = p2psync_iterate(snapshot, export->collection, NULL, false, &iterator);
    }
    if (result != P2PSYNC_OK) {
        code = fail(cli, result, "export %s", export->collection);
    } else {
        code = open_output(cli, export);
    }
    if (code == CLI_DONE) {
        progress_init(&export->progress, cli, "records", count_records(node, export->collection));
        while (code == CLI_DONE && result == P2PSYNC_OK && !ferror(export->out)) {
            struct p2psync_record record = {0};

            result = p2psync_iterator_next(iterator, &record);
            if (result == P2PSYNC_OK) {
                code = write_record(cli, export, &record);
            } else if (result != P2PSYNC_ENOTFOUND) {
                code = fail(cli, result, "export %s", export->collection);
            }
        }
        progress_end(&export->progress);
        code = close_output(cli, export, code);
    }
    p2psync_iterator_close(iterator);
    p2psync_snapshot_close(snapshot);
    return code;
}

/* Whether the fields, as JSON, have one named as the id. Looking for the name's text first spares
 * most records a parse; the text may also stand deeper inside. */
static bool has_field(const struct export *export, const struct p2psync_buffer *fields)
{
    json_t *tree = NULL;
    bool has = false;

    if (memmem(fields->data, fields->size, export->key, strlen(export->key)) == NULL) {
        return false;
    }
    tree = json_loadb(fields->data, fields->size, JSON_ALLOW_NUL, NULL);
    has = json_object_get(tree, export->id_field) != NULL;
    json_decref(tree);
    return has;
}

/* A copy goes by the id that it would get as a record of its own: import takes no other. */
static json_t *id_of(const struct p2psync_record *record)
{
    struct p2psync_copy copy;
    json_t *id = json_stringn(record->id, record->id_size);

    if (record->conflict && p2psync_copy_parse(json_string_value(id), &copy) == P2PSYNC_OK) {
        json_decref(id);
        id = json_string(copy.own);
    }
    return id;
}

static int write_record(struct cli *cli, struct export *export, const struct p2psync_record *record)
{
    struct p2psync_buffer fields = {0};
    json_t *id = id_of(record);
    char *id_text = id != NULL ? json_dumps(id, JSON_ENCODE_ANY) : NULL;
    p2psync_result result = id_text != NULL ? P2PSYNC_OK : P2PSYNC_ENOMEM;
    int code = CLI_DONE;

    if (result == P2PSYNC_OK) {
        result = p2psync_to_json(record->fields, &fields);
    }
    if (result != P2PSYNC_OK) {
        code = fail(cli, result, "export %s: record '%.*s'", export->collection,
                    (int)record->id_size, record->id);
    } else if (has_field(export, &fields)) {
        code = fail_saying(
            cli, CLI_CONFLICT,
            "export %s: record '%.*s' has a field '%s' of its own; name another with --id",
            export->collection, (int)record->id_size, record->id, export->id_field);
    } else {
        /* The fields are an object: its text begins with '{', and is "{}" if there are none. */
        fprintf(export->out, "{%s:%s%s", export->key, id_text, fields.size > 2 ? "," : "");
        fwrite((const char *)fields.data + 1, 1, fields.size - 1, export->out);
        putc('\n', export->out);
        export->count++;
        progress_show(&export->progress, export->count, export->count);
    }
    p2psync_buffer_free(&fields);
    free(id_text);
    json_decref(id);
    return code;
}
