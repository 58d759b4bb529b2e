/* Offers, from the table and from the store. */
#include "tools/p2psync/offers.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "tools/p2psync/attach.h"
#include "tools/p2psync/members.h"
#include "tools/p2psync/output.h"
#include "tools/p2psync/versions.h"

#define RECORDS_MAX 200 /* ids, and versions, that are offered: more nobody reads */

typedef void offer_fn(struct offers *offers, p2psync_node *node);

static void begin(struct offers *offers, const char *how)
{
    if (!offers->headed) {
        puts(how);
        offers->headed = true;
    }
}

void offers_add(struct offers *offers, const char *word, const char *about)
{
    const char *wanted = offers->current + offers->prefix_size;
    char *escaped = output_escaped(word, strlen(word));

    begin(offers, "words");
    /* A shell prints a word as it is: one that a terminal would obey is not offered. */
    if (word[0] != '\0' && strncmp(word, wanted, strlen(wanted)) == 0 &&
        strcmp(escaped, word) == 0) {
        printf("%.*s%s\t", (int)offers->prefix_size, offers->current, word);
        output_text(about, strlen(about));
        putchar('\n');
        offers->count++;
    }
    free(escaped);
}

void offers_commands(struct offers *offers)
{
    for (size_t i = 0; i < offers->cli->verb_count; i++) {
        offers_add(offers, offers->cli->verbs[i].name, offers->cli->verbs[i].summary);
    }
}

void offers_end(struct offers *offers)
{
    begin(offers, "words");
}

/* Offer a word that is part of an answer; one with a NUL no shell could take. */
static void add_text(struct offers *offers, struct p2psync_bytes text, const char *end,
                     const char *about)
{
    char word[300];

    if (memchr(text.data, '\0', text.size) == NULL) {
        snprintf(word, sizeof word, "%.*s%s", TEXT(text), end);
        offers_add(offers, word, about);
    }
}

static void offer_collections(struct offers *offers, p2psync_node *node)
{
    struct p2psync_buffer status = {0};
    struct p2psync_walk walk = {.size = sizeof walk};
    struct p2psync_bytes collection;

    if (p2psync_status(node, &status) == P2PSYNC_OK) {
        walk.value =
            p2psync_value_find((struct p2psync_bytes){status.data, status.size}, "collections");
    }
    while (p2psync_walk_next(&walk, NULL, &collection) == P2PSYNC_OK) {
        struct p2psync_bytes name = p2psync_map_text(collection, "name");
        char about[32];

        snprintf(about, sizeof about, "%" PRIu64 " records",
                 p2psync_map_unsigned(collection, "records"));
        if (name.size > 0 && ((const char *)name.data)[0] != '_') {
            add_text(offers, name, "", about);
        }
    }
    p2psync_buffer_free(&status);
}

static void offer_ids(struct offers *offers, p2psync_node *node)
{
    p2psync_snapshot *snapshot = NULL;
    p2psync_iterator *iterator = NULL;
    const struct p2psync_range range = {.size = sizeof range, .prefix = offers->current};
    struct p2psync_record record = {.size = sizeof record};

    if (offers->operand_count > 0 && p2psync_snapshot_open(node, &snapshot) == P2PSYNC_OK &&
        p2psync_iterator_open(snapshot, offers->operands[0], &range, &iterator) == P2PSYNC_OK) {
        for (int i = 0; i < RECORDS_MAX && p2psync_iterator_next(iterator, &record) == P2PSYNC_OK;
             i++) {
            char id[512];

            snprintf(id, sizeof id, "%.*s", (int)record.id_size, record.id);
            offers_add(offers, id, "");
        }
    }
    p2psync_iterator_close(iterator);
    p2psync_snapshot_close(snapshot);
}

static void offer_versions(struct offers *offers, p2psync_node *node)
{
    struct p2psync_buffer page = {0};
    struct p2psync_walk walk = {.size = sizeof walk};
    p2psync_history *history = NULL;
    struct p2psync_bytes change;

    if (offers->operand_count > 1 &&
        p2psync_history_open(node, offers->operands[0], offers->operands[1], &history) ==
            P2PSYNC_OK &&
        p2psync_history_next(history, &page) == P2PSYNC_OK) {
        walk.value = (struct p2psync_bytes){page.data, page.size};
    }
    p2psync_history_close(history);
    for (int i = 0; i < RECORDS_MAX && p2psync_walk_next(&walk, NULL, &change) == P2PSYNC_OK; i++) {
        struct p2psync_bytes op = p2psync_map_text(change, "op");
        struct p2psync_bytes name = p2psync_map_text(change, "name");
        char version[VERSIONS_SHORT_SIZE];
        char about[128];

        versions_shorten(p2psync_value_find(change, "version"), version);
        snprintf(about, sizeof about, "%.*s by %.*s", TEXT(op), TEXT(name));
        offers_add(offers, version, about);
    }
    p2psync_buffer_free(&page);
}

/* Offer the keys of a map, each with `end` after it. */
static void offer_names(struct offers *offers, struct p2psync_bytes map, const char *end)
{
    struct p2psync_walk walk = {.size = sizeof walk, .value = map};
    struct p2psync_bytes name;
    struct p2psync_bytes value;

    while (p2psync_walk_next(&walk, &name, &value) == P2PSYNC_OK) {
        add_text(offers, name, end, "");
    }
}

static void offer_fields(struct offers *offers, p2psync_node *node, const char *end)
{
    struct p2psync_record record = {.size = sizeof record};
    p2psync_snapshot *snapshot = NULL;

    if (offers->operand_count > 1 && p2psync_snapshot_open(node, &snapshot) == P2PSYNC_OK &&
        p2psync_get(snapshot, offers->operands[0], offers->operands[1], &record) == P2PSYNC_OK) {
        offer_names(offers, record.fields, end);
    }
    p2psync_snapshot_close(snapshot);
}

static void offer_field_names(struct offers *offers, p2psync_node *node)
{
    offer_fields(offers, node, "");
}

static void offer_field_values(struct offers *offers, p2psync_node *node)
{
    offer_fields(offers, node, "=");
}

/* Each by its name, or by its fingerprint if another has that name; with `before` in front. */
static void offer_devices_with(struct offers *offers, p2psync_node *node, const char *before)
{
    struct members members = {0};

    members_load(&members, node);
    for (size_t i = 0; i < members.count; i++) {
        const struct member *member = &members.member[i];
        struct p2psync_bytes name = member->namesake ? member->fingerprint : member->name;
        struct p2psync_bytes other = member->namesake ? member->name : member->fingerprint;
        char word[128];
        char about[128];

        snprintf(word, sizeof word, "%s%.*s", before, TEXT(name));
        snprintf(about, sizeof about, "%.*s", TEXT(other));
        offers_add(offers, word, about);
    }
    members_free(&members);
}

static void offer_devices(struct offers *offers, p2psync_node *node)
{
    offer_devices_with(offers, node, "");
}

static void offer_keys(struct offers *offers, p2psync_node *node)
{
    struct p2psync_buffer config = {0};

    if (strcmp(offers->verb->name, "collection") == 0) {
        offers_add(offers, "strategy", "what is shown of a record that was edited concurrently");
        offers_add(offers, "field.", "how auto_merge combines a field");
        offers_add(offers, "retention", "how long the past is kept");
        return;
    }
    if (p2psync_config(node, &config, NULL) == P2PSYNC_OK) {
        offer_names(offers, (struct p2psync_bytes){config.data, config.size}, "");
    }
    p2psync_buffer_free(&config);
}

static void offer_list(struct offers *offers, const char *const *words)
{
    for (; *words != NULL; words++) {
        offers_add(offers, *words, "");
    }
}

static void offer_values(struct offers *offers, p2psync_node *node)
{
    static const char *const strategies[] = {
        "auto_merge", "last_write_wins", "keep_both", "manual", "null", NULL};
    static const char *const rules[] = {"last_write_wins", "union", "text", "max", "min",
                                        "counter",         "null",  NULL};
    static const char *const switches[] = {"true", "false", "null", NULL};
    static const char *const durabilities[] = {"flush", "none", "null", NULL};
    static const char *const answers[] = {"local", "remote", "null", NULL};
    const char *key = offers->operand_count > 0 ? offers->operands[offers->operand_count - 1] : "";

    if (strcmp(key, "strategy") == 0) {
        offer_list(offers, strategies);
        offer_devices_with(offers, node, "prefer:");
    } else if (strncmp(key, "field.", 6) == 0) {
        offer_list(offers, rules);
    } else if (strcmp(key, "beacon") == 0) {
        offer_list(offers, switches);
    } else if (strcmp(key, "durability") == 0) {
        offer_list(offers, durabilities);
    } else if (strcmp(key, "on_conflict") == 0) {
        offer_list(offers, answers);
    }
}

static void offer_interfaces(struct offers *offers)
{
    DIR *all = opendir("/sys/class/net");
    const struct dirent *entry = NULL;

    while (all != NULL && (entry = readdir(all)) != NULL) {
        if (entry->d_name[0] != '.') {
            offers_add(offers, entry->d_name, "");
        }
    }
    if (all != NULL) {
        closedir(all);
    }
}

/* Ask the store in DIR, and say nothing if there is none. */
static void offer_stored(struct offers *offers, offer_fn *offer)
{
    FILE *errors = offers->cli->errors;
    FILE *nowhere = fopen("/dev/null", "we");
    p2psync_node *node = NULL;

    if (nowhere == NULL) {
        return;
    }
    offers->cli->errors = nowhere;
    if (attach_open(offers->cli, NULL, &node) == CLI_DONE) {
        offer(offers, node);
    }
    p2psync_close(node);
    offers->cli->errors = errors;
    fclose(nowhere);
}

void offers_kind(struct offers *offers, const char *kind)
{
    static const struct {
        const char *kind;
        offer_fn *offer;
    } stored[] = {
        {"COLLECTION", offer_collections},
        {"ID", offer_ids},
        {"VERSION", offer_versions},
        {"DEVICE", offer_devices},
        {"KEY", offer_keys},
        {"VALUE", offer_values},
        {"FIELD", offer_field_names},
        {"FIELD=VALUE", offer_field_values},
    };

    for (size_t i = 0; i < sizeof stored / sizeof stored[0]; i++) {
        if (strcmp(kind, stored[i].kind) == 0) {
            offer_stored(offers, stored[i].offer);
        }
    }
    if (strcmp(kind, "COMMAND") == 0) {
        offers_commands(offers);
    } else if (strcmp(kind, "IF") == 0) {
        offer_interfaces(offers);
    } else if (strcmp(kind, "FILE") == 0 || strcmp(kind, "DIR") == 0) {
        begin(offers, kind[0] == 'F' ? "files" : "directories");
        offers->count++;
    }
}
