/* A check of all pages of an LMDB file before LMDB may map it. LMDB trusts what it maps: a damaged
 * page ends the process, or hides rows. So the pages are read here, one by one, and believed only
 * if everything that LMDB relies on holds. */
#ifndef PS_STORE_ENV_PAGES_H
#define PS_STORE_ENV_PAGES_H

#include <stdbool.h>
#include <stdint.h>

#include <p2psync.h>

/* Read every page that the last commit in the file refers to. Its kind, its number and the bounds
 * of its nodes are right; the keys of each tree ascend, and their number is what the tree says;
 * every page belongs to one tree or is free, and none to two; and all but free ones lie inside the
 * file. What the rows hold is not looked at.
 *
 * fd      of a file that nobody writes meanwhile. An empty one is fine.
 * told    told each 4 MiB how far it is, and at the end; or NULL. user: handed to it.
 * Memory  a bit for each page, and two pages for each level of a tree.
 * Errors  P2PSYNC_ECORRUPT; P2PSYNC_ENEWER format of LMDB; P2PSYNC_EIO; P2PSYNC_ENOMEM.
 */
p2psync_result ps_pages_check(int fd, p2psync_checked_fn *told, void *user) P2PSYNC_MUST_CHECK;

/* Whether the sizes of all rows of a leaf add up: they lie inside of it, and none over another. */
bool ps_pages_leaf_is_sound(const uint8_t *page, size_t page_size);

/* A checksum of what says where LMDB writes next: the meta pages, and the pages of the tree of free
 * ones, which are checked on the way. One wrong bit there makes LMDB write over a page in use, and
 * no row can tell. The price is that of reading 8 bytes for each free page.
 *
 * Errors  P2PSYNC_EEND the file is empty; as above. */
p2psync_result ps_pages_sum(int fd, uint32_t *sum_out) P2PSYNC_MUST_CHECK;

#endif
