/* Words as people type them, NULs between them: options are told from operands, and numbers, times,
 * durations, versions and values are what they say or none. */
#include <stdio.h>
#include <string.h>

#include "tests/fuzz/lot.h"
#include "tools/p2psync/data.h"
#include "tools/p2psync/options.h"
#include "tools/p2psync/times.h"
#include "tools/p2psync/verbs.h"
#include "tools/p2psync/versions.h"

#define WORDS_MAX     32
#define TEXT_SIZE_MAX 4096

/* NOLINTNEXTLINE(readability-identifier-naming): the name is that of libFuzzer. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static FILE *nowhere;

static void check_word(const char *word)
{
    uint32_t duration_ms = 0;
    uint64_t number = 0;
    struct p2psync_buffer value = {0};
    struct p2psync_buffer text = {0};
    struct p2psync_buffer again = {0};
    struct p2psync_detail detail = {.size = sizeof detail};
    must(!times_duration(word, &duration_ms) || duration_ms > 0);
    must(!options_number(word, 1000, &number) || number <= 1000);
    (void)times_parse(word, &number);
    (void)versions_may_be(word);
    p2psync_result result = data_value(word, &value, &detail);
    must(result == P2PSYNC_OK || result == P2PSYNC_EFORMAT || result == P2PSYNC_ELIMIT);
    if (result == P2PSYNC_OK) {
        struct p2psync_bytes bytes = {value.data, value.size};
        must(p2psync_value_to_json(bytes, &text) == P2PSYNC_OK);
        must(p2psync_value_from_json(text.data, text.size, &again, NULL) == P2PSYNC_OK);
        must(again.size == value.size && memcmp(again.data, value.data, again.size) == 0);
    }
    p2psync_buffer_free(&again);
    p2psync_buffer_free(&text);
    p2psync_buffer_free(&value);
}

/* As a command that takes some options of its own. */
static void parse(int argc, char **argv)
{
    static const struct option own[] = {
        {"since", required_argument, NULL, 's'}, {"force", no_argument, NULL, 'f'}, {0}};
    struct cli cli = {.verbs = verbs_table,
                      .verb_count = verbs_count,
                      .verb = &verbs_table[0],
                      .dir = "/nowhere",
                      .errors = nowhere};
    int option = 0;
    int left = argc;
    optind = 0;
    do { /* each takes a letter of a word at least */
        option = options_next(&cli, argc, argv, own);
        must(option == 's' || option == 'f' || option == OPTIONS_END || option == OPTIONS_WRONG);
        must(option != 's' || optarg != NULL);
    } while (option == 's' || option == 'f');
    if (option == OPTIONS_END) {
        must(optind <= left);
        (void)options_operands(&cli, argc, argv, 1, 3);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char command[] = "p2psync";
    char text[TEXT_SIZE_MAX + 1];
    char *argv[WORDS_MAX + 2] = {command};
    int argc = 1;
    if (nowhere == NULL) {
        nowhere = fopen("/dev/null", "we");
        must(nowhere != NULL && freopen("/dev/null", "we", stdout) != NULL);
    }
    size = size < TEXT_SIZE_MAX ? size : TEXT_SIZE_MAX;
    memcpy(text, data, size);
    text[size] = '\0';
    for (size_t at = 0; at < size && argc <= WORDS_MAX; at += strlen(text + at) + 1) {
        argv[argc] = text + at;
        check_word(argv[argc]);
        argc++;
    }
    parse(argc, argv);
    return 0;
}
