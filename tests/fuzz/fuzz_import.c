/* Lines for `import`: whatever they are, it ends with a result, and ends so again if it is to go on
 * behind bad lines. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/fuzz/lot.h"
#include "tools/p2psync/commands/commands.h"
#include "tools/p2psync/verbs.h"

/* NOLINTBEGIN(readability-identifier-naming): the names are those of libFuzzer. */
int LLVMFuzzerInitialize(const int *argc, const char *const *const *argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
/* NOLINTEND(readability-identifier-naming) */

static char dir[] = "/tmp/p2psync-fuzz-import-XXXXXX";
static char file[64];
static FILE *nowhere;

static void end(void)
{
    (void)unlink(file);
    static const char *const names[] = {"data.mdb", "lock.mdb", "stamp",       "clean",
                                        "lock",     "suspect",  "config.json", "asked"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char path[96];
        (void)snprintf(path, sizeof path, "%s/%s", dir, names[i]);
        (void)unlink(path);
    }
    (void)rmdir(dir);
}

int LLVMFuzzerInitialize(const int *argc, const char *const *const *argv)
{
    p2psync_node *node = NULL;
    (void)argc;
    (void)argv;
    must(mkdtemp(dir) != NULL);
    (void)snprintf(file, sizeof file, "%s/config.json", dir);
    FILE *config = fopen(file, "we");
    must(config != NULL && fputs("{\"durability\": \"none\"}", config) >= 0 && fclose(config) == 0);
    (void)snprintf(file, sizeof file, "%s.jsonl", dir);
    struct p2psync_options options = P2PSYNC_OPTIONS_INIT;
    options.dir = dir;
    must(p2psync_open(&options, &node, NULL) == P2PSYNC_OK);
    must(p2psync_init(node, "fuzz", NULL, NULL) == P2PSYNC_OK);
    p2psync_close(node);
    nowhere = fopen("/dev/null", "we");
    must(nowhere != NULL && freopen("/dev/null", "we", stdout) != NULL);
    return atexit(end);
}

static int import(bool keep_going)
{
    char *argv[] = {(char[]){"import"}, (char[]){"notes"}, file, (char[]){"--keep-going"}, NULL};
    struct cli cli = {.verbs = verbs_table,
                      .verb_count = verbs_count,
                      .dir = dir,
                      .errors = nowhere,
                      .json = true,
                      .quiet = true};
    for (size_t i = 0; i < verbs_count; i++) {
        cli.verb = strcmp(verbs_table[i].name, "import") == 0 ? &verbs_table[i] : cli.verb;
    }
    optind = 0;
    return cmd_import(&cli, keep_going ? 4 : 3, argv);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    FILE *lines = fopen(file, "we");
    must(lines != NULL && fwrite(data, 1, size, lines) == size && fclose(lines) == 0);
    int code = import(false);
    must(code == CLI_DONE || code == CLI_FAILED);
    must(import(true) == code);
    return 0;
}
