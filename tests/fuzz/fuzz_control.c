/* The control socket against a few clients that send anything, in pieces of any size: whatever they
 * do, one that comes after them and asks is answered. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "node/control/control.h"
#include "tests/fuzz/lot.h"
#include "tests/fuzz/scratch.h"

#define CLIENTS 3

/* NOLINTBEGIN(readability-identifier-naming): the names are those of libFuzzer. */
int LLVMFuzzerInitialize(const int *argc, const char *const *const *argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
/* NOLINTEND(readability-identifier-naming) */

static int dir_fd;

int LLVMFuzzerInitialize(const int *argc, const char *const *const *argv)
{
    (void)argc;
    (void)argv;
    dir_fd = scratch_begin(PS_CONTROL_FILE);
    return 0;
}

static int come(void)
{
    struct sockaddr_un address;
    ps_control_address(dir_fd, &address);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    must(fd >= 0 && connect(fd, (const struct sockaddr *)&address, sizeof address) == 0);
    return fd;
}

/* Take all that is asked for, and reply to it. The last one's number. */
static uint64_t serve(struct ps_control *control, uint64_t now_ms, struct ps_bytes value)
{
    struct ps_control_request request = {.id = 0};
    p2psync_result result = P2PSYNC_OK;
    while (result == P2PSYNC_OK) { /* ends, as each client asks once */
        result = ps_control_next(control, now_ms, &request);
        must(result == P2PSYNC_OK || result == P2PSYNC_EAGAIN);
        if (result == P2PSYNC_OK) {
            ps_control_reply(control, request.id, P2PSYNC_OK, value);
        }
    }
    return request.id;
}

static void act(struct ps_control *control, struct lot *lot, int *client, uint64_t *now_ms)
{
    char taken[256];
    struct ps_bytes piece = lot_bytes(lot);
    switch (lot_below(lot, 6)) {
    case 0:
        (void)close(*client);
        *client = come();
        break;
    case 1:
        ps_control_tell(control, P2PSYNC_EVENT_ERROR, ps_bytes("\x80", 1));
        ps_control_nudge(control);
        break;
    case 2:
        *now_ms += (uint64_t)lot_byte(lot) * 100;
        ps_control_tick(control, *now_ms);
        break;
    case 3:
        (void)!recv(*client, taken, sizeof taken, MSG_DONTWAIT);
        break;
    default: /* it may have been cut off */
        (void)!send(*client, piece.data, piece.size, MSG_NOSIGNAL | MSG_DONTWAIT);
        break;
    }
    (void)serve(control, *now_ms, piece);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char status[] = "\0\0\0\4\x93\1\1";
    struct lot lot = {.rest = ps_bytes(data, size)};
    struct ps_control *control = NULL;
    int clients[CLIENTS];
    uint64_t now_ms = 0;
    char reply[16];
    must(ps_control_new(dir_fd, &control) == P2PSYNC_OK);
    for (size_t i = 0; i < CLIENTS; i++) {
        clients[i] = come();
    }
    while (lot.rest.size > 0) {
        act(control, &lot, &clients[lot_below(&lot, CLIENTS)], &now_ms);
    }
    int honest = come();
    must(send(honest, status, sizeof status, MSG_NOSIGNAL) == (ssize_t)sizeof status);
    must(serve(control, now_ms, ps_bytes("\xc3", 1)) != 0);
    must(recv(honest, reply, sizeof reply, MSG_DONTWAIT) == PS_CONTROL_HEADER_SIZE + 3);
    (void)close(honest);
    ps_control_destroy(&control);
    for (size_t i = 0; i < CLIENTS; i++) {
        (void)close(clients[i]);
    }
    return 0;
}
