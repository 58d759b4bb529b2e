/* The client of the control socket: one connection per question, so a question that is given up
 * cannot confuse the next. */
#include "node/control/ask.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "node/host/time.h"
#include "wire/error.h"

/* A reply that is waited for. */
struct wait {
    int fd;
    int cancel_fd; /* -1: nobody cancels it */
    uint64_t deadline_ms;
};

static p2psync_result connect_node(int dir_fd, uint32_t timeout_ms, int *fd_out);
static p2psync_result connect_result(int number);
static p2psync_result send_request(int fd, ps_control_ask what, uint64_t argument);
static p2psync_result ask_and_stay(int dir_fd, ps_control_ask what, int *fd_out);
static p2psync_result receive_reply(const struct wait *wait, struct ps_buf *out);
static p2psync_result receive(const struct wait *wait, uint8_t *out, size_t size);
static p2psync_result wait_readable(const struct wait *wait);
static p2psync_result open_question(int dir_fd, ps_control_ask what, uint64_t argument,
                                    uint64_t deadline_ms, int *fd_out);

p2psync_result ps_ask(const struct ps_asking *asking, ps_control_ask what, uint64_t argument,
                      struct ps_buf *out)
{
    struct wait wait = {.cancel_fd = asking->cancel_fd,
                        .deadline_ms = ps_time_monotonic_ms() + asking->timeout_ms};
    p2psync_result result =
        open_question(asking->dir_fd, what, argument, wait.deadline_ms, &wait.fd);
    if (result != P2PSYNC_OK) {
        return result;
    }
    result = receive_reply(&wait, out);
    (void)close(wait.fd);
    return result;
}

p2psync_result ps_ask_stop(int dir_fd, uint32_t timeout_ms)
{
    int fd = -1;
    p2psync_result result = ask_and_stay(dir_fd, PS_CONTROL_STOP, &fd);
    if (result == P2PSYNC_OK) {
        /* The node holds the connection until it has ended; nothing more is sent on it. */
        uint8_t byte;
        const struct wait wait = {
            .fd = fd, .cancel_fd = -1, .deadline_ms = ps_time_monotonic_ms() + timeout_ms};
        result = receive(&wait, &byte, 1);
        result = result == P2PSYNC_ENOTRUNNING ? P2PSYNC_OK : result;
        result = result == P2PSYNC_ENOANSWER ? P2PSYNC_ETIMEDOUT : result;
        (void)close(fd);
    }
    return result;
}

p2psync_result ps_ask_events(int dir_fd, int *fd_out)
{
    return ask_and_stay(dir_fd, PS_CONTROL_EVENTS, fd_out);
}

p2psync_result ps_ask_pid(int dir_fd, int64_t *pid_out)
{
    struct ucred peer = {0};
    socklen_t size = sizeof peer;
    int fd = -1;
    p2psync_result result = connect_node(dir_fd, 1, &fd);
    if (result != P2PSYNC_OK) {
        return result;
    }
    /* The system keeps who has called listen(2). */
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) {
        result = ps_error_of_errno(errno);
    } else {
        *pid_out = peer.pid;
    }
    (void)close(fd);
    return result;
}

/* Ask for what is replied to with nothing, and keep the connection. */
static p2psync_result ask_and_stay(int dir_fd, ps_control_ask what, int *fd_out)
{
    uint64_t deadline_ms = ps_time_monotonic_ms() + PS_ASK_ACT_MS;
    int fd = -1;
    struct ps_buf nothing;
    p2psync_result result = open_question(dir_fd, what, 0, deadline_ms, &fd);
    if (result != P2PSYNC_OK) {
        return result;
    }
    const struct wait wait = {.fd = fd, .cancel_fd = -1, .deadline_ms = deadline_ms};
    ps_buf_init(&nothing, PS_CONTROL_REQUEST_SIZE_MAX);
    result = receive_reply(&wait, &nothing);
    ps_buf_deinit(&nothing);
    if (result != P2PSYNC_OK) {
        (void)close(fd);
        return result;
    }
    *fd_out = fd;
    return P2PSYNC_OK;
}

static p2psync_result open_question(int dir_fd, ps_control_ask what, uint64_t argument,
                                    uint64_t deadline_ms, int *fd_out)
{
    uint64_t now_ms = ps_time_monotonic_ms();
    int fd = -1;
    uint32_t left_ms = deadline_ms > now_ms ? (uint32_t)(deadline_ms - now_ms) : 1;
    p2psync_result result = connect_node(dir_fd, left_ms, &fd);
    if (result != P2PSYNC_OK) {
        return result;
    }
    result = send_request(fd, what, argument);
    if (result != P2PSYNC_OK) {
        (void)close(fd);
        return result;
    }
    *fd_out = fd;
    return P2PSYNC_OK;
}

static p2psync_result connect_node(int dir_fd, uint32_t timeout_ms, int *fd_out)
{
    struct sockaddr_un address;
    ps_control_address(dir_fd, &address);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return ps_error_of_errno(errno);
    }
    /* Bounds connect(2) too, which waits while the node has its hands full. */
    const struct timeval timeout = {
        .tv_sec = timeout_ms / 1000,
        .tv_usec = (suseconds_t)(timeout_ms % 1000) * 1000,
    };
    if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof timeout) != 0 ||
        connect(fd, (const struct sockaddr *)&address, sizeof address) != 0) {
        p2psync_result result = connect_result(errno);
        (void)close(fd);
        return result;
    }
    *fd_out = fd;
    return P2PSYNC_OK;
}

static p2psync_result connect_result(int number)
{
    switch (number) {
    case ENOENT:
    case ECONNREFUSED: /* a socket file that a killed node left */
        return P2PSYNC_ENOTRUNNING;
    case EAGAIN: /* as many wait as may */
        return P2PSYNC_ENOANSWER;
    default:
        return ps_error_of_errno(number);
    }
}

static p2psync_result send_request(int fd, ps_control_ask what, uint64_t argument)
{
    struct ps_buf frame;
    struct ps_writer writer;
    uint8_t size[4] = {0};
    ps_buf_init(&frame, sizeof size + PS_CONTROL_REQUEST_SIZE_MAX);
    p2psync_result result = ps_buf_append(&frame, size, sizeof size);
    ps_writer_init(&writer, &frame);
    ps_write_array(&writer, 3);
    ps_write_uint(&writer, PS_CONTROL_VERSION);
    ps_write_uint(&writer, what);
    ps_write_uint(&writer, argument);
    if (result == P2PSYNC_OK) {
        result = ps_writer_finish(&writer);
    }
    if (result == P2PSYNC_OK) {
        ps_put_u32(frame.data, (uint32_t)(frame.size - sizeof size));
        /* A request is smaller than any socket's buffer: it goes whole or the node is gone. */
        ssize_t sent = send(fd, frame.data, frame.size, MSG_NOSIGNAL);
        if (sent != (ssize_t)frame.size) {
            result = P2PSYNC_ENOTRUNNING;
        }
    }
    ps_buf_deinit(&frame);
    return result;
}

/* Take exactly one frame, no byte more: events may follow it. */
static p2psync_result receive_reply(const struct wait *wait, struct ps_buf *out)
{
    uint8_t header[4];
    uint8_t *room = NULL;
    struct ps_buf frame;
    ps_buf_init(&frame, PS_CONTROL_REPLY_SIZE_MAX);
    p2psync_result result = receive(wait, header, sizeof header);
    if (result == P2PSYNC_OK) {
        uint32_t size = ps_get_u32(header);
        result =
            size <= PS_CONTROL_REPLY_SIZE_MAX ? ps_buf_extend(&frame, size, &room) : P2PSYNC_EIO;
    }
    if (result == P2PSYNC_OK) {
        result = receive(wait, room, frame.size);
    }
    if (result != P2PSYNC_OK) {
        goto out;
    }
    struct ps_reader reader;
    ps_reader_init(&reader, ps_buf_view(&frame));
    uint32_t more = ps_read_array_at_least(&reader, 2);
    uint64_t reply = ps_read_uint_max(&reader, INT32_MAX);
    struct ps_bytes value = ps_read_value(&reader, PS_DEPTH_MAX);
    ps_read_skip(&reader, more);
    if (ps_reader_finish(&reader) != P2PSYNC_OK) {
        result = P2PSYNC_EIO;
    } else if (reply != 0) {
        result = (p2psync_result)(-(int)reply);
    } else {
        result = ps_buf_append(out, value.data, value.size);
    }
out:
    ps_buf_deinit(&frame);
    return result;
}

static p2psync_result receive(const struct wait *wait, uint8_t *out, size_t size)
{
    size_t done = 0;
    while (done < size) {
        ssize_t got = recv(wait->fd, out + done, size - done, MSG_DONTWAIT);
        if (got > 0) {
            done += (size_t)got;
        } else if (got == 0 || (errno != EAGAIN && errno != EINTR)) {
            return P2PSYNC_ENOTRUNNING; /* it ended, or was killed */
        } else if (errno == EAGAIN) {
            p2psync_result result = wait_readable(wait);
            if (result != P2PSYNC_OK) {
                return result;
            }
        }
    }
    return P2PSYNC_OK;
}

static p2psync_result wait_readable(const struct wait *wait)
{
    uint64_t now_ms = ps_time_monotonic_ms();
    if (now_ms >= wait->deadline_ms) {
        return P2PSYNC_ENOANSWER;
    }
    uint64_t left_ms = wait->deadline_ms - now_ms;
    struct pollfd items[] = {{.fd = wait->fd, .events = POLLIN},
                             {.fd = wait->cancel_fd, .events = POLLIN}};
    int ready = poll(items, 2, left_ms < INT32_MAX ? (int)left_ms : INT32_MAX);
    if (ready < 0 && errno != EINTR) {
        return P2PSYNC_EIO;
    }
    return ready > 0 && items[1].revents != 0 ? P2PSYNC_ECANCELLED : P2PSYNC_OK;
}
