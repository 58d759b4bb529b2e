/* JSON from the command line or stdin, bounded and checked. The library reads it. */
#include "tools/p2psync/data.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tools/p2psync/fail.h"

#define INPUT_SIZE_MAX (8UL * 1024 * 1024) /* bytes of JSON: no record needs more */

static char *read_input(struct cli *cli, size_t *size_out);

int data_object(struct cli *cli, const char *data, struct p2psync_buffer *out)
{
    bool from_input = strcmp(data, "-") == 0;
    size_t size = strlen(data);
    char *input = from_input ? read_input(cli, &size) : NULL;
    const char *json = from_input ? input : data;
    struct p2psync_detail detail = {.size = sizeof detail};
    char why[DATA_WHY_SIZE];
    int code = CLI_DONE;

    if (json == NULL) {
        return CLI_FAILED;
    }
    p2psync_result result = p2psync_value_from_json(json, size, out, &detail);
    if (result == P2PSYNC_EFORMAT) {
        data_explain(&detail, why);
        code = fail_usage(cli, "--data is no JSON: %s", why);
    } else if (result == P2PSYNC_ELIMIT) {
        data_explain(&detail, why);
        code = fail_saying(cli, CLI_FAILED, "%s: --data is over a limit: %s", cli->verb->name, why);
    } else if (result != P2PSYNC_OK) {
        code = fail(cli, result, "%s", cli->verb->name);
    } else if (p2psync_value_type_of((struct p2psync_bytes){out->data, out->size}) !=
               P2PSYNC_VALUE_MAP) {
        p2psync_buffer_free(out);
        code = fail_usage(cli, "--data is no JSON object");
    }
    free(input);
    return code;
}

/* All of stdin, at most INPUT_SIZE_MAX bytes; freed by the caller. NULL after saying why. */
static char *read_input(struct cli *cli, size_t *size_out)
{
    char *input = malloc(INPUT_SIZE_MAX + 1);
    size_t size = 0;

    if (input == NULL) {
        fail(cli, P2PSYNC_ENOMEM, "%s --data -", cli->verb->name);
        return NULL;
    }
    size = fread(input, 1, INPUT_SIZE_MAX + 1, stdin);
    if (ferror(stdin)) {
        fail_system(cli, errno, "%s --data -: cannot read stdin", cli->verb->name);
    } else if (size > INPUT_SIZE_MAX) {
        fail_saying(cli, CLI_FAILED,
                    "%s: --data is over a limit: stdin has more than 8 MiB, and no record has",
                    cli->verb->name);
    } else {
        *size_out = size;
        return input;
    }
    free(input);
    return NULL;
}

p2psync_result data_value(const char *word, struct p2psync_buffer *out,
                          struct p2psync_detail *detail)
{
    size_t size = strlen(word);
    p2psync_result result = p2psync_value_from_json(word, size, out, detail);

    if (result != P2PSYNC_EFORMAT || detail->offset == SIZE_MAX) {
        return result;
    }
    result = p2psync_value_from_text(word, size, out);
    if (result == P2PSYNC_EFORMAT) {
        snprintf(detail->text, sizeof detail->text, "it is neither JSON nor UTF-8");
        detail->offset = SIZE_MAX;
    }
    return result;
}

void data_explain(const struct p2psync_detail *detail, char why[DATA_WHY_SIZE])
{
    if (detail->offset == SIZE_MAX) {
        snprintf(why, DATA_WHY_SIZE, "%s", detail->text);
    } else {
        snprintf(why, DATA_WHY_SIZE, "%s, after %zu bytes", detail->text, detail->offset);
    }
}
