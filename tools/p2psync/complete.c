/* The grammar of the operands is that of usage lines: words in capitals are asked for, others stand
 * for themselves, | parts alternatives, brackets say what may be left out, and ... repeats. */
#include "tools/p2psync/complete.h"

#include <string.h>

#include "tools/p2psync/help.h"
#include "tools/p2psync/offers.h"
#include "tools/p2psync/options.h"

#define OPERANDS_MAX 8
#define TOKENS_MAX   48
#define GRAMMAR_SIZE 256
#define WORD_SIZE    64

static void take_words(struct offers *offers, int count, char **words, char kind[static WORD_SIZE]);
static void offer_operands(struct offers *offers);
static void offer_kinds(struct offers *offers, const char *kinds);
static void offer_options(struct offers *offers);

void complete(struct cli *cli, int count, char **words)
{
    struct offers offers = {.cli = cli, .current = count > 0 ? words[count - 1] : ""};
    char kind[WORD_SIZE] = "";

    take_words(&offers, count - 1, words, kind);
    if (offers.unknown) {
        offers_end(&offers);
        return;
    }
    if (kind[0] != '\0') {
        offer_kinds(&offers, kind);
    } else if (offers.current[0] == '-') {
        offer_options(&offers);
    } else if (offers.verb == NULL) {
        offers_commands(&offers);
    } else {
        offer_operands(&offers);
        if (offers.count == 0 && offers.current[0] == '\0') {
            offer_options(&offers);
        }
    }
    offers_end(&offers);
}

/* The next line of a verb's details that is about an option, from *at on; moves on behind it.
 * `argument` is what the option takes, "" if nothing. */
static bool next_option(const char **at, char name[static WORD_SIZE],
                        char argument[static WORD_SIZE], const char **about)
{
    while (*at != NULL && **at != '\0') {
        const char *line = *at;
        const char *end = strchr(line, '\n');

        *at = end != NULL ? end + 1 : NULL;
        if (strncmp(line, "  --", 4) != 0) {
            continue;
        }
        line += 2;
        int size = (int)strcspn(line, " \n");
        snprintf(name, WORD_SIZE, "%.*s", size, line);
        line += size;
        argument[0] = '\0';
        if (line[0] == ' ' && line[1] != ' ') { /* two spaces: no argument */
            size = (int)strcspn(line + 1, " \n");
            snprintf(argument, WORD_SIZE, "%.*s", size, line + 1);
            line += 1 + size;
        }
        *about = line + strspn(line, " ");
        return true;
    }
    return false;
}

/* What the option `word` takes, in `kind`; "" if nothing. */
static void argument_of(const struct verb *verb, const char *word, char kind[static WORD_SIZE])
{
    const char *at = verb != NULL ? verb->details : NULL;
    const char *about = NULL;
    char name[WORD_SIZE];
    char argument[WORD_SIZE];

    kind[0] = '\0';
    if (strcmp(word, "-C") == 0 || strcmp(word, "--directory") == 0) {
        snprintf(kind, WORD_SIZE, "DIR");
    }
    while (next_option(&at, name, argument, &about)) {
        if (strcmp(name, word) == 0) {
            snprintf(kind, WORD_SIZE, "%s", argument);
        }
    }
}

/* "--take=cel": what is before and with the equals sign is not completed. */
static void split_option(struct offers *offers, char kind[static WORD_SIZE])
{
    const char *equals = strchr(offers->current, '=');
    char name[WORD_SIZE];

    if (strncmp(offers->current, "--", 2) != 0 || equals == NULL) {
        return;
    }
    snprintf(name, sizeof name, "%.*s", (int)(equals - offers->current), offers->current);
    argument_of(offers->verb, name, kind);
    if (kind[0] != '\0') {
        offers->prefix_size = (size_t)(equals + 1 - offers->current);
    }
}

/* Take in what stands before the word that is completed. `kind` is what it is if it belongs to the
 * option before it. */
static void take_words(struct offers *offers, int count, char **words, char kind[static WORD_SIZE])
{
    bool operands_only = false;

    for (int i = 0; i < count; i++) {
        const char *word = words[i];

        if (operands_only || word[0] != '-' || word[1] == '\0') {
            if (offers->verb == NULL) {
                offers->verb = help_find(offers->cli, word);
                offers->unknown = offers->verb == NULL;
                operands_only = offers->unknown;
            } else if (offers->operand_count < OPERANDS_MAX) {
                offers->operands[offers->operand_count++] = word;
            }
            continue;
        }
        operands_only = strcmp(word, "--") == 0;
        argument_of(offers->verb, word, kind);
        if (kind[0] == '\0') {
            continue;
        }
        if (i + 1 == count) {
            return;
        }
        i++;
        offers->cli->dir = strcmp(kind, "DIR") == 0 ? words[i] : offers->cli->dir;
        kind[0] = '\0';
    }
    split_option(offers, kind);
}

/* Split the grammar of a verb's operands into words, without brackets and options. */
static size_t tokens_of(const struct verb *verb, char grammar[static GRAMMAR_SIZE],
                        char *tokens[static TOKENS_MAX])
{
    char *rest = NULL;
    size_t count = 0;
    char kind[WORD_SIZE] = "";

    snprintf(grammar, GRAMMAR_SIZE, "%s", verb->operands);
    for (char *at = grammar; *at != '\0'; at++) {
        if (strchr("[]()", *at) != NULL) {
            *at = ' ';
        }
    }
    for (char *token = strtok_r(grammar, " ", &rest); token != NULL && count < TOKENS_MAX;
         token = strtok_r(NULL, " ", &rest)) {
        bool is_argument = kind[0] != '\0';

        kind[0] = '\0';
        if (strncmp(token, "--", 2) == 0) {
            argument_of(verb, token, kind);
        } else if (!is_argument) {
            tokens[count++] = token;
        }
    }
    return count;
}

static bool is_literal(const char *token)
{
    return token[0] >= 'a' && token[0] <= 'z';
}

/* Offer what may stand at the place after `operands` in the alternative of `count` tokens. */
static void offer_alternative(struct offers *offers, char **tokens, size_t count)
{
    size_t place = offers->operand_count;
    bool repeats = count > 0 && strcmp(tokens[count - 1], "...") == 0;

    count -= repeats;
    for (size_t i = 0; i < count && i < place; i++) {
        if (is_literal(tokens[i]) && strcmp(tokens[i], offers->operands[i]) != 0) {
            return;
        }
    }
    if (count > 0 && (place < count || repeats)) {
        const char *token = tokens[place < count ? place : count - 1];

        if (is_literal(token)) {
            offers_add(offers, token, "");
        } else {
            offer_kinds(offers, token);
        }
    }
}

static void offer_operands(struct offers *offers)
{
    char grammar[GRAMMAR_SIZE];
    char *tokens[TOKENS_MAX];
    size_t count = tokens_of(offers->verb, grammar, tokens);
    size_t begin = 0;

    for (size_t i = 0; i <= count; i++) {
        if (i == count || strcmp(tokens[i], "|") == 0) {
            offer_alternative(offers, tokens + begin, i - begin);
            begin = i + 1;
        }
    }
}

/* "DEVICE|VERSION": one after the other. */
static void offer_kinds(struct offers *offers, const char *kinds)
{
    while (*kinds != '\0') {
        char kind[WORD_SIZE];
        size_t size = strcspn(kinds, "|");

        snprintf(kind, sizeof kind, "%.*s", (int)size, kinds);
        if (strcmp(kind, "OPTION") == 0) {
            offer_options(offers);
        } else {
            offers_kind(offers, kind);
        }
        kinds += size + (kinds[size] == '|');
    }
}

/* Whether the verb has an option of that name itself, as get has --version. */
static bool is_own(const struct verb *verb, const char *option)
{
    const char *at = verb != NULL ? verb->details : NULL;
    const char *about = NULL;
    char name[WORD_SIZE];
    char argument[WORD_SIZE];

    while (next_option(&at, name, argument, &about)) {
        if (strcmp(name, option) == 0) {
            return true;
        }
    }
    return false;
}

static void offer_options(struct offers *offers)
{
    const char *at = offers->verb != NULL ? offers->verb->details : NULL;
    const char *about = NULL;
    char name[WORD_SIZE];
    char argument[WORD_SIZE];

    while (next_option(&at, name, argument, &about)) {
        char text[WORD_SIZE];

        snprintf(text, sizeof text, "%.*s", (int)strcspn(about, "\n"), about);
        offers_add(offers, name, text);
    }
    for (const struct option *option = options_global; option->name != NULL; option++) {
        snprintf(name, sizeof name, "--%s", option->name);
        if (!is_own(offers->verb, name)) {
            offers_add(offers, name, "");
        }
    }
}
