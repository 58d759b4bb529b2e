/* Where a row lies: see bounds.h. A page is as store/env/pages.c describes it.
 *
 * In a transaction that only reads, every page lies in the map, and so begins at a multiple of its
 * size. In one that writes, a page may be a copy in memory of which only LMDB knows where it
 * begins: there a row is bounded by what LMDB ever puts into a page. A value that a page has no
 * room for begins right behind the header of an overflow page, and no other value begins there. */
#include "store/env/bounds.h"

#include <string.h>

#include "store/env/inside.h"

#define PAGE_HEADER  16U
#define NODE_HEADER  8U
#define KEY_SIZE_MAX 511U
#define NODES_MIN    2U /* that LMDB makes room for in a page */

enum { NODE_BIG = 1 };
enum { PAGE_OVERFLOW = 4 };

struct page_header {
    uint64_t number;
    uint16_t pad;
    uint16_t flags;
    uint32_t pages; /* of an overflow page: how many follow one another */
};
struct node_header {
    uint16_t low;
    uint16_t high;
    uint16_t flags;
    uint16_t key_size;
};
static_assert(sizeof(struct page_header) == PAGE_HEADER &&
                  sizeof(struct node_header) == NODE_HEADER,
              "LMDB's layout on 64 bits");

static bool fits_in_page(const struct ps_txn *txn, const MDB_val *part);
static bool fits_in_node(const struct ps_txn *txn, const MDB_val *key, const MDB_val *value);
static bool fits_in_overflow(const struct ps_txn *txn, const MDB_val *value);
static size_t place_in_page(const struct ps_txn *txn, const MDB_val *part);

void ps_bounds_hold(const struct ps_txn *txn, MDB_val *key, MDB_val *value)
{
    struct node_header node = {.flags = 0};
    bool big = false;
    bool good = true;
    if (key == NULL) {
        big = place_in_page(txn, value) == PAGE_HEADER;
    } else {
        const uint8_t *bytes = key->mv_data;
        memcpy(&node, bytes - NODE_HEADER, sizeof node);
        big = (node.flags & NODE_BIG) != 0;
        good = key->mv_size <= KEY_SIZE_MAX && fits_in_page(txn, key);
        key->mv_size = good ? key->mv_size : 0;
    }
    if (good && big) {
        good = fits_in_overflow(txn, value);
    } else if (good) {
        good = fits_in_page(txn, value) && (key == NULL || fits_in_node(txn, key, value));
    }
    value->mv_size = good ? value->mv_size : 0;
}

static bool fits_in_page(const struct ps_txn *txn, const MDB_val *part)
{
    return txn->writable || part->mv_size <= txn->store->page_size - place_in_page(txn, part);
}

/* Larger ones LMDB puts into overflow pages. */
static bool fits_in_node(const struct ps_txn *txn, const MDB_val *key, const MDB_val *value)
{
    return NODE_HEADER + key->mv_size + value->mv_size <=
           (txn->store->page_size - PAGE_HEADER) / NODES_MIN;
}

static bool fits_in_overflow(const struct ps_txn *txn, const MDB_val *value)
{
    struct page_header page;
    MDB_envinfo info;
    uint64_t page_size = txn->store->page_size;
    const uint8_t *bytes = value->mv_data;
    memcpy(&page, bytes - PAGE_HEADER, sizeof page);
    if ((page.flags & PAGE_OVERFLOW) == 0 ||
        value->mv_size > page.pages * page_size - PAGE_HEADER) {
        return false;
    }
    /* What this transaction itself has added lies behind the last page of the last commit. */
    return txn->writable || (mdb_env_info(txn->store->env, &info) == 0 &&
                             page.number + page.pages <= (uint64_t)info.me_last_pgno + 1);
}

static size_t place_in_page(const struct ps_txn *txn, const MDB_val *part)
{
    return (uintptr_t)part->mv_data % txn->store->page_size;
}
