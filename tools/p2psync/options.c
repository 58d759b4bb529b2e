/* Options by getopt_long: the global ones are merged into each command's own table, so they may
 * stand anywhere; errors are ours, one line each. */
#include "tools/p2psync/options.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tools/p2psync/fail.h"
#include "tools/p2psync/help.h"

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
static bool duration(const char *text, uint64_t max, uint64_t *ms_out);
static int digits_at(const char **text, unsigned count, char end);
static bool fraction_at(const char **text, unsigned *ms_out);
static bool offset_at(const char **text, int *minutes_out);

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

bool options_duration(const char *text, uint32_t *ms_out)
{
    uint64_t ms = 0;

    if (!duration(text, UINT32_MAX, &ms)) {
        return false;
    }
    *ms_out = (uint32_t)ms;
    return true;
}

static bool duration(const char *text, uint64_t max, uint64_t *ms_out)
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
            if (!options_number(digits, max / units[i].ms, &number) || number == 0) {
                return false;
            }
            *ms_out = number * units[i].ms;
            return true;
        }
    }
    return false;
}

bool options_time(const char *text, uint64_t *ms_out)
{
    struct tm parts = {0};
    struct tm checked;
    const char *rest = text;
    unsigned ms = 0;
    int offset_minutes = 0;
    int64_t seconds;

    parts.tm_year = digits_at(&rest, 4, '-') - 1900;
    parts.tm_mon = digits_at(&rest, 2, '-') - 1;
    parts.tm_mday = digits_at(&rest, 2, 0);
    if (rest == NULL || (*rest != 'T' && *rest != 't' && *rest != ' ')) {
        return false;
    }
    rest++;
    parts.tm_hour = digits_at(&rest, 2, ':');
    parts.tm_min = digits_at(&rest, 2, ':');
    parts.tm_sec = digits_at(&rest, 2, 0);
    if (!fraction_at(&rest, &ms) || !offset_at(&rest, &offset_minutes) || *rest != '\0') {
        return false;
    }
    checked = parts;
    seconds = (int64_t)timegm(&checked);
    /* timegm() makes the 31st of February a day in March: no such day was meant. */
    if (checked.tm_mon != parts.tm_mon || checked.tm_hour != parts.tm_hour ||
        checked.tm_min != parts.tm_min || checked.tm_sec != parts.tm_sec) {
        return false;
    }
    seconds -= (int64_t)offset_minutes * 60;
    if (seconds < 0) {
        return false;
    }
    *ms_out = (uint64_t)seconds * 1000 + ms;
    return true;
}

/* The number that `count` digits make, and `end` behind them (0: none). Moves on; *text becomes
 * NULL if that is not there, and stays so. */
static int digits_at(const char **text, unsigned count, char end)
{
    const char *at = *text;
    int number = 0;

    for (unsigned i = 0; at != NULL && i < count; i++) {
        bool is_digit = *at >= '0' && *at <= '9';
        number = is_digit ? number * 10 + (*at - '0') : 0;
        at = is_digit ? at + 1 : NULL;
    }
    if (at != NULL && end != 0) {
        at = *at == end ? at + 1 : NULL;
    }
    *text = at;
    return number;
}

/* ".5", or nothing. What is below a millisecond is passed over. */
static bool fraction_at(const char **text, unsigned *ms_out)
{
    const char *at = *text;
    unsigned unit = 100;

    if (at == NULL || *at != '.') {
        return at != NULL;
    }
    at++;
    if (*at < '0' || *at > '9') {
        return false;
    }
    for (; *at >= '0' && *at <= '9'; at++) {
        *ms_out += (unsigned)(*at - '0') * unit;
        unit /= 10;
    }
    *text = at;
    return true;
}

/* "Z", or "+02:00". */
static bool offset_at(const char **text, int *minutes_out)
{
    const char *at = *text;
    bool west = *at == '-';
    int hours = 0;
    int minutes = 0;

    if (*at == 'Z' || *at == 'z') {
        *text = at + 1;
        return true;
    }
    if (*at != '+' && *at != '-') {
        return false;
    }
    at++;
    hours = digits_at(&at, 2, ':');
    minutes = digits_at(&at, 2, 0);
    if (at == NULL || hours > 23 || minutes > 59) {
        return false;
    }
    *minutes_out = (west ? -1 : 1) * (hours * 60 + minutes);
    *text = at;
    return true;
}

bool options_since(const char *text, uint64_t *ms_out)
{
    struct timespec now = {0};
    uint64_t now_ms;
    uint64_t back_ms = 0;

    if (options_time(text, ms_out)) {
        return true;
    }
    clock_gettime(CLOCK_REALTIME, &now);
    now_ms = (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
    if (!duration(text, now_ms, &back_ms)) {
        return false;
    }
    *ms_out = now_ms - back_ms;
    return true;
}

bool options_dot(struct cli *cli, const char *text, struct p2psync_dot *dot_out)
{
    if (p2psync_dot_parse(text, dot_out) == P2PSYNC_OK) {
        return true;
    }
    fail_usage(cli, "'%s' is no version, which is 16 hex digits, a hyphen and a number", text);
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
