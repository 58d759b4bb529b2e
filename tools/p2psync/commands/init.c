/* p2psync init: this device and a new mesh, or a device of its own of what was copied. */
#include <unistd.h>

#include "tools/p2psync/attach.h"
#include "tools/p2psync/commands/commands.h"
#include "tools/p2psync/fail.h"
#include "tools/p2psync/identity.h"
#include "tools/p2psync/output.h"
#include "tools/p2psync/qr.h"

static p2psync_result make(p2psync_node *node, const struct identity_wish *wish, const char *code,
                           struct p2psync_detail *detail);
static int say_made(struct cli *cli, p2psync_node *node, const struct identity_wish *wish,
                    const char *code);
static p2psync_result describe(p2psync_node *node, const char *code, struct p2psync_buffer *out);
static void print_made(struct p2psync_bytes answer, const void *context);
static int say_exists(struct cli *cli, p2psync_node *node);

/* The code is in memory until the end of this process, of which no core file is written. */
int cmd_init(struct cli *cli, int argc, char **argv)
{
    struct identity_wish wish = {.founds = true};
    struct p2psync_buffer drawn = {0};
    struct p2psync_detail detail = {.size = sizeof detail};
    p2psync_node *node = NULL;
    p2psync_result result = P2PSYNC_OK;
    int code = identity_options(cli, argc, argv, 0, &wish);

    if (code == CLI_DONE) {
        code = attach_open(cli, NULL, &node);
    }
    if (code != CLI_DONE) {
        return code;
    }
    if (!wish.no_recovery && !wish.from_copy) {
        result = p2psync_recovery_draw(&drawn);
    }
    if (result == P2PSYNC_OK) {
        result = make(node, &wish, drawn.data, &detail);
    }
    if (result == P2PSYNC_OK) {
        code = say_made(cli, node, &wish, drawn.data);
    } else if (result == P2PSYNC_EEXIST) {
        code = say_exists(cli, node);
    } else if (detail.text[0] != '\0') {
        code = fail_usage(cli, "%s", detail.text);
    } else {
        code = fail(cli, result, "init");
    }
    p2psync_buffer_free(&drawn);
    p2psync_close(node);
    return code;
}

static p2psync_result make(p2psync_node *node, const struct identity_wish *wish, const char *code,
                           struct p2psync_detail *detail)
{
    return wish->from_copy ? p2psync_init_copy(node, wish->name, detail)
                           : p2psync_init(node, wish->name, code, detail);
}

/* What print_made() needs. */
struct made {
    bool from_copy;
    const char *code; /* NULL: there is none */
};

int init_say_made(struct cli *cli, p2psync_node *node, const char *code)
{
    return say_made(cli, node, &(struct identity_wish){.founds = true}, code);
}

static int say_made(struct cli *cli, p2psync_node *node, const struct identity_wish *wish,
                    const char *code)
{
    const struct made made = {wish->from_copy, code};
    struct p2psync_buffer answer = {0};
    p2psync_result result = describe(node, code, &answer);
    int exit_code = result == P2PSYNC_OK ? output_answer_with(cli, &answer, print_made, &made)
                                         : fail(cli, result, "init");

    if (exit_code == CLI_DONE && code != NULL && fflush(stdout) != 0) {
        return fail_saying(cli, CLI_FAILED,
                           "init: the recovery code could not be written to stdout; without it, "
                           "remove '%s' and make the mesh again",
                           cli->dir);
    }
    return exit_code;
}

/* The document identity, and the code. */
static p2psync_result describe(p2psync_node *node, const char *code, struct p2psync_buffer *out)
{
    struct p2psync_buffer identity = {0};
    p2psync_builder *builder = NULL;
    p2psync_result result = p2psync_identity(node, &identity);
    struct p2psync_walk walk = {.size = sizeof walk, .value = {identity.data, identity.size}};
    struct p2psync_bytes key;
    struct p2psync_bytes value;

    if (result == P2PSYNC_OK) {
        result = p2psync_builder_new(&builder);
    }
    if (result == P2PSYNC_OK) {
        while (p2psync_walk_next(&walk, &key, &value) == P2PSYNC_OK) {
            p2psync_builder_pair(builder, key, value);
        }
        if (code != NULL) {
            p2psync_builder_text(builder, "recovery", code);
        } else {
            p2psync_builder_nil(builder, "recovery");
        }
        result = p2psync_builder_finish(builder, out);
    }
    p2psync_buffer_free(&identity);
    return result;
}

static void print_made(struct p2psync_bytes answer, const void *context)
{
    const struct made *made = context;
    size_t lines = 0;
    size_t columns = 0;

    identity_print(answer);
    if (made->from_copy) {
        identity_print_unknown();
    }
    if (made->code != NULL) {
        printf("\nThe recovery code of this mesh:\n\n  %s\n\n"
               "Write it on paper, and keep that where no device is: it is stored nowhere, and\n"
               "not shown again. Its key ranks above this device, for when that is lost or\n"
               "stolen, and so does whoever has the code. 'p2psync recover --check' says whether\n"
               "the paper is right.\n",
               made->code);
        if (isatty(STDOUT_FILENO)) {
            (void)qr_print(made->code, &lines, &columns);
        }
    }
}

static int say_exists(struct cli *cli, p2psync_node *node)
{
    struct p2psync_buffer identity = {0};
    struct p2psync_bytes map = {0};

    if (p2psync_identity(node, &identity) == P2PSYNC_OK) {
        map = (struct p2psync_bytes){identity.data, identity.size};
    }
    struct p2psync_bytes name = p2psync_map_text(map, "name");
    struct p2psync_bytes fingerprint = p2psync_map_text(map, "fingerprint");
    int code = fail_saying(cli, CLI_CONFLICT,
                           "init: '%s' holds the device '%.*s' (%.*s) already; use it, or name "
                           "another directory with -C DIR",
                           cli->dir, TEXT(name), TEXT(fingerprint));

    p2psync_buffer_free(&identity);
    return code;
}
