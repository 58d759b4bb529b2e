/* The simulator: plays seeded runs of real engines on real stores in virtual time, and says how to
 * repeat the first that fails. It links no ZeroMQ: that it links at all proves that the engine
 * needs none. */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tests/sim/run.h"

#define WORDS_MAX 16 /* of a line in a file of seeds */

struct arguments {
    uint64_t seed;
    uint64_t count;
    double hours; /* 0: `count` seeds; else as many as can be played meanwhile */
    unsigned idle_minutes;
    unsigned nodes;
    unsigned steps;
    bool trace;
    bool no_push;
    bool vast; /* a transaction of PS_TRANSACTION_CHANGES_MAX */
    bool rollback;
    bool lies;   /* often */
    bool resets; /* often */
    bool removals;
    bool plain;        /* nothing of what is drawn apart */
    bool twice;        /* each seed again: it must give the same */
    const char *seeds; /* a file of them, each with its options; '#' begins a comment */
};

static char repeat[SIM_REPEAT_SIZE + 32]; /* for the handler of an abort */

static bool parse(int argc, char **argv, struct arguments *out);
static bool parse_number(const char *text, uint64_t max, uint64_t *out);
static bool parse_hours(const char *text, double *out);
static void tell_seed(int signal_number);
static bool play_seed(const struct arguments *arguments, uint64_t seed);
static void count_run(unsigned nodes, const struct sim_report *report);
static void print_table(void);
static bool play_line(char *line);
static bool play_file(const struct arguments *arguments);

int main(int argc, char **argv)
{
    struct arguments arguments;
    if (!parse(argc, argv, &arguments)) {
        fprintf(stderr, "usage: sim [--seed N] [--count N | --hours H] [--nodes N] [--steps N] "
                        "[--idle MINUTES] [--trace] [--no-push] [--vast] [--rollback] [--lies] "
                        "[--resets] [--removals] [--plain] "
                        "[--twice] [--seeds FILE]\n");
        return 2;
    }
    signal(SIGABRT, tell_seed);
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (arguments.seeds != NULL) {
        bool kept = play_file(&arguments);
        print_table();
        return kept ? 0 : 1;
    }
    bool fine = true;
    time_t end = time(NULL) + (time_t)(arguments.hours * 3600);
    for (uint64_t i = 0; fine && (arguments.hours > 0 ? time(NULL) < end : i < arguments.count);
         i++) {
        fine = play_seed(&arguments, arguments.seed + i);
    }
    print_table();
    return fine ? 0 : 1;
}

static bool parse(int argc, char **argv, struct arguments *out)
{
    *out = (struct arguments){.seed = 1, .count = 1};
    for (int i = 1; i < argc; i++) {
        uint64_t number = 0;
        const char *value = i + 1 < argc ? argv[i + 1] : "";
        if (strcmp(argv[i], "--trace") == 0) {
            out->trace = true;
        } else if (strcmp(argv[i], "--no-push") == 0) {
            out->no_push = true;
        } else if (strcmp(argv[i], "--vast") == 0) {
            out->vast = true;
        } else if (strcmp(argv[i], "--rollback") == 0) {
            out->rollback = true;
        } else if (strcmp(argv[i], "--lies") == 0) {
            out->lies = true;
        } else if (strcmp(argv[i], "--resets") == 0) {
            out->resets = true;
        } else if (strcmp(argv[i], "--removals") == 0) {
            out->removals = true;
        } else if (strcmp(argv[i], "--plain") == 0) {
            out->plain = true;
        } else if (strcmp(argv[i], "--twice") == 0) {
            out->twice = true;
        } else if (strcmp(argv[i], "--seeds") == 0 && i + 1 < argc) {
            out->seeds = argv[++i];
        } else if (strcmp(argv[i], "--seed") == 0 && parse_number(value, UINT64_MAX, &number)) {
            out->seed = number;
            i++;
        } else if (strcmp(argv[i], "--count") == 0 && parse_number(value, UINT64_MAX, &number)) {
            out->count = number;
            i++;
        } else if (strcmp(argv[i], "--hours") == 0 && parse_hours(value, &out->hours)) {
            i++;
        } else if (strcmp(argv[i], "--idle") == 0 && parse_number(value, 1000, &number)) {
            out->idle_minutes = (unsigned)number;
            i++;
        } else if (strcmp(argv[i], "--nodes") == 0 && parse_number(value, SIM_NODES_MAX, &number)) {
            out->nodes = (unsigned)number;
            i++;
        } else if (strcmp(argv[i], "--steps") == 0 && parse_number(value, 100000, &number)) {
            out->steps = (unsigned)number;
            i++;
        } else {
            return false;
        }
    }
    return true;
}

static bool parse_number(const char *text, uint64_t max, uint64_t *out)
{
    char *end = NULL;
    errno = 0;
    *out = strtoull(text, &end, 10);
    return errno == 0 && end != text && *end == '\0' && *out <= max;
}

static bool parse_hours(const char *text, double *out)
{
    char *end = NULL;
    *out = strtod(text, &end);
    return end != text && *end == '\0' && *out > 0 && *out < 1000;
}

/* An assert of what is tested: say which seed it was. Only write(2) is safe here. */
static void tell_seed(int signal_number)
{
    (void)signal_number;
    ssize_t written = write(STDERR_FILENO, repeat, strlen(repeat));
    (void)written;
    signal(SIGABRT, SIG_DFL);
    abort();
}

static bool play_seed(const struct arguments *arguments, uint64_t seed)
{
    struct sim_options options;
    struct sim_report report;
    struct sim_report again;
    sim_options_draw(&options, seed, arguments->nodes, arguments->steps);
    options.trace = arguments->trace;
    options.no_push = arguments->no_push;
    options.vast = arguments->vast;
    options.idle_minutes = arguments->idle_minutes;
    if (arguments->rollback) {
        sim_options_roll_back(&options);
    }
    if (arguments->resets) {
        sim_options_reset(&options);
    }
    if (arguments->removals) {
        sim_options_remove(&options);
    }
    if (arguments->lies) {
        sim_options_lie(&options);
    }
    if (arguments->plain) {
        sim_options_be_plain(&options);
    }
    char command[SIM_REPEAT_SIZE];
    sim_options_repeat(&options, command);
    snprintf(repeat, sizeof repeat, "aborted; repeat: %s\n", command);
    if (options.trace) {
        sim_options_print(&options, stdout);
    }
    if (!sim_run(&options, &report)) {
        return false;
    }
    count_run(options.nodes, &report);
    printf("seed %" PRIu64 ": %u nodes, %" PRIu64 " writes, %" PRIu64 " rounds, %" PRIu64
           " messages, %" PRIu64 " kB, in sync after %" PRIu64 " ms; idle: %" PRIu64
           " messages and %" PRIu64 " wake-ups a minute\n",
           seed, options.nodes, report.writes, report.rounds, report.messages, report.bytes / 1000,
           report.in_sync_ms, report.idle.messages, report.idle.wakes);
    if (arguments->twice && (!sim_run(&options, &again) || again.digest != report.digest)) {
        printf("FAILED seed %" PRIu64 " does not repeat itself\n", seed);
        return false;
    }
    return true;
}

/* Runs by number of devices. */
static struct tally {
    uint64_t runs;
    struct sim_report sum;
} tallies[SIM_NODES_MAX + 1];
static struct sim_played_counts played;

static void count_run(unsigned nodes, const struct sim_report *report)
{
    struct tally *tally = &tallies[nodes];
    tally->runs++;
    tally->sum.writes += report->writes;
    tally->sum.rounds += report->rounds;
    tally->sum.messages += report->messages;
    tally->sum.bytes += report->bytes;
    tally->sum.in_sync_ms += report->in_sync_ms;
    tally->sum.idle.messages += report->idle.messages;
    tally->sum.idle.wakes += report->idle.wakes;
    sim_played_add(&played, &report->played);
}

/* What a run costs on average, until all are in sync, and a minute in which nothing happens. */
static void print_table(void)
{
    printf(
        "devices  runs  writes  rounds  messages       kB  in sync ms  idle: messages, wake-ups\n");
    for (unsigned i = 0; i <= SIM_NODES_MAX; i++) {
        const struct tally *tally = &tallies[i];
        uint64_t runs = tally->runs;
        if (runs > 0) {
            printf("%7u %5" PRIu64 " %7" PRIu64 " %7" PRIu64 " %9" PRIu64 " %8" PRIu64 " %11" PRIu64
                   " %15" PRIu64 " %9" PRIu64 "\n",
                   i, runs, tally->sum.writes / runs, tally->sum.rounds / runs,
                   tally->sum.messages / runs, tally->sum.bytes / runs / 1000,
                   tally->sum.in_sync_ms / runs, tally->sum.idle.messages / runs,
                   tally->sum.idle.wakes / runs);
        }
    }
    sim_played_print(&played);
}

/* A seed, and after it what else is an argument of its run. */
static bool play_line(char *line)
{
    static char first[] = "sim";
    static char second[] = "--seed";
    struct arguments arguments;
    char *words[WORDS_MAX] = {first, second};
    int count = 2;
    char *rest = NULL;
    char *word = strtok_r(line, " \t", &rest);
    if (word == NULL) {
        return true;
    }
    while (word != NULL && count < WORDS_MAX) {
        words[count++] = word;
        word = strtok_r(NULL, " \t", &rest);
    }
    return parse(count, words, &arguments) && play_seed(&arguments, arguments.seed);
}

static bool play_file(const struct arguments *arguments)
{
    char line[256];
    bool fine = true;
    FILE *file = fopen(arguments->seeds, "r");
    if (file == NULL) {
        perror(arguments->seeds);
        return false;
    }
    while (fine && fgets(line, sizeof line, file) != NULL) {
        line[strcspn(line, "#\n")] = '\0';
        fine = play_line(line);
    }
    fclose(file);
    return fine;
}
