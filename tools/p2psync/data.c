/* JSON from the command line or stdin, bounded and checked. */
#include "tools/p2psync/data.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tools/p2psync/fail.h"

#define INPUT_SIZE_MAX (8UL * 1024 * 1024) /* bytes of JSON: no record needs more */

static char *read_input(struct cli *cli, size_t *size_out);

int data_object(struct cli *cli, const char *data, json_t **object_out)
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
    } else {
        *object_out = json_incref(tree);
    }
    json_decref(tree);
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
        fail(cli, P2PSYNC_ELIMIT, "%s --data -", cli->verb->name);
    } else {
        *size_out = size;
        return input;
    }
    free(input);
    return NULL;
}

int data_pack(struct cli *cli, const json_t *object, struct p2psync_buffer *out)
{
    char *text = json_dumps(object, JSON_COMPACT);
    p2psync_result result = P2PSYNC_ENOMEM;

    if (text != NULL) {
        result = p2psync_value_from_json(text, strlen(text), out);
    }
    free(text);
    if (result == P2PSYNC_EFORMAT) {
        return fail_usage(cli, "a value is malformed: {\"$bytes\": TEXT} takes base64");
    }
    return result == P2PSYNC_OK ? CLI_DONE : fail(cli, result, "%s", cli->verb->name);
}

p2psync_result data_value(const char *word, struct p2psync_buffer *out)
{
    p2psync_result result = p2psync_value_from_json(word, strlen(word), out);

    if (result == P2PSYNC_EFORMAT) {
        json_t *string = json_string(word);
        char *text = json_dumps(string, JSON_ENCODE_ANY);

        result = text != NULL ? p2psync_value_from_json(text, strlen(text), out) : P2PSYNC_EFORMAT;
        free(text);
        json_decref(string);
    }
    return result;
}
