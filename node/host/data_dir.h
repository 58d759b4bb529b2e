/* Where a node's data lies. */
#ifndef PS_NODE_HOST_DATA_DIR_H
#define PS_NODE_HOST_DATA_DIR_H

/* `dir`, or if it is NULL where the command line keeps its data; "" if there is no such place.
 * Freed by the caller. NULL: no memory. */
char *ps_data_dir(const char *dir);

#endif
