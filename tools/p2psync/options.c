/* Options by getopt_long: the global ones are merged into each command's own table, so they may
 * stand anywhere; errors are ours, one line each. */
#include "tools/p2psync/options.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tools/p2psync/fail.h"

#define OPTIONS_MAX 24 /* options of one command, the global ones included */

enum {
    OPTION_JSON = 0x1000, /* beyond what commands use */
    OPTION_VERSION,
};

static const struct option global[] = {
    {"directory", required_argument, NULL, 'C'},
    {"json", no_argument, NULL, OPTION_JSON},
    {"quiet", no_argument, NULL, 'q'},
    {"verbose", no_argument, NULL, 'v'},
    {"help", no_argument, NULL, 'h'},
    {"version", no_argument, NULL, OPTION_VERSION},
};

#define GLOBAL_COUNT (sizeof global / sizeof global[0])

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
    memcpy(merged + count, global, sizeof global);
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
        verb_help(cli->verb);
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

bool options_duration(const char *text, uint32_t *ms_out)
{
    static const struct {
        char letter;
        uint64_t ms;
    } units[] = {{'s', 1000}, {'m', 60000}, {'h', 3600000}, {'d', 86400000}};
    char digits[16];
    size_t size = strlen(text);
    uint64_t number = 0;

    if (size < 2 || size > sizeof digits) {
        return false;
    }
    memcpy(digits, text, size - 1);
    digits[size - 1] = '\0';
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (units[i].letter == text[size - 1]) {
            if (!options_number(digits, UINT32_MAX / units[i].ms, &number) || number == 0) {
                return false;
            }
            *ms_out = (uint32_t)(number * units[i].ms);
            return true;
        }
    }
    return false;
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
