/* Names of devices. */
#include "tools/p2psync/members.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "tools/p2psync/fail.h"
#include "tools/p2psync/output.h"

#define ID_SHOWN   16 /* digits of the id of a device that has no name */
#define DIGITS_MIN 4  /* of a fingerprint: as the library has it */

static bool same(struct p2psync_bytes a, struct p2psync_bytes b)
{
    return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

static void mark_namesakes(struct members *members)
{
    for (size_t i = 0; i < members->count; i++) {
        for (size_t j = 0; j < i; j++) {
            if (same(members->member[i].name, members->member[j].name)) {
                members->member[i].namesake = true;
                members->member[j].namesake = true;
            }
        }
    }
}

void members_load(struct members *members, p2psync_node *node)
{
    *members = (struct members){0};
    if (p2psync_devices(node, &members->answer) != P2PSYNC_OK) {
        return;
    }
    struct p2psync_walk walk = {.size = sizeof walk,
                                .value = {members->answer.data, members->answer.size}};
    uint64_t count = p2psync_value_count(walk.value); /* no more than there are bytes */
    struct p2psync_bytes one;

    members->member = calloc((size_t)count + 1, sizeof *members->member);
    if (members->member == NULL) {
        fail_memory();
    }
    while (members->count < count && p2psync_walk_next(&walk, NULL, &one) == P2PSYNC_OK) {
        members->member[members->count++] = (struct member){
            .device = p2psync_map_text(one, "device"),
            .name = p2psync_map_text(one, "name"),
            .fingerprint = p2psync_map_text(one, "fingerprint"),
        };
    }
    mark_namesakes(members);
}

void members_free(struct members *members)
{
    free(members->member);
    p2psync_buffer_free(&members->answer);
    *members = (struct members){0};
}

char *members_name(const struct members *members, struct p2psync_bytes device)
{
    const struct member *found = NULL;
    char *name = NULL;
    int size;

    for (size_t i = 0; i < members->count; i++) {
        found = same(members->member[i].device, device) ? &members->member[i] : found;
    }
    if (found == NULL || found->name.size == 0) {
        device.size = device.size < ID_SHOWN ? device.size : ID_SHOWN;
        size = asprintf(&name, "%.*s", TEXT(device));
    } else if (!found->namesake) {
        size = asprintf(&name, "%.*s", TEXT(found->name));
    } else {
        size = asprintf(&name, "%.*s (%.*s)", TEXT(found->name), TEXT(found->fingerprint));
    }
    if (size < 0) {
        fail_memory();
    }
    return name;
}

static bool same_case(struct p2psync_bytes text, const char *word)
{
    return text.size == strlen(word) && strncasecmp(text.data, word, text.size) == 0;
}

const struct member *members_find(const struct members *members, const char *word,
                                  bool *ambiguous_out)
{
    const struct member *found = NULL;

    *ambiguous_out = false;
    for (size_t i = 0; i < members->count; i++) {
        const struct member *member = &members->member[i];

        if (same_case(member->fingerprint, word) || same_case(member->device, word)) {
            *ambiguous_out = false;
            return member;
        }
        if (p2psync_text_equals(member->name, word)) {
            *ambiguous_out = found != NULL;
            found = found != NULL ? found : member;
        }
    }
    return found;
}

/* Whether `word` gives the first digits of a fingerprint, with or without dashes. */
static bool begins(struct p2psync_bytes fingerprint, const char *word)
{
    const char *digits = fingerprint.data;
    size_t count = 0;
    size_t at = 0;

    for (; *word != '\0'; word++) {
        if (*word == '-') {
            continue;
        }
        while (at < fingerprint.size && digits[at] == '-') {
            at++;
        }
        if (at == fingerprint.size || strncasecmp(word, &digits[at], 1) != 0) {
            return false;
        }
        at++;
        count++;
    }
    return count >= DIGITS_MIN;
}

static const struct member *find_begun(const struct members *members, const char *word,
                                       bool *ambiguous_out)
{
    const struct member *found = NULL;

    for (size_t i = 0; i < members->count; i++) {
        if (begins(members->member[i].fingerprint, word)) {
            *ambiguous_out = found != NULL;
            found = &members->member[i];
        }
    }
    return found;
}

int members_need(struct cli *cli, const struct members *members, const char *word,
                 const struct member **member_out)
{
    bool several = false;

    *member_out = members_find(members, word, &several);
    if (*member_out == NULL) {
        *member_out = find_begun(members, word, &several);
    }
    if (several) {
        return members_say_several(cli, word);
    }
    return *member_out != NULL
               ? CLI_DONE
               : fail_saying(cli, CLI_NOT_FOUND,
                             "%s: there is no device '%s'; 'p2psync devices' shows all",
                             cli->verb->name, word);
}

int members_say_several(struct cli *cli, const char *word)
{
    return fail_saying(cli, CLI_NOT_FOUND,
                       "%s: several devices are called '%s'; give a fingerprint, which 'p2psync "
                       "devices' shows",
                       cli->verb->name, word);
}

char *members_strategy(const struct members *members, struct p2psync_bytes strategy)
{
    static const char prefer[] = "prefer:";
    const size_t prefer_size = sizeof prefer - 1;
    char *name = NULL;
    char *text = NULL;
    int size;

    if (strategy.size >= prefer_size && memcmp(strategy.data, prefer, prefer_size) == 0) {
        name =
            members_name(members, (struct p2psync_bytes){(const char *)strategy.data + prefer_size,
                                                         strategy.size - prefer_size});
        size = asprintf(&text, "%s%s", prefer, name);
    } else {
        size = asprintf(&text, "%.*s", TEXT(strategy));
    }
    free(name);
    if (size < 0) {
        fail_memory();
    }
    return text;
}
