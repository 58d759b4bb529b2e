/* Two nodes in one process, each in a directory of its own, until stdin ends: two_nodes DIR DIR. */
#include <stdio.h>
#include <stdlib.h>

#include <p2psync.h>

int main(int argc, char **argv)
{
    p2psync_node *nodes[2] = {NULL};
    if (argc != 3) {
        return EXIT_FAILURE;
    }
    for (int i = 0; i < 2; i++) {
        struct p2psync_options options = P2PSYNC_OPTIONS_INIT;
        options.dir = argv[i + 1];
        p2psync_result result = p2psync_open(&options, &nodes[i], NULL);
        if (result == P2PSYNC_OK) {
            result = p2psync_start(nodes[i]);
        }
        if (result != P2PSYNC_OK) {
            (void)fprintf(stderr, "%s: %s\n", argv[i + 1], p2psync_strerror(result));
            return EXIT_FAILURE;
        }
    }
    while (getchar() != EOF) { /* ends with the test */
    }
    p2psync_close(nodes[0]);
    p2psync_close(nodes[1]);
    return EXIT_SUCCESS;
}
