/* Reading and replacing config.json. */
#include "node/host/config_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "node/host/owner.h"
#include "wire/codec.h"
#include "wire/error.h"
#include "wire/limits.h"

#define FILE_NAME      "config.json"
#define FILE_NAME_TEMP "config.json.new"

static p2psync_result read_all(int fd, char *text, size_t *size_out);
static p2psync_result take_json(const char *text, size_t size, struct ps_buf *out,
                                struct p2psync_detail *detail);
static p2psync_result print(struct ps_bytes map, char **text_out, size_t *size_out);
static p2psync_result replace(int dir_fd, const char *text, size_t size);
static p2psync_result write_all(int fd, const char *data, size_t size);

p2psync_result ps_config_file_read(int dir_fd, struct ps_buf *out, struct p2psync_detail *detail)
{
    char text[PS_CONFIG_FILE_SIZE_MAX + 1];
    size_t size = 0;
    int fd = openat(dir_fd, FILE_NAME, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 && errno == ENOENT) {
        return take_json("{}", 2, out, detail);
    }
    if (fd < 0) {
        return ps_error_of_errno(errno);
    }
    p2psync_result result = ps_owner_check(fd, FILE_NAME, detail);
    if (result == P2PSYNC_OK) {
        result = read_all(fd, text, &size);
    }
    (void)close(fd);
    if (result == P2PSYNC_OK && size > PS_CONFIG_FILE_SIZE_MAX) {
        return ps_detail_say(detail, P2PSYNC_EFORMAT, FILE_NAME " takes %d bytes at most",
                             PS_CONFIG_FILE_SIZE_MAX);
    }
    return result == P2PSYNC_OK ? take_json(text, size, out, detail) : result;
}

/* `text` has room for one byte more than the largest file may have, so that a file that is too
 * large is noticed. */
static p2psync_result read_all(int fd, char *text, size_t *size_out)
{
    size_t size = 0;
    while (size <= PS_CONFIG_FILE_SIZE_MAX) {
        ssize_t got = read(fd, text + size, PS_CONFIG_FILE_SIZE_MAX + 1 - size);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return ps_error_of_errno(errno);
        }
        if (got == 0) {
            break;
        }
        size += (size_t)got;
    }
    *size_out = size;
    return P2PSYNC_OK;
}

static p2psync_result take_json(const char *text, size_t size, struct ps_buf *out,
                                struct p2psync_detail *detail)
{
    struct p2psync_buffer packed = {0};
    struct p2psync_detail wrong = ps_detail_none();
    p2psync_result result = p2psync_value_from_json(text, size, &packed, &wrong);
    if (result == P2PSYNC_EFORMAT || result == P2PSYNC_ELIMIT) {
        detail->offset = wrong.offset;
        return ps_detail_say(detail, P2PSYNC_EFORMAT, FILE_NAME " is no JSON: %.120s", wrong.text);
    }
    struct ps_reader reader;
    ps_reader_init(&reader, ps_bytes(packed.data, packed.size));
    (void)ps_read_map(&reader);
    if (result == P2PSYNC_OK && reader.error != P2PSYNC_OK) {
        result = ps_detail_say(detail, P2PSYNC_EFORMAT, FILE_NAME " holds no JSON object");
    }
    if (result == P2PSYNC_OK) {
        result = ps_buf_append(out, packed.data, packed.size);
    }
    p2psync_buffer_free(&packed);
    return result;
}

p2psync_result ps_config_file_write(int dir_fd, struct ps_bytes map, struct p2psync_detail *detail)
{
    char *text = NULL;
    size_t size = 0;
    p2psync_result result = print(map, &text, &size);
    if (result == P2PSYNC_OK && size > PS_CONFIG_FILE_SIZE_MAX) {
        result = ps_detail_say(detail, P2PSYNC_EFORMAT, FILE_NAME " takes %d bytes at most",
                               PS_CONFIG_FILE_SIZE_MAX);
    }
    if (result == P2PSYNC_OK) {
        result = replace(dir_fd, text, size);
    }
    free(text);
    return result;
}

/* People edit the file, so each key has a line of its own. */
static p2psync_result print(struct ps_bytes map, char **text_out, size_t *size_out)
{
    struct ps_reader reader;
    FILE *out = open_memstream(text_out, size_out);
    if (out == NULL) {
        return P2PSYNC_ENOMEM;
    }
    ps_reader_init(&reader, map);
    uint32_t count = ps_read_map(&reader);
    p2psync_result result = reader.error;
    (void)fputs("{", out);
    for (uint32_t i = 0; i < 2 * count && result == P2PSYNC_OK; i++) {
        struct p2psync_buffer json = {0};
        struct ps_bytes part = ps_read_value(&reader, PS_DEPTH_MAX);
        struct p2psync_bytes value = {.data = part.data, .size = part.size};
        result = p2psync_value_to_json(value, &json);
        if (result == P2PSYNC_OK) {
            (void)fputs(i % 2 != 0 ? ": " : i == 0 ? "\n    " : ",\n    ", out);
            (void)fwrite(json.data, 1, json.size, out);
        }
        p2psync_buffer_free(&json);
    }
    (void)fputs(count > 0 ? "\n}\n" : "}\n", out);
    return fclose(out) == 0 ? result : P2PSYNC_ENOMEM;
}

static p2psync_result replace(int dir_fd, const char *text, size_t size)
{
    int fd = openat(dir_fd, FILE_NAME_TEMP, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW,
                    S_IRUSR | S_IWUSR);
    if (fd < 0) {
        return ps_error_of_errno(errno);
    }
    p2psync_result result = write_all(fd, text, size);
    /* The bytes must be on the disk before the name points to them, so that a crash leaves the old
     * file or the new one. */
    if (result == P2PSYNC_OK && fsync(fd) != 0) {
        result = ps_error_of_errno(errno);
    }
    if (close(fd) != 0 && result == P2PSYNC_OK) {
        result = ps_error_of_errno(errno);
    }
    if (result == P2PSYNC_OK && renameat(dir_fd, FILE_NAME_TEMP, dir_fd, FILE_NAME) != 0) {
        result = ps_error_of_errno(errno);
    }
    if (result == P2PSYNC_OK && fsync(dir_fd) != 0) {
        result = ps_error_of_errno(errno);
    }
    if (result != P2PSYNC_OK) {
        (void)unlinkat(dir_fd, FILE_NAME_TEMP, 0);
    }
    return result;
}

static p2psync_result write_all(int fd, const char *data, size_t size)
{
    size_t done = 0;
    while (done < size) {
        ssize_t written = write(fd, data + done, size - done);
        if (written < 0 && errno == EINTR) {
            continue;
        }
        if (written < 0) {
            return ps_error_of_errno(errno);
        }
        done += (size_t)written;
    }
    return P2PSYNC_OK;
}
