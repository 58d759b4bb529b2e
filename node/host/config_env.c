/* Settings in the environment: see config_env.h. */
#include "node/host/config_env.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "node/host/buffer.h"
#include "wire/codec.h"
#include "wire/limits.h"
#include "wire/scan.h"

#define PREFIX "P2PSYNC_"

static const char *find(const char *key);
static p2psync_result pack_text(const char *text, struct p2psync_buffer *out);

void ps_config_env_name(const char *key, char out[static PS_CONFIG_ENV_SIZE_MAX])
{
    size_t size = sizeof PREFIX - 1;
    assert(size + strlen(key) < PS_CONFIG_ENV_SIZE_MAX);
    memcpy(out, PREFIX, size);
    for (; *key != '\0'; key++) {
        /* Whatever the locale. */
        int capital = *key >= 'a' && *key <= 'z' ? *key - 'a' + 'A' : *key;
        out[size] = (char)(*key == '.' ? '_' : capital);
        size++;
    }
    out[size] = '\0';
}

bool ps_config_env_has(const char *key)
{
    return find(key) != NULL;
}

static const char *find(const char *key)
{
    char name[PS_CONFIG_ENV_SIZE_MAX];
    ps_config_env_name(key, name);
    const char *text = secure_getenv(name);
    return text != NULL && text[0] != '\0' ? text : NULL;
}

p2psync_result ps_config_env_read(const char *key, struct p2psync_buffer *out)
{
    const char *text = find(key);
    if (text == NULL) {
        return P2PSYNC_ENOTFOUND;
    }
    p2psync_result result = p2psync_value_from_json(text, strlen(text), out, NULL);
    return result == P2PSYNC_EFORMAT ? pack_text(text, out) : result;
}

static p2psync_result pack_text(const char *text, struct p2psync_buffer *out)
{
    struct ps_bytes bytes = ps_bytes_text(text);
    struct ps_buf packed;
    struct ps_writer writer;
    ps_buf_init(&packed, PS_VALUE_SIZE_MAX);
    ps_writer_init(&writer, &packed);
    ps_write_str(&writer, bytes);
    p2psync_result result = ps_scan_utf8(bytes) ? ps_writer_finish(&writer) : P2PSYNC_EFORMAT;
    return ps_buffer_give(result, &packed, out);
}
