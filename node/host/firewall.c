/* Which firewall runs is told by the files of those that are common. */
#include "node/host/firewall.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define UFW_SETTINGS   "/etc/ufw/ufw.conf"
#define FIREWALLD_RUNS "/run/systemd/units/invocation:firewalld.service" /* a link to nowhere */

static bool ufw_runs(void);
static bool firewalld_runs(void);

void ps_firewall_line(const char *protocol, uint16_t port, char out[static PS_FIREWALL_LINE_SIZE])
{
    unsigned number = port;
    if (ufw_runs()) {
        (void)snprintf(out, PS_FIREWALL_LINE_SIZE, "'sudo ufw allow %u/%s'", number, protocol);
    } else if (firewalld_runs()) {
        (void)snprintf(out, PS_FIREWALL_LINE_SIZE,
                       "'sudo firewall-cmd --permanent --add-port=%u/%s' and 'sudo firewall-cmd "
                       "--reload'",
                       number, protocol);
    } else {
        (void)snprintf(out, PS_FIREWALL_LINE_SIZE,
                       "'sudo nft insert rule inet filter input %s dport %u accept' or 'sudo "
                       "iptables -I INPUT -p %s --dport %u -j ACCEPT'",
                       protocol, number, protocol, number);
    }
}

static bool ufw_runs(void)
{
    char line[128];
    bool enabled = false;
    FILE *settings = fopen(UFW_SETTINGS, "re");
    while (settings != NULL && fgets(line, sizeof line, settings) != NULL) {
        enabled = enabled || strncmp(line, "ENABLED=yes", 11) == 0;
    }
    if (settings != NULL) {
        (void)fclose(settings);
    }
    return enabled;
}

static bool firewalld_runs(void)
{
    char target[8];
    return readlink(FIREWALLD_RUNS, target, sizeof target) >= 0;
}
