/* A device that means harm. It is a client of its own over raw libzmq: it uses the encoders of the
 * library, but not its engine, links or store. It joins a mesh like any other device, and then
 * sends what it wants. */
#ifndef TESTS_HOSTILE_HOSTILE_H
#define TESTS_HOSTILE_HOSTILE_H

#include "tests/lib/author.h"
#include "wire/message.h"

struct hostile {
    struct author author; /* its keys, its mesh, and what it signs */
    void *context;
    void *socket;   /* connected to the node that it harms; NULL: it is not connected */
    void *monitor;  /* of that socket */
    char where[64]; /* the "host:port" that WELCOME named */
    struct ps_device victim;
    struct ps_state theirs; /* from the last HELLO or SUMMARY that came */
    struct ps_buf last;     /* the last message of hostile_await() */
    struct ps_buf draft;    /* where the next message is encoded */
};

/* Make a device with a new secret, which no mesh knows. */
void hostile_init(struct hostile *hostile);
void hostile_deinit(struct hostile *hostile);

/* Become a member with the code of an invite. */
void hostile_join(struct hostile *hostile, const char *code);

/* Connect with CURVE to `device` at `where`. A connection that there was before is closed. */
void hostile_connect(struct hostile *hostile, const struct ps_device *device, const char *where);
void hostile_disconnect(struct hostile *hostile);

/* Send bytes as they are, as soon as the queue has room. False if the connection ends first. */
bool hostile_send(struct hostile *hostile, const void *bytes, size_t size);
/* Send what is in `draft`, and empty it. encoded: the result of the encoder, which must be OK. */
bool hostile_send_draft(struct hostile *hostile, p2psync_result encoded);

/* The same for a device that does not read. libzmq does not tell such a device that the connection
 * has ended, so a message is dropped if the queue does not take it soon. Only the victim can say
 * whether the device was cut off. */
void hostile_send_if_taken(struct hostile *hostile, p2psync_result encoded);

/* Wait for a message of a type, and pass over others. The message is then in `last`. False if the
 * connection ends first, or if nothing comes for two minutes. */
bool hostile_await(struct hostile *hostile, uint64_t type);
/* Wait in the same way for an ERROR, and return its code. 0: no ERROR came. */
uint64_t hostile_await_error(struct hostile *hostile);
/* Wait until the connection has ended, and pass over what comes. False if nothing comes for two
 * minutes. */
bool hostile_await_end(struct hostile *hostile);

/* Connect to the node that sent WELCOME, send HELLO, and wait for its HELLO. */
void hostile_begin(struct hostile *hostile);
bool hostile_send_hello(struct hostile *hostile);

/* An offer of `size` changes of its own log, with the author's head of that size. */
struct ps_heads_item hostile_offer(struct hostile *hostile, uint64_t size);
bool hostile_send_heads(struct hostile *hostile, const struct ps_heads_item *items, size_t count);

/* The first `size` changes of its log, with the head of that size. The caller owns `entries`. */
struct ps_changes hostile_changes(struct hostile *hostile, uint64_t size, struct ps_buf *entries);
bool hostile_send_changes(struct hostile *hostile, const struct ps_changes *changes);

/* Add `count` changes to its log: creates of records named after `prefix`. */
void hostile_write(struct hostile *hostile, const char *prefix, size_t count);

#endif
