/* p2psync: records that live on every device and converge, with no server between them.
 *
 * A device runs a node. Nodes that trust each other form a mesh. A node keeps collections of
 * records (an id and a map of fields) in a directory, works fully while offline, finds the other
 * devices of its mesh on the LAN, and brings all of them to the same records. This header is the
 * whole library.
 *
 * Life      p2psync_open() gives the store and starts no thread: reading and writing work at once,
 *           and whatever is written is synced as soon as a node runs in that directory, in this
 *           process or in another. p2psync_start() runs the node in this process. One process may
 *           open a directory once; several processes may open the same one; one node runs in it at
 *           a time.
 * Threads   Every function may be called from any thread and at the same time on the same node,
 *           unless its comment says otherwise. A snapshot, an iterator and a transaction are used
 *           by one thread at a time. p2psync_close() is the last call on a node. The library owns
 *           its own threads only, and calls back (log) from any of them.
 * Fork      A node does not survive fork(): open it in the child. Calls on it there fail with
 *           P2PSYNC_EMISUSE.
 * Footprint It prints nothing, installs no signal handler, and never ends the process, but for one
 *           case: a broken invariant of its own aborts, because going on could damage data.
 * Secrets   The device's key lies in the directory. In memory it is only while something is signed,
 *           in a page that core files leave out, that is not swapped if RLIMIT_MEMLOCK allows that,
 *           and that is wiped. So is a mesh's recovery key while its code is looked at; the code
 *           itself is where the app has it. An open invite and the links' form of the key, with
 *           which one can meet others in the device's name but sign nothing, are kept in such
 *           pages; but libzmq has copies of the latter on the heap while the node runs. An app that
 *           writes no core files (RLIMIT_CORE), as the command line does, leaves none of these
 *           behind.
 * Results   P2PSYNC_OK is 0, errors are negative. Outputs come last and are untouched on failure.
 *           Every function that can fail may return P2PSYNC_EMISUSE (a NULL or malformed argument;
 *           nothing was changed) and P2PSYNC_ENOMEM.
 * Structs   Every struct that the app allocates begins with `size`, which the app sets to its
 *           sizeof, for inputs and outputs alike, and everything else in it starts as zero: zero
 *           means the default. So an app that was built against an earlier header goes on working:
 *           what its struct does not hold is neither read nor written. Only struct p2psync_bytes,
 *           p2psync_buffer and p2psync_dot have no size of their own; they never change.
 * Memory    What a function fills into a struct p2psync_buffer is the caller's, freed by
 *           p2psync_buffer_free(). What a snapshot gives lives as long as the snapshot.
 * Values    Fields cross this interface as one MessagePack map from names to values, as do
 *           documents (status, peers, events), whose keys are those of `p2psync --json`.
 *           p2psync_value_from_json() and p2psync_value_to_json() convert.
 * Time      Milliseconds since 1970-01-01 UTC, unless a name says otherwise. In documents times are
 *           RFC 3339 strings.
 */
#ifndef P2PSYNC_H
#define P2PSYNC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define P2PSYNC_API        __attribute__((visibility("default")))
#define P2PSYNC_MUST_CHECK __attribute__((warn_unused_result))
#else
#define P2PSYNC_API
#define P2PSYNC_MUST_CHECK
#endif

/* ---- results ---- */

#define P2PSYNC_RESULTS(X)                                                                         \
    X(OK, 0, "done")                                                                               \
    X(EMISUSE, -1, "the library was called wrongly")                                               \
    X(ENOMEM, -2, "out of memory")                                                                 \
    X(EIO, -3, "the disk or the system failed")                                                    \
    X(EFULL, -4, "the store's map is full")                                                        \
    X(ENOSPC, -5, "the disk is full")                                                              \
    X(ECORRUPT, -6, "the store is damaged")                                                        \
    X(ENEWER, -7, "the store was written by a newer version")                                      \
    X(ENETFS, -8, "the directory is on a network file system")                                     \
    X(EBUSY, -9, "already in use")                                                                 \
    X(ENODEVICE, -10, "there is no device in this directory")                                      \
    X(EEXIST, -11, "already exists")                                                               \
    X(ENOTFOUND, -12, "not found")                                                                 \
    X(ECONFLICT, -13, "conflicts with what is there")                                              \
    X(ENOTRUNNING, -14, "no node is running in this directory")                                    \
    X(EDENIED, -15, "not allowed")                                                                 \
    X(ELIMIT, -16, "over a limit")                                                                 \
    X(EFORMAT, -17, "malformed")                                                                   \
    X(ETIMEDOUT, -18, "timed out")                                                                 \
    X(EUNREACHABLE, -19, "not reachable")                                                          \
    X(EEXPIRED, -20, "expired")                                                                    \
    X(EGAP, -21, "something before it is missing")                                                 \
    X(EPROOF, -22, "a Merkle proof or root does not match")                                        \
    X(ESIGNATURE, -23, "a signature does not match")                                               \
    X(EFORK, -24, "two signed histories contradict each other")                                    \
    X(EAGAIN, -25, "nothing there yet")                                                            \
    X(EVERSION, -26, "no protocol version in common")                                              \
    X(EADDRINUSE, -27, "the address is already in use")                                            \
    X(EAMBIGUOUS, -28, "several match")                                                            \
    X(ENOCOLLECTION, -29, "no such collection")                                                    \
    X(EEND, -30, "nothing more")                                                                   \
    X(ECANCELLED, -31, "cancelled")                                                                \
    X(EFILES, -32, "too many open files")                                                          \
    X(EOLDER, -33, "the store was written by an earlier version")                                  \
    X(ENOANSWER, -34, "the node does not answer")

typedef enum p2psync_result {
#define P2PSYNC_RESULT_ENUM(name, number, text) P2PSYNC_##name = (number),
    P2PSYNC_RESULTS(P2PSYNC_RESULT_ENUM)
#undef P2PSYNC_RESULT_ENUM
} p2psync_result;

/* A sentence without full stop for any result, known or not. Static. */
P2PSYNC_API const char *p2psync_strerror(int result);

/* The name of a result ("P2PSYNC_ENOSPC"), or "P2PSYNC_UNKNOWN". Static. */
P2PSYNC_API const char *p2psync_result_name(int result);

/* The version of this header. The number grows with every version: #if compares it. */
#define P2PSYNC_VERSION_MAJOR 0
#define P2PSYNC_VERSION_MINOR 1
#define P2PSYNC_VERSION_PATCH 0
#define P2PSYNC_VERSION_NUMBER                                                                     \
    (P2PSYNC_VERSION_MAJOR * 1000000 + P2PSYNC_VERSION_MINOR * 1000 + P2PSYNC_VERSION_PATCH)

/* The version of the library that runs, "0.1.0", which may be a later one. Static. */
P2PSYNC_API const char *p2psync_version(void);

/* ---- bytes and values ---- */

struct p2psync_bytes {
    const void *data;
    size_t size; /* bytes */
};

/* Memory that the library fills and the caller frees. Start from a zeroed one. */
struct p2psync_buffer {
    void *data;
    size_t size; /* bytes */
};

/* Free what a buffer holds and zero it. A zeroed one is fine. */
P2PSYNC_API void p2psync_buffer_free(struct p2psync_buffer *buffer);

/* What failed and where, beside the result. Functions that can say more than a result take one as
 * their last parameter, or NULL. It is filled on failure only, and each time anew. (p2psync_put()
 * and the other short forms of p2psync_write() take none.) */
struct p2psync_detail {
    size_t size;    /* sizeof (struct p2psync_detail) */
    char text[192]; /* a sentence without full stop, for people; "": the result says all */
    size_t edit;    /* of a transaction: the edit that it is about, from 0 */
    size_t offset;  /* where what was read stops to be JSON, in bytes; SIZE_MAX: it does not */
    uint64_t limit; /* with P2PSYNC_ELIMIT: how much there may be at most; 0: not known */
};

/* Turn one JSON value of `size` bytes of UTF-8 into MessagePack. {"$bytes": BASE64} becomes bin,
 * and {"$float32": 0.1} a float of 32 bits; {"$blob": ...} is kept for later. From an object whose
 * only key is one of these with further `$` before it, one `$` is taken off: so it is data. A
 * number with a point or an exponent is a float of 64 bits, any other one an integer.
 *
 * Errors  P2PSYNC_EFORMAT no JSON, a key twice or with a NUL, no base64; P2PSYNC_ELIMIT an integer
 *         below -2^63 or above 2^64 - 1, a float beyond the finite ones, nested deeper than 32, or
 *         over 1 MiB.
 */
P2PSYNC_API p2psync_result
p2psync_value_from_json(const char *json, size_t size, struct p2psync_buffer *out,
                        struct p2psync_detail *detail) P2PSYNC_MUST_CHECK;

/* Turn `size` bytes of UTF-8 into a MessagePack string, whatever they say: "true" and "1.10" too.
 *
 * Errors  P2PSYNC_EFORMAT no UTF-8; P2PSYNC_ELIMIT over 1 MiB.
 */
P2PSYNC_API p2psync_result p2psync_value_from_text(const char *text, size_t size,
                                                   struct p2psync_buffer *out) P2PSYNC_MUST_CHECK;

/* Turn one MessagePack value into one line of JSON, with a NUL after it that size does not count.
 * Keys keep their order. p2psync_value_from_json() makes the same value of it. Characters that
 * nobody sees or that a terminal obeys are written as \u escapes, as p2psync_text_escape() has
 * them.
 *
 * Errors  P2PSYNC_EFORMAT no MessagePack, NaN, an infinity, an ext type, a key that is no string;
 *         P2PSYNC_ELIMIT.
 */
P2PSYNC_API p2psync_result p2psync_value_to_json(struct p2psync_bytes value,
                                                 struct p2psync_buffer *out) P2PSYNC_MUST_CHECK;

/* ---- values without another library ---- */

/* A value is the bytes of one whole MessagePack value: the fields of a record, a document, and
 * whatever is taken out of these, which stays part of the same bytes. */

typedef enum p2psync_value_type {
    P2PSYNC_VALUE_NONE =
        0, /* no bytes, or none of what is below: what p2psync_value_find() misses */
    P2PSYNC_VALUE_NIL = 1,
    P2PSYNC_VALUE_BOOL = 2,
    P2PSYNC_VALUE_INTEGER = 3,
    P2PSYNC_VALUE_REAL = 4,
    P2PSYNC_VALUE_TEXT = 5,
    P2PSYNC_VALUE_BYTES = 6,
    P2PSYNC_VALUE_ARRAY = 7,
    P2PSYNC_VALUE_MAP = 8,
} p2psync_value_type;

P2PSYNC_API p2psync_value_type p2psync_value_type_of(struct p2psync_bytes value);

/* How many elements an array has, or pairs a map; 0 for everything else. */
P2PSYNC_API uint64_t p2psync_value_count(struct p2psync_bytes value);

/* Whether `value` is one whole value that a record or a document may hold. What is below may be
 * asked of any bytes; of those that have passed here, a walk always comes to the end.
 *
 * Errors  P2PSYNC_EFORMAT as of p2psync_value_to_json(), or a map has a key twice, or one with a
 *         NUL; P2PSYNC_ELIMIT nested deeper than 36.
 */
P2PSYNC_API p2psync_result p2psync_value_check(struct p2psync_bytes value) P2PSYNC_MUST_CHECK;

/* The value of a key of a map; of size 0 if there is none, or it is no map, which may be looked
 * into again: so a chain of these needs no checks between. */
P2PSYNC_API struct p2psync_bytes p2psync_value_find(struct p2psync_bytes map, const char *key);
/* The same for a key that is given by its characters, as a text or a walk gives them. */
P2PSYNC_API struct p2psync_bytes p2psync_value_find_text(struct p2psync_bytes map,
                                                         struct p2psync_bytes key);

/* What a map says under a key, where the keys are known, as those of a document are: if there is
 * none, or it is of another type, the empty text, 0 or false. The text is UTF-8 where it lies in
 * the map, so no NUL follows; its data is never NULL. */
P2PSYNC_API struct p2psync_bytes p2psync_map_text(struct p2psync_bytes map, const char *key);
P2PSYNC_API uint64_t p2psync_map_unsigned(struct p2psync_bytes map, const char *key);
P2PSYNC_API bool p2psync_map_bool(struct p2psync_bytes map, const char *key);

/* Whether a text is `string`, no more and no less. */
P2PSYNC_API bool p2psync_text_equals(struct p2psync_bytes text, const char *string);

/* What a value is, if it is that. Each takes one type, but a real number may be asked of an
 * integer.
 *
 * Errors  P2PSYNC_EFORMAT it is another type, or none; P2PSYNC_ELIMIT it does not fit.
 */
P2PSYNC_API p2psync_result p2psync_value_bool(struct p2psync_bytes value,
                                              bool *out) P2PSYNC_MUST_CHECK;
P2PSYNC_API p2psync_result p2psync_value_integer(struct p2psync_bytes value,
                                                 int64_t *out) P2PSYNC_MUST_CHECK;
P2PSYNC_API p2psync_result p2psync_value_unsigned(struct p2psync_bytes value,
                                                  uint64_t *out) P2PSYNC_MUST_CHECK;
P2PSYNC_API p2psync_result p2psync_value_real(struct p2psync_bytes value,
                                              double *out) P2PSYNC_MUST_CHECK;
/* A text, copied with a NUL into `out_size` bytes. P2PSYNC_EFORMAT also if it holds a NUL. */
P2PSYNC_API p2psync_result p2psync_value_string(struct p2psync_bytes value, char *out,
                                                size_t out_size) P2PSYNC_MUST_CHECK;

/* Where the UTF-8 of a text, or the bytes of a bin, lie: no NUL follows. If it is another type, or
 * none, data is NULL and size 0. */
P2PSYNC_API struct p2psync_bytes p2psync_value_text(struct p2psync_bytes value);
P2PSYNC_API struct p2psync_bytes p2psync_value_bytes(struct p2psync_bytes value);

/* A walk over an array, or over a map in the order of its bytes. It is the app's, which sets `size`
 * and `value`, and nothing needs to be closed:
 *
 *     struct p2psync_walk walk = {.size = sizeof walk, .value = list};
 *     while (p2psync_walk_next(&walk, NULL, &item) == P2PSYNC_OK) {
 *         ... item ...
 *     }
 */
struct p2psync_walk {
    size_t size;                /* sizeof (struct p2psync_walk) */
    struct p2psync_bytes value; /* what is walked over; anything else has nothing in it */
    size_t offset;              /* the library's, as the rest is */
    uint64_t left;
};

/* The next element, or pair. `key_out` may be NULL; it becomes the characters of the key, of size 0
 * in an array.
 *
 * Errors  P2PSYNC_EEND; P2PSYNC_EFORMAT half a value, or a key that is no text.
 */
P2PSYNC_API p2psync_result p2psync_walk_next(struct p2psync_walk *walk,
                                             struct p2psync_bytes *key_out,
                                             struct p2psync_bytes *value_out) P2PSYNC_MUST_CHECK;

/* Puts a map together: pair after pair, and maps and arrays inside of it. An error is kept, and
 * p2psync_builder_finish() tells of it: nothing needs to be checked before. */
typedef struct p2psync_builder p2psync_builder;

P2PSYNC_API p2psync_result p2psync_builder_new(p2psync_builder **out) P2PSYNC_MUST_CHECK;

/* Add a value under a key; inside an array the key is NULL. Everything is copied. */
P2PSYNC_API void p2psync_builder_nil(p2psync_builder *builder, const char *key);
P2PSYNC_API void p2psync_builder_bool(p2psync_builder *builder, const char *key, bool value);
P2PSYNC_API void p2psync_builder_integer(p2psync_builder *builder, const char *key, int64_t value);
P2PSYNC_API void p2psync_builder_unsigned(p2psync_builder *builder, const char *key,
                                          uint64_t value);
P2PSYNC_API void p2psync_builder_real(p2psync_builder *builder, const char *key, double value);
P2PSYNC_API void p2psync_builder_text(p2psync_builder *builder, const char *key, const char *text);
P2PSYNC_API void p2psync_builder_bytes(p2psync_builder *builder, const char *key,
                                       struct p2psync_bytes bytes);
/* One whole value, such as another one's part. */
P2PSYNC_API void p2psync_builder_value(p2psync_builder *builder, const char *key,
                                       struct p2psync_bytes value);
/* The same under a key that is given by its characters, as p2psync_walk_next() gives both. */
P2PSYNC_API void p2psync_builder_pair(p2psync_builder *builder, struct p2psync_bytes key,
                                      struct p2psync_bytes value);

/* Begin a map or an array, which p2psync_builder_end() ends. */
P2PSYNC_API void p2psync_builder_map(p2psync_builder *builder, const char *key);
P2PSYNC_API void p2psync_builder_array(p2psync_builder *builder, const char *key);
P2PSYNC_API void p2psync_builder_end(p2psync_builder *builder);

/* Fill in the whole map, and free the builder, whatever the result. Whether a map may be the fields
 * of a record, p2psync_write() says.
 *
 * Errors  P2PSYNC_EMISUSE a map or an array was not ended, or one too many was, or a key is missing
 *         or not wanted; P2PSYNC_EFORMAT as of p2psync_value_check(); P2PSYNC_ELIMIT nested deeper
 *         than 36, or over 4 MiB; P2PSYNC_ENOMEM.
 */
P2PSYNC_API p2psync_result p2psync_builder_finish(p2psync_builder *builder,
                                                  struct p2psync_buffer *out) P2PSYNC_MUST_CHECK;

/* Free it and give nothing. NULL is fine. */
P2PSYNC_API void p2psync_builder_free(p2psync_builder *builder);

/* ---- versions ---- */

/* Names one change, and so the version of a record that it left: the tag of the log that it stands
 * in, and its number there. */
struct p2psync_dot {
    uint8_t origin[16];
    uint64_t seq;
};

#define P2PSYNC_DOT_TEXT_SIZE 64 /* bytes that hold the text form of any dot, with its NUL */

/* Write the text form of a dot: the tag as 32 hex digits, '-', and the number. */
P2PSYNC_API void p2psync_dot_format(const struct p2psync_dot *dot, char out[P2PSYNC_DOT_TEXT_SIZE]);

/* Read the text form of a dot.
 *
 * Errors  P2PSYNC_EFORMAT.
 */
P2PSYNC_API p2psync_result p2psync_dot_parse(const char *text,
                                             struct p2psync_dot *out) P2PSYNC_MUST_CHECK;

/* Make `size` bytes of text fit to be shown to people: control characters, marks of direction and
 * what takes no room become escapes (\n, \t, \u202e), and bytes that are no UTF-8 become \xff. Text
 * of other devices should go through here before it comes to a terminal or a log.
 *
 * out  filled as snprintf() does it: at most out_size - 1 bytes and a NUL, and no part of a
 * character or an escape; may be NULL if out_size is 0.
 *
 * Returns the bytes that all of it takes, without the NUL.
 */
P2PSYNC_API size_t p2psync_text_escape(const char *text, size_t size, char *out, size_t out_size);

/* ---- opening ---- */

typedef struct p2psync_node p2psync_node;

typedef enum p2psync_log_level {
    P2PSYNC_LOG_ERROR = 1,
    P2PSYNC_LOG_WARNING = 2,
    P2PSYNC_LOG_INFO = 3,
    P2PSYNC_LOG_DEBUG = 4,
} p2psync_log_level;

/* Told what happens inside. `event` is a stable name ("peer-up", "head-rejected"), `text` one line
 * for people, valid during the call. Called from the caller's thread or the node's; it must return
 * soon and must not call into the library. Keys, tokens and values are never told. */
typedef void p2psync_log_fn(p2psync_log_level level, const char *event, const char *text,
                            void *user);

/* An answer to a conflict, while a p2psync_resolver_fn runs. */
typedef struct p2psync_answer p2psync_answer;

/* Asked for an answer to a conflict that nobody has resolved: `conflict` is a map as
 * p2psync_conflict() fills it. It gives one by p2psync_answer_fields() or p2psync_answer_take();
 * without either the conflict stays open, and nobody is asked about it again, by later runs
 * neither, until its versions change. Where asking failed, or writing the answer, the next run asks
 * again.
 *
 * The answer is written as a change flagged `auto`, if the versions are still the same then. It is
 * asked only on a running node that is in sync with all connected peers, a while after the last
 * change. Where several devices answer differently, the last answer counts, on all of them; and a
 * person's edit is never settled against an answer by time.
 *
 * Called from a thread of the library's own, one conflict at a time; it may read and write records,
 * and must not stop or close the node. p2psync_stop() waits for it. */
typedef void p2psync_resolver_fn(struct p2psync_bytes conflict, p2psync_answer *answer, void *user);

/* The record shall have exactly these fields, a MessagePack map, which is copied.
 *
 * Errors  P2PSYNC_EFORMAT; P2PSYNC_ELIMIT.
 */
P2PSYNC_API p2psync_result p2psync_answer_fields(p2psync_answer *answer,
                                                 struct p2psync_bytes fields) P2PSYNC_MUST_CHECK;

/* The record shall be as one of the conflict's versions left it. */
P2PSYNC_API p2psync_result
p2psync_answer_take(p2psync_answer *answer, const struct p2psync_dot *version) P2PSYNC_MUST_CHECK;

typedef enum p2psync_durability {
    P2PSYNC_DURABILITY_DEFAULT = 0, /* what config.json says, else flush */
    P2PSYNC_DURABILITY_FLUSH = 1,   /* a call that returns OK has reached the disk */
    /* Fast, and a risk: if the machine crashes or loses power, the last writes are gone, and the
     * store may be torn. When it is next opened, all logs are checked and all records worked out
     * anew from them, which takes as long as p2psync_verify() does and then some; a log that
     * cannot be mended so is told and left as it is; if LMDB's own pages are torn, the store is
     * refused as damaged, and the device has to join again. Killing the process alone
     * loses nothing, but costs that time. It is the process's own choice: others that have the
     * store open meanwhile flush what they write as they chose, but read what is not flushed here;
     * and the whole store counts as not flushed until the last of them ends well. */
    P2PSYNC_DURABILITY_NONE = 2,
} p2psync_durability;

/* A store that did not end in good order is read as a whole before it is used, which takes as long
 * as reading that file. Called in p2psync_open(), by its thread, now and then: `done` of `total`
 * bytes are read. */
typedef void p2psync_checked_fn(uint64_t done, uint64_t total, void *user);

/* Everything zero but `size` means defaults, and what config.json in the directory says. Copied. */
struct p2psync_options {
    size_t size;                 /* sizeof (struct p2psync_options) */
    const char *dir;             /* made if missing, owner only; NULL: as the command line */
    p2psync_log_fn *log;         /* or NULL */
    void *log_user;              /* handed to `log` */
    p2psync_log_level log_level; /* 0: INFO */
    p2psync_durability durability;
    uint64_t map_size_bytes; /* most that the store may hold; 0: 1 TiB, sparse */

    /* What p2psync_start() uses. */
    const char *listen;            /* "HOST[:PORT]"; NULL: all, port 47470 or any free one */
    const char *const *interfaces; /* to beacon on: names or patterns; NULL: all usable ones */
    size_t interface_count;
    const char *const *peers; /* "HOST[:PORT]" of devices that no beacon reaches */
    size_t peer_count;
    uint16_t beacon_port;          /* UDP; 0: 47470 */
    bool no_beacon;                /* neither send nor hear beacons */
    p2psync_resolver_fn *resolver; /* answers conflicts; NULL: what config.json says, if anything */
    void *resolver_user;           /* handed to `resolver` */
    p2psync_checked_fn *checked;   /* told how far p2psync_open() has got; or NULL */
    void *checked_user;            /* handed to `checked` */

    /* Backups that the running node makes by itself, each in a file of its own: see
     * p2psync_backup(). */
    const char *backup_dir; /* full path of a directory that is there; NULL: as config.json says */
    uint64_t backup_every_ms; /* 1,000 at least; 0: as config.json says, else a day */
    uint32_t backup_keep;     /* the older ones are removed, 1 to 1,000; 0: as it says, else 7 */
};

#ifdef __cplusplus
#define P2PSYNC_OPTIONS_INIT                                                                       \
    [] {                                                                                           \
        p2psync_options p2psync_initial = {};                                                      \
        p2psync_initial.size = sizeof(p2psync_initial);                                            \
        return p2psync_initial;                                                                    \
    }()
#else
#define P2PSYNC_OPTIONS_INIT                                                                       \
    {                                                                                              \
        .size = sizeof(struct p2psync_options)                                                     \
    }
#endif

/* Open the store in options->dir, or make it. No device needs to be in it yet: see p2psync_init()
 * and p2psync_join().
 *
 * Errors  P2PSYNC_EBUSY this process has it open already, or another directory has taken its place
 *         meanwhile; P2PSYNC_ENETFS; P2PSYNC_ENEWER;
 *         P2PSYNC_EOLDER before 1.0 no earlier format is read; P2PSYNC_ECORRUPT; P2PSYNC_ENOSPC;
 *         P2PSYNC_EDENIED the system refuses access, or the file system is read-only, or the
 *         directory, the file of data or config.json belongs to another user, or the directory or
 *         config.json may be written by one; P2PSYNC_EIO; P2PSYNC_EFILES; P2PSYNC_EFORMAT
 *         config.json is malformed; P2PSYNC_EMISUSE no directory can be at options->dir, or an
 *         address in the options is malformed.
 *
 * A row that has rotted is found when it is read, and is P2PSYNC_ECORRUPT; a running node mends
 * what it can. If which device this is cannot be read, that is P2PSYNC_ECORRUPT here. What remains
 * is what no row can show: a page of LMDB's that rots under the open file in what leads to other
 * pages, so that rows are passed over without a trace (a walk over a whole collection counts its
 * records, and the next start after any damage checks all pages); and a page that the system itself
 * cannot read: that is a SIGBUS, which a library must leave to its app. An app that wants to
 * survive it handles the signal, or uses the node from another process. The library's own threads
 * block all signals but those that a fault of a thread raises (SIGBUS, SIGSEGV, SIGFPE, SIGILL,
 * SIGABRT), so the app's handlers of these are called in them too.
 *
 * A write that meets damage with which LMDB cannot go on is P2PSYNC_ECORRUPT, and so is every write
 * on that node from then on; reading works. The write can neither be ended nor undone in memory
 * (nothing of it is on the disk), and LMDB's lock stays with the thread that wrote until that
 * thread or the process ends: till then writes of other processes in this directory wait. So the
 * app says so, closes the node, and ends its process or starts itself anew. Opening the directory
 * again in the same process is P2PSYNC_ECORRUPT; in a new one, all pages are checked before it is
 * used.
 */
P2PSYNC_API p2psync_result p2psync_open(const struct p2psync_options *options,
                                        p2psync_node **node_out,
                                        struct p2psync_detail *detail) P2PSYNC_MUST_CHECK;

/* Stop the node if it runs here, and free everything. NULL is fine. Snapshots, iterators and
 * transactions must be closed before, and no other thread may be inside a call on it. */
P2PSYNC_API void p2psync_close(p2psync_node *node);

/* End what other threads wait for on this node now: p2psync_join(), p2psync_now() and whatever else
 * asks the running node (p2psync_invite(), p2psync_status()...) return P2PSYNC_ECANCELLED as soon
 * as they can. Calls that begin later are not cancelled. */
P2PSYNC_API p2psync_result p2psync_cancel(p2psync_node *node) P2PSYNC_MUST_CHECK;

/* Told how far long work is, now and then and at its end: `done` of `total`, in parts that the
 * function names. Called by the thread that does the work; must not call into the library. Returns
 * whether it shall go on: after a false the work ends with P2PSYNC_ECANCELLED. */
typedef bool p2psync_progress_fn(uint64_t done, uint64_t total, void *user);

/* Draw a recovery key for a mesh that is still to be made, and fill in its code: a text such as
 * "P2R1-2491-650N-2RBH-G68T-3CE1-T7GZ-40JS-1ZZJ", with a NUL after it that size does not count.
 * Nothing else is left of the key. So an app shows the code, to be kept on paper and on no device,
 * before it calls p2psync_init(): then there is never a mesh whose code nobody has seen. It may ask
 * for the code again, as it was written down, and give what was typed to p2psync_init().
 * p2psync_buffer_free() wipes the memory.
 */
P2PSYNC_API p2psync_result p2psync_recovery_draw(struct p2psync_buffer *out) P2PSYNC_MUST_CHECK;

/* Make this device, with `name` (NULL: the host's name), and a new mesh of which it is the founder.
 * A name is UTF-8, neither begins nor ends with a blank, and is seen: not all of it is invisible.
 *
 * recovery_code  the mesh's, of p2psync_recovery_draw(), as it was written or typed. Its key ranks
 *                above the founder, for when this device is lost or stolen. NULL: the mesh has no
 *                such key, and never will.
 *
 * Errors  P2PSYNC_EEXIST there is a device already; P2PSYNC_EFORMAT, P2PSYNC_ELIMIT no valid name;
 *         P2PSYNC_EFORMAT no recovery code, or mistyped: `detail` says what is wrong with it.
 */
P2PSYNC_API p2psync_result p2psync_init(p2psync_node *node, const char *name,
                                        const char *recovery_code,
                                        struct p2psync_detail *detail) P2PSYNC_MUST_CHECK;

/* See whether `code`, as somebody has typed it, is the recovery code of this device's mesh.
 *
 * Errors  P2PSYNC_EFORMAT no recovery code, or mistyped: `detail` says what is wrong with it;
 *         P2PSYNC_EDENIED it is the code of another mesh, or this one has none, which look the
 *         same; P2PSYNC_ENODEVICE.
 */
P2PSYNC_API p2psync_result p2psync_recovery_check(p2psync_node *node, const char *code,
                                                  struct p2psync_detail *detail) P2PSYNC_MUST_CHECK;

/* Make a device of its own of what was copied from another one, with `name` (NULL: the host's
 * name). It gets a key of its own and keeps all records and changes. Until it joins the same mesh
 * by an invite, no other device admits it; what it writes meanwhile is synced after that. Call it
 * on the copy: the directory that was copied from would lose its key.
 *
 * Errors  P2PSYNC_ENODEVICE there is no device; P2PSYNC_EBUSY a node runs in the directory;
 *         P2PSYNC_EFORMAT, P2PSYNC_ELIMIT no valid name.
 */
P2PSYNC_API p2psync_result p2psync_init_copy(p2psync_node *node, const char *name,
                                             struct p2psync_detail *detail) P2PSYNC_MUST_CHECK;

/* Who this device is: the document identity.
 *
 * Errors  P2PSYNC_ENODEVICE.
 */
P2PSYNC_API p2psync_result p2psync_identity(p2psync_node *node,
                                            struct p2psync_buffer *out) P2PSYNC_MUST_CHECK;

/* This node's settings: the document config. A variable of the environment goes before config.json,
 * and an option of p2psync_open() before both: P2PSYNC_ with the key in capitals, such as
 * P2PSYNC_LISTEN; what parses as JSON is that, all else a text.
 *
 * Errors  P2PSYNC_EFORMAT config.json or such a variable is malformed.
 */
P2PSYNC_API p2psync_result p2psync_config(p2psync_node *node, struct p2psync_buffer *out,
                                          struct p2psync_detail *detail) P2PSYNC_MUST_CHECK;

/* Check one setting and write it to config.json. `value` is MessagePack; nil takes it out again. A
 * running node takes it up with p2psync_reload() or at its next start.
 *
 * Errors  P2PSYNC_ENOTFOUND no such key; P2PSYNC_EFORMAT not a valid value for it, or config.json
 *         is malformed.
 */
P2PSYNC_API p2psync_result p2psync_config_set(p2psync_node *node, const char *key,
                                              struct p2psync_bytes value,
                                              struct p2psync_detail *detail) P2PSYNC_MUST_CHECK;

/* The same for several settings, of which all are written or none: `settings` is a map of
 * MessagePack from their keys to their values. Errors as above. */
P2PSYNC_API p2psync_result p2psync_config_set_all(p2psync_node *node, struct p2psync_bytes settings,
                                                  struct p2psync_detail *detail) P2PSYNC_MUST_CHECK;

/* ---- running ---- */

/* Run the node in a thread of its own: listen, discover, sync. Returns when it listens. If the
 * directory is removed, moved, replaced or covered by a mount while the node runs, the node stops
 * by itself: the events are P2PSYNC_EVENT_ERROR with the error P2PSYNC_ENODEVICE, and
 * P2PSYNC_EVENT_STOPPED.
 *
 * Errors  P2PSYNC_ENODEVICE; P2PSYNC_EBUSY a node runs in this directory already;
 *         P2PSYNC_EADDRINUSE the port that was asked for is taken; P2PSYNC_ENOTFOUND this machine
 *         has no such address to listen on; P2PSYNC_EFILES; P2PSYNC_EIO.
 */
P2PSYNC_API p2psync_result p2psync_start(p2psync_node *node) P2PSYNC_MUST_CHECK;

/* Read config.json again. The node that p2psync_start() runs here takes up at once what has changed
 * in peers, beacon, beacon_port, interfaces, interfaces_exclude, interval_ms, on_conflict,
 * on_conflict_wait_ms and on_conflict_timeout_ms; it stays connected. Options of p2psync_open()
 * stay over the file. Fills an array of the names of the other settings that have changed since the
 * node was opened: they wait until it is opened anew. Not to be called from a resolver.
 *
 * Errors  P2PSYNC_ENOTRUNNING not in this handle; P2PSYNC_EFORMAT config.json is malformed, and
 *         nothing is taken up; P2PSYNC_ENOMEM.
 */
P2PSYNC_API p2psync_result p2psync_reload(p2psync_node *node, struct p2psync_buffer *out,
                                          struct p2psync_detail *detail) P2PSYNC_MUST_CHECK;

/* Stop the node that runs in this directory, here or in another process, and wait until it has
 * ended cleanly.
 *
 * Errors  P2PSYNC_ENOTRUNNING; P2PSYNC_ENOANSWER; P2PSYNC_ETIMEDOUT it did not end within 30 s.
 */
P2PSYNC_API p2psync_result p2psync_stop(p2psync_node *node) P2PSYNC_MUST_CHECK;

/* After P2PSYNC_ENOANSWER: say in `detail` which process the node runs in, and what that waits for,
 * if the system tells. The node is not asked, so this waits for nothing.
 *
 * Returns P2PSYNC_ENOANSWER, with `detail` filled; or P2PSYNC_ENOTRUNNING it has ended.
 */
P2PSYNC_API p2psync_result p2psync_unanswered(p2psync_node *node,
                                              struct p2psync_detail *detail) P2PSYNC_MUST_CHECK;

/* The node at a glance: the document status. Without a running node, and after five seconds without
 * an answer of one, what the store knows.
 *
 * Errors  P2PSYNC_ENODEVICE.
 */
P2PSYNC_API p2psync_result p2psync_status(p2psync_node *node,
                                          struct p2psync_buffer *out) P2PSYNC_MUST_CHECK;

/* Changes that are here and do not show yet: the document pending. It has the first 4,096
 * transactions; the document status says how many changes wait in all. The causes are "parent" (it
 * was made on top of a change that is not here), "transaction" (the rest of its transaction is not
 * here), "crowd" (as many of its log wait as may, and those come first) and "turn" (it waits for
 * nothing and is applied next).
 *
 * Errors  P2PSYNC_ENODEVICE.
 */
P2PSYNC_API p2psync_result p2psync_pending(p2psync_node *node,
                                           struct p2psync_buffer *out) P2PSYNC_MUST_CHECK;

/* The other devices and how far they are: the document peers. The state of each is "in_sync",
 * "syncing", "connecting", "offline", "skewed" (its clock is off) or "refused". Without a running
 * node it is what was last known. So it is too after five seconds without an answer of one, but
 * then each state is "unknown".
 *
 * Errors  P2PSYNC_ENODEVICE.
 */
P2PSYNC_API p2psync_result p2psync_peers(p2psync_node *node,
                                         struct p2psync_buffer *out) P2PSYNC_MUST_CHECK;

/* Look at everything that must be right for this device to find others and to sync with them, and
 * fill the document doctor. It opens and closes a TCP connection to each known address of other
 * devices, which takes three seconds where nobody answers. Without a running node there are fewer
 * checks. One that does not answer within five seconds fails the check `node`.
 */
P2PSYNC_API p2psync_result p2psync_doctor(p2psync_node *node,
                                          struct p2psync_buffer *out) P2PSYNC_MUST_CHECK;

/* Sync with every reachable peer at once, and wait until each is in sync or has failed. Fills
 * the document now.
 *
 * Errors  P2PSYNC_ENOTRUNNING; P2PSYNC_ENOANSWER; P2PSYNC_EUNREACHABLE the mesh has other devices
 *         and none is connected; P2PSYNC_ETIMEDOUT some peer was not in sync after
 *         timeout_ms (0: 60 s).
 */
P2PSYNC_API p2psync_result p2psync_now(p2psync_node *node, uint32_t timeout_ms,
                                       struct p2psync_buffer *out) P2PSYNC_MUST_CHECK;

/* ---- devices ---- */

/* Open pairing on the running node for expires_ms (0: ten minutes) and fill the document invite. An
 * invite that is open already is replaced, and whoever waits for it is told. An event
 * P2PSYNC_EVENT_DEVICE_JOINED or P2PSYNC_EVENT_INVITE_CLOSED tells how it ended.
 *
 * Whom the founder brings in is an admin, whom an admin brings in a writer.
 *
 * Errors  P2PSYNC_EDENIED this device is no admin; P2PSYNC_ENOTRUNNING; P2PSYNC_ENOANSWER;
 *         P2PSYNC_ENODEVICE.
 */
P2PSYNC_API p2psync_result p2psync_invite(p2psync_node *node, uint32_t expires_ms,
                                          struct p2psync_buffer *out) P2PSYNC_MUST_CHECK;

/* What an invite gives. */
struct p2psync_invite_terms {
    size_t size;                         /* sizeof (struct p2psync_invite_terms) */
    uint32_t expires_ms;                 /* 0: ten minutes */
    const char *role;                    /* "admin", "writer" or "reader"; NULL: as usual */
    const char *const *collections;      /* in which the role is another one, and there ... */
    const char *const *collection_roles; /* ... "writer", "reader" or "none": none of it is sent
                                            to the device, or taken from it */
    size_t collection_count;             /* of both, 16 at most */
    bool confirm;                        /* nobody comes in before p2psync_invite_accept() */
};

/* As p2psync_invite(), on these terms. With `confirm` the device that presents the code waits,
 * which is told by an event P2PSYNC_EVENT_DEVICE_PENDING, and seen in the document devices.
 *
 * Errors  as p2psync_invite(); P2PSYNC_EDENIED this device may not give such a role, `detail` says
 *         who may; P2PSYNC_EFORMAT no role, or no name of a collection; P2PSYNC_ELIMIT too many.
 */
P2PSYNC_API p2psync_result p2psync_invite_with(p2psync_node *node,
                                               const struct p2psync_invite_terms *terms,
                                               struct p2psync_buffer *out,
                                               struct p2psync_detail *detail) P2PSYNC_MUST_CHECK;

/* Let the device in that waits, or reject it. `device` is its name, its fingerprint, or its id. A
 * device that is accepted comes in when it asks the next time, within seconds.
 *
 * Errors  P2PSYNC_ENOTFOUND no such device waits, or the invite has expired.
 */
P2PSYNC_API p2psync_result p2psync_invite_accept(p2psync_node *node, const char *device,
                                                 struct p2psync_detail *detail) P2PSYNC_MUST_CHECK;
P2PSYNC_API p2psync_result p2psync_invite_reject(p2psync_node *node, const char *device,
                                                 struct p2psync_detail *detail) P2PSYNC_MUST_CHECK;

/* Close the invite of `code` (NULL: the one that is open) on the running node: the code works no
 * more.
 *
 * Errors  P2PSYNC_ENOTFOUND it is not open, or not any more; P2PSYNC_EFORMAT no valid code;
 *         P2PSYNC_ENOTRUNNING; P2PSYNC_ENOANSWER.
 */
P2PSYNC_API p2psync_result p2psync_invite_cancel(p2psync_node *node,
                                                 const char *code) P2PSYNC_MUST_CHECK;

/* Join the mesh of `code` under `name` (NULL: the one it has, else the host's), making this device
 * if there is none yet. Waits for the inviter's reply, 20 s at most, and no longer once every
 * endpoint of the code has said that nobody listens there; p2psync_cancel() ends it. Call it before
 * p2psync_start(). Fills the document join. Trying again with the same code is safe, also after it
 * was cancelled.
 *
 * A device that was removed, and has heard of it, gets a new key and comes back as a new device,
 * which keeps what is here and brings what it had not sent.
 *
 * Errors  P2PSYNC_EEXIST the inviter is a member of the mesh here, or this device itself;
 *         P2PSYNC_ECONFLICT the mesh here has other members or records; P2PSYNC_EBUSY a node runs
 *         in this directory; P2PSYNC_EFORMAT no valid code or name; P2PSYNC_ELIMIT the name is too
 *         long; P2PSYNC_EDENIED the inviter refused it; P2PSYNC_EEXPIRED; P2PSYNC_EUNREACHABLE no
 *         endpoint of the code answered; P2PSYNC_ECANCELLED.
 */
P2PSYNC_API p2psync_result p2psync_join(p2psync_node *node, const char *code, const char *name,
                                        struct p2psync_buffer *out,
                                        struct p2psync_detail *detail) P2PSYNC_MUST_CHECK;

/* The members of the mesh: the document devices. One is forked if it has signed two histories that
 * contradict each other, as a disk that was put back may make it do; what it wrote up to there is
 * kept. */
P2PSYNC_API p2psync_result p2psync_devices(p2psync_node *node,
                                           struct p2psync_buffer *out) P2PSYNC_MUST_CHECK;

/* Give a member another name, on all devices. `device` is an id, a whole fingerprint, or a name
 * that no other device has, or ever had: nobody can put one in the place of another by renaming.
 *
 * Errors  P2PSYNC_ENOTFOUND; P2PSYNC_EAMBIGUOUS other devices have, or had, that name, or it is the
 *         beginning only of a fingerprint; P2PSYNC_EFORMAT, P2PSYNC_ELIMIT no valid name; as a
 *         write.
 */
P2PSYNC_API p2psync_result p2psync_device_rename(p2psync_node *node, const char *device,
                                                 const char *name,
                                                 struct p2psync_detail *detail) P2PSYNC_MUST_CHECK;

/* Give a member another role: "admin", "writer" or "reader". The founder makes admins, and these
 * make writers and readers; whoever was ever an admin is up to the founder. A reader may write no
 * records. `device` is a name that no other device ever had, an id, or a whole fingerprint.
 *
 * Errors  P2PSYNC_EDENIED this device may not, `detail` says who may; P2PSYNC_EFORMAT no role;
 *         P2PSYNC_ENOTFOUND; P2PSYNC_EAMBIGUOUS; P2PSYNC_ECONFLICT it was removed; P2PSYNC_ELIMIT
 *         there is no room for one more member; as a write.
 */
P2PSYNC_API p2psync_result p2psync_device_role(p2psync_node *node, const char *device,
                                               const char *role,
                                               struct p2psync_detail *detail) P2PSYNC_MUST_CHECK;

/* Give a member another role in one collection: "writer", "reader", or "none", with which nothing
 * of that collection is sent to it or taken from it. An admin has the same role in all.
 *
 * Errors  as p2psync_device_role(); P2PSYNC_EFORMAT, too, no name of a collection of apps.
 */
P2PSYNC_API p2psync_result p2psync_device_role_in(p2psync_node *node, const char *device,
                                                  const char *role, const char *collection,
                                                  struct p2psync_detail *detail) P2PSYNC_MUST_CHECK;

/* Remove a member, for good: whoever hears of it has no connection with that device any more. What
 * it wrote stays. Its key never comes back; the device can join again with a new one. Whom a
 * removed admin has brought in or removed stays so, as far as this device knows of it.
 *
 * Errors  as p2psync_device_role().
 */
P2PSYNC_API p2psync_result p2psync_device_remove(p2psync_node *node, const char *device,
                                                 struct p2psync_detail *detail) P2PSYNC_MUST_CHECK;

/* What is done with the recovery code of the mesh, from any device of it: all at once, or nothing.
 * Devices are given as to p2psync_device_role(); those that were removed count, too. */
struct p2psync_recover {
    size_t size;               /* sizeof (struct p2psync_recover) */
    const char *code;          /* as somebody has typed it */
    const char *const *remove; /* removed for good, the founder or whoever it is */
    size_t remove_count;
    const char *const *admins; /* admins from now on */
    size_t admin_count;
    const char *const *keep; /* writers again, whom a founder that is removed has removed */
    size_t keep_count;
};

/* Remove devices, and make others admins, with the key that ranks above the founder. The key is in
 * memory for this call only.
 *
 * With the founder everything ends that it has decided. So all others are written anew, each with
 * the role that it has, but admins as writers: `admins` says who is one from now on, and this
 * device is if nobody is named. Whom the founder has removed, or admins that it had made, is not
 * taken back unless `keep` or `admins` names it. With an admin all ends that it has decided; whom
 * it has brought in or removed stays so, as far as this device knows of it.
 *
 * Fills the document recover: all devices as they are now, and what each was before.
 *
 * Errors  P2PSYNC_EFORMAT no recovery code, or mistyped; or a device is to be removed and not;
 *         P2PSYNC_EDENIED the code is of another mesh, or nobody may do that; P2PSYNC_ECONFLICT
 *         a device was removed, and stays so; P2PSYNC_ENOTFOUND, P2PSYNC_EAMBIGUOUS as
 *         p2psync_device_role(); as a write. `detail` says which and why.
 */
P2PSYNC_API p2psync_result p2psync_recover(p2psync_node *node,
                                           const struct p2psync_recover *recover,
                                           struct p2psync_buffer *out,
                                           struct p2psync_detail *detail) P2PSYNC_MUST_CHECK;

/* Remove this device itself. An admin asks for it so, and is out when the founder removes it; the
 * founder cannot.
 *
 * Errors  as p2psync_device_role().
 */
P2PSYNC_API p2psync_result p2psync_device_retire(p2psync_node *node,
                                                 struct p2psync_detail *detail) P2PSYNC_MUST_CHECK;

/* ---- reading ---- */

/* One moment of the store. It never blocks a writer and is never blocked, but the store grows while
 * it is open: close it soon. */
typedef struct p2psync_snapshot p2psync_snapshot;

P2PSYNC_API p2psync_result p2psync_snapshot_open(p2psync_node *node,
                                                 p2psync_snapshot **out) P2PSYNC_MUST_CHECK;

/* NULL is fine. Records and iterators of the snapshot end with it. */
P2PSYNC_API void p2psync_snapshot_close(p2psync_snapshot *snapshot);

/* One record as a reader sees it: its one version, or several as the strategy of its collection
 * merges them. All pointers live as long as the snapshot, but where it says otherwise.
 *
 * Where the strategy is keep_both, every other version is a record of its own beside the one that
 * is shown: a copy. Its id is "ID@DOT", which no record can have, ID being the record's id and DOT
 * its version. It can be read, deleted (which ends that version) and edited: then it becomes a
 * record of its own with the id "ID~DOT" (ID cut so that 255 bytes hold it), and the copy is gone.
 * It is there until somebody does so, or resolves the conflict. */
struct p2psync_record {
    size_t size;    /* sizeof (struct p2psync_record) */
    const char *id; /* UTF-8, not NUL-terminated; of a copy: until the next call, as `versions` */
    size_t id_size;
    struct p2psync_bytes fields;        /* one MessagePack map; empty if deleted */
    const struct p2psync_dot *versions; /* until the next call on the snapshot or its iterators */
    size_t version_count;               /* over 1: edited concurrently */
    uint64_t created_ms;
    uint64_t updated_ms;
    uint8_t author[32]; /* the device of the shown version */
    bool deleted;
    bool archived;
    bool conflict; /* of several versions, and what is shown does not hold all that they say */
};

/* One record by id, deleted ones too; or one copy.
 *
 * Errors  P2PSYNC_ENOCOLLECTION; P2PSYNC_ENOTFOUND no such record or copy; P2PSYNC_ECORRUPT.
 */
P2PSYNC_API p2psync_result p2psync_get(p2psync_snapshot *snapshot, const char *collection,
                                       const char *id,
                                       struct p2psync_record *out) P2PSYNC_MUST_CHECK;

/* A record as the document record. */
P2PSYNC_API p2psync_result p2psync_record_pack(const struct p2psync_record *record,
                                               struct p2psync_buffer *out) P2PSYNC_MUST_CHECK;

/* A record as one of its versions, past or present, left it; its `versions` is that one, `updated`
 * and `author` are that version's, and it may be a deleted one. Valid until the next call on the
 * snapshot.
 *
 * Errors  P2PSYNC_ENOCOLLECTION; P2PSYNC_ENOTFOUND no such record or version of it;
 * P2PSYNC_ECORRUPT.
 */
P2PSYNC_API p2psync_result p2psync_record_get_version(
    p2psync_snapshot *snapshot, const char *collection, const char *id,
    const struct p2psync_dot *version, struct p2psync_record *out) P2PSYNC_MUST_CHECK;

/* A record's past, as long as it may be, in pages. Between two pages nothing of the store is held,
 * so whoever reads may take its time. Of one thread at a time. */
typedef struct p2psync_history p2psync_history;

/* Begin to read it. Close it before the node.
 *
 * Errors  P2PSYNC_ENOCOLLECTION; P2PSYNC_ENOTFOUND no such record; P2PSYNC_ELIMIT more than 262,144
 *         changes were made by clocks that stood at the end of time; P2PSYNC_ECORRUPT.
 */
P2PSYNC_API p2psync_result p2psync_history_open(p2psync_node *node, const char *collection,
                                                const char *id,
                                                p2psync_history **out) P2PSYNC_MUST_CHECK;

/* The next page, of some thousand changes at most: who changed what and when, newest first, each
 * change once: the document history. By time, except that no change stands before one that was made
 * on top of it. What a later version of p2psync did that is not known here is told as an update. A
 * change is told against its parent, against nothing if it has none, and against the merge that its
 * author saw if it has several.
 *
 * Errors  P2PSYNC_EEND there is none left; P2PSYNC_ELIMIT as above, or the page takes more than 64
 *         MiB; P2PSYNC_ECORRUPT.
 */
P2PSYNC_API p2psync_result p2psync_history_next(p2psync_history *history,
                                                struct p2psync_buffer *out) P2PSYNC_MUST_CHECK;

/* NULL is fine. */
P2PSYNC_API void p2psync_history_close(p2psync_history *history);

/* From which version of a record to which. */
struct p2psync_between {
    size_t size;                    /* sizeof (struct p2psync_between) */
    const struct p2psync_dot *from; /* NULL: what the author of `to` saw (its parent, or nothing) */
    const struct p2psync_dot *to;   /* NULL: as it is now; if both are NULL, the last change */
};

/* What changed from one version of a record to another: the document diff. A deleted record has no
 * fields.
 *
 * between  NULL: what the last change did.
 * Errors   P2PSYNC_ENOCOLLECTION; P2PSYNC_ENOTFOUND no such record or version of it.
 */
P2PSYNC_API p2psync_result p2psync_diff(p2psync_snapshot *snapshot, const char *collection,
                                        const char *id, const struct p2psync_between *between,
                                        struct p2psync_buffer *out) P2PSYNC_MUST_CHECK;

/* What the id of a copy says. */
struct p2psync_copy {
    size_t size;                /* sizeof (struct p2psync_copy) */
    char record[256];           /* the record's id */
    struct p2psync_dot version; /* of it */
    char own[256];              /* the id that the copy gets as a record of its own */
};

/* Take the id of a copy apart, whether there is such a one or not.
 *
 * Errors  P2PSYNC_ENOTFOUND it is not the id of a copy.
 */
P2PSYNC_API p2psync_result p2psync_copy_parse(const char *id,
                                              struct p2psync_copy *out) P2PSYNC_MUST_CHECK;

/* What was edited concurrently, and what becomes of it: the document conflict. A record with one
 * version has that, and is no conflict.
 *
 * Errors  P2PSYNC_ENOCOLLECTION; P2PSYNC_ENOTFOUND no such record; P2PSYNC_ELIMIT 64 MiB of answer;
 *         P2PSYNC_ECORRUPT.
 */
P2PSYNC_API p2psync_result p2psync_conflict(p2psync_snapshot *snapshot, const char *collection,
                                            const char *id,
                                            struct p2psync_buffer *out) P2PSYNC_MUST_CHECK;

typedef struct p2psync_iterator p2psync_iterator;

/* Which records of a collection to walk, and in which order. Everything zero but `size`: all but
 * deleted and archived ones, in the order of the bytes of their ids. The copies of a record follow
 * it, in the order of their times. */
struct p2psync_range {
    size_t size;        /* sizeof (struct p2psync_range) */
    const char *prefix; /* only ids that begin so; NULL: all */
    const char *from;   /* begin with this id, or where it would be; NULL: at its beginning */
    const char *after;  /* begin after this id: with the next page, if it came last; or NULL */
    uint64_t limit;     /* at most so many; 0: all */
    bool reverse;       /* against the order; `from` and `after` are where that walk begins */
    bool deleted;       /* deleted records, too */
    bool archived;      /* archived records, too */
    bool conflicts;     /* only records that are conflicts, and no copies; others cost nothing */
};

/* Begin such a walk. `from` and `after` may be ids of copies; where such a copy is gone meanwhile,
 * all copies of its record come anew.
 *
 * range   NULL: as if everything in it were zero.
 * Errors  P2PSYNC_ENOCOLLECTION; P2PSYNC_ELIMIT an id is too long; P2PSYNC_EMISUSE also `from` and
 *         `after` both.
 */
P2PSYNC_API p2psync_result p2psync_iterator_open(p2psync_snapshot *snapshot, const char *collection,
                                                 const struct p2psync_range *range,
                                                 p2psync_iterator **out) P2PSYNC_MUST_CHECK;

/* The next record, valid until the next call on the iterator.
 *
 * Errors  P2PSYNC_EEND there is none left; P2PSYNC_ECORRUPT.
 */
P2PSYNC_API p2psync_result p2psync_iterator_next(p2psync_iterator *iterator,
                                                 struct p2psync_record *out) P2PSYNC_MUST_CHECK;

/* NULL is fine. Close it before its snapshot. */
P2PSYNC_API void p2psync_iterator_close(p2psync_iterator *iterator);

/* ---- writing ---- */

/* What a write returned OK for is on the disk (durability flush), and is synced as soon as a node
 * runs.
 *
 * Writers take turns: a write waits for those before it, of other threads and processes, the node's
 * own included, each with its flush to the disk. That is milliseconds as a rule. While a node takes
 * much from others, as in a first sync, it notices who waits, in any process: it then writes for 20
 * ms at a time, flush included, and lets those who wait go first. Longer than that takes what
 * cannot be cut: one transaction of another device (65,536 changes at most), a flush of a slow
 * disk, and, for the first write after two seconds without any, the flush of all that the node had
 * done till then. Reading never waits.
 *
 * An edit of a record with several versions is made on top of what is shown, and answers all of
 * them; but where only a resolution may do that (see p2psync_conflict()), on top of the version
 * that is shown, and the others stay. An id may be that of a copy (see struct p2psync_record) where
 * a record is put, replaced or deleted.
 *
 * Errors of all writes: P2PSYNC_ENODEVICE; P2PSYNC_EDENIED a collection of the node's own (its name
 * begins with '_', but not with "_local"); P2PSYNC_ELIMIT a name, id, value or transaction is too
 * large; P2PSYNC_EFORMAT fields are no valid map, an id or a name is none, or a copy is archived or
 * restored; P2PSYNC_ENOTFOUND no such copy; P2PSYNC_EEXIST the record that a copy would become is
 * there already; P2PSYNC_ENOSPC; P2PSYNC_EFULL; P2PSYNC_EIO. After an error nothing was written.
 */

typedef enum p2psync_edit_kind {
    P2PSYNC_EDIT_PUT = 0,     /* set these fields, take out those in `unset`, leave the rest */
    P2PSYNC_EDIT_REPLACE = 1, /* make these fields all that the record has */
    P2PSYNC_EDIT_DELETE = 2,  /* delete the record: no fields */
    P2PSYNC_EDIT_ARCHIVE = 3, /* hide the record, which keeps its fields: no fields here */
    P2PSYNC_EDIT_RESTORE = 4, /* as REPLACE, and the record is neither deleted nor archived */
} p2psync_edit_kind;

/* One edit of one record. */
struct p2psync_edit {
    size_t size; /* sizeof (struct p2psync_edit) */
    p2psync_edit_kind kind;
    const char *id;
    struct p2psync_bytes fields; /* a MessagePack map; empty: none */
    const char *const *unset;    /* names of fields to take out; of a PUT only */
    size_t unset_count;
    const char *note; /* why, for the history; or NULL */
    /* A condition: the edit is made only if the record, before the transaction, has exactly these
     * versions, in any order, as p2psync_get() gave them; not NULL, and none: only if there is no
     * such record, or a deleted one. NULL: whatever there is. */
    const struct p2psync_dot *versions;
    size_t version_count;
};

/* What was written. The app sets `versions` and `version_room`, or leaves them zero. */
struct p2psync_committed {
    size_t size;        /* sizeof (struct p2psync_committed) */
    uint64_t changed;   /* edits that became changes */
    uint64_t unchanged; /* edits that changed nothing */
    /* Gets the version that each edit wrote, in the order of the edits, as many as there is room
     * for: all zero of one that changed nothing; of an edit that makes a copy a record of its own,
     * that record's version. */
    struct p2psync_dot *versions;
    size_t version_room;
};

/* Make one edit. What p2psync_put() and its like do, with all that an edit can say.
 *
 * out     or NULL.
 * detail  or NULL.
 * Errors  P2PSYNC_ECONFLICT the record has other versions than edit->versions: p2psync_get() in a
 *         new snapshot tells which; P2PSYNC_ENOCOLLECTION, P2PSYNC_ENOTFOUND a delete or an archive
 *         of what is not there, or is deleted; as all writes.
 */
P2PSYNC_API p2psync_result p2psync_write(p2psync_node *node, const char *collection,
                                         const struct p2psync_edit *edit,
                                         struct p2psync_committed *out,
                                         struct p2psync_detail *detail) P2PSYNC_MUST_CHECK;

/* Create or edit one record: set these fields, leave the others. `note` (or NULL) says why, for the
 * history. A put that changes nothing writes nothing. */
P2PSYNC_API p2psync_result p2psync_put(p2psync_node *node, const char *collection, const char *id,
                                       struct p2psync_bytes fields,
                                       const char *note) P2PSYNC_MUST_CHECK;

/* Delete one record: it stays in the history, and on all devices readers no longer see it.
 *
 * Errors  P2PSYNC_ENOCOLLECTION; P2PSYNC_ENOTFOUND no such record, or it is deleted.
 */
P2PSYNC_API p2psync_result p2psync_delete(p2psync_node *node, const char *collection,
                                          const char *id, const char *note) P2PSYNC_MUST_CHECK;

/* Hide one record: readers see that it is archived, and it keeps its fields.
 *
 * Errors  P2PSYNC_ENOCOLLECTION; P2PSYNC_ENOTFOUND no such record, or it is deleted.
 */
P2PSYNC_API p2psync_result p2psync_archive(p2psync_node *node, const char *collection,
                                           const char *id, const char *note) P2PSYNC_MUST_CHECK;

/* Bring a record back: as `version` left it, or (NULL) as it was before it was deleted; an archived
 * one with the fields that it has. A new change; nothing is rewritten. Of a record that is there
 * and as wanted, nothing is written.
 *
 * Errors  P2PSYNC_ENOTFOUND no such record or version; of a version that is a delete, too.
 */
P2PSYNC_API p2psync_result p2psync_restore(p2psync_node *node, const char *collection,
                                           const char *id, const struct p2psync_dot *version,
                                           const char *note) P2PSYNC_MUST_CHECK;

/* The answer to a conflict: one change that takes the place of all versions. One of `take`,
 * `fields` and `merge` says what it is. Also for versions that merge cleanly. */
struct p2psync_resolution {
    size_t size; /* sizeof (struct p2psync_resolution) */
    const char *collection;
    const char *id;                     /* a record's, not a copy's */
    const struct p2psync_dot *take;     /* as this version left it, which may be a delete */
    struct p2psync_bytes fields;        /* exactly these: a MessagePack map */
    bool merge;                         /* as its versions are when merged field by field */
    const char *note;                   /* or NULL */
    const struct p2psync_dot *versions; /* as of an edit: those that were looked at, or NULL */
    size_t version_count;
};

/* Resolve a conflict, on all devices. `out` and `detail` may be NULL.
 *
 * Errors  P2PSYNC_ECONFLICT it is resolved already (the record has one version), or the record has
 *         other versions than `versions`; P2PSYNC_ENOTFOUND no such record, or `take` is none of
 * its versions (the last 64 of them); as a write.
 */
P2PSYNC_API p2psync_result p2psync_resolve(p2psync_node *node,
                                           const struct p2psync_resolution *resolution,
                                           struct p2psync_committed *out,
                                           struct p2psync_detail *detail) P2PSYNC_MUST_CHECK;

/* What one device did since a time is undone: each record that it changed is set to what it would
 * be without those changes, as far as nobody has changed the same fields since; a record that it
 * made, and that nobody else has changed, is deleted; one that it deleted or archived, and that
 * nobody else has brought back, is restored. New changes, one transaction per collection, and all
 * of them or none. */
struct p2psync_revert {
    size_t size;            /* sizeof (struct p2psync_revert) */
    const char *device;     /* an id, a fingerprint, or a name that no other device ever had */
    uint64_t since_ms;      /* what it wrote then or later, by its clock */
    const char *collection; /* NULL: all whose names do not begin with '_' */
    const char *note;       /* or NULL */
    bool dry_run;           /* only tell what it would do */
};

/* Fills the document revert: what is done to each record, against what it shows now. Records of
 * which nothing is undone and nothing kept are left out.
 *
 * Errors  P2PSYNC_ENOTFOUND no such device; P2PSYNC_EAMBIGUOUS several are, or were, called so, or
 * it is only the beginning of a fingerprint: `detail` names them; P2PSYNC_ENOCOLLECTION;
 * P2PSYNC_ELIMIT it changed more than 65,536 records of a collection, or undoing takes more than 64
 * MiB: a later time, or one collection at a time, makes it less; as a write.
 */
P2PSYNC_API p2psync_result p2psync_revert(p2psync_node *node, const struct p2psync_revert *revert,
                                          struct p2psync_buffer *out,
                                          struct p2psync_detail *detail) P2PSYNC_MUST_CHECK;

/* Edits of one collection that become visible together on every device, or nowhere. It only
 * collects: other writers are not held up, and what is there is looked at when it is committed. */
typedef struct p2psync_transaction p2psync_transaction;

P2PSYNC_API p2psync_result
p2psync_transaction_begin(p2psync_node *node, const char *collection, p2psync_transaction **out,
                          struct p2psync_detail *detail) P2PSYNC_MUST_CHECK;

/* Add one edit. Later edits of the same record see the earlier ones.
 *
 * Errors  P2PSYNC_ELIMIT more than 65,536 edits or 64 MiB, or a name, id or value is too large;
 *         P2PSYNC_EFORMAT. The transaction stays as it was.
 */
P2PSYNC_API p2psync_result
p2psync_transaction_edit(p2psync_transaction *transaction, const struct p2psync_edit *edit,
                         struct p2psync_detail *detail) P2PSYNC_MUST_CHECK;

/* Write all edits or, on failure, none, and free the transaction, whatever the result. `out` and
 * `detail` may be NULL.
 *
 * Errors  as p2psync_write(); detail->edit says which edit failed.
 */
P2PSYNC_API p2psync_result
p2psync_transaction_commit(p2psync_transaction *transaction, struct p2psync_committed *out,
                           struct p2psync_detail *detail) P2PSYNC_MUST_CHECK;

/* Free it and write nothing. NULL is fine. */
P2PSYNC_API void p2psync_transaction_abort(p2psync_transaction *transaction);

/* ---- settings of collections ---- */

/* They say how the records of a collection are merged, on all devices of the mesh; each is merged
 * for itself, the last one set wins, and records that are in conflict already follow at once;
 * events tell which are no longer conflicts, and which have become one. The settings of a
 * collection that never leaves the device stay there, too.
 *
 *   strategy    "auto_merge" (the default), "last_write_wins", "keep_both", "manual", or "prefer:"
 *               and a device, which is kept as its id
 *   field.NAME  what becomes of a field that was changed on both sides (with auto_merge):
 *               "last_write_wins", "union", "text", "max", "min", "counter"
 *   retention   how long the past is kept: a number and s, m, h or d, such as "90d"; or nil, for
 *               ever. Kept and shown; nothing is dropped yet.
 */

/* The settings of a collection: the document settings; those that are not set as they are by
 * default, and of fields those that are set. A collection that has only settings will do.
 *
 * Errors  P2PSYNC_ENOCOLLECTION; P2PSYNC_ECORRUPT.
 */
P2PSYNC_API p2psync_result
p2psync_collection_settings(p2psync_snapshot *snapshot, const char *collection,
                            struct p2psync_buffer *out) P2PSYNC_MUST_CHECK;

/* The same of all collections: a map from their names. The node's own are left out.
 *
 * Errors  P2PSYNC_ELIMIT 64 MiB of answer; P2PSYNC_ECORRUPT.
 */
P2PSYNC_API p2psync_result p2psync_collections(p2psync_snapshot *snapshot,
                                               struct p2psync_buffer *out) P2PSYNC_MUST_CHECK;

/* Set one, or take it back: `value` is MessagePack, a string or nil. The device behind "prefer:"
 * is given as to p2psync_device_rename().
 *
 * Errors  P2PSYNC_ENOTFOUND no such key, or no such device; P2PSYNC_EAMBIGUOUS as there;
 *         P2PSYNC_EFORMAT no valid value for it; as a write.
 */
P2PSYNC_API p2psync_result p2psync_collection_set(p2psync_node *node, const char *collection,
                                                  const char *key, struct p2psync_bytes value,
                                                  struct p2psync_detail *detail) P2PSYNC_MUST_CHECK;

/* ---- the store itself ---- */

struct p2psync_verify_options {
    size_t size;                   /* sizeof (struct p2psync_verify_options) */
    bool repair;                   /* mend what is found */
    p2psync_progress_fn *progress; /* counts steps, of about `total`; or NULL */
    void *user;                    /* handed to `progress` */
};

/* Check everything that is stored: the document verify. Every change is hashed again, the trees,
 * roots and signatures of all logs are checked, every record's row against its log, and every index
 * and counter. It needs no running node, and goes on beside one: it reads one snapshot of the
 * store, so the file may grow while others write. It reads everything twice, and remembers a bit
 * for each change.
 *
 * With `repair` rows of records are worked out anew from the log, in one transaction for each
 * collection, rows of other tables in one transaction for all, and subtrees from the changes. A
 * change whose bytes are gone can only come from another device: it is listed, and the node that
 * runs in this directory asks for it, for as long as something comes; without a running node it
 * stays listed, and the next one that runs asks. What was repaired is checked once more. A process
 * that is killed at any moment leaves a store that opens.
 *
 * Findings are of a kind: "change" its bytes are gone; "tree" a stored subtree is not what its
 * changes give; "log" what is here is not what its author has signed; "record" rows of records,
 * indexes and counters; "table" another row cannot be read.
 *
 * options  NULL: none.
 * Errors   P2PSYNC_ENODEVICE; P2PSYNC_ECANCELLED by `progress` or p2psync_cancel();
 * P2PSYNC_ECORRUPT which device this is cannot be read: a backup is restored, or it joins again;
 * P2PSYNC_ENOSPC; P2PSYNC_EFULL; P2PSYNC_EIO. That something is bad is no error: the document says
 * so.
 */
P2PSYNC_API p2psync_result p2psync_verify(p2psync_node *node,
                                          const struct p2psync_verify_options *options,
                                          struct p2psync_buffer *out) P2PSYNC_MUST_CHECK;

/* ---- backups ---- */

/* A backup is one file with all that the store holds, the node's settings, and, unless it is left
 * out, what this device signs with: whoever has such a file can be this device. */
struct p2psync_backup {
    size_t size; /* sizeof (struct p2psync_backup) */
    /* A file that is written whole or not at all: beside its place first, as FILE.p2psync-tmp. Only
     * the owner may read it, unless without_identity. An earlier backup of this device, or an empty
     * file, is replaced; a pipe or a device is written to. */
    const char *file;
    int fd; /* if `file` is NULL: written to as it is, and left open; SIGPIPE is the app's to ignore
             */
    bool without_identity;         /* it can become a new device only */
    p2psync_progress_fn *progress; /* counts rows of the store; or NULL */
    void *progress_user;           /* handed to `progress` */
};

/* Write a backup of this moment, beside a running node or without one, and fill the document
 * backup. Nobody waits for it. But as long as it is written the store keeps all that was there when
 * it began, so a store that is written to grows; if it has grown by as much again, and by 1 GiB,
 * the backup is given up. p2psync_cancel() ends it.
 *
 * Errors  P2PSYNC_ENODEVICE; P2PSYNC_EEXIST there is another file, or a backup of another device;
 *         P2PSYNC_EBUSY another process writes that file now; P2PSYNC_ENOTFOUND no such directory;
 *         P2PSYNC_EDENIED; P2PSYNC_ENOSPC; P2PSYNC_ECORRUPT the store is damaged; P2PSYNC_ELIMIT it
 *         was given up; P2PSYNC_EUNREACHABLE, P2PSYNC_ETIMEDOUT who reads the pipe has gone, or
 *         took nothing for a minute; P2PSYNC_ECANCELLED; P2PSYNC_EIO. No file is left then.
 */
P2PSYNC_API p2psync_result p2psync_backup(p2psync_node *node, const struct p2psync_backup *backup,
                                          struct p2psync_buffer *out,
                                          struct p2psync_detail *detail) P2PSYNC_MUST_CHECK;

struct p2psync_backup_restore {
    size_t size;      /* sizeof (struct p2psync_backup_restore) */
    const char *dir;  /* where to; NULL: as the command line */
    const char *file; /* the backup */
    int fd;           /* if `file` is NULL: read to its end, and left open */
    /* A new device of the same mesh, with a key of its own, as by p2psync_init_copy(); else it is
     * the device that the backup was made of. */
    bool as_new_device;
    const char *name;              /* of a new device; NULL: the host's */
    p2psync_progress_fn *progress; /* counts bytes of the backup, of 0 if it is no file; or NULL */
    void *progress_user;           /* handed to `progress` */
};

/* Make a directory of a backup, and fill the document restored. Everything is checked, and verified
 * as by p2psync_verify(), before anything is put in place: a directory that was begun beside it,
 * DIR.p2psync-tmp, becomes DIR in one step. Nobody else can use DIR meanwhile.
 *
 * A device that comes back goes on in a new incarnation, so nothing that it writes contradicts what
 * it wrote after the backup, and others bring it what they hold of that. Two devices that were
 * restored from one backup have one key, as copies of a directory have: make all but one of them
 * new devices.
 *
 * The backup must be trusted as a directory must: it says what the records are, and its settings
 * may name commands.
 *
 * Errors  P2PSYNC_EFORMAT, P2PSYNC_ELIMIT no valid name; P2PSYNC_ENOTFOUND no such file;
 *         P2PSYNC_ECORRUPT it is no backup, is damaged, or does not verify; P2PSYNC_ENEWER,
 * P2PSYNC_EOLDER another version made it; P2PSYNC_ENODEVICE it was made without the identity: it
 * can only become a new device; P2PSYNC_EEXIST the directory holds a device, or other files;
 * P2PSYNC_EBUSY somebody uses the directory, or restores there; P2PSYNC_ENETFS; P2PSYNC_ENOSPC;
 * P2PSYNC_EDENIED; P2PSYNC_ECANCELLED by `progress`; P2PSYNC_EIO. Nothing was made then.
 */
P2PSYNC_API p2psync_result p2psync_backup_restore(const struct p2psync_backup_restore *restore,
                                                  struct p2psync_buffer *out,
                                                  struct p2psync_detail *detail) P2PSYNC_MUST_CHECK;

/* ---- starting over ---- */

struct p2psync_reset {
    size_t size;       /* sizeof (struct p2psync_reset) */
    const char *dir;   /* NULL: as the command line */
    bool even_if_lost; /* drop also what no other device is known to have */
};

/* Drop all records of a directory that nobody uses, and their past, and fill the document reset.
 * The device stays the same member of the same mesh, with its name, its key and its settings, and
 * goes on in a new incarnation: when its node is started next, it fetches everything from the
 * others. Collections that never leave the device (`_local...`) stay.
 *
 * It is refused as long as anything would be lost. What counts is what those devices had that were
 * in sync with this one when its node last ended in good order (p2psync_stop()), and one of them
 * has to answer now, at an address where it was reached, and to say that it lacks nothing of what
 * is here; it is told how large the logs are, and no record. A device that was not in sync at the
 * end does not count: it may have been reset itself. So reset one device of a mesh at a time, and
 * the next one once it is in sync again.
 *
 * Whoever is killed meanwhile leaves all that was there or what was to be there.
 *
 * Errors  P2PSYNC_ECONFLICT something would be lost: `detail` says what; P2PSYNC_EBUSY a node runs
 *         there, or the store is open; P2PSYNC_ENODEVICE; P2PSYNC_ECORRUPT the store cannot be
 *         opened, or what is to stay is damaged; P2PSYNC_ENOSPC; P2PSYNC_EDENIED; P2PSYNC_EIO.
 */
P2PSYNC_API p2psync_result p2psync_reset(const struct p2psync_reset *reset,
                                         struct p2psync_buffer *out,
                                         struct p2psync_detail *detail) P2PSYNC_MUST_CHECK;

/* ---- events ---- */

/* What each tells besides is listed at the end, under its name in small letters. */
typedef enum p2psync_event_type {
    P2PSYNC_EVENT_RECORD_CHANGED = 1,
    P2PSYNC_EVENT_CONFLICT_DETECTED = 2, /* a record became a conflict, or another one */
    P2PSYNC_EVENT_CONFLICT_RESOLVED = 3, /* it is no conflict any longer */
    P2PSYNC_EVENT_PEER_UP = 4,
    P2PSYNC_EVENT_PEER_DOWN = 5,
    P2PSYNC_EVENT_SYNC_STARTED = 6,
    P2PSYNC_EVENT_SYNC_PROGRESS = 7,
    P2PSYNC_EVENT_SYNC_COMPLETED = 8,
    P2PSYNC_EVENT_SYNC_FAILED = 9,
    P2PSYNC_EVENT_ERROR = 10,
    P2PSYNC_EVENT_DEVICE_JOINED = 11,  /* an invite was used */
    P2PSYNC_EVENT_INVITE_CLOSED = 12,  /* it expired, was cancelled or replaced, or got too many
                                          wrong codes */
    P2PSYNC_EVENT_STOPPED = 13,        /* the node has stopped: the last event */
    P2PSYNC_EVENT_DEVICE_FORKED = 14,  /* a device has written two histories that contradict */
    P2PSYNC_EVENT_HEALED = 15,         /* what this disk had lost was fetched again */
    P2PSYNC_EVENT_DEVICE_REMOVED = 16, /* another device was removed from the mesh */
    P2PSYNC_EVENT_ROLE_CHANGED = 17,   /* a member, or this device, has another role */
    P2PSYNC_EVENT_DEVICE_PENDING = 19, /* a device waits until p2psync_invite_accept() lets it in */
    P2PSYNC_EVENT_REMOVED = 18,        /* this device was removed from the mesh */
} p2psync_event_type;

/* A descriptor that poll(2) shows as readable while events wait. Its first call opens the stream:
 * from there on every change to a record is told once, local ones too. The node owns it; only poll
 * it.
 *
 * On a node that p2psync_start() has not started, the events are those of the node that runs in
 * this directory in another process.
 *
 * Errors  P2PSYNC_ENOTRUNNING no node runs, here or elsewhere; P2PSYNC_ENOANSWER.
 */
P2PSYNC_API p2psync_result p2psync_event_fd(p2psync_node *node, int *fd_out) P2PSYNC_MUST_CHECK;

/* Take the next event. `data_out` gets its document.
 *
 * An app that does not read for long loses no record's change: they wait in the log. Of other
 * events the oldest are dropped after 4,096, and one P2PSYNC_EVENT_ERROR says so.
 *
 * Errors  P2PSYNC_EAGAIN none waits; P2PSYNC_ENOTRUNNING the other process has ended.
 */
P2PSYNC_API p2psync_result p2psync_event_next(p2psync_node *node, p2psync_event_type *type_out,
                                              struct p2psync_buffer *data_out) P2PSYNC_MUST_CHECK;

/* ---- documents ---- */

/* What each document holds, one line a key: its name, its type, and what it is. Keys of what is
 * inside of a key stand under it, with one dot more; an array stands for what is in it. `?`: it may
 * be nil. Later versions add keys and never rename one.
 *
 *   text     UTF-8; a name's last part says more: _ms and _bytes are units
 *   time     a text such as "2026-11-21T07:53:30.123Z"
 *   integer  a count, if its name says no unit
 *   any      any value, as an app put it
 *   *        any name
 *
 * A `device` is a device's id, 64 hex digits; a `fingerprint` the short form that people compare,
 * "QYNF-QJGU-8M2K-W0ZD", of which no two devices have the same; a `version` the text form of a dot.
 *
 * document identity: p2psync_identity()
 *   device       text
 *   fingerprint  text
 *   name         text?  not known before the mesh's list of devices has come
 *   mesh         text   the founder's id and a number, in hex
 *
 * document join: p2psync_join()
 *   device               text
 *   fingerprint          text
 *   name                 text?
 *   mesh                 text
 *   inviter_fingerprint  text  for people to compare
 *
 * document config: p2psync_config()
 *   *        map  a setting
 *   .value   any
 *   .source  text  "default", "config", or "environment" of this process
 *
 * document status: p2psync_status()
 *   device           text
 *   fingerprint      text
 *   name             text?
 *   mesh             text
 *   root             text     a hash of all that is here, in hex: equal on devices with the same
 *   running          bool     a node runs in this directory
 *   answers          bool     it answers; else all this is what the store knows
 *   state            text     "in_sync", "syncing", "alone", "offline" or "error"
 *   in_sync          bool     nothing is missing here that a connected peer has
 *   peers_in_sync    integer
 *   peers_connected  integer
 *   devices          integer  of the mesh, this one too
 *   removed          bool     this device was removed from the mesh, or members say so: see alerts
 *   pending          integer  changes that are here and wait for something before they show
 *   merging          bool     records are being merged anew; only the counts of conflicts lag
 *   damaged          integer  changes that this disk has lost, and other places; a node mends them
 *   last_sync        time?
 *   last_backup      time?    of those that the node makes by itself (backup_dir)
 *   last_error       text?
 *   last_error_time  time?    when that was; it may be over since
 *   alerts           array    texts, for people: what they must know of this device and of others
 *   collections      array    those of apps
 *   .name            text
 *   .records         integer  not deleted ones
 *   .changes         integer
 *   .conflicts       integer
 *   .root            text     as above, of this collection
 *   .strategy        text
 *
 * document pending: p2psync_pending(), an array of transactions
 *   collection   text
 *   id           text?    the record of the change that waits; nil if nobody can read it
 *   version      text     that change
 *   device       text     who wrote it
 *   fingerprint  text
 *   name         text     the device's, or its fingerprint
 *   changes      integer  that wait together
 *   cause        text     "parent", "transaction", "crowd" or "turn": see p2psync_pending()
 *   waits_for    text?    the change that is not here, if there is such a one
 *   since        time?    when this device found that it waits; of cause "parent"
 *
 * document verify: p2psync_verify()
 *   checked      integer  changes and records
 *   bad          integer  things that are not as they should be, when it began
 *   repaired     integer  of these
 *   findings     array    what was bad
 *   .collection  text?
 *   .kind        text     "change", "tree", "log", "record" or "table": see p2psync_verify()
 *   .count       integer
 *
 * document peers: p2psync_peers(), an array
 *   device          text
 *   fingerprint     text
 *   name            text?
 *   endpoint        text?     "HOST:PORT"
 *   interface       text?     on which a connected one is reached
 *   found_by        text?     "beacon", "static", "peers", "pairing" or "accepted"
 *   state           text      see p2psync_peers()
 *   rtt_ms          integer?  the time to it and back
 *   last_seen       time?
 *   last_sync       time?
 *   behind          integer?  changes that it lacks, as far as this device knows; nil: unknown
 *   ahead           integer?  changes that it has, and this device lacks
 *   skew_ms         integer?  how far its clock is ahead of ours
 *   received_bytes  integer
 *   sent_bytes      integer
 *   protocol        integer?  the version spoken with it
 *   faults          integer   things it sent that it must not
 *   last_fault      text?
 *   alert           text?     for people: what they must know of it
 *   conflicts       integer   in which a version of it takes part
 *
 * document doctor: p2psync_doctor()
 *   ok       bool   no check failed
 *   checks   array  in the order in which to mend things
 *   .check   text   a stable name
 *   .state   text   "ok", "warn" or "fail"
 *   .detail  text   what is so
 *   .fix     text?  what to do about it
 *
 * document now: p2psync_now()
 *   peers             integer  that were synced with
 *   changes_received  integer
 *   changes_sent      integer
 *   conflicts         integer  that came up
 *   duration_ms       integer
 *
 * document invite: p2psync_invite()
 *   code     text
 *   expires  time
 *
 * document devices: p2psync_devices(), an array
 *   device       text
 *   fingerprint  text
 *   name         text
 *   role         text   "founder", "admin", "writer", "reader"; "none" of one that was removed
 *   added        time?
 *   added_by     text?  a device's id
 *   pending      bool   it waits until it is accepted; it is no member, and its role is "none"
 *   removed      bool   for good; a device that was removed is in the list still
 *   removed_at   time?
 *   removed_by   text?  a device's id
 *   forked       bool   it has signed two histories that contradict each other; both are kept
 *   forked_in    array  the names of the collections in which it has
 *
 * document recover: p2psync_recover(), an array
 *   device       text
 *   fingerprint  text
 *   name         text
 *   role         text   as in devices; "none", too, of one that was removed before and is not now
 *   added        time?
 *   added_by     text?  a device's id
 *   pending      bool
 *   removed      bool
 *   removed_at   time?
 *   removed_by   text?  a device's id
 *   forked       bool
 *   forked_in    array  the names of collections
 *   role_before  text   "none": it was no member
 *   restated     bool   something that was so already was written anew about it
 *
 * document record: p2psync_record_pack()
 *   id        text
 *   fields    map
 *   .*        any
 *   version   array  of versions
 *   created   time
 *   updated   time
 *   author    text   the id of the device that wrote what is shown
 *   deleted   bool
 *   archived  bool
 *   conflict  bool
 *
 * document history: p2psync_history_next(), an array, newest first
 *   version  text
 *   parents  array  the versions that its author saw
 *   op       text   "create", "update", "delete", "archive", "restore" or "metadata"
 *   time     time
 *   device   text
 *   name     text   the device's, or its fingerprint
 *   fields   map    what it set
 *   .*       any
 *   unset    array  the names of what it took out
 *   note     text?
 *   auto     bool   an automatic answer to a conflict
 *
 * document diff: p2psync_diff()
 *   from      array  of versions
 *   to        array  of versions
 *   added     map
 *   .*        any
 *   changed   map
 *   .*        map
 *   ..from    any
 *   ..to      any
 *   removed   map
 *   .*        any
 *
 * document conflict: p2psync_conflict(), and what a resolver gets
 *   collection    text
 *   id            text
 *   strategy      text
 *   conflict      bool   as in struct p2psync_record
 *   open          bool   only p2psync_resolve() ends it; a plain edit adds to one version
 *   base          map?   what all versions began from
 *   .*            any
 *   versions      array  the last 64
 *   .version      text
 *   .device       text
 *   .fingerprint  text
 *   .name         text   the device's, or its fingerprint
 *   .time         time
 *   .deleted      bool
 *   .archived     bool
 *   .auto         bool   an automatic answer
 *   .fields       map
 *   ..*           any
 *   .changed      array  the names of the fields that differ from the base; none for a delete
 *   shown         text   the version that is shown, or from which time and author are
 *   merged        map?   what all versions come to field by field; nil for a delete
 *   .*            any
 *   marked        map    the texts in it that overlap, both sides between markers as of git
 *   .*            any
 *
 * document revert: p2psync_revert(), an array
 *   collection  text
 *   id          text
 *   op          text   "update", "delete", "restore", "archive" or "none"
 *   fields      map    what is set
 *   .*          any
 *   unset       array  the names of what is taken out
 *   kept        array  the names of what somebody else has changed since, which stays
 *
 * document settings: p2psync_collection_settings()
 *   strategy   text
 *   retention  text?
 *   *          text  field.NAME: the rule of a field
 *
 * document collections: p2psync_collections()
 *   *           map   a collection
 *   .strategy   text
 *   .retention  text?
 *   .*          text
 *
 * document backup: p2psync_backup()
 *   file        text?    not of a descriptor
 *   size_bytes  integer
 *   records     integer  deleted ones are not counted
 *   root        text     as in the document status, of that moment
 *   made        time
 *
 * document restored: p2psync_backup_restore()
 *   device       text
 *   fingerprint  text
 *   name         text?
 *   mesh         text
 *   records      integer
 *   root         text
 *   made         time     when the backup was
 *
 * document reset: p2psync_reset()
 *   device       text
 *   fingerprint  text
 *   name         text?
 *   mesh         text
 *   dropped      integer  changes that were here, and are not any more
 *   lost         integer  of these, as many as may be on no other device; 0 unless even_if_lost
 *
 * Events: p2psync_event_next()
 *
 * document record_changed: P2PSYNC_EVENT_RECORD_CHANGED
 *   event       text  "record_changed"; of each event its name
 *   time        time
 *   collection  text
 *   id          text
 *   version     text
 *   device      text  that wrote it
 *   deleted     bool
 *
 * document conflict_detected: P2PSYNC_EVENT_CONFLICT_DETECTED
 *   event       text
 *   time        time
 *   collection  text
 *   id          text
 *   versions    array
 *
 * document conflict_resolved: P2PSYNC_EVENT_CONFLICT_RESOLVED
 *   event       text
 *   time        time
 *   collection  text
 *   id          text
 *   version     text
 *
 * document peer_up: P2PSYNC_EVENT_PEER_UP
 *   event        text
 *   time         time
 *   device       text
 *   fingerprint  text
 *   name         text
 *   endpoint     text
 *
 * document peer_down: P2PSYNC_EVENT_PEER_DOWN
 *   event        text
 *   time         time
 *   device       text
 *   fingerprint  text
 *   name         text
 *   reason       text  for people
 *
 * document sync_started: P2PSYNC_EVENT_SYNC_STARTED
 *   event   text
 *   time    time
 *   device  text
 *   name    text
 *
 * document sync_progress: P2PSYNC_EVENT_SYNC_PROGRESS
 *   event     text
 *   time      time
 *   device    text
 *   name      text
 *   received  integer  changes
 *   expected  integer  changes
 *
 * document sync_completed: P2PSYNC_EVENT_SYNC_COMPLETED
 *   event        text
 *   time         time
 *   device       text
 *   name         text
 *   received     integer  changes
 *   sent         integer  changes
 *   duration_ms  integer
 *
 * document sync_failed: P2PSYNC_EVENT_SYNC_FAILED
 *   event   text
 *   time    time
 *   device  text
 *   name    text
 *   reason  text  for people
 *
 * document error: P2PSYNC_EVENT_ERROR
 *   event  text
 *   time   time
 *   error  text  a result's name, "P2PSYNC_ENOSPC"
 *   text   text  for people
 *
 * document device_joined: P2PSYNC_EVENT_DEVICE_JOINED
 *   event        text
 *   time         time
 *   device       text
 *   fingerprint  text
 *   name         text
 *
 * document device_pending: P2PSYNC_EVENT_DEVICE_PENDING
 *   event        text
 *   time         time
 *   device       text
 *   fingerprint  text  to be compared with what that device shows
 *   name         text
 *
 * document invite_closed: P2PSYNC_EVENT_INVITE_CLOSED
 *   event   text
 *   time    time
 *   reason  text  for people
 *
 * document device_forked: P2PSYNC_EVENT_DEVICE_FORKED
 *   event        text
 *   time         time
 *   device       text
 *   fingerprint  text
 *   name         text
 *   collection   text
 *   text         text  for people: what to do
 *
 * document healed: P2PSYNC_EVENT_HEALED
 *   event        text
 *   time         time
 *   device       text  who wrote the changes
 *   fingerprint  text
 *   collection   text
 *   text         text  for people
 *
 * document device_removed: P2PSYNC_EVENT_DEVICE_REMOVED
 *   event        text
 *   time         time
 *   device       text
 *   fingerprint  text
 *   name         text
 *   removed_by   text  a device's id: its own if it retired
 *
 * document role_changed: P2PSYNC_EVENT_ROLE_CHANGED
 *   event        text
 *   time         time
 *   device       text
 *   fingerprint  text
 *   name         text
 *   role         text  as in devices
 *   role_before  text
 *
 * document removed: P2PSYNC_EVENT_REMOVED
 *   event        text
 *   time         time
 *   device       text   this one
 *   fingerprint  text
 *   name         text
 *   removed_by   text?  a device's id; nil: not known
 *   told_by      text?  the id of the member that says so, where nothing else is known
 *   text         text   for people
 *
 * document stopped: P2PSYNC_EVENT_STOPPED
 *   event  text
 *   time   time
 */

#ifdef __cplusplus
}
#endif

#endif
