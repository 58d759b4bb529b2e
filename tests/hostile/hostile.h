/* A device that means harm: a client of its own over raw libzmq, with the project's encoders but
 * none of its engine, links or store. It joins a mesh like any device, and then sends what it
 * wants. */
#ifndef TESTS_HOSTILE_HOSTILE_H
#define TESTS_HOSTILE_HOSTILE_H

#include "tests/lib/author.h"
#include "wire/message.h"

struct hostile {
    struct author author; /* its keys, its mesh, and what it signs */
    void *context;
    void *socket;   /* to the node that it harms; NULL: none */
    void *monitor;  /* of it */
    char where[64]; /* "host:port" that WELCOME named */
    struct ps_device victim;
    struct ps_state theirs; /* of the last HELLO or SUMMARY that came */
    struct ps_buf last;     /* the last message of hostile_await() */
    struct ps_buf draft;    /* for hostile_*_begin() and the like */
};

/* A device with keys of its own, that no mesh knows. */
void hostile_init(struct hostile *hostile);
void hostile_deinit(struct hostile *hostile);

/* Become a member, by the code of an invite. */
void hostile_join(struct hostile *hostile, const char *code);

/* Connect with CURVE to `device` at `where`; what was connected before is closed. */
void hostile_connect(struct hostile *hostile, const struct ps_device *device, const char *where);
void hostile_disconnect(struct hostile *hostile);

/* Send bytes as they are, as soon as there is room for them. False if the connection ends first. */
bool hostile_send(struct hostile *hostile, const void *bytes, size_t size);
/* Send what is in `draft`, encoded with this result, and empty it. */
bool hostile_send_draft(struct hostile *hostile, p2psync_result encoded);

/* The same for one who does not read, and so is not told by libzmq that the connection has ended:
 * what is not taken soon is dropped. Whether it was cut off is the victim's to say. */
void hostile_send_if_taken(struct hostile *hostile, p2psync_result encoded);

/* Wait for a message of a type, passing over others; it is in `last`. False if the connection ends
 * first, or nothing comes for two minutes. */
bool hostile_await(struct hostile *hostile, uint64_t type);
/* The same for an ERROR; its code. 0: none came. */
uint64_t hostile_await_error(struct hostile *hostile);
/* Wait until the connection has ended, passing over what comes. False if nothing comes for two
 * minutes. */
bool hostile_await_end(struct hostile *hostile);

/* Connect to the node of WELCOME, say HELLO, and wait for its HELLO. */
void hostile_begin(struct hostile *hostile);
bool hostile_send_hello(struct hostile *hostile);

/* Offer `size` changes of its own log under the author's head of that size. */
struct ps_heads_item hostile_offer(struct hostile *hostile, uint64_t size);
bool hostile_send_heads(struct hostile *hostile, const struct ps_heads_item *items, size_t count);

/* The first `size` changes of its log, under the head of that size. `entries` is the caller's. */
struct ps_changes hostile_changes(struct hostile *hostile, uint64_t size, struct ps_buf *entries);
bool hostile_send_changes(struct hostile *hostile, const struct ps_changes *changes);

/* Add `count` changes to its log: creates of records named after `prefix`. */
void hostile_write(struct hostile *hostile, const char *prefix, size_t count);

#endif
