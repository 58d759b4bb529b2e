/* Offers, from the table and from the store. */
#include "tools/p2psync/offers.h"

#include <dirent.h>
#include <inttypes.h>
#include <jansson.h>
#include <string.h>

#include "tools/p2psync/attach.h"
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

    begin(offers, "words");
    for (const char *at = word; *at != '\0'; at++) {
        if ((unsigned char)*at < 0x20 || *at == 0x7f) {
            return; /* no shell could take it */
        }
    }
    if (word[0] != '\0' && strncmp(word, wanted, strlen(wanted)) == 0) {
        printf("%.*s%s\t", (int)offers->prefix_size, offers->current, word);
        output_text(about, strlen(about));
        putchar('\n');
        offers->count++;
    }
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

static json_t *tree_of(p2psync_result result, struct p2psync_buffer *packed)
{
    struct p2psync_buffer text = {0};
    json_t *tree = NULL;

    if (result == P2PSYNC_OK &&
        p2psync_value_to_json((struct p2psync_bytes){packed->data, packed->size}, &text) ==
            P2PSYNC_OK) {
        tree = json_loadb(text.data, text.size, JSON_ALLOW_NUL, NULL);
    }
    p2psync_buffer_free(&text);
    p2psync_buffer_free(packed);
    return tree;
}

static void offer_collections(struct offers *offers, p2psync_node *node)
{
    struct p2psync_buffer packed = {0};
    json_t *status = tree_of(p2psync_status(node, &packed), &packed);
    const json_t *collection = NULL;
    size_t index = 0;

    json_array_foreach(json_object_get(status, "collections"), index, collection)
    {
        char about[32];

        snprintf(about, sizeof about, "%" PRIu64 " records", output_number(collection, "records"));
        if (output_string(collection, "name")[0] != '_') {
            offers_add(offers, output_string(collection, "name"), about);
        }
    }
    json_decref(status);
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
    struct p2psync_buffer packed = {0};
    p2psync_snapshot *snapshot = NULL;
    json_t *history = NULL;
    const json_t *change = NULL;
    size_t index = 0;

    if (offers->operand_count > 1 && p2psync_snapshot_open(node, &snapshot) == P2PSYNC_OK) {
        history = tree_of(
            p2psync_history(snapshot, offers->operands[0], offers->operands[1], &packed), &packed);
    }
    p2psync_snapshot_close(snapshot);
    json_array_foreach(history, index, change)
    {
        char version[VERSIONS_SHORT_SIZE];
        char about[128];

        versions_shorten(output_string(change, "version"), version);
        snprintf(about, sizeof about, "%s by %s", output_string(change, "op"),
                 output_string(change, "name"));
        if (index < RECORDS_MAX) {
            offers_add(offers, version, about);
        }
    }
    json_decref(history);
}

static void offer_fields(struct offers *offers, p2psync_node *node, const char *end)
{
    struct p2psync_record record = {.size = sizeof record};
    p2psync_snapshot *snapshot = NULL;
    struct p2psync_buffer text = {0};
    json_t *fields = NULL;
    const char *key = NULL;
    json_t *value = NULL;

    if (offers->operand_count > 1 && p2psync_snapshot_open(node, &snapshot) == P2PSYNC_OK &&
        p2psync_get(snapshot, offers->operands[0], offers->operands[1], &record) == P2PSYNC_OK &&
        p2psync_value_to_json(record.fields, &text) == P2PSYNC_OK) {
        fields = json_loadb(text.data, text.size, JSON_ALLOW_NUL, NULL);
    }
    json_object_foreach(fields, key, value)
    {
        char word[300];

        snprintf(word, sizeof word, "%s%s", key, end);
        offers_add(offers, word, "");
    }
    json_decref(fields);
    p2psync_buffer_free(&text);
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
    struct p2psync_buffer packed = {0};
    json_t *devices = tree_of(p2psync_devices(node, &packed), &packed);
    const json_t *device = NULL;
    const json_t *other = NULL;
    size_t index = 0;
    size_t i = 0;

    json_array_foreach(devices, index, device)
    {
        const char *name = output_string(device, "name");
        const char *fingerprint = output_string(device, "fingerprint");
        size_t namesakes = 0;
        char word[128];

        json_array_foreach(devices, i, other)
        {
            namesakes += strcmp(output_string(other, "name"), name) == 0;
        }
        snprintf(word, sizeof word, "%s%s", before, namesakes == 1 ? name : fingerprint);
        offers_add(offers, word, namesakes == 1 ? fingerprint : name);
    }
    json_decref(devices);
}

static void offer_devices(struct offers *offers, p2psync_node *node)
{
    offer_devices_with(offers, node, "");
}

static void offer_keys(struct offers *offers, p2psync_node *node)
{
    struct p2psync_buffer packed = {0};
    json_t *config = NULL;
    const char *key = NULL;
    json_t *value = NULL;

    if (strcmp(offers->verb->name, "collection") == 0) {
        offers_add(offers, "strategy", "what is shown of a record that was edited concurrently");
        offers_add(offers, "field.", "how auto_merge combines a field");
        offers_add(offers, "retention", "how long the past is kept");
        return;
    }
    config = tree_of(p2psync_config(node, &packed, NULL), &packed);
    json_object_foreach(config, key, value)
    {
        offers_add(offers, key, "");
    }
    json_decref(config);
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
