/* TUN devices with offloads, made inside named network namespaces. */
#ifndef WAN_TUN_H
#define WAN_TUN_H

#include <stdbool.h>

struct tun {
	int fd;
	bool uso; /* takes and gives UDP super-packets (Linux 6.2 or newer) */
};

/* Opens device `name` in the namespace /run/netns/`netns`; exits with one clear line if it cannot. */
struct tun tun_open(const char *netns, const char *name);

#endif
