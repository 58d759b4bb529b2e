/* The floor of what is sent: see raw_zmq.h. */
#include "tools/bench/raw_zmq.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zmq.h>

#include "tools/bench/raw_lmdb.h"

#define KEY_TEXT_SIZE 41
#define TRIPS         500
#define TRIPS_WARM    20
#define CHUNK_SIZE    (256 * 1024)
#define COMMIT        10000
#define HASH_SIZE     32

/* One end of a connection. */
struct end {
    void *context;
    void *socket;
};

struct keys {
    char server_public[KEY_TEXT_SIZE];
    char server_secret[KEY_TEXT_SIZE];
    char client_public[KEY_TEXT_SIZE];
    char client_secret[KEY_TEXT_SIZE];
};

static void check(int result, const char *what)
{
    if (result < 0) {
        bench_fail(what, zmq_strerror(zmq_errno()));
    }
}

static void open_end(struct end *end, const struct keys *keys, const char *endpoint, bool server)
{
    int yes = 1;
    end->context = zmq_ctx_new();
    end->socket = zmq_socket(end->context, ZMQ_PAIR);
    if (server) {
        check(zmq_setsockopt(end->socket, ZMQ_CURVE_SERVER, &yes, sizeof yes), "CURVE");
        check(zmq_setsockopt(end->socket, ZMQ_CURVE_SECRETKEY, keys->server_secret, KEY_TEXT_SIZE),
              "CURVE");
        check(zmq_bind(end->socket, endpoint), "bind");
        return;
    }
    check(zmq_setsockopt(end->socket, ZMQ_CURVE_SERVERKEY, keys->server_public, KEY_TEXT_SIZE),
          "CURVE");
    check(zmq_setsockopt(end->socket, ZMQ_CURVE_PUBLICKEY, keys->client_public, KEY_TEXT_SIZE),
          "CURVE");
    check(zmq_setsockopt(end->socket, ZMQ_CURVE_SECRETKEY, keys->client_secret, KEY_TEXT_SIZE),
          "CURVE");
    check(zmq_connect(end->socket, endpoint), "connect");
}

static void close_end(struct end *end)
{
    zmq_close(end->socket);
    zmq_ctx_term(end->context);
}

/* Fork; the child gets true. Both know the keys and the endpoint, and no context is open yet. */
static bool fork_pair(struct keys *keys, char endpoint[64], pid_t *pid_out)
{
    char *free_endpoint = bench_endpoint();
    (void)snprintf(endpoint, 64, "tcp://%s", free_endpoint);
    free(free_endpoint);
    check(zmq_curve_keypair(keys->server_public, keys->server_secret), "keys");
    check(zmq_curve_keypair(keys->client_public, keys->client_secret), "keys");
    fflush(NULL);
    *pid_out = fork();
    if (*pid_out < 0) {
        bench_fail("pair", "no process");
    }
    return *pid_out == 0;
}

static void await_child(pid_t pid)
{
    int status = 0;
    if (waitpid(pid, &status, 0) != pid || status != 0) {
        bench_fail("pair", "the other process failed");
    }
}

double raw_zmq_half_round_trip(size_t size, unsigned pause_ms)
{
    static double trips[TRIPS];
    struct keys keys;
    struct end end;
    char endpoint[64];
    pid_t pid = 0;
    uint8_t *message = calloc(1, size);
    bool child = fork_pair(&keys, endpoint, &pid);
    if (message == NULL) {
        bench_fail("message", "out of memory");
    }
    open_end(&end, &keys, endpoint, child);
    for (size_t i = 0; i < TRIPS + TRIPS_WARM; i++) {
        if (!child) {
            bench_sleep_ms(pause_ms);
        }
        double began = bench_now_s();
        if (child) {
            check(zmq_recv(end.socket, message, size, 0), "recv");
        }
        check(zmq_send(end.socket, message, size, 0), "send");
        if (!child) {
            check(zmq_recv(end.socket, message, size, 0), "recv");
        }
        trips[i < TRIPS_WARM ? 0 : i - TRIPS_WARM] = bench_now_s() - began;
    }
    close_end(&end);
    free(message);
    if (child) {
        exit(EXIT_SUCCESS);
    }
    await_child(pid);
    return bench_percentile(trips, TRIPS, 50) / 2;
}

/* Read the records in order of the log, and send them in chunks of whole ones. */
static void send_all(struct end *end, struct raw_lmdb *lmdb)
{
    MDB_cursor *cursor = NULL;
    MDB_val key;
    MDB_val value;
    static uint8_t chunk[CHUNK_SIZE];
    size_t used = 0;
    raw_lmdb_begin(lmdb, false);
    if (mdb_cursor_open(lmdb->txn, lmdb->entries, &cursor) != 0) {
        bench_fail("LMDB", "no cursor");
    }
    while (mdb_cursor_get(cursor, &key, &value, MDB_NEXT) == 0) {
        if (used + value.mv_size > sizeof chunk) {
            check(zmq_send(end->socket, chunk, used, 0), "send");
            used = 0;
        }
        memcpy(chunk + used, value.mv_data, value.mv_size);
        used += value.mv_size;
    }
    check(zmq_send(end->socket, chunk, used, 0), "send");
    mdb_cursor_close(cursor);
    raw_lmdb_abort(lmdb);
}

/* The bytes that came are hashed; which records they are is known, to keep the straw man simple. */
static void receive_all(struct end *end, struct raw_lmdb *lmdb, const struct bench_record *records,
                        size_t count)
{
    static uint8_t chunk[CHUNK_SIZE];
    static volatile uint8_t sink;
    uint8_t hash[HASH_SIZE];
    size_t at = 0;
    size_t size = 0;
    raw_lmdb_begin(lmdb, true);
    for (size_t i = 0; i < count; i++) {
        if (at == size) {
            int got = zmq_recv(end->socket, chunk, sizeof chunk, 0);
            check(got, "recv");
            size = (size_t)got;
            at = 0;
        }
        crypto_generichash(hash, sizeof hash, chunk + at, records[i].size, NULL, 0);
        sink = hash[0];
        at += records[i].size;
        raw_lmdb_put_entry(lmdb, i, &records[i]);
        raw_lmdb_put_record(lmdb, &records[i]);
        if ((i + 1) % COMMIT == 0) {
            raw_lmdb_commit(lmdb);
            raw_lmdb_begin(lmdb, true);
        }
    }
    raw_lmdb_commit(lmdb);
    (void)sink;
}

double raw_zmq_first_sync(const struct bench_record *records, size_t count)
{
    struct keys keys;
    struct end end;
    struct raw_lmdb lmdb;
    char endpoint[64];
    pid_t pid = 0;
    char *dir = bench_dir("from");
    char *to_dir = bench_dir("to");
    bool child = fork_pair(&keys, endpoint, &pid);
    if (child) {
        raw_lmdb_open(&lmdb, dir, false);
        (void)raw_lmdb_write(&lmdb, records, count, COMMIT);
        open_end(&end, &keys, endpoint, true);
        uint8_t go = 0;
        check(zmq_recv(end.socket, &go, 1, 0), "recv");
        check(zmq_send(end.socket, &go, 1, 0), "send");
        check(zmq_recv(end.socket, &go, 1, 0), "recv");
        send_all(&end, &lmdb);
        check(zmq_recv(end.socket, &go, 1, 0), "recv");
        close_end(&end);
        raw_lmdb_close(&lmdb);
        exit(EXIT_SUCCESS);
    }
    uint8_t go = 1;
    raw_lmdb_open(&lmdb, to_dir, false);
    open_end(&end, &keys, endpoint, false);
    check(zmq_send(end.socket, &go, 1, 0), "send");
    check(zmq_recv(end.socket, &go, 1, 0), "recv"); /* the other has its records */
    double began = bench_now_s();
    check(zmq_send(end.socket, &go, 1, 0), "send");
    receive_all(&end, &lmdb, records, count);
    double took = bench_now_s() - began;
    check(zmq_send(end.socket, &go, 1, 0), "send");
    close_end(&end);
    raw_lmdb_close(&lmdb);
    await_child(pid);
    bench_dir_remove(to_dir);
    bench_dir_remove(dir);
    return took;
}
