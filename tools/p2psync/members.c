/* Names of devices. */
#include "tools/p2psync/members.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "tools/p2psync/fail.h"
#include "tools/p2psync/output.h"

#define ID_SHOWN 16 /* digits of the id of a device that has no name */

void members_load(struct members *members, p2psync_node *node)
{
    struct p2psync_buffer packed = {0};
    struct p2psync_buffer text = {0};

    members->list = NULL;
    if (p2psync_devices(node, &packed) == P2PSYNC_OK &&
        p2psync_value_to_json((struct p2psync_bytes){packed.data, packed.size}, &text) ==
            P2PSYNC_OK) {
        members->list = json_loadb(text.data, text.size, JSON_ALLOW_NUL, NULL);
    }
    p2psync_buffer_free(&text);
    p2psync_buffer_free(&packed);
}

void members_free(struct members *members)
{
    json_decref(members->list);
    members->list = NULL;
}

static bool has(const json_t *member, const char *key, const char *value)
{
    return strcmp(output_string(member, key), value) == 0;
}

char *members_name(const struct members *members, const char *device)
{
    const json_t *found = NULL;
    const json_t *member = NULL;
    size_t index = 0;
    size_t namesakes = 0;
    char *name = NULL;

    json_array_foreach(members->list, index, member)
    {
        found = has(member, "device", device) ? member : found;
    }
    json_array_foreach(members->list, index, member)
    {
        namesakes += found != NULL && has(member, "name", output_string(found, "name"));
    }
    if (found == NULL || output_string(found, "name")[0] == '\0') {
        name = strndup(device, ID_SHOWN);
    } else if (namesakes == 1) {
        name = strdup(output_string(found, "name"));
    } else if (asprintf(&name, "%s (%s)", output_string(found, "name"),
                        output_string(found, "fingerprint")) < 0) {
        name = NULL;
    }
    if (name == NULL) {
        fail_memory();
    }
    return name;
}

void members_tell_apart(const struct members *members, json_t *list)
{
    json_t *item = NULL;
    size_t index = 0;

    json_array_foreach(list, index, item)
    {
        char *name = members_name(members, output_string(item, "device"));

        json_object_set_new(item, "name", json_string(name));
        free(name);
    }
}

const char *members_find(const struct members *members, const char *word, bool *ambiguous_out)
{
    const char *found = NULL;
    const json_t *member = NULL;
    size_t index = 0;

    *ambiguous_out = false;
    json_array_foreach(members->list, index, member)
    {
        if (has(member, "name", word) ||
            strcasecmp(output_string(member, "fingerprint"), word) == 0 ||
            strcasecmp(output_string(member, "device"), word) == 0) {
            *ambiguous_out = found != NULL;
            found = found != NULL ? found : output_string(member, "device");
        }
    }
    return found;
}

int members_need(struct cli *cli, const struct members *members, const char *word,
                 const char **device_out)
{
    bool several = false;

    *device_out = members_find(members, word, &several);
    if (several) {
        return members_say_several(cli, word);
    }
    return *device_out != NULL
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

char *members_strategy(const struct members *members, const char *strategy)
{
    static const char prefer[] = "prefer:";
    char *text = NULL;

    if (strncmp(strategy, prefer, sizeof prefer - 1) == 0) {
        char *name = members_name(members, strategy + sizeof prefer - 1);
        int size = asprintf(&text, "%s%s", prefer, name);

        free(name);
        text = size < 0 ? NULL : text;
    } else {
        text = strdup(strategy);
    }
    if (text == NULL) {
        fail_memory();
    }
    return text;
}
