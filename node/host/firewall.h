/* The line that lets a port through the firewall of this machine, whichever that is. The rules
 * themselves only root may read, so nobody can tell here what they say. */
#ifndef PS_NODE_HOST_FIREWALL_H
#define PS_NODE_HOST_FIREWALL_H

#include <stdint.h>

#define PS_FIREWALL_LINE_SIZE 256 /* bytes with the NUL */

/* Fill `out` with a command, or with one for each firewall that may be there. protocol  "tcp" or
 * "udp". */
void ps_firewall_line(const char *protocol, uint16_t port, char out[static PS_FIREWALL_LINE_SIZE]);

#endif
