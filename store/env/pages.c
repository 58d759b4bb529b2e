/* The walk over the pages: see pages.h.
 *
 * An LMDB file is made of pages of one size. Pages 0 and 1 are meta pages: each describes a commit,
 * and the one with the higher number is the last. It names the roots of two trees: one of free
 * pages (by the number of the commit that freed them), and the main one, whose rows are ours, or
 * the descriptions of further trees. Values that are too large for a leaf lie in overflow pages.
 *
 *     page:  number u64 || pad u16 || flags u16 || lower u16 || upper u16 || places u16... || nodes
 *     node:  low u16 || high u16 || flags u16 || size of the key u16 || key || [value]
 *
 * Numbers are in the order of this machine, as LMDB writes them. */
#include "store/env/pages.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/env/checksum.h"
#include "wire/bytes.h"
#include "wire/limits.h"

#define TELL_PAGES    1024 /* 4 MiB */
#define PAGE_SIZE_MIN 512U
#define PAGE_SIZE_MAX 32768U
#define PAGE_HEADER   16U
#define NODE_HEADER   8U
#define DEPTH_MAX     32U /* of a tree; LMDB has no deeper ones */
#define KEY_SIZE_MAX  511U
#define TREES_MAX     32U

#define META_MAGIC   0xBEEFC0DEU
#define META_VERSION 1U

enum { PAGE_BRANCH = 1, PAGE_LEAF = 2, PAGE_OVERFLOW = 4, PAGE_META = 8 };
enum { NODE_BIG = 1, NODE_TREE = 2 };

struct tree {
    uint32_t pad;
    uint16_t flags;
    uint16_t depth;
    uint64_t branch_pages;
    uint64_t leaf_pages;
    uint64_t overflow_pages;
    uint64_t entries;
    uint64_t root; /* NOWHERE: it is empty */
};
#define NOWHERE UINT64_MAX

struct meta {
    uint32_t magic;
    uint32_t version;
    uint64_t address;
    uint64_t map_size;
    struct tree free;
    struct tree main;
    uint64_t last_page;
    uint64_t commit;
};

static_assert(sizeof(struct tree) == 48 && sizeof(struct meta) == 136, "LMDB's layout on 64 bits");

/* A page on the way from the root of a tree to where the walk is. */
struct level {
    uint8_t *page;
    unsigned next; /* the node to look at next */
    unsigned count;
};

struct walk {
    int fd;
    uint64_t pages;      /* that the last commit knows */
    uint64_t file_pages; /* that the file holds */
    uint64_t seen_count;
    uint8_t *seen; /* a bit for each page */
    size_t page_size;
    uint64_t commit;
    uint32_t sum;   /* of the meta pages, and of every page that was read */
    uint8_t *value; /* a page for reading a large value in pieces */
    struct level levels[DEPTH_MAX];

    /* of the tree that is walked now */
    bool is_free; /* it is the one of free pages */
    bool is_main;
    unsigned depth;
    struct tree found; /* what was counted */
    size_t last_size;  /* of the last key, or of the bound that the next key must keep */
    bool has_last;
    bool may_equal;
    uint8_t last[KEY_SIZE_MAX];

    p2psync_checked_fn *told;
    void *told_user;
    uint64_t told_pages; /* when it was told last */

    struct tree trees[TREES_MAX]; /* that the main one describes, to be walked */
    unsigned tree_count;
};

struct node {
    struct ps_bytes key;
    const uint8_t *data;
    uint64_t data_size;
    uint64_t child;
    unsigned flags;
};

static p2psync_result begin(int fd, struct walk **out, struct meta *meta_out);
static void end(struct walk *walk);
static p2psync_result check_free_tree(struct walk *walk, const struct meta *meta);
static p2psync_result read_meta(struct walk *walk, struct meta *out);
static p2psync_result read_page(struct walk *walk, uint64_t number, uint8_t *out);
static p2psync_result claim(struct walk *walk, uint64_t number, uint64_t count, bool in_file);
static void tell(struct walk *walk, uint64_t least);
static p2psync_result check_tree(struct walk *walk, const struct tree *tree);
static p2psync_result descend(struct walk *walk, uint64_t number);
static p2psync_result check_page(const struct walk *walk, const uint8_t *page, uint64_t number);
static bool read_node(const struct walk *walk, const uint8_t *page, unsigned index,
                      struct node *out);
static bool in_order(struct walk *walk, struct ps_bytes key);
static p2psync_result check_leaf(struct walk *walk, const uint8_t *page, unsigned count);
static p2psync_result check_value(struct walk *walk, const struct node *node);
static p2psync_result check_large(struct walk *walk, const struct node *node, uint64_t first);
static p2psync_result check_free_large(struct walk *walk, uint64_t first, uint64_t size);
static bool add_free(struct walk *walk, uint64_t *left, uint64_t number, uint64_t *before);

static uint16_t get_u16(const uint8_t *at)
{
    uint16_t number;
    memcpy(&number, at, sizeof number);
    return number;
}

static uint32_t get_u32(const uint8_t *at)
{
    uint32_t number;
    memcpy(&number, at, sizeof number);
    return number;
}

static uint64_t get_u64(const uint8_t *at)
{
    uint64_t number;
    memcpy(&number, at, sizeof number);
    return number;
}

p2psync_result ps_pages_check(int fd, p2psync_checked_fn *told, void *user)
{
    struct meta meta;
    struct walk *walk = NULL;
    p2psync_result result = begin(fd, &walk, &meta);
    if (result == P2PSYNC_OK) {
        walk->told = told;
        walk->told_user = user;
        result = check_free_tree(walk, &meta);
    }
    if (result == P2PSYNC_OK) {
        walk->is_main = true;
        result = check_tree(walk, &meta.main);
        walk->is_main = false;
    }
    for (unsigned i = 0; result == P2PSYNC_OK && i < walk->tree_count; i++) {
        result = check_tree(walk, &walk->trees[i]);
    }
    if (result == P2PSYNC_OK && walk->seen_count != walk->pages) {
        result = P2PSYNC_ECORRUPT;
    }
    if (result == P2PSYNC_OK) {
        tell(walk, 1);
    }
    end(walk);
    return result == P2PSYNC_EEND ? P2PSYNC_OK : result;
}

p2psync_result ps_pages_sum(int fd, uint32_t *sum_out)
{
    struct meta meta;
    struct walk *walk = NULL;
    p2psync_result result = begin(fd, &walk, &meta);
    if (result == P2PSYNC_OK) {
        result = check_free_tree(walk, &meta);
    }
    if (result == P2PSYNC_OK) {
        *sum_out = walk->sum;
    }
    end(walk);
    return result;
}

bool ps_pages_leaf_is_sound(const uint8_t *page, size_t page_size)
{
    struct walk walk = {.page_size = page_size, .is_main = true}; /* it may be of any tree */
    return get_u16(page + 10) == PAGE_LEAF && check_page(&walk, page, get_u64(page)) == P2PSYNC_OK;
}

/* P2PSYNC_EEND: the file is empty. */
static p2psync_result begin(int fd, struct walk **out, struct meta *meta_out)
{
    struct stat info;
    if (fstat(fd, &info) != 0) {
        return P2PSYNC_EIO;
    }
    if (info.st_size == 0) {
        return P2PSYNC_EEND;
    }
    struct walk *walk = calloc(1, sizeof *walk);
    *out = walk;
    if (walk == NULL) {
        return P2PSYNC_ENOMEM;
    }
    walk->fd = fd;
    p2psync_result result = read_meta(walk, meta_out);
    if (result == P2PSYNC_OK) {
        walk->file_pages = (uint64_t)info.st_size / walk->page_size;
        walk->seen = calloc(1, (size_t)(walk->pages / 8 + 1));
        walk->value = malloc(walk->page_size);
        result = walk->seen == NULL || walk->value == NULL ? P2PSYNC_ENOMEM : P2PSYNC_OK;
    }
    return result == P2PSYNC_OK ? claim(walk, 0, 2, true) : result; /* the meta pages */
}

static void end(struct walk *walk)
{
    if (walk == NULL) {
        return;
    }
    for (unsigned i = 0; i < DEPTH_MAX; i++) {
        free(walk->levels[i].page);
    }
    free(walk->value);
    free(walk->seen);
    free(walk);
}

static p2psync_result check_free_tree(struct walk *walk, const struct meta *meta)
{
    walk->is_free = true;
    p2psync_result result = check_tree(walk, &meta->free);
    walk->is_free = false;
    return result;
}

/* The last commit. LMDB reads the first meta page, and the second one where the size of pages that
 * the first one says puts it; both must be right. */
static p2psync_result read_meta(struct walk *walk, struct meta *out)
{
    uint8_t bytes[PAGE_HEADER + sizeof *out];
    struct meta last = {.commit = 0};
    size_t size = 0;
    for (unsigned i = 0; i < 2; i++) {
        struct meta meta;
        errno = 0;
        ssize_t read_size = pread(walk->fd, bytes, sizeof bytes, (off_t)(i * size));
        if (read_size != (ssize_t)sizeof bytes) {
            return read_size < 0 ? P2PSYNC_EIO : P2PSYNC_ECORRUPT;
        }
        memcpy(&meta, bytes + PAGE_HEADER, sizeof meta);
        walk->sum = ps_checksum(walk->sum, ps_bytes(bytes, sizeof bytes));
        if (get_u64(bytes) != i || get_u16(bytes + 10) != PAGE_META || meta.magic != META_MAGIC) {
            return P2PSYNC_ECORRUPT;
        }
        if (meta.version != META_VERSION) {
            return P2PSYNC_ENEWER;
        }
        size_t said = meta.free.pad;
        if (said < PAGE_SIZE_MIN || said > PAGE_SIZE_MAX || (said & (said - 1)) != 0 ||
            (i > 0 && said != size)) {
            return P2PSYNC_ECORRUPT;
        }
        size = said;
        if (i == 0 || meta.commit > last.commit) {
            last = meta;
        }
    }
    /* An integer is the key of a free tree; its other flags, and those of the main one, are none.
     */
    uint64_t pages_max = PS_MAP_SIZE_DEFAULT / size;
    if (last.free.flags != 8 || last.main.flags != 0 || last.last_page < 1 ||
        last.last_page >= pages_max) {
        return P2PSYNC_ECORRUPT;
    }
    walk->page_size = size;
    walk->pages = last.last_page + 1;
    walk->commit = last.commit;
    *out = last;
    return P2PSYNC_OK;
}

static p2psync_result read_page(struct walk *walk, uint64_t number, uint8_t *out)
{
    ssize_t size = -1;
    do {
        size = pread(walk->fd, out, walk->page_size, (off_t)(number * walk->page_size));
    } while (size < 0 && errno == EINTR);
    if (size < 0) {
        return P2PSYNC_EIO;
    }
    if ((size_t)size != walk->page_size) {
        return P2PSYNC_ECORRUPT;
    }
    walk->sum = ps_checksum(walk->sum, ps_bytes(out, walk->page_size));
    return P2PSYNC_OK;
}

/* Note that these pages belong to what is looked at. */
static p2psync_result claim(struct walk *walk, uint64_t number, uint64_t count, bool in_file)
{
    uint64_t end = in_file && walk->file_pages < walk->pages ? walk->file_pages : walk->pages;
    if (number >= end || count > end - number) {
        return P2PSYNC_ECORRUPT;
    }
    for (uint64_t i = number; i < number + count; i++) {
        uint8_t bit = (uint8_t)(1U << (i % 8));
        if ((walk->seen[i / 8] & bit) != 0) {
            return P2PSYNC_ECORRUPT;
        }
        walk->seen[i / 8] |= bit;
    }
    walk->seen_count += count;
    tell(walk, TELL_PAGES);
    return P2PSYNC_OK;
}

/* Say how far it is, if that is `least` pages further than when it was said last. */
static void tell(struct walk *walk, uint64_t least)
{
    if (walk->told != NULL && walk->seen_count - walk->told_pages >= least) {
        walk->told_pages = walk->seen_count;
        walk->told(walk->seen_count * walk->page_size, walk->pages * walk->page_size,
                   walk->told_user);
    }
}

static p2psync_result check_tree(struct walk *walk, const struct tree *tree)
{
    walk->found = (struct tree){.entries = 0};
    walk->depth = 0;
    walk->has_last = false;
    walk->may_equal = false;
    p2psync_result result = P2PSYNC_OK;
    if (tree->depth > DEPTH_MAX || (tree->root == NOWHERE) != (tree->depth == 0)) {
        return P2PSYNC_ECORRUPT;
    }
    if (tree->root != NOWHERE) {
        result = descend(walk, tree->root);
    }
    while (result == P2PSYNC_OK && walk->depth > 0) {
        struct level *level = &walk->levels[walk->depth - 1];
        struct node node;
        if (get_u16(level->page + 10) == PAGE_LEAF) {
            result = walk->depth == tree->depth ? check_leaf(walk, level->page, level->count)
                                                : P2PSYNC_ECORRUPT;
            walk->depth--;
        } else if (level->next == level->count) {
            walk->depth--;
        } else if (walk->depth == tree->depth ||
                   !read_node(walk, level->page, level->next, &node)) {
            result = P2PSYNC_ECORRUPT;
        } else {
            /* What lies left of a branch's key is below it; what lies right begins at it. The first
             * key of a branch bounds nothing, and LMDB does not look at it. */
            bool good = level->next == 0 || in_order(walk, node.key);
            walk->may_equal = walk->may_equal || level->next > 0;
            level->next++;
            result = good ? descend(walk, node.child) : P2PSYNC_ECORRUPT;
        }
    }
    if (result == P2PSYNC_OK &&
        (walk->found.entries != tree->entries || walk->found.branch_pages != tree->branch_pages ||
         walk->found.leaf_pages != tree->leaf_pages ||
         walk->found.overflow_pages != tree->overflow_pages)) {
        result = P2PSYNC_ECORRUPT;
    }
    return result;
}

/* Read a page of the tree, and put it on the way. */
static p2psync_result descend(struct walk *walk, uint64_t number)
{
    if (walk->depth == DEPTH_MAX) {
        return P2PSYNC_ECORRUPT;
    }
    struct level *level = &walk->levels[walk->depth];
    if (level->page == NULL) {
        level->page = malloc(walk->page_size);
        if (level->page == NULL) {
            return P2PSYNC_ENOMEM;
        }
    }
    p2psync_result result = claim(walk, number, 1, true);
    if (result == P2PSYNC_OK) {
        result = read_page(walk, number, level->page);
    }
    if (result == P2PSYNC_OK) {
        result = check_page(walk, level->page, number);
    }
    if (result != P2PSYNC_OK) {
        return result;
    }
    bool leaf = get_u16(level->page + 10) == PAGE_LEAF;
    walk->found.leaf_pages += leaf ? 1 : 0;
    walk->found.branch_pages += leaf ? 0 : 1;
    level->count = (get_u16(level->page + 12) - PAGE_HEADER) / 2;
    level->next = 0;
    walk->depth++;
    return P2PSYNC_OK;
}

/* Its header, and that its nodes lie inside of it and do not overlap. */
static p2psync_result check_page(const struct walk *walk, const uint8_t *page, uint64_t number)
{
    unsigned flags = get_u16(page + 10);
    unsigned lower = get_u16(page + 12);
    unsigned upper = get_u16(page + 14);
    unsigned count_min = flags == PAGE_LEAF || walk->is_free ? 1 : 2;
    uint64_t room = 0;
    if (get_u64(page) != number || (flags != PAGE_LEAF && flags != PAGE_BRANCH) ||
        lower < PAGE_HEADER || lower % 2 != 0 || lower > upper || upper > walk->page_size ||
        (lower - PAGE_HEADER) / 2 < count_min) {
        return P2PSYNC_ECORRUPT;
    }
    for (unsigned i = 0; i < (lower - PAGE_HEADER) / 2; i++) {
        struct node node;
        if (get_u16(page + PAGE_HEADER + (size_t)2 * i) < upper ||
            !read_node(walk, page, i, &node)) {
            return P2PSYNC_ECORRUPT;
        }
        uint64_t inside = flags == PAGE_BRANCH           ? 0
                          : (node.flags & NODE_BIG) != 0 ? sizeof(uint64_t)
                                                         : node.data_size;
        uint64_t size = NODE_HEADER + node.key.size + inside;
        room += size + size % 2;
    }
    return room <= walk->page_size - upper ? P2PSYNC_OK : P2PSYNC_ECORRUPT;
}

/* False if it does not lie inside its page. */
static bool read_node(const struct walk *walk, const uint8_t *page, unsigned index,
                      struct node *out)
{
    size_t at = get_u16(page + PAGE_HEADER + (size_t)2 * index);
    if (at % 2 != 0 || at + NODE_HEADER > walk->page_size) {
        return false;
    }
    const uint8_t *node = page + at;
    size_t key_size = get_u16(node + 6);
    size_t room = walk->page_size - at - NODE_HEADER;
    bool leaf = get_u16(page + 10) == PAGE_LEAF;
    if (key_size > room || key_size > KEY_SIZE_MAX || (leaf && key_size == 0)) {
        return false;
    }
    *out = (struct node){.key = ps_bytes(node + NODE_HEADER, key_size),
                         .data = node + NODE_HEADER + key_size};
    room -= key_size;
    if (!leaf) {
        out->child = get_u32(node) | (uint64_t)get_u16(node + 4) << 32;
        return true;
    }
    out->flags = get_u16(node + 4);
    out->data_size = get_u32(node);
    bool big = out->flags == NODE_BIG;
    bool tree = out->flags == NODE_TREE && walk->is_main && out->data_size == sizeof(struct tree);
    return (big || tree || out->flags == 0) && room >= (big ? sizeof(uint64_t) : out->data_size);
}

/* Whether the key comes after the one before it; and remember it. */
static bool in_order(struct walk *walk, struct ps_bytes key)
{
    bool good = true;
    if (walk->is_free) { /* its keys are integers */
        good = key.size == sizeof(uint64_t);
        if (good && walk->has_last) {
            uint64_t before = get_u64(walk->last);
            uint64_t now = get_u64(key.data);
            good = now > before || (now == before && walk->may_equal);
        }
    } else if (walk->has_last) {
        int order = ps_bytes_compare(ps_bytes(walk->last, walk->last_size), key);
        good = order < 0 || (order == 0 && walk->may_equal);
    }
    if (good) {
        memcpy(walk->last, key.data, key.size);
        walk->last_size = key.size;
        walk->has_last = true;
        walk->may_equal = false;
    }
    return good;
}

static p2psync_result check_leaf(struct walk *walk, const uint8_t *page, unsigned count)
{
    p2psync_result result = P2PSYNC_OK;
    for (unsigned i = 0; i < count && result == P2PSYNC_OK; i++) {
        struct node node;
        if (!read_node(walk, page, i, &node) || !in_order(walk, node.key)) {
            return P2PSYNC_ECORRUPT;
        }
        walk->found.entries++;
        result = check_value(walk, &node);
    }
    return result;
}

static p2psync_result check_value(struct walk *walk, const struct node *node)
{
    if (node->flags == NODE_BIG) {
        return check_large(walk, node, get_u64(node->data));
    }
    if (node->flags == NODE_TREE) {
        if (walk->tree_count == TREES_MAX) {
            return P2PSYNC_ECORRUPT;
        }
        struct tree *tree = &walk->trees[walk->tree_count];
        memcpy(tree, node->data, sizeof *tree);
        walk->tree_count++;
        return tree->flags == 0 && tree->pad == 0 ? P2PSYNC_OK : P2PSYNC_ECORRUPT;
    }
    if (!walk->is_free) {
        return P2PSYNC_OK;
    }
    uint64_t left = 0;
    uint64_t before = UINT64_MAX;
    bool good = node->data_size >= 8 && get_u64(node->key.data) <= walk->commit;
    left = good ? get_u64(node->data) : 0;
    good = good && left <= node->data_size / 8 - 1;
    for (uint64_t i = 1; good && left > 0; i++) {
        good = add_free(walk, &left, get_u64(node->data + 8 * i), &before);
    }
    return good ? P2PSYNC_OK : P2PSYNC_ECORRUPT;
}

/* A value in pages of its own. */
static p2psync_result check_large(struct walk *walk, const struct node *node, uint64_t first)
{
    uint64_t needed = (PAGE_HEADER - 1 + node->data_size) / walk->page_size + 1;
    if (first >= walk->file_pages) {
        return P2PSYNC_ECORRUPT;
    }
    p2psync_result result = read_page(walk, first, walk->value);
    if (result != P2PSYNC_OK) {
        return result;
    }
    uint64_t count = get_u32(walk->value + 12);
    if (get_u64(walk->value) != first || get_u16(walk->value + 10) != PAGE_OVERFLOW ||
        count < needed) {
        return P2PSYNC_ECORRUPT;
    }
    walk->found.overflow_pages += count;
    result = claim(walk, first, count, true);
    return result == P2PSYNC_OK && walk->is_free ? check_free_large(walk, first, node->data_size)
                                                 : result;
}

/* A long list of free pages: the first of its pages is in walk->value. */
static p2psync_result check_free_large(struct walk *walk, uint64_t first, uint64_t size)
{
    uint64_t left = 0;
    uint64_t before = UINT64_MAX;
    uint64_t page = first;
    size_t at = PAGE_HEADER;
    if (size < 8) {
        return P2PSYNC_ECORRUPT;
    }
    left = get_u64(walk->value + at);
    bool good = left <= size / 8 - 1;
    while (good && left > 0) {
        at += 8;
        if (at == walk->page_size) {
            at = 0;
            page++;
            p2psync_result result = read_page(walk, page, walk->value);
            if (result != P2PSYNC_OK) {
                return result;
            }
        }
        good = add_free(walk, &left, get_u64(walk->value + at), &before);
    }
    return good ? P2PSYNC_OK : P2PSYNC_ECORRUPT;
}

/* One page of a list of free ones, which descends. It may lie behind the end of the file: LMDB does
 * not write a page that was taken and freed within one transaction. */
static bool add_free(struct walk *walk, uint64_t *left, uint64_t number, uint64_t *before)
{
    bool good = number < *before && claim(walk, number, 1, false) == P2PSYNC_OK;
    *before = number;
    (*left)--;
    return good;
}
