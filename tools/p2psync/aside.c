/* Pieces go to the output while poll() says that it takes them, and to the file from the first one
 * on for which it does not. So what lies in the file comes after all that the output has got. */
#include "tools/p2psync/aside.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "tools/p2psync/fail.h"

#define PATIENCE_MS 1000
#define FREE_MIN    UINT64_C(67108864) /* bytes left on the disk: the node needs some, too */
#define COPY_SIZE   65536

static void put_piece(struct aside *aside);
static bool takes_more(FILE *out);
static FILE *open_nameless(const char *dir);
static bool has_room(const char *dir);
static void copy_out(struct aside *aside);

void aside_init(struct aside *aside, const struct cli *cli, FILE *out)
{
    *aside = (struct aside){.dir = cli->dir, .out = out};
    fflush(out);
}

void aside_write(struct aside *aside, const char *data, size_t size)
{
    while (size > 0 && !aside_broken(aside)) {
        size_t part = sizeof aside->piece - aside->size;

        part = part < size ? part : size;
        memcpy(aside->piece + aside->size, data, part);
        aside->size += part;
        data += part;
        size -= part;
        if (aside->size == sizeof aside->piece) {
            put_piece(aside);
        }
    }
}

static void put_piece(struct aside *aside)
{
    FILE *out = aside->out;

    if (aside->file == NULL && !takes_more(out)) {
        aside->file = open_nameless(aside->dir);
        if (aside->file == NULL) {
            aside->error = errno;
            return;
        }
    }
    if (aside->file != NULL) {
        out = aside->file;
        if (!has_room(aside->dir)) {
            aside->error = ENOSPC;
            return;
        }
    }
    errno = 0;
    if (fwrite(aside->piece, 1, aside->size, out) != aside->size && out == aside->file) {
        aside->error = errno != 0 ? errno : EIO;
    }
    if (out == aside->out) {
        fflush(out);
    }
    aside->size = 0;
}

/* A reader that has gone away takes it as well: the write finds that out. */
static bool takes_more(FILE *out)
{
    struct pollfd polled = {.fd = fileno(out), .events = POLLOUT};

    return poll(&polled, 1, PATIENCE_MS) != 0;
}

/* Nobody else can open it, and it ends with the process. */
static FILE *open_nameless(const char *dir)
{
    int fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    FILE *file = NULL;
    char *path = NULL;

    if (fd < 0 && asprintf(&path, "%s/answer.XXXXXX", dir) >= 0) {
        fd = mkostemp(path, O_CLOEXEC);
        if (fd >= 0) {
            (void)unlink(path);
        }
        free(path);
    }
    file = fd >= 0 ? fdopen(fd, "w+e") : NULL;
    if (file == NULL && fd >= 0) {
        (void)close(fd);
    }
    return file;
}

static bool has_room(const char *dir)
{
    struct statvfs disk;

    return statvfs(dir, &disk) != 0 || (uint64_t)disk.f_bavail * disk.f_frsize >= FREE_MIN;
}

bool aside_broken(const struct aside *aside)
{
    return aside->error != 0 || ferror(aside->out);
}

int aside_end(struct cli *cli, struct aside *aside, int code)
{
    if (aside->size > 0 && !aside_broken(aside)) {
        put_piece(aside);
    }
    if (aside->file != NULL && aside->error == 0) {
        copy_out(aside);
    }
    if (aside->file != NULL) {
        (void)fclose(aside->file);
        aside->file = NULL;
    }
    return code != CLI_DONE || aside->error == 0
               ? code
               : fail_system(cli, aside->error,
                             "%s: the answer's reader pauses, and the rest cannot be set aside "
                             "in '%s'",
                             cli->verb->name, aside->dir);
}

static void copy_out(struct aside *aside)
{
    static char copied[COPY_SIZE];
    size_t size = 0;

    errno = 0;
    if (fflush(aside->file) != 0 || fseeko(aside->file, 0, SEEK_SET) != 0) {
        aside->error = errno != 0 ? errno : EIO;
        return;
    }
    while (!ferror(aside->out) && (size = fread(copied, 1, sizeof copied, aside->file)) > 0) {
        fwrite(copied, 1, size, aside->out);
        fflush(aside->out);
    }
    if (ferror(aside->file)) {
        aside->error = errno != 0 ? errno : EIO;
    }
}
