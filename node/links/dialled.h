/* One link that was dialled: a DEALER with its monitor, and what came on it. It is up once CURVE
 * has authenticated the other side. It ends once, and then has no socket any more; what came before
 * its end can still be taken. */
#ifndef PS_NODE_LINKS_DIALLED_H
#define PS_NODE_LINKS_DIALLED_H

#include "node/links/backlog.h"
#include "node/links/flow.h"
#include "node/links/socket.h"

struct ps_dialled {
    uint64_t link;
    struct ps_device device;
    struct ps_socket socket;
    struct ps_socket_queue *queue;
    struct ps_backlog backlog;
    bool up;      /* authenticated */
    bool up_told; /* and the caller knows */
    bool ending;  /* messages that came before may still wait in the socket */
    bool down;    /* it has ended: its socket is closed */
    bool ready;   /* something may have come since it was looked at last */
    ps_link_reason reason;
    uint64_t heard_ms; /* when something came on it, or when it came up */
    int descriptor;    /* of its connection, as the monitor names it; 0: it has none yet */
    struct ps_flow flow;
    ps_flow_news flow_news; /* to be told */
};

/* Look what its monitor tells. True if it has come up with this call. */
bool ps_dialled_watch(struct ps_dialled *dialled, uint64_t now_ms);

/* Receive one message. `body` is the caller's to close, if it is not NONE; empty ones are EMPTY. */
enum ps_socket_receipt ps_dialled_receive(struct ps_dialled *dialled, uint64_t now_ms,
                                          zmq_msg_t *body);

/* End it. `linger_ms`: for what was just sent. Once is enough, twice is fine. */
void ps_dialled_end(struct ps_dialled *dialled, ps_link_reason reason, int linger_ms);

#endif
