/* The least that an app does with the installed library: find the header, link, run a node. */
#include <stdio.h>

#include <p2psync.h>

int main(int argc, char **argv)
{
    struct p2psync_options options = P2PSYNC_OPTIONS_INIT;
    p2psync_node *node = NULL;
    options.dir = argc > 1 ? argv[1] : "consumer-data";
    options.listen = "127.0.0.1";
    options.no_beacon = true;
    p2psync_result result = p2psync_open(&options, &node, NULL);
    result = result == P2PSYNC_OK ? p2psync_init(node, "consumer", NULL, NULL) : result;
    result = result == P2PSYNC_OK ? p2psync_start(node) : result;
    p2psync_close(node);
    (void)printf("p2psync %s: %s\n", p2psync_version(), p2psync_strerror(result));
    return result == P2PSYNC_OK ? 0 : 1;
}
