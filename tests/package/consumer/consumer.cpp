// The same from C++, where the node is held by a smart pointer.
#include <iostream>
#include <memory>
#include <p2psync.h>

int main(int argc, char **argv)
{
    p2psync_options options = P2PSYNC_OPTIONS_INIT;
    options.dir = argc > 1 ? argv[1] : "consumer-data";
    options.listen = "127.0.0.1";
    options.no_beacon = true;
    p2psync_node *opened = nullptr;
    p2psync_result result = p2psync_open(&options, &opened, nullptr);
    std::unique_ptr<p2psync_node, decltype(&p2psync_close)> node(opened, p2psync_close);
    result = result == P2PSYNC_OK ? p2psync_init(node.get(), "consumer", nullptr, nullptr) : result;
    result = result == P2PSYNC_OK ? p2psync_start(node.get()) : result;
    std::cout << "p2psync " << p2psync_version() << ": " << p2psync_strerror(result) << '\n';
    return result == P2PSYNC_OK ? 0 : 1;
}
