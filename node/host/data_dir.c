/* The same places that the command line looks at, in the same order. */
#include "node/host/data_dir.h"

#include <stdio.h>
#include <stdlib.h>

char *ps_data_dir(const char *dir)
{
    const char *prefix = dir;
    const char *suffix = "";
    if (prefix == NULL) {
        prefix = secure_getenv("P2PSYNC_DIR");
    }
    if (prefix == NULL || prefix[0] == '\0') {
        prefix = dir == NULL ? secure_getenv("XDG_DATA_HOME") : "";
        suffix = dir == NULL ? "/p2psync" : "";
    }
    if (prefix == NULL || (prefix[0] != '/' && suffix[0] != '\0')) {
        prefix = secure_getenv("HOME");
        suffix = "/.local/share/p2psync";
    }
    if (prefix == NULL) {
        prefix = "";
        suffix = "";
    }
    char *path = NULL;
    return asprintf(&path, "%s%s", prefix, suffix) < 0 ? NULL : path;
}
