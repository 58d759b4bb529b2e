/* Who waits to write: see gate.h. The locks belong to the open file (OFD), not to the process, so
 * that closing another descriptor of the file does not drop them. */
#include "store/env/gate.h"

#include <fcntl.h>

#define GATE_BYTE 1048576 /* far behind what the file holds */

static void set_lock(int fd, short type);

bool ps_gate_init(struct ps_gate *gate)
{
    gate->waiting = 0;
    return pthread_mutex_init(&gate->mutex, NULL) == 0;
}

void ps_gate_deinit(struct ps_gate *gate)
{
    (void)pthread_mutex_destroy(&gate->mutex);
}

void ps_gate_enter(struct ps_gate *gate, int fd)
{
    (void)pthread_mutex_lock(&gate->mutex);
    gate->waiting++;
    if (gate->waiting == 1) {
        set_lock(fd, F_RDLCK);
    }
    (void)pthread_mutex_unlock(&gate->mutex);
}

void ps_gate_leave(struct ps_gate *gate, int fd)
{
    (void)pthread_mutex_lock(&gate->mutex);
    gate->waiting--;
    if (gate->waiting == 0) {
        set_lock(fd, F_UNLCK);
    }
    (void)pthread_mutex_unlock(&gate->mutex);
}

bool ps_gate_is_awaited(struct ps_gate *gate, int fd)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = GATE_BYTE, .l_len = 1};
    (void)pthread_mutex_lock(&gate->mutex);
    bool here = gate->waiting > 0;
    (void)pthread_mutex_unlock(&gate->mutex);
    /* Locks of our own open file are no obstacle to it, so this asks for those of others. */
    return here || (fcntl(fd, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK);
}

/* Nobody but readers of this byte locks it, so it is never refused. If the system has no memory for
 * it, this writer waits as long as it would without. */
static void set_lock(int fd, short type)
{
    struct flock lock = {.l_type = type, .l_whence = SEEK_SET, .l_start = GATE_BYTE, .l_len = 1};
    (void)fcntl(fd, F_OFD_SETLK, &lock);
}
