/* Options by getopt_long: the global ones are merged into each command's own table, so they may
 * stand anywhere; errors are ours, one line each. */
#include "tools/p2psync/options.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "tools/p2psync/fail.h"
#include "tools/p2psync/help.h"

#define OPTIONS_MAX 24 /* options of one command, the global ones included */

enum {
    OPTION_JSON = 0x1000, /* beyond what commands use */
    OPTION_VERSION,
};

const struct option options_global[] = {
    {"directory", required_argument, NULL, 'C'},
    {"json", no_argument, NULL, OPTION_JSON},
    {"quiet", no_argument, NULL, 'q'},
    {"verbose", no_argument, NULL, 'v'},
    {"help", no_argument, NULL, 'h'},
    {"version", no_argument, NULL, OPTION_VERSION},
    {0},
};

#define GLOBAL_COUNT (sizeof options_global / sizeof options_global[0] - 1)

static bool take_global(struct cli *cli, int option);
static void say_wrong(struct cli *cli, int option, const char *word);

int options_next(struct cli *cli, int argc, char **argv, const struct option *own)
{
    struct option merged[OPTIONS_MAX] = {0};
    size_t count = 0;

    for (; own != NULL && own[count].name != NULL && count + GLOBAL_COUNT + 1 < OPTIONS_MAX;
         count++) {
        merged[count] = own[count];
    }
    memcpy(merged + count, options_global, sizeof options_global);
    opterr = 0;
    /* Ends with argv. */
    for (;;) {
        /* Before the command the first operand ends the options: it is the command. */
        const char *letters = cli->verb == NULL ? "+:C:qvh" : ":C:qvh";
        int option = getopt_long(argc, argv, letters, merged, NULL);

        if (option == '?' || option == ':') {
            say_wrong(cli, option, argv[optind - 1]);
            return OPTIONS_WRONG;
        }
        if (option == OPTIONS_END || !take_global(cli, option)) {
            return option;
        }
        if (cli->helped) {
            return OPTIONS_WRONG;
        }
    }
}

/* Whether `option` is a global one; if so it is taken in. */
static bool take_global(struct cli *cli, int option)
{
    switch (option) {
    case 'C':
        cli->dir = optarg;
        return true;
    case OPTION_JSON:
        cli->json = true;
        return true;
    case 'q':
        cli->quiet = true;
        return true;
    case 'v':
        cli->verbose++;
        return true;
    case 'h':
        help_print(cli, cli->verb);
        cli->helped = true;
        return true;
    case OPTION_VERSION:
        printf("p2psync %s\n", p2psync_version());
        cli->helped = true;
        return true;
    default:
        return false;
    }
}

static void say_wrong(struct cli *cli, int option, const char *word)
{
    if (option == ':') {
        fail_usage(cli, "option '%s' needs a value", word);
    } else if (optopt > ' ' && optopt < 0x7f) {
        fail_usage(cli, "there is no option '-%c'", optopt);
    } else {
        fail_usage(cli, "option '%s' is unknown, ambiguous or takes no value", word);
    }
}

bool options_operands(struct cli *cli, int argc, char **argv, int min, int max)
{
    int count = argc - optind;

    if (count < min) {
        fail_usage(cli, "something is missing: %s %s", cli->verb->name, cli->verb->operands);
        return false;
    }
    if (count > max) {
        fail_usage(cli, "'%s' is one word too many", argv[optind + max]);
        return false;
    }
    for (int i = optind; i < optind + min; i++) {
        if (argv[i][0] == '\0') {
            fail_usage(cli, "an operand is empty");
            return false;
        }
    }
    return true;
}

bool options_only_operands(struct cli *cli, int argc, char **argv, int min, int max)
{
    return options_next(cli, argc, argv, NULL) == OPTIONS_END &&
           options_operands(cli, argc, argv, min, max);
}

const struct action *options_action(struct cli *cli, int argc, char **argv,
                                    const struct action *actions, size_t count)
{
    if (!options_only_operands(cli, argc, argv, 1, INT_MAX)) {
        return NULL;
    }
    for (size_t i = 0; i < count; i++) {
        if (strcmp(argv[optind], actions[i].name) == 0) {
            int words = actions[i].words;

            return options_operands(cli, argc, argv, words, words) ? &actions[i] : NULL;
        }
    }
    (void)fail_usage(cli, "there is no '%s %s'", cli->verb->name, argv[optind]);
    return NULL;
}

bool options_number(const char *text, uint64_t max, uint64_t *out)
{
    char *end = NULL;
    unsigned long long number;

    if (text[0] < '0' || text[0] > '9') {
        return false;
    }
    errno = 0;
    number = strtoull(text, &end, 10);
    if (errno != 0 || *end != '\0' || number > max) {
        return false;
    }
    *out = number;
    return true;
}

const char *options_default_dir(char *buffer, size_t size)
{
    const char *own = getenv("P2PSYNC_DIR");
    const char *data = getenv("XDG_DATA_HOME");
    const char *home = getenv("HOME");
    int length = -1;

    if (own != NULL && own[0] != '\0') {
        return own;
    }
    if (data != NULL && data[0] == '/') {
        length = snprintf(buffer, size, "%s/p2psync", data);
    } else if (home != NULL && home[0] != '\0') {
        length = snprintf(buffer, size, "%s/.local/share/p2psync", home);
    }
    return length > 0 && (size_t)length < size ? buffer : NULL;
}
