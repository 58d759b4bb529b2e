/* config.json: whatever it holds is taken as a whole or refused with a reason, and one setting that
 * is written into a file that was taken leaves a file that is taken. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "node/host/config.h"
#include "tests/fuzz/lot.h"
#include "tests/fuzz/scratch.h"

/* NOLINTBEGIN(readability-identifier-naming): the names are those of libFuzzer. */
int LLVMFuzzerInitialize(const int *argc, const char *const *const *argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
/* NOLINTEND(readability-identifier-naming) */

static int dir_fd;

int LLVMFuzzerInitialize(const int *argc, const char *const *const *argv)
{
    (void)argc;
    (void)argv;
    dir_fd = scratch_begin("config.json");
    return 0;
}

static void write_file(struct ps_bytes text)
{
    int fd = openat(dir_fd, "config.json", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    must(fd >= 0 && write(fd, text.data, text.size) == (ssize_t)text.size && close(fd) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct ps_config config;
    struct ps_buf packed;
    struct p2psync_detail detail = {.size = sizeof detail};
    const char *end_of_key = size == 0 ? NULL : memchr(data, 0, size);
    /* KEY NUL VALUE, a value that is written; or only what the file holds. */
    size_t text_size = end_of_key == NULL ? size : (size_t)((const uint8_t *)end_of_key - data);
    write_file(ps_bytes(data, text_size));
    ps_buf_init(&packed, UINT32_MAX);
    memset(&config, 0, sizeof config);
    p2psync_result result = ps_config_read(dir_fd, &config, &detail);
    must(result == P2PSYNC_OK || result == P2PSYNC_EFORMAT);
    must(ps_config_pack(dir_fd, &packed, &detail) == result);
    if (result == P2PSYNC_OK && end_of_key != NULL) {
        struct lot lot = {.rest = ps_bytes(data + text_size + 1, size - text_size - 1)};
        static const char *const keys[] = {"listen",      "interfaces",  "peers",
                                           "beacon",      "beacon_port", "durability",
                                           "interval_ms", "on_conflict"};
        const char *key = keys[lot_below(&lot, sizeof keys / sizeof *keys)];
        result = ps_config_write(dir_fd, key, lot.rest, &detail);
        must(result == P2PSYNC_OK || result == P2PSYNC_EFORMAT);
        must(ps_config_read(dir_fd, &config, &detail) == P2PSYNC_OK);
    }
    ps_buf_deinit(&packed);
    return 0;
}
