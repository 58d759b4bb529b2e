/* The store: see store.h. Opening goes from the outside in (directory, lock, file, environment,
 * format, stamp), and nothing is written before what is there has been understood.
 *
 * Invariant: a store that is open is in the registry of this process. */
#include "store/env/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/env/disk.h"
#include "store/env/enter.h"
#include "store/env/inside.h"
#include "store/env/keys.h"
#include "store/env/pages.h"
#include "store/env/process.h"

#define READERS_MAX 1024U

/* NULL: the unnamed one, which is shared. */
static const char *const db_names[PS_DB_COUNT] = {
    [PS_DB_META] = "meta",
    [PS_DB_COLLECTIONS] = NULL,
    [PS_DB_LOGS] = NULL,
    [PS_DB_LOG_NUMBERS] = "log_numbers",
    [PS_DB_STEMS] = "stems",
    [PS_DB_ENTRIES] = "entries",
    [PS_DB_NODES] = "nodes",
    [PS_DB_RECORDS] = "records",
    [PS_DB_CONFLICTS] = "conflicts",
    [PS_DB_STALE] = "stale",
    [PS_DB_UNSETTLED] = NULL,
    [PS_DB_WAITING] = "waiting",
    [PS_DB_AWAITED] = "awaited",
    [PS_DB_BEGUN] = "begun",
    [PS_DB_DEVICES] = "devices",
    [PS_DB_NAMED] = "named",
    [PS_DB_PEERS] = "peers",
    [PS_DB_DAMAGED] = NULL,
    [PS_DB_ROLES] = NULL,
    [PS_DB_ENDS] = NULL,
    [PS_DB_SHOWN] = NULL,
};

static const char format_key[] = "format";

static pthread_mutex_t registry_lock = PTHREAD_MUTEX_INITIALIZER;
static struct ps_store *registry;

static p2psync_result registry_add(struct ps_store *store);
static void registry_remove(struct ps_store *store);
static p2psync_result open_files(struct ps_store *store, const struct ps_store_options *options);
static p2psync_result check_data_file(const struct ps_store *store);
static p2psync_result check_pages(const struct ps_store *store,
                                  const struct ps_store_options *options);
static p2psync_result open_env(struct ps_store *store, const struct ps_store_options *options);
static MDB_msg_func count_reader;
static p2psync_result open_env_of_size(struct ps_store *store, const char *dir, size_t map_size);
static p2psync_result open_format(struct ps_store *store);
static p2psync_result open_databases(struct ps_txn *txn, MDB_dbi *dbi);
static p2psync_result check_stamp_or_wait(struct ps_store *store);
static void close_env(struct ps_store *store);
static p2psync_result redraw(struct ps_store *store);
static uint64_t last_on_disk(const struct ps_store *store);

p2psync_result ps_store_open(const struct ps_store_options *options, struct ps_store **out)
{
    struct ps_store *store = calloc(1, sizeof *store);
    if (store == NULL) {
        return P2PSYNC_ENOMEM;
    }
    store->dir_fd = -1;
    store->stamp.fd = -1;
    store->process = ps_process();
    store->no_flush = options->no_flush;
    store->secret = ps_secret_new();
    if (store->secret == NULL || !ps_gate_init(&store->gate)) {
        ps_secret_destroy(&store->secret);
        free(store);
        return P2PSYNC_ENOMEM;
    }
    if (pthread_mutex_init(&store->lock, NULL) != 0) {
        ps_gate_deinit(&store->gate);
        ps_secret_destroy(&store->secret);
        free(store);
        return P2PSYNC_ENOMEM;
    }
    p2psync_result result = ps_disk_open_dir(options->dir, &store->dir_fd);
    if (result == P2PSYNC_OK) {
        result = registry_add(store);
    }
    if (result == P2PSYNC_OK) {
        result = open_files(store, options);
    }
    if (result != P2PSYNC_OK) {
        ps_store_destroy(&store);
        return result;
    }
    store->opened = true;
    ps_store_check_readers(store);
    *out = store;
    return P2PSYNC_OK;
}

void ps_store_destroy(struct ps_store **store)
{
    struct ps_store *gone = *store;
    *store = NULL;
    if (gone == NULL) {
        return;
    }
    if (gone->process == ps_process() && atomic_load(&gone->stuck)) {
        /* It stays in the registry: LMDB still has it open, and its write lock. */
        ps_stamp_say_suspect(&gone->stamp);
        return;
    }
    registry_remove(gone);
    if (gone->process == ps_process()) {
        assert(gone->active == 0);
        if (gone->env != NULL) {
            close_env(gone);
        }
        (void)pthread_mutex_destroy(&gone->lock);
        ps_gate_deinit(&gone->gate);
    }
    /* In a forked child LMDB's locks and map belong to the parent: they are left alone. */
    if (!gone->stamp_is_lent) {
        ps_stamp_release(&gone->stamp);
    }
    if (gone->dir_fd >= 0) {
        (void)close(gone->dir_fd);
    }
    ps_secret_destroy(&gone->secret);
    free(gone);
}

/* LMDB must not be opened twice in one process: closing one would drop the other's locks. */
static p2psync_result registry_add(struct ps_store *store)
{
    struct stat info;
    if (fstat(store->dir_fd, &info) != 0) {
        return P2PSYNC_EIO;
    }
    store->device = info.st_dev;
    store->inode = info.st_ino;
    p2psync_result result = P2PSYNC_OK;
    (void)pthread_mutex_lock(&registry_lock);
    for (const struct ps_store *other = registry; other != NULL; other = other->next) {
        if (other->device == store->device && other->inode == store->inode &&
            other->process == store->process) {
            result = atomic_load(&other->stuck) ? P2PSYNC_ECORRUPT : P2PSYNC_EBUSY;
        }
    }
    if (result == P2PSYNC_OK) {
        store->next = registry;
        registry = store;
    }
    (void)pthread_mutex_unlock(&registry_lock);
    return result;
}

/* One that is not in it is fine. */
static void registry_remove(struct ps_store *store)
{
    (void)pthread_mutex_lock(&registry_lock);
    for (struct ps_store **at = &registry; *at != NULL; at = &(*at)->next) {
        if (*at == store) {
            *at = store->next;
            break;
        }
    }
    (void)pthread_mutex_unlock(&registry_lock);
}

/* Everything from the lock on. What fails is undone by ps_store_destroy(). */
static p2psync_result open_files(struct ps_store *store, const struct ps_store_options *options)
{
    p2psync_result result = P2PSYNC_OK;
    if (options->stamp != NULL) {
        store->stamp = *options->stamp;
        store->stamp_is_lent = true;
    } else {
        result = ps_stamp_lock(store->dir_fd, &store->stamp);
    }
    struct stat info;
    bool is_new = fstatat(store->dir_fd, "data.mdb", &info, 0) != 0;
    if (result == P2PSYNC_OK) {
        result = check_data_file(store);
    }
    if (result == P2PSYNC_OK && store->stamp.alone && !ps_stamp_is_clean(&store->stamp)) {
        result = check_pages(store, options);
    }
    if (result == P2PSYNC_OK) {
        result = open_env(store, options);
    }
    if (result == P2PSYNC_OK) {
        result = open_format(store);
    }
    if (result == P2PSYNC_OK && is_new) {
        result = ps_disk_sync_dir(store->dir_fd);
    }
    /* Whoever comes second finds the stamp checked, and the store in use; but if it does not flush,
     * it says so first. */
    if (result == P2PSYNC_OK && (store->stamp.alone || store->no_flush)) {
        result = check_stamp_or_wait(store);
    }
    if (result == P2PSYNC_OK && !store->stamp_is_lent) {
        ps_stamp_share(&store->stamp);
    }
    return result;
}

/* LMDB takes an empty file for a new one: it must not, where a store has been. */
static p2psync_result check_data_file(const struct ps_store *store)
{
    struct stat info;
    if (fstatat(store->dir_fd, "data.mdb", &info, 0) != 0) {
        return errno == ENOENT ? P2PSYNC_OK : ps_disk_result(errno);
    }
    if (!S_ISREG(info.st_mode) || (info.st_size == 0 && store->stamp.existing)) {
        return P2PSYNC_ECORRUPT;
    }
    if (info.st_uid != geteuid() && info.st_uid != 0) {
        return P2PSYNC_EDENIED; /* who could say with whom this user shares what */
    }
    /* It holds the secret key, and a copy may have been made for all to read. */
    if ((info.st_mode & (S_IRWXG | S_IRWXO)) != 0 &&
        fchmodat(store->dir_fd, "data.mdb", S_IRUSR | S_IWUSR, 0) != 0) {
        return ps_disk_result(errno);
    }
    return P2PSYNC_OK;
}

/* What was not closed in good order, or was touched since, is checked before LMDB sees it. */
static p2psync_result check_pages(const struct ps_store *store,
                                  const struct ps_store_options *options)
{
    int fd = openat(store->dir_fd, "data.mdb", O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return errno == ENOENT ? P2PSYNC_OK : ps_disk_result(errno);
    }
    p2psync_result result = ps_pages_check(fd, options->checked, options->checked_user);
    (void)close(fd);
    if (result == P2PSYNC_OK) {
        ps_stamp_say_checked(&store->stamp);
    }
    return result;
}

static p2psync_result open_env(struct ps_store *store, const struct ps_store_options *options)
{
    if (options->map_size_bytes != 0) {
        return open_env_of_size(store, options->dir, options->map_size_bytes);
    }
    p2psync_result result = P2PSYNC_ENOMEM;
    for (uint64_t size = PS_MAP_SIZE_DEFAULT; size >= PS_MAP_SIZE_MIN; size /= 2) {
        result = open_env_of_size(store, options->dir, size);
        if (result != P2PSYNC_ENOMEM) {
            break;
        }
    }
    return result;
}

/* P2PSYNC_ENOMEM if the system refuses a map of this size. */
static p2psync_result open_env_of_size(struct ps_store *store, const char *dir, size_t map_size)
{
    MDB_env *env = NULL;
    MDB_stat stats = {0};
    unsigned flags = MDB_NOTLS | MDB_NOMEMINIT | (store->no_flush ? MDB_NOSYNC : 0);
    int code = mdb_env_create(&env);
    if (code != 0) {
        return ps_enter_result(code);
    }
    code = mdb_env_set_maxdbs(env, PS_DB_COUNT);
    if (code == 0) {
        (void)mdb_env_set_assert(env, ps_enter_stop); /* refused by an LMDB that checks nothing */
        code = mdb_env_set_maxreaders(env, READERS_MAX);
    }
    if (code == 0) {
        code = mdb_env_set_mapsize(env, map_size);
    }
    if (code == 0) {
        code = mdb_env_open(env, dir, flags, 0600);
    }
    if (code == 0) {
        code = mdb_env_stat(env, &stats);
    }
    if (code != 0) {
        mdb_env_close(env);
        return code == EINVAL ? P2PSYNC_ENOMEM : ps_enter_result(code);
    }
    store->env = env;
    store->page_size = stats.ms_psize;
    return P2PSYNC_OK;
}

/* Open the databases, or make them all in a new environment. */
static p2psync_result open_format(struct ps_store *store)
{
    struct ps_txn txn = {0};
    MDB_stat stats = {0};
    MDB_dbi dbi[PS_DB_COUNT] = {0};
    p2psync_result result = ps_txn_begin_anyway(store, false, &txn);
    if (result != P2PSYNC_OK) {
        return result;
    }
    result = ps_enter_result(mdb_env_stat(store->env, &stats));
    if (result == P2PSYNC_OK && stats.ms_entries == 0) {
        ps_txn_abort(&txn);
        /* Another process may make them first: then they are opened and checked like old ones. */
        result = ps_txn_begin_anyway(store, true, &txn);
        if (result != P2PSYNC_OK) {
            return result;
        }
    }
    txn.dbi = dbi;
    if (result == P2PSYNC_OK) {
        result = open_databases(&txn, dbi);
    }
    if (result != P2PSYNC_OK) {
        ps_txn_abort(&txn);
        return result;
    }
    result = ps_txn_commit(&txn);
    for (size_t i = 0; i < PS_DB_COUNT; i++) {
        store->dbi[i] = dbi[i];
    }
    return result;
}

/* The format is checked before any other database is looked at: a newer one may have others. */
static p2psync_result open_databases(struct ps_txn *txn, MDB_dbi *dbi)
{
    unsigned flags = txn->writable ? MDB_CREATE : 0;
    for (size_t i = 0; i < PS_DB_COUNT; i++) {
        int code = ps_enter_dbi_open(txn, db_names[i], flags, &dbi[i]);
        if (code == MDB_NOTFOUND || code == MDB_INCOMPATIBLE) {
            return P2PSYNC_ECORRUPT;
        }
        p2psync_result result = ps_enter_result(code);
        if (result == P2PSYNC_OK && i == PS_DB_META) {
            result = ps_store_check_format(txn);
        }
        if (result != P2PSYNC_OK) {
            return result;
        }
    }
    return P2PSYNC_OK;
}

p2psync_result ps_store_check_format(struct ps_txn *txn)
{
    struct ps_bytes row;
    uint8_t version[4];
    p2psync_result result = ps_db_get(txn, PS_DB_META, ps_bytes_text(format_key), &row);
    if (result == P2PSYNC_ENOTFOUND && txn->writable) {
        ps_put_u32(version, PS_STORE_FORMAT_VERSION);
        return ps_db_put(txn, PS_DB_META, ps_bytes_text(format_key),
                         ps_bytes(version, sizeof version));
    }
    if (result != P2PSYNC_OK) {
        return result == P2PSYNC_ENOTFOUND ? P2PSYNC_ECORRUPT : result;
    }
    if (row.size != sizeof version) {
        return P2PSYNC_ECORRUPT;
    }
    uint32_t found = ps_get_u32(row.data);
    return found < PS_STORE_FORMAT_VERSION   ? P2PSYNC_EOLDER
           : found > PS_STORE_FORMAT_VERSION ? P2PSYNC_ENEWER
                                             : P2PSYNC_OK;
}

/* A disk that is full must not keep anybody from reading: then the stamp is checked and drawn
 * before the first write. */
static p2psync_result check_stamp_or_wait(struct ps_store *store)
{
    p2psync_result result = ps_txn_check_stamp(store);
    bool full = result == P2PSYNC_ENOSPC || result == P2PSYNC_EFULL;
    store->unstamped = full;
    return full ? P2PSYNC_OK : result;
}

/* Close the environment. The last process to do so says that this is a clean end: it draws the
 * stamp anew, if anything was written since it was drawn, and flushes what was not flushed. If
 * anything fails here, or damage was met, the pages are checked when the store is next opened; and
 * if the mark `unclean` stays, that costs a new incarnation. */
static void close_env(struct ps_store *store)
{
    bool clean = store->opened && !store->unstamped && !atomic_load(&store->suspect) &&
                 (!store->no_flush || mdb_env_sync(store->env, 1) == 0) &&
                 ps_stamp_is_last(&store->stamp) && redraw(store) == P2PSYNC_OK;
    mdb_txn_abort(store->spare);
    mdb_env_close(store->env);
    if (atomic_load(&store->suspect)) {
        ps_stamp_say_suspect(&store->stamp);
    } else if (clean) {
        ps_stamp_say_clean(&store->stamp);
    }
}

static p2psync_result redraw(struct ps_store *store)
{
    struct ps_txn txn = {0};
    if (!store->no_flush && store->stamp.drawn_at == last_on_disk(store)) {
        return P2PSYNC_OK; /* nothing was written since */
    }
    p2psync_result result = ps_txn_begin_anyway(store, true, &txn);
    if (result == P2PSYNC_OK) {
        result = ps_stamp_clean(&txn, &store->stamp);
    }
    if (result == P2PSYNC_OK) {
        result = ps_txn_commit(&txn);
    }
    if (result == P2PSYNC_OK && store->no_flush) {
        result = ps_enter_result(mdb_env_sync(store->env, 1));
    }
    ps_txn_abort(&txn);
    return result;
}

uint64_t ps_store_txn_id(const struct ps_store *store)
{
    MDB_txn *txn = NULL;
    if (mdb_txn_begin(store->env, NULL, MDB_RDONLY, &txn) != 0) {
        return last_on_disk(store);
    }
    uint64_t id = mdb_txn_id(txn);
    mdb_txn_abort(txn);
    return id;
}

bool ps_store_txn_pending(const struct ps_store *store)
{
    return last_on_disk(store) > ps_store_txn_id(store);
}

/* LMDB first writes the page that completes a commit, and a moment later lets readers see it. This
 * is the number on the page. */
static uint64_t last_on_disk(const struct ps_store *store)
{
    MDB_envinfo info = {0};
    int code = mdb_env_info(store->env, &info);
    assert(code == 0);
    return info.me_last_txnid;
}

bool ps_store_is_lost(const struct ps_store *store)
{
    return atomic_load(&store->lost);
}

void ps_store_check_readers(struct ps_store *store)
{
    int dead = 0;
    /* A slot that cannot be freed now is tried again at the next check. */
    (void)mdb_reader_check(store->env, &dead);
}

p2psync_result ps_store_usage(struct ps_store *store, struct ps_store_usage *out)
{
    MDB_envinfo info;
    MDB_stat stats;
    uint64_t disk_free = 0;
    if (mdb_env_info(store->env, &info) != 0 || mdb_env_stat(store->env, &stats) != 0) {
        return P2PSYNC_EIO;
    }
    p2psync_result result = ps_disk_free(store->dir_fd, &disk_free);
    if (result != P2PSYNC_OK) {
        return result;
    }
    out->used_bytes = (info.me_last_pgno + 1) * stats.ms_psize;
    out->map_bytes = info.me_mapsize;
    out->disk_free_bytes = disk_free;
    return P2PSYNC_OK;
}

p2psync_result ps_store_readers(struct ps_store *store, struct ps_store_readers *out)
{
    int dead = 0;
    MDB_envinfo info;
    struct ps_store_readers readers = {.lag = UINT64_MAX};
    if (mdb_reader_check(store->env, &dead) != 0 || mdb_env_info(store->env, &info) != 0 ||
        mdb_reader_list(store->env, count_reader, &readers) < 0) {
        return P2PSYNC_EIO;
    }
    /* The callback leaves the oldest transaction there. */
    uint64_t oldest = readers.lag < info.me_last_txnid ? readers.lag : info.me_last_txnid;
    readers.lag = info.me_last_txnid - oldest;
    readers.dead = (uint64_t)dead;
    readers.slots = info.me_maxreaders;
    *out = readers;
    return P2PSYNC_OK;
}

/* One line of LMDB's list: pid, thread and transaction, which is '-' if none is open. Other lines
 * are headings. */
static int count_reader(const char *line, void *context)
{
    struct ps_store_readers *readers = context;
    const char *last = strrchr(line, ' ');
    if (last != NULL && last[1] >= '0' && last[1] <= '9') {
        uint64_t txn = strtoull(last + 1, NULL, 10);
        readers->open++;
        readers->lag = txn < readers->lag ? txn : readers->lag;
    }
    return 0;
}
