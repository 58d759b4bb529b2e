/* Where a code comes from: see code.h. */
#include "tools/p2psync/code.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/p2psync/fail.h"

static int read_code(struct cli *cli, const char *prompt, char code[static CODE_SIZE_MAX]);

int code_take(struct cli *cli, char *word, const char *prompt, char code[static CODE_SIZE_MAX])
{
    const char *given = word != NULL ? word : getenv("P2PSYNC_CODE");

    if (given == NULL && !isatty(STDIN_FILENO)) {
        return fail_usage(cli,
                          "the code is missing: give it as a word, in P2PSYNC_CODE, or on stdin "
                          "with -");
    }
    if (given == NULL || strcmp(given, "-") == 0) {
        return read_code(cli, prompt, code);
    }
    if (strlen(given) >= CODE_SIZE_MAX) {
        return fail_usage(cli, "the code is too long");
    }
    memcpy(code, given, strlen(given) + 1);
    if (word != NULL) {
        memset(word, '*', strlen(word));
    } else {
        (void)unsetenv("P2PSYNC_CODE");
    }
    return CLI_DONE;
}

/* The first line of stdin, which is asked for on a terminal. */
static int read_code(struct cli *cli, const char *prompt, char code[static CODE_SIZE_MAX])
{
    if (isatty(STDIN_FILENO)) {
        fputs(prompt, stderr);
        fflush(stderr);
    }
    if (fgets(code, CODE_SIZE_MAX, stdin) == NULL) {
        return fail_usage(cli, "stdin has no code");
    }
    code[strcspn(code, "\r\n")] = '\0';
    return CLI_DONE;
}
