/* p2psync import: JSON lines become records, each set to exactly what its line says. Lines are
 * written in transactions of 1,000; a bad line or an interruption ends the import behind the last
 * good line, so what is reported as imported is, and the rest can be imported later: what is there
 * already is unchanged. */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tools/p2psync/attach.h"
#include "tools/p2psync/commands/commands.h"
#include "tools/p2psync/data.h"
#include "tools/p2psync/fail.h"
#include "tools/p2psync/fields.h"
#include "tools/p2psync/options.h"
#include "tools/p2psync/output.h"
#include "tools/p2psync/progress.h"

#define LINE_SIZE_MAX       (8UL * 1024 * 1024) /* bytes: no record of 1 MiB needs more as JSON */
#define BATCH_LINES         1000
#define BATCH_BYTES         (16UL * 1024 * 1024) /* a quarter of what one transaction may hold */
#define COLLECTION_SIZE_MAX 128 /* what the library takes, to say which limit it was */
#define ID_SIZE             256 /* of a record, with its NUL */

struct import {
    const char *collection;
    const char *id_field;
    const char *file; /* NULL: stdin */
    bool keep_going;

    p2psync_node *node;
    p2psync_transaction *batch; /* NULL: none begun */
    uint64_t batch_lines;
    size_t batch_bytes;

    uint64_t line; /* lines read */
    uint64_t read_bytes;
    uint64_t imported;
    uint64_t unchanged;
    uint64_t failed;
    struct progress progress;
};

static volatile sig_atomic_t interrupted;

static int parse(struct cli *cli, int argc, char **argv, struct import *import);
static int read_all(struct cli *cli, struct import *import, FILE *input);
static int end_input(struct cli *cli, struct import *import, FILE *input);
static int import_line(struct cli *cli, struct import *import, const char *line, size_t size);
static int commit(struct cli *cli, struct import *import);
static int answer(struct cli *cli, const struct import *import);

static void interrupt(int number)
{
    (void)number;
    interrupted = 1;
}

/* Signals end the reading, not the process; a second one does. */
static void catch_signals(void)
{
    struct sigaction action = {.sa_handler = interrupt, .sa_flags = (int)SA_RESETHAND};

    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

int cmd_import(struct cli *cli, int argc, char **argv)
{
    struct import import = {.id_field = "id"};
    struct stat found = {0};
    FILE *input = stdin;
    int code = parse(cli, argc, argv, &import);

    if (code != CLI_DONE) {
        return code;
    }
    if (import.file != NULL) {
        input = fopen(import.file, "re");
        if (input == NULL) {
            return fail_system(cli, errno, "import: cannot read '%s'", import.file);
        }
    }
    code = attach_open(cli, NULL, &import.node);
    if (code == CLI_DONE) {
        bool sized = fstat(fileno(input), &found) == 0 && S_ISREG(found.st_mode);

        catch_signals();
        progress_init(&import.progress, cli, "records", sized ? (uint64_t)found.st_size : 0);
        code = read_all(cli, &import, input);
        p2psync_transaction_abort(import.batch);
        progress_end(&import.progress);
    }
    p2psync_close(import.node);
    if (input != stdin) {
        fclose(input);
    }
    return code;
}

static int parse(struct cli *cli, int argc, char **argv, struct import *import)
{
    static const struct option own[] = {
        {"id", required_argument, NULL, 'i'}, {"keep-going", no_argument, NULL, 'k'}, {0}};
    int option;

    do {
        option = options_next(cli, argc, argv, own);
        switch (option) {
        case 'i':
            import->id_field = optarg;
            break;
        case 'k':
            import->keep_going = true;
            break;
        case OPTIONS_WRONG:
            return CLI_USAGE;
        default:
            break;
        }
    } while (option != OPTIONS_END);
    if (!options_operands(cli, argc, argv, 1, 2)) {
        return CLI_USAGE;
    }
    import->collection = argv[optind];
    if (optind + 1 < argc && strcmp(argv[optind + 1], "-") != 0) {
        import->file = argv[optind + 1];
    }
    return CLI_DONE;
}

/* Say why the import ends here, and how far it got. */
static int stopped(struct cli *cli, struct import *import, const char *why)
{
    progress_end(&import->progress);
    return fail_saying(cli, CLI_FAILED,
                       "import %s: %s; imported %" PRIu64 ", unchanged %" PRIu64
                       " before it, and that stays",
                       import->collection, why, import->imported, import->unchanged);
}

/* A line that is no record: counted and passed over, or the end. */
static int bad_line(struct cli *cli, struct import *import, const char *why)
{
    char text[256];
    int code;

    if (import->keep_going) {
        import->failed++;
        progress_end(&import->progress);
        fail_saying(cli, CLI_FAILED, "import: line %" PRIu64 ": %s; left out", import->line, why);
        return CLI_DONE;
    }
    code = commit(cli, import);
    if (code != CLI_DONE) {
        return code;
    }
    snprintf(text, sizeof text, "line %" PRIu64 ": %s", import->line, why);
    return stopped(cli, import, text);
}

static bool blank(const char *line, size_t size)
{
    return strspn(line, " \t\r\n") >= size;
}

/* Read a line into `line`, of LINE_SIZE_MAX bytes and a NUL. Of one that is longer no more is kept,
 * and *longer_out is true. Returns its bytes, with the newline; 0 at the end of the input. */
static size_t read_line(FILE *input, char *line, bool *longer_out)
{
    size_t size = 0;
    size_t kept = 0;
    int byte = 0;

    /* Ends with the line; stdin is not shared between threads. */
    while (byte != '\n' && interrupted == 0 && (byte = getc_unlocked(input)) != EOF) {
        size++;
        if (kept < LINE_SIZE_MAX) {
            line[kept++] = (char)byte;
        } else if (!*longer_out) {
            *longer_out = true;
            break;
        }
    }
    line[kept] = '\0';
    return size;
}

/* Pass over the rest of a line. */
static void skip_line(struct import *import, FILE *input)
{
    int byte = 0;

    while (byte != '\n' && interrupted == 0 && (byte = getc_unlocked(input)) != EOF) {
        import->read_bytes++;
    }
}

/* Windows programs put a mark of the byte order before UTF-8, which needs none. */
static size_t mark_size(const struct import *import, const char *line, size_t size)
{
    static const char mark[] = "\xef\xbb\xbf";
    bool marked =
        import->line == 1 && size >= sizeof mark - 1 && memcmp(line, mark, sizeof mark - 1) == 0;

    return marked ? sizeof mark - 1 : 0;
}

static int read_all(struct cli *cli, struct import *import, FILE *input)
{
    char *line = malloc(LINE_SIZE_MAX + 1);
    int code = CLI_DONE;

    if (line == NULL) {
        return fail(cli, P2PSYNC_ENOMEM, "import");
    }
    /* Ends with the input. */
    while (code == CLI_DONE && interrupted == 0) {
        bool longer = false;
        size_t size = read_line(input, line, &longer);
        size_t mark;

        if (size == 0 || interrupted != 0) { /* an interrupted read may give half a line */
            break;
        }
        import->line++;
        import->read_bytes += size;
        mark = mark_size(import, line, size);
        if (longer) {
            code = bad_line(cli, import, "it is longer than 8 MiB, and no record is");
            if (code == CLI_DONE) {
                skip_line(import, input);
            }
        } else if (!blank(line + mark, size - mark)) {
            code = import_line(cli, import, line + mark, size - mark);
        }
        progress_show(&import->progress, import->imported + import->unchanged, import->read_bytes);
    }
    if (code == CLI_DONE) {
        code = end_input(cli, import, input);
    }
    free(line);
    return code;
}

/* Write what waits and say what was done, or why the input ends here. */
static int end_input(struct cli *cli, struct import *import, FILE *input)
{
    int error = ferror(input) && interrupted == 0 ? errno : 0;
    int code = commit(cli, import);

    if (code == CLI_DONE && (interrupted != 0 || error != 0)) {
        code = stopped(cli, import, error != 0 ? strerror(error) : "interrupted");
    } else if (code == CLI_DONE) {
        progress_end(&import->progress);
        code = answer(cli, import);
    }
    return code;
}

/* Write the id that is this value, a string or an integer, to `text`; NULL after saying in why_out
 * why it is none. */
static const char *take_id(const struct field *id, char text[static ID_SIZE], const char **why_out)
{
    struct p2psync_bytes characters;
    struct p2psync_buffer digits = {0};

    if (id == NULL) {
        *why_out = "the field of the id is missing";
        return NULL;
    }
    characters = p2psync_value_text(id->value);
    if (characters.data == NULL) {
        /* Of all that JSON has, only an integer is made of these. */
        if (p2psync_value_to_json(id->value, &digits) != P2PSYNC_OK || digits.size == 0 ||
            strspn(digits.data, "-0123456789") != digits.size) {
            *why_out = "the id is no string or integer";
            p2psync_buffer_free(&digits);
            return NULL;
        }
        characters = (struct p2psync_bytes){digits.data, digits.size};
    }
    bool fits = characters.size < ID_SIZE;
    bool nul = characters.size > 0 && memchr(characters.data, '\0', characters.size) != NULL;
    if (!fits || nul) {
        *why_out = nul ? "the id holds a NUL" : "the id is over 255 bytes";
    } else {
        memcpy(text, characters.data, characters.size);
        text[characters.size] = '\0';
    }
    p2psync_buffer_free(&digits);
    return fits && !nul ? text : NULL;
}

/* Whether `id` may be that of a record; else says in why_out why not. */
static bool is_record(const char *id, const char **why_out)
{
    struct p2psync_copy copy = {.size = sizeof copy};

    if (p2psync_copy_parse(id, &copy) != P2PSYNC_OK) {
        return true;
    }
    *why_out = "the id ends as that of a copy does, in @VERSION; no record can have it";
    return false;
}

/* Add one edit to the batch. */
static p2psync_result add_edit(struct import *import, const char *id, const struct fields *fields)
{
    struct p2psync_buffer map = {0};
    p2psync_result result = fields_pack(fields, &map);

    if (result == P2PSYNC_OK && import->batch == NULL) {
        result = p2psync_transaction_begin(import->node, import->collection, &import->batch, NULL);
    }
    if (result == P2PSYNC_OK) {
        const struct p2psync_edit edit = {.size = sizeof edit,
                                          .id = id,
                                          .fields = {map.data, map.size},
                                          .kind = P2PSYNC_EDIT_REPLACE};

        result = p2psync_transaction_edit(import->batch, &edit, NULL);
        import->batch_lines += result == P2PSYNC_OK;
        import->batch_bytes += map.size;
    }
    p2psync_buffer_free(&map);
    return result;
}

/* What to do with input that is no JSON lines at all, or NULL: only the first line tells. */
static const char *other_format(const struct import *import, const char *line, size_t size)
{
    size_t blanks = strspn(line, " \t");

    if (import->line > 1 || blanks >= size) {
        return NULL;
    }
    if (line[blanks] == '[') {
        return "this is a JSON array, and import takes an object a line; jq -c '.[]' makes lines "
               "of "
               "it";
    }
    if (line[blanks] != '{' && strcspn(line, ",;\t") < size) {
        return "this looks like CSV, and import takes a JSON object a line; mlr --icsv --ojsonl "
               "cat "
               "makes lines of it";
    }
    return NULL;
}

/* Add what a line says, whose fields are listed, the id among them. */
static int import_record(struct cli *cli, struct import *import, struct fields *fields)
{
    const struct p2psync_bytes id_field = {import->id_field, strlen(import->id_field)};
    char text[ID_SIZE];
    const char *why = NULL;
    const char *id = take_id(fields_find(fields, id_field), text, &why);

    if (id == NULL || !is_record(id, &why)) {
        return bad_line(cli, import, why);
    }
    fields_remove(fields, id_field);
    p2psync_result result = add_edit(import, id, fields);
    if (result == P2PSYNC_ELIMIT) {
        return bad_line(cli, import,
                        strlen(import->collection) > COLLECTION_SIZE_MAX
                            ? "the collection's name is over 128 bytes"
                            : "the record is over 1 MiB");
    }
    if (result == P2PSYNC_EFORMAT || result == P2PSYNC_EMISUSE) {
        return bad_line(cli, import, p2psync_strerror(result));
    }
    return result == P2PSYNC_OK
               ? CLI_DONE
               : fail(cli, result, "import %s: line %" PRIu64, import->collection, import->line);
}

static int import_line(struct cli *cli, struct import *import, const char *line, size_t size)
{
    struct p2psync_buffer map = {0};
    const char *other = other_format(import, line, size);
    struct fields fields = {0};
    struct p2psync_detail detail = {.size = sizeof detail};
    char why[DATA_WHY_SIZE];
    int code = CLI_DONE;
    p2psync_result result = p2psync_value_from_json(line, size, &map, &detail);

    if (result == P2PSYNC_EFORMAT || result == P2PSYNC_ELIMIT) {
        data_explain(&detail, why);
        code = bad_line(cli, import, other != NULL ? other : why);
    } else if (result == P2PSYNC_OK) {
        result = fields_add_map(&fields, (struct p2psync_bytes){map.data, map.size});
        if (result == P2PSYNC_EFORMAT) {
            code = bad_line(cli, import, other != NULL ? other : "no JSON object");
        } else if (result == P2PSYNC_OK) {
            code = import_record(cli, import, &fields);
        }
    }
    if (result != P2PSYNC_OK && result != P2PSYNC_EFORMAT && result != P2PSYNC_ELIMIT) {
        code = fail(cli, result, "import %s: line %" PRIu64, import->collection, import->line);
    }
    fields_free(&fields);
    p2psync_buffer_free(&map);
    if (code == CLI_DONE &&
        (import->batch_lines >= BATCH_LINES || import->batch_bytes >= BATCH_BYTES)) {
        code = commit(cli, import);
    }
    return code;
}

static int commit(struct cli *cli, struct import *import)
{
    struct p2psync_committed committed = {.size = sizeof committed};
    p2psync_result result = P2PSYNC_OK;
    char why[128];

    if (import->batch != NULL) {
        result = p2psync_transaction_commit(import->batch, &committed, NULL);
        import->batch = NULL; /* freed, whatever the result */
    }
    import->batch_lines = 0;
    import->batch_bytes = 0;
    import->imported += committed.changed;
    import->unchanged += committed.unchanged;
    if (result == P2PSYNC_OK) {
        return CLI_DONE;
    }
    progress_end(&import->progress);
    snprintf(why, sizeof why,
             "up to line %" PRIu64 ", with %" PRIu64 " imported and %" PRIu64 " unchanged",
             import->line, import->imported, import->unchanged);
    return fail(cli, result, "import %s %s", import->collection, why);
}

static int answer(struct cli *cli, const struct import *import)
{
    printf(cli->json ? "{\"imported\":%" PRIu64 ",\"unchanged\":%" PRIu64 ",\"failed\":%" PRIu64
                       "}\n"
                     : "imported %" PRIu64 ", unchanged %" PRIu64 ", failed %" PRIu64 "\n",
           import->imported, import->unchanged, import->failed);
    return import->failed == 0 ? CLI_DONE : CLI_FAILED;
}
